import { describe, expect, test } from 'vitest'
import type { OutputEvent } from '../../src/chat/event.ts'
import type { Failure } from '../../src/chat/failure.ts'
import { anthropicMessages } from '../../src/formats/anthropic-messages/client.ts'
import type { StreamWriter } from '../../src/formats/format.ts'
import { createGeminiWriter, EVENTS } from '../../src/formats/gemini/write-stream.ts'
import { openaiResponses } from '../../src/formats/openai-responses/client.ts'
import { answerInput } from './answer-input.ts'

const LONG = 'y'.repeat(100_000)
const choice = 0
const text = (words: string): OutputEvent => ({ type: 'text', choice, text: words })
const reasoning = (words: string): OutputEvent => ({ type: 'reasoning', choice, text: words })
const begin = (index: number, id = `c${index}`): OutputEvent => ({
  type: 'tool-start',
  choice,
  index,
  id,
  name: 'look',
  kind: 'function',
})
const grow = (index: number, words: string): OutputEvent => ({ type: 'tool-delta', choice, index, text: words })
const extra = (place: 'message' | 'choice', fields: Readonly<Record<string, unknown>>): OutputEvent => ({
  type: 'extra',
  choice,
  place,
  fields,
})
const native = (message: Readonly<Record<string, unknown>>): OutputEvent => ({ type: 'native', message })

const asked = (body: Readonly<Record<string, unknown>>) => answerInput({ source: { format: 'any', body } })
const responses = (body: Readonly<Record<string, unknown>> = {}) => openaiResponses.streamWriter(asked(body))
const messages = () => anthropicMessages.streamWriter(asked({ thinking: { type: 'adaptive' } }))

const generated = () => createGeminiWriter(asked({}), EVENTS)
const PICTURE = { images: [{ image_url: { url: 'data:image/png;base64,QUJD' } }] }

/** What nobody honest sends, again and again. Without a bound each of them would take 100 MB and more. */
const ATTACKS: readonly [what: string, write: () => StreamWriter, at: (at: number) => OutputEvent, times: number][] = [
  ['text and reasoning, letter by letter', responses, (at) => (at % 2 ? text('a') : reasoning('b')), 50_000],
  [
    'text and refusals, letter by letter',
    responses,
    (at) => (at % 2 ? text('a') : { type: 'refusal', choice, text: 'b' }),
    50_000,
  ],
  [
    'letters that wait for a call that does not end',
    responses,
    (at) => (at === 0 ? begin(0) : at === 1 ? grow(0, '{') : at % 2 ? text('a') : reasoning('b')),
    500_000,
  ],
  [
    'extras that wait for a call that does not end',
    responses,
    (at) => (at === 0 ? begin(0) : at === 1 ? grow(0, '{') : extra('message', { images: [{}] })),
    500_000,
  ],
  ['ids of calls', responses, (at) => begin(at, LONG + at), 1000],
  ['citations', responses, (at) => (at === 0 ? text('a') : extra('message', { annotations: [{ LONG }] })), 1000],
  ['log probabilities', responses, () => extra('choice', { logprobs: { content: [{ token: LONG }] } }), 1000],
  [
    'input of a custom tool in another form',
    () => responses({ tools: [{ type: 'custom', name: 'look' }] }),
    (at) => (at === 0 ? begin(0) : grow(0, at === 1 ? '{"other":"' : LONG)),
    1000,
  ],
  [
    'ids of items of the provider’s own',
    responses,
    (at) => native({ type: 'response.x', output_index: at, item_id: LONG + at }),
    1000,
  ],
  [
    'items of the provider’s own, by nothing but their ids',
    responses,
    (at) => native({ type: 'response.x', output_index: -at, item_id: 'a' }),
    500_000,
  ],
  [
    'blocks that wait for a call that does not end',
    messages,
    (at) => (at === 0 ? begin(0) : at === 1 ? grow(0, '{') : at % 2 ? text('a') : reasoning('b')),
    100_000,
  ],
  [
    'parts that wait for a call that does not end',
    generated,
    (at) => (at === 0 ? begin(0) : at === 1 ? grow(0, '{') : at % 2 ? text('a') : extra('message', PICTURE)),
    100_000,
  ],
  ['ids of calls that do not end', generated, (at) => begin(at, LONG + at), 1000],
  ['arguments of a call', generated, (at) => (at === 0 ? begin(0) : grow(0, LONG)), 1000],
  ['what a call is to bring back', generated, (at) => ({ ...begin(at), extra: { extra_content: { LONG } } }), 1000],
  [
    'Google’s own ends',
    generated,
    () => native({ candidates: [], promptFeedback: { blockReason: 'OTHER', LONG } }),
    1000,
  ],
]

describe('an answer is malformed that has too much to be kept', () => {
  test.each(ATTACKS)('%s', (_, writer, event, times) => {
    const write = writer()
    const writeAll = () => {
      for (let at = 0; at < times; at++) write(event(at))
    }
    expect(writeAll).toThrow(/malformed/)
  })
})

const CALLS = 1000
const interleaved: readonly OutputEvent[] = [
  ...Array.from({ length: CALLS }, (_, at) => begin(at)),
  ...Array.from({ length: CALLS }, (_, at) => grow(at, `{"n":"${at}`)),
  ...Array.from({ length: 100_000 }, (_, at) => grow(1 + (at % (CALLS - 1)), '.')),
  ...Array.from({ length: CALLS }, (_, at) => grow(CALLS - 1 - at, '"}')),
  text('Done.'),
]

test.each([
  ['Responses', responses],
  ['Messages', messages],
  ['Gemini', generated],
])('of a thousand calls that come all at once none loses a letter, and none waits for long (%s)', (_, writer) => {
  const write = writer()
  const began = performance.now()
  const stream = interleaved.map(write).join('')
  expect(performance.now() - began).toBeLessThan(10_000)
  const told = argumentsIn(stream)
  expect(told).toHaveLength(CALLS)
  expect(told[0]).toBe('{"n":"0"}')
  expect(told.at(-1)).toMatch(/^\{"n":"999\.{100}"\}$/)
})

/** The arguments of each call, in the order in which they were written. */
function argumentsIn(stream: string): string[] {
  const calls = new Map<unknown, string>()
  for (const line of stream.split('\n')) {
    if (!line.startsWith('data: ')) continue
    const { type, delta, output_index: at, index, candidates } = JSON.parse(line.slice(6))
    for (const { functionCall } of candidates?.[0].content.parts ?? [])
      if (functionCall !== undefined) calls.set(functionCall.id, JSON.stringify(functionCall.args))
    const piece = type === 'response.function_call_arguments.delta' ? delta : delta?.partial_json
    if (piece !== undefined) calls.set(at ?? index, `${calls.get(at ?? index) ?? ''}${piece}`)
  }
  return [...calls.values()]
}

test('a call that nothing has come of keeps its place while another one grows', () => {
  const write = responses()
  const stream = [begin(0), begin(1), grow(1, '{"b":1}'), grow(0, '{"a":1}'), text('Done.')].map(write).join('')
  expect(argumentsIn(stream)).toEqual(['{"a":1}', '{"b":1}'])
})

test('where an answer becomes too large its numbers have no gap', () => {
  const write = responses()
  let stream = ''
  try {
    for (let at = 0; ; at++) stream += write(at % 2 ? text(LONG) : reasoning(LONG))
  } catch (error) {
    stream += write({ type: 'error', failure: error as Failure })
  }
  const numbers = [...stream.matchAll(/"sequence_number":(\d+)\}\n/g)].map(([, number]) => Number(number))
  expect(numbers).toEqual(numbers.map((_, at) => at))
  expect(stream).toMatch(/event: response.failed\n.*\n\n$/)
})

describe.each(['response.completed', 'response.completed\n', ' response.incomplete', 'response.failed'])(
  'a provider’s %j without a response',
  (type) => {
    test.each([undefined, null, 'done', []])('is no end (%j)', (response) => {
      const write = responses()
      const stream = [native({ type: 'response.created', response: {} }), native({ type, response })]
        .map(write)
        .join('')
      expect(stream).toContain('response.created')
      expect(stream).not.toContain(type.trim())
    })
  },
)

test('an answer repeats what is honest of a request, and not megabytes', () => {
  const repeated = (body: Readonly<Record<string, unknown>>) => responses(body)(text('Hi'))
  expect(repeated({ instructions: 'x'.repeat(100_000), user: 'me' })).toContain('x'.repeat(100_000))
  for (const value of [
    'x'.repeat(2e6),
    [{ type: 'x', name: 'x'.repeat(2e6) }],
    { format: { name: 'x'.repeat(2e6) } },
  ]) {
    for (const field of ['instructions', 'tools', 'text', 'reasoning', 'metadata', 'user']) {
      const stream = repeated({ [field]: value, top_p: 0.5 })
      expect(stream.length, field).toBeLessThan(10_000)
      expect(stream).toContain('"top_p":0.5')
    }
  }
})
