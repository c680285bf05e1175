import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FinishReason, type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import { anthropicMessages } from '../../../src/formats/anthropic-messages/client.ts'
import { createAnthropicReader, withNative } from '../../../src/formats/anthropic-messages/read-answer.ts'
import { PLAIN_SEALER } from '../plain-sealer.ts'
import { END, eventsOf, foldedBySdk, inputFor, read, type StreamEvent, streamed } from './messages.ts'

const THINKING = { thinking: { type: 'adaptive' } }

function text(piece: string): OutputEvent {
  return { type: 'text', choice: 0, text: piece }
}

function reasoning(piece: string): OutputEvent {
  return { type: 'reasoning', choice: 0, text: piece }
}

function call(index: number, id: string, signature?: string): OutputEvent {
  const extra = signature === undefined ? {} : { extra: { extra_content: signedBy(signature) } }
  return { type: 'tool-start', choice: 0, index, id, name: `tool_${index}`, kind: 'function', ...extra }
}

function input(index: number, piece: string): OutputEvent {
  return { type: 'tool-delta', choice: 0, index, text: piece }
}

function signedBy(signature: string) {
  return { google: { thought_signature: signature } }
}

function detail(data: string) {
  return { type: 'reasoning.encrypted', data, format: 'openai-responses-v1' }
}

function details(data: string): OutputEvent {
  return { type: 'extra', choice: 0, place: 'message', fields: { reasoning_details: [detail(data)] } }
}

function ended(reason: FinishReason, usage = toUsage(11, 7)): OutputEvent {
  return { type: 'end', finishes: [{ choice: 0, reason }], usage }
}

/** The blocks of a stream, whose events must follow one another as the API's do. */
function blocksOf(events: readonly StreamEvent[]): { type: string; deltas: unknown[] }[] {
  const blocks: { type: string; deltas: unknown[]; isOpen: boolean }[] = []
  expect(events[0]?.type).toBe('message_start')
  expect(events.slice(-2).map(({ type }) => type)).toEqual(['message_delta', 'message_stop'])
  for (const { type, index, content_block, delta } of events.slice(1, -2)) {
    const last = blocks.at(-1)
    if (type === 'content_block_start') {
      expect([index, last?.isOpen ?? false]).toEqual([blocks.length, false])
      blocks.push({ type: (content_block as { type: string }).type, deltas: [], isOpen: true })
    } else {
      expect([index, last?.isOpen]).toEqual([blocks.length - 1, true])
      if (type === 'content_block_delta') last?.deltas.push(delta)
      else if (last !== undefined) last.isOpen = false
    }
  }
  expect(blocks.at(-1)?.isOpen ?? false).toBe(false)
  return blocks
}

describe('a stream', () => {
  test('of a text has the events of the API, and the estimate of the prompt until it is known', () => {
    const events = eventsOf(streamed([text('Hel'), text('lo'), END]))
    expect(events.map(({ type }) => type)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
    expect(events[0]).toMatchObject({ message: { id: 'msg_1', content: [], usage: { input_tokens: 10 } } })
    expect(events[5]).toMatchObject({
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { input_tokens: 11, output_tokens: 7 },
    })
  })

  test('seals what came with a call before the thinking stops', () => {
    const events = [reasoning('I look it up.'), call(0, 'call_1', 's1'), input(0, '{}'), ended('tool_calls')]
    const [thinking, used] = blocksOf(eventsOf(streamed(events, inputFor(THINKING))))
    const sealed = PLAIN_SEALER.seal({ reasoning_content: true, calls: { call_1: signedBy('s1') } })
    expect(thinking).toMatchObject({
      type: 'thinking',
      deltas: [
        { type: 'thinking_delta', thinking: 'I look it up.' },
        { type: 'signature_delta', signature: sealed },
      ],
    })
    expect(used).toMatchObject({ type: 'tool_use', deltas: [{ type: 'input_json_delta', partial_json: '{}' }] })
  })

  test('seals what came without visible thinking in a block of its own before what it belongs to', () => {
    const events = [
      text('I look.'),
      call(0, 'call_1', 's1'),
      input(0, '{}'),
      details('d'),
      call(1, 'call_2'),
      input(1, '{}'),
    ]
    const { content } = anthropicMessages.writeAnswer([...events, ended('tool_calls')], inputFor(THINKING)) as {
      content: unknown[]
    }
    expect(content).toEqual([
      { type: 'text', text: 'I look.' },
      { type: 'redacted_thinking', data: PLAIN_SEALER.seal({ calls: { call_1: signedBy('s1') } }) },
      { type: 'tool_use', id: 'call_1', name: 'tool_0', input: {} },
      { type: 'redacted_thinking', data: PLAIN_SEALER.seal({ reasoning_details: [detail('d')] }) },
      { type: 'tool_use', id: 'call_2', name: 'tool_1', input: {} },
    ])
  })

  test('has a block after the last call for what came after it, and calls have the names of their tools', () => {
    const name = 'n'.repeat(100)
    const asked = inputFor({ ...THINKING, tools: [{ name, input_schema: { type: 'object' } }] })
    const inChat = asked.chat.tools?.[0]?.function?.name ?? ''
    const named = { ...call(0, 'call_1'), name: inChat } as OutputEvent
    const written = anthropicMessages.writeAnswer([named, input(0, '{}'), details('d'), ended('tool_calls')], asked)
    expect(written).toMatchObject({
      content: [
        { type: 'tool_use', name },
        { type: 'redacted_thinking', data: PLAIN_SEALER.seal({ reasoning_details: [detail('d')] }) },
      ],
    })
  })

  test('gives a call that is whole nothing more, so the next one stays as it is', () => {
    const events = [call(0, 'a'), input(0, '{}'), call(1, 'b'), input(0, ' '), input(1, '{"y":2}')]
    const blocks = blocksOf(eventsOf(streamed([...events, ended('tool_calls')])))
    expect(blocks.map(({ deltas }) => deltas)).toEqual(
      ['{}', '{"y":2}'].map((partial_json) => [{ type: 'input_json_delta', partial_json }]),
    )
  })

  test('may have many calls that overlap, where no more than one waits at a time', () => {
    const long = `{"x":"${'x'.repeat(100_000)}"}`
    const pairs = Array.from({ length: 50 }, (_, at) => {
      const [one, other] = [2 * at, 2 * at + 1]
      return [call(one, `c${one}`), input(one, '{'), call(other, `c${other}`), input(other, long), input(one, '}')]
    })
    expect(eventsOf(streamed([...pairs.flat(), ended('tool_calls')])).at(-1)?.type).toBe('message_stop')
  })

  test('ends with the text where what is kept comes after it: clients take the last block for the answer', () => {
    const blocks = blocksOf(eventsOf(streamed([text('Hi'), details('d'), END], inputFor(THINKING))))
    expect(blocks.map(({ type }) => type)).toEqual(['text'])
  })

  test('hides the words of thinking that the client does not want to see, and brings them back sealed', () => {
    const hidden = inputFor({ thinking: { type: 'adaptive', display: 'omitted' } })
    const [thinking] = blocksOf(eventsOf(streamed([reasoning('Secret.'), text('Hi'), END], hidden)))
    const signature = PLAIN_SEALER.seal({ reasoning_content: 'Secret.' })
    expect(thinking).toEqual({ type: 'thinking', deltas: [{ type: 'signature_delta', signature }], isOpen: false })
  })

  test.each([{}, { thinking: { type: 'disabled' } }])('shows no reasoning that was not asked for: %j', (fields) => {
    const blocks = blocksOf(
      eventsOf(streamed([reasoning('Hm.'), details('d'), call(0, 'c', 's'), input(0, '{}'), END], inputFor(fields))),
    )
    expect(blocks.map(({ type }) => type)).toEqual(['tool_use'])
  })

  test('writes calls one after the other whose pieces overlap', () => {
    const events = [call(0, 'a'), input(0, '{"x"'), call(1, 'b'), input(1, '{"y":2}'), text('!'), input(0, ':1}')]
    const blocks = blocksOf(eventsOf(streamed([...events, ended('tool_calls')])))
    const joined = blocks.map(({ type, deltas }) => [
      type,
      (deltas as { partial_json?: string; text?: string }[])
        .map(({ partial_json, text: said }) => partial_json ?? said)
        .join(''),
    ])
    expect(joined).toEqual([
      ['tool_use', '{"x":1}'],
      ['tool_use', '{"y":2}'],
      ['text', '!'],
    ])
  })

  test('that breaks ends with the error, and never looks finished', () => {
    const failure = new Failure('overloaded', 'Busy.')
    const events = eventsOf(streamed([text('Hi'), { type: 'error', failure }]))
    expect(events.at(-1)).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Busy.' },
      request_id: 'req_1',
    })
    expect(events.some(({ type }) => type === 'message_delta' || type === 'message_stop')).toBe(false)
  })

  test('cites web pages within the text', async () => {
    const annotations = [{ type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A' } }]
    const cited: OutputEvent = { type: 'extra', choice: 0, place: 'message', fields: { annotations } }
    const { content } = await foldedBySdk(streamed([text('So it is.'), cited, END]))
    expect(content).toMatchObject([
      {
        type: 'text',
        text: 'So it is.',
        citations: [{ type: 'web_search_result_location', url: 'https://a.example' }],
      },
    ])
    const { source } = read({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content },
      ],
    })
    const back = (source?.body.messages as { content: object[] }[] | undefined)?.[1]
    expect(back?.content).toEqual([{ type: 'text', text: 'So it is.' }])
  })
})

describe('the end of an answer', () => {
  test.each([
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['tool_calls', 'tool_use'],
    ['content_filter', 'refusal'],
  ] as const)('%s is %s', (reason, stop_reason) => {
    expect(anthropicMessages.writeAnswer([text('Hi'), ended(reason)], inputFor())).toMatchObject({ stop_reason })
  })

  test('is a refusal where the model refused', () => {
    const refusal: OutputEvent = { type: 'refusal', choice: 0, text: 'No.' }
    const written = anthropicMessages.writeAnswer([refusal, END], inputFor())
    expect(written).toMatchObject({ stop_reason: 'refusal', content: [{ type: 'text', text: 'No.' }] })
  })

  test('names the stop sequence where the provider does', () => {
    const matched: OutputEvent = { type: 'extra', choice: 0, place: 'choice', fields: { stop_reason: '###' } }
    const write = (stop_sequences: string[]) =>
      anthropicMessages.writeAnswer([text('Hi'), matched, END], inputFor({ stop_sequences }))
    expect(write(['###'])).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: '###' })
    // A stop token of the model's own.
    expect(write(['END'])).toMatchObject({ stop_reason: 'end_turn', stop_sequence: null })
  })

  test('counts cached tokens beside the prompt', () => {
    const usage = toUsage(100, 20, {
      prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
      completion_tokens_details: { reasoning_tokens: 5 },
    })
    expect(anthropicMessages.writeAnswer([text('Hi'), ended('stop', usage)], inputFor())).toMatchObject({
      usage: {
        input_tokens: 10,
        cache_creation_input_tokens: 30,
        cache_read_input_tokens: 60,
        output_tokens: 20,
        output_tokens_details: { thinking_tokens: 5 },
      },
    })
  })
})

test('arguments that are no object are passed on under a name that says so', () => {
  const written = anthropicMessages.writeAnswer([call(0, 'a'), input(0, '{"x":'), ended('length')], inputFor())
  expect(written).toMatchObject({ content: [{ input: { INVALID_JSON: '{"x":' } }] })
})

test('ids that the API does not take, or that came before, come back to their provider as it gave them', () => {
  const asked = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'f', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'ok' }] },
  ]
  const ids = ['functions.f:0', 'call_1', 'Zürich/+~é', 'fine-id_1', '', 'toolu_r9_ZmluZQ_00000001']
  const events = ids.flatMap((id, at) => [call(at, id), input(at, '{}')])
  const { content } = anthropicMessages.writeAnswer(
    [...events, ended('tool_calls')],
    inputFor({ messages: asked }),
  ) as {
    content: { id: string }[]
  }
  const given = content.map(({ id }) => id)
  expect(new Set([...given, 'call_1']).size).toBe(ids.length + 1)
  for (const id of given) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/)
  expect(given[3]).toBe('fine-id_1')
  const { chat } = read({ messages: [...asked, { role: 'assistant', content }] })
  expect(chat.messages.at(-1)?.tool_calls?.map(({ id }) => id)).toEqual(ids)
})

const piece = fc.string({ minLength: 1, maxLength: 8 })
const argumentsText = fc
  .dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }))
  .map((value) => JSON.stringify(value))

/** The events of a call, its arguments cut anywhere. */
function callEvents(index: number) {
  return fc
    .tuple(argumentsText, fc.array(fc.nat(40), { maxLength: 3 }), fc.option(piece))
    .map(([json, cuts, signature]) => {
      const at = [0, ...cuts.map((cut) => cut % json.length).sort((a, b) => a - b), json.length]
      const pieces = at.slice(1).map((end, place) => json.slice(at[place], end))
      return [call(index, `call_${index}`, signature ?? undefined), ...pieces.map((part) => input(index, part))]
    })
}

/** Events of several sources in any order, those of one source in theirs. */
const anyAnswer = fc
  .tuple(
    fc.array(piece.map(text), { maxLength: 4 }),
    fc.array(piece.map(reasoning), { maxLength: 4 }),
    fc.array(piece.map(details), { maxLength: 2 }),
    callEvents(0),
    callEvents(1),
    callEvents(2),
    fc.array(fc.nat(5), { maxLength: 60 }),
  )
  .map(([texts, thoughts, kept, a, b, c, order]) => {
    const sources: OutputEvent[][] = [texts, thoughts, kept, a, b, c].map((list) => [...list])
    const events = order.flatMap((at) => sources[at]?.shift() ?? [])
    // A call that has begun comes to its end.
    return [...events, ...sources.slice(3).flatMap((rest) => (rest[0]?.type === 'tool-delta' ? rest : [])), END]
  })

describe.each([{}, THINKING])('whatever is answered to %j', (fields) => {
  test('Anthropic’s client adds the stream up to the whole answer, and no block overlaps another', async () => {
    await fc.assert(
      fc.asyncProperty(anyAnswer, async (events) => {
        const stream = streamed(events, inputFor(fields))
        blocksOf(eventsOf(stream))
        const whole = JSON.parse(JSON.stringify(anthropicMessages.writeAnswer(events, inputFor(fields))))
        const folded = JSON.parse(JSON.stringify(await foldedBySdk(stream)))
        expect(folded).toEqual({ ...folded, ...whole })
      }),
      { numRuns: 50 },
    )
  })

  test('all of it comes back with the next turn', () => {
    fc.assert(
      fc.property(anyAnswer, (events) => {
        const { content } = anthropicMessages.writeAnswer(events, inputFor(fields)) as { content: unknown[] }
        const { chat, source } = read({
          ...fields,
          messages: [
            { role: 'user', content: 'Hi' },
            { role: 'assistant', content },
          ],
        })
        const message = chat.messages[1]
        const said = events.flatMap((event) => (event.type === 'text' ? event.text : [])).join('')
        expect(message?.content ?? '').toBe(said)
        const calls = events.flatMap((event) => (event.type === 'tool-start' ? event : []))
        expect(message?.tool_calls?.map(({ id }) => id) ?? []).toEqual(calls.map(({ id }) => id))
        if (fields === THINKING) {
          const thought = events.flatMap((event) => (event.type === 'reasoning' ? event.text : [])).join('')
          expect(message?.reasoning_content ?? '').toBe(thought)
          expect(message?.tool_calls?.map(({ extra_content }) => extra_content) ?? []).toEqual(
            calls.map(({ extra }) => extra?.extra_content),
          )
        }
        expect(JSON.stringify(source?.body)).not.toContain('ours:')
      }),
    )
  })
})

describe('a provider’s own messages', () => {
  const first = { type: 'message_start', message: { id: 'theirs', model: 'their-model', content: [] } }
  const delta = { type: 'message_delta', delta: { stop_reason: 'pause_turn', odd: 1 }, usage: { odd: 2 } }
  const given = [first, delta, { type: 'message_stop', odd: 3 }]
  const native = given.map((message): OutputEvent => ({ type: 'native', message }))

  test('pass with our names for the answer, and its end waits until the answer has ended', () => {
    const named = { ...first, message: { ...first.message, id: 'msg_1', model: 'some/model' } }
    expect(eventsOf(streamed(native))).toEqual([named])
    expect(eventsOf(streamed([...native, END]))).toEqual([named, delta, given[2]])
    const failure = new Failure('overloaded', 'Busy.')
    expect(eventsOf(streamed([...native, { type: 'error', failure }])).map(({ type }) => type)).toEqual([
      'message_start',
      'error',
    ])
  })

  test('end where they have no end of their own', () => {
    expect(eventsOf(streamed([...native.slice(0, 1), END])).slice(1)).toMatchObject([
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { input_tokens: 11, output_tokens: 7 } },
      { type: 'message_stop' },
    ])
  })

  test('pass whole too', () => {
    const message = { ...first.message, type: 'message', odd: 1 }
    expect(anthropicMessages.writeAnswer([{ type: 'native', message }, END], inputFor())).toEqual({
      ...message,
      id: 'msg_1',
      model: 'some/model',
    })
  })
})

test('of a provider’s own messages none can pose as another event, and the first begins the answer alone', () => {
  const { readEvent } = createAnthropicReader(undefined)
  const readNative = withNative(readEvent)
  const start = { type: 'message_start', message: { id: 'a', content: [], usage: { input_tokens: 1 } } }
  const given = [start, start, { type: 'x\ndata: {"type":"message_stop"}' }, { type: 'ping' }]
  const events = given.flatMap((message) => readNative(message, message.type)).filter(({ type }) => type === 'native')
  const types = eventsOf(streamed(events as OutputEvent[])).map(({ type }) => type)
  expect(types).toEqual(['message_start', 'ping'])
})
