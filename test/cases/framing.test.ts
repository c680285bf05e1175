import { describe, expect, test } from 'vitest'
import { readRouter9Stream } from '../conformance/answer.ts'
import { useCase } from './router.ts'
import { BEGINNINGS, broken, chunk, crlf, FORMAT_NAMES, FORMATS, SAYING, sse, stream } from './wires.ts'

const router9 = useCase()

const GREETING = '你好🙂'
/** Long enough that the Worker reads what came before by itself. */
const APART = { pauseMs: 4 }
const AT_ONCE = 16

// Each says the greeting and calls a function with it, in as few bytes as its form allows.
const fixtures: Readonly<Record<keyof typeof FORMATS, string>> = {
  openai: sse(
    { choices: [{ index: 0, delta: { content: GREETING } }] },
    {
      choices: [
        {
          index: 0,
          delta: { tool_calls: [{ index: 0, id: 'call_a', function: { name: 'f', arguments: `"${GREETING}"` } }] },
          finish_reason: 'tool_calls',
        },
      ],
    },
    '[DONE]',
  ),
  custom: crlf(
    { choices: [{ index: 0, delta: { content: GREETING } }] },
    {
      choices: [
        {
          index: 0,
          delta: { tool_calls: [{ index: 0, id: 'call_a', function: { name: 'f', arguments: `"${GREETING}"` } }] },
          finish_reason: 'tool_calls',
        },
      ],
    },
  ),
  anthropic: sse(
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: GREETING } },
    { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 'call_a', name: 'f' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: `"${GREETING}"` } },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' } },
    { type: 'message_stop' },
  ),
  gemini: crlf({
    candidates: [
      {
        content: { parts: [{ text: GREETING }, { functionCall: { id: 'call_a', name: 'f', args: GREETING } }] },
        finishReason: 'STOP',
      },
    ],
  }),
  cohere: sse(
    { type: 'content-delta', index: 0, delta: { message: { content: { text: GREETING } } } },
    {
      type: 'tool-call-start',
      index: 0,
      delta: { message: { tool_calls: { id: 'call_a', function: { name: 'f', arguments: `"${GREETING}"` } } } },
    },
    { type: 'message-end', delta: { finish_reason: 'TOOL_CALL' } },
  ),
}

test.each(FORMAT_NAMES)('a stream of %s cut in two at every byte says the same', async (format) => {
  const bytes = new TextEncoder().encode(fixtures[format])
  router9.upstream.play(({ body }) => {
    const cut = Number(/cut at (\d+)/.exec(JSON.stringify(body))?.[1])
    return stream(bytes.subarray(0, cut), APART, bytes.subarray(cut))
  })
  const wrong: string[] = []
  let next = 1
  const work = async () => {
    while (next < bytes.length) {
      const cut = next++
      const messages = [{ role: 'user', content: `cut at ${cut}` }]
      const response = await router9.post({ model: FORMATS[format].model, messages, stream: true })
      const { choices, problems, done } = readRouter9Stream(await response.text())
      const [choice] = choices
      const said = [choice?.text, choice?.toolCalls[0]?.arguments, choice?.finishReason, done, ...problems]
      const expected = [GREETING, `"${GREETING}"`, 'tool_calls', true]
      if (JSON.stringify(said) !== JSON.stringify(expected)) wrong.push(`${cut}: ${JSON.stringify(said)}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  expect(wrong).toEqual([])
  expect(router9.upstream.asked()).toHaveLength(bytes.length - 1)
})

test.each(FORMAT_NAMES)('a stream of %s that comes byte by byte says the same, also after a BOM', async (format) => {
  for (const wire of [fixtures[format], `\uFEFF${fixtures[format]}`]) {
    const pieces = [...new TextEncoder().encode(wire)].map((byte) => Uint8Array.of(byte))
    const { choice } = await router9.streamed(FORMATS[format].model, stream(...pieces))
    expect([choice.text, choice.toolCalls[0]?.arguments]).toEqual([GREETING, `"${GREETING}"`])
  }
})

const lineEnds = [
  { name: 'CRLF', end: '\r\n' },
  { name: 'CR', end: '\r' },
  { name: 'LF after a BOM', end: '\n', before: '\uFEFF' },
]

describe.each(lineEnds)('a stream with $name', ({ end, before = '' }) => {
  test.each(FORMAT_NAMES)('reads as with LF (%s)', async (format) => {
    const { model } = FORMATS[format]
    const plain = SAYING[format].streamed('One', ' two', ' three').replaceAll('\r\n', '\n')
    const { choice: expected, answer: whole } = await router9.streamed(model, stream(plain))
    expect(expected).toMatchObject({ text: 'One two three', finishReason: 'stop' })
    const wire = before + plain.replaceAll('\n', end)
    const { choice, answer } = await router9.streamed(model, stream(wire))
    expect([choice, answer.usage]).toEqual([expected, whole.usage])
  })

  test('reads the same where a line end is cut in two', async () => {
    const wire = before + sse(chunk({ content: 'One' }), chunk({ content: ' two' }, 'stop')).replaceAll('\n', end)
    const pieces = wire.split(/(?<=[\r\n])/).flatMap((piece) => [piece, APART])
    const { choice } = await router9.streamed(FORMATS.custom.model, stream(...pieces))
    expect([choice.text, choice.finishReason]).toEqual(['One two', 'stop'])
  })
})

const json = JSON.stringify
const oddForms = [
  {
    what: 'without the space after data:',
    wire: [`data:${json(chunk({ content: 'One' }, 'stop'))}\n\n`, 'data:[DONE]\n\n'],
  },
  {
    what: 'with spaces after its JSON and its [DONE]',
    wire: [`data: ${json(chunk({ content: 'One' }, 'stop'))}   \n\n`, 'data: [DONE]  \n\n'],
  },
  {
    what: 'with its JSON over several data lines',
    wire: [
      `${json(chunk({ content: 'One' }, 'stop'), null, 2)
        .split('\n')
        .map((line) => `data: ${line}`)
        .join('\n')}\n\n`,
    ],
  },
  {
    what: 'with fields that nobody knows',
    wire: [
      'retry: 3000\nid: 17\nfoo: bar\nnonsense\n',
      `data: ${json(chunk({ content: 'One' }, 'stop'))}\nbaz\n\n`,
      'id: 18\n\n',
    ],
  },
  {
    what: 'with event names that nobody knows',
    wire: [`event: delta.of.tomorrow\ndata: ${json(chunk({ content: 'One' }, 'stop'))}\n\n`],
  },
  {
    what: 'that ends right after its last event',
    wire: [`data: ${json(chunk({ content: 'One' }, 'stop'))}`],
  },
  {
    what: 'whose last event has one line end only',
    wire: [`data: ${json(chunk({ content: 'One' }, 'stop'))}\n`],
  },
  {
    what: 'with empty events in between',
    wire: [
      '\n\n\n',
      'data:\n\n',
      'data: \n\n',
      `data: ${json(chunk({ content: 'One' }, 'stop'))}\n\n\n\n`,
      'data: [DONE]\n\n\n',
    ],
  },
]

test.each(oddForms)('a stream $what is read', async ({ wire }) => {
  const { choice, answer } = await router9.streamed(FORMATS.custom.model, stream(...wire))
  expect([choice.text, choice.finishReason, answer.done]).toEqual(['One', 'stop', true])
})

const comments = [
  ': OPENROUTER PROCESSING\n\n',
  ':\n',
  ': keep-alive\n',
  `: data: ${json(chunk({ content: 'No.' }))}\n\n`,
]

test.each(['openrouter/openai/gpt-4o', FORMATS.custom.model, 'deepseek/deepseek-chat'])(
  'comments of %s never reach the client',
  async (model) => {
    const events = [chunk({ content: 'One' }), chunk({ content: ' two' }, 'stop'), '[DONE]'].map((event) => sse(event))
    const between = events.flatMap((event) => [...comments, APART, event])
    const { choice, raw } = await router9.streamed(model, stream(...between, ...comments))
    expect(choice.text).toBe('One two')
    expect(raw).not.toMatch(/^:|\n:|PROCESSING|keep-alive|No\./)
  },
)

test('a comment inside an event does not break it', async () => {
  const wire = [': before\n', `data: ${json(chunk({ content: 'One' }, 'stop'))}\n`, ': after\n', '\n']
  const { choice } = await router9.streamed(FORMATS.custom.model, stream(...wire))
  expect(choice.text).toBe('One')
})

const undecodable = ['{"choices":[{"delta":', 'not json', 'undefined', '42', 'null', '"text"', '[]', '<html>'] as const

describe.each(FORMAT_NAMES)('an event of %s that cannot be read', (format) => {
  const { model } = FORMATS[format]
  const begun = BEGINNINGS[format]

  test.each(undecodable)('is an error chunk after words, never a silent end: %s', async (data) => {
    const { answer, choice } = await router9.streamed(model, stream(...begun, `data: ${data}\n\n`, sse('[DONE]')))
    expect(choice.text).toBe('One two three')
    expect(answer).toMatchObject({ done: false, error: { type: 'upstream_error', code: 'upstream_error' } })
  })

  test('is a 502 before them', async () => {
    const { status, error } = await router9.refused(model, stream('data: not json\n\n'), { stream: true })
    expect([status, error.code]).toEqual([502, 'upstream_error'])
  })

  test('is an error where the connection was cut inside it', async () => {
    const { answer } = await router9.streamed(model, broken('closed', ...begun, 'data: {"choices":[{"del'))
    expect(answer).toMatchObject({ done: false, error: { type: 'upstream_error' } })
  })
})
