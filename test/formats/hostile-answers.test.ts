import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChatEvent, OutputEvent } from '../../src/chat/event.ts'
import { createAnthropicReader } from '../../src/formats/anthropic-messages/read-answer.ts'
import { createCohereReader } from '../../src/formats/cohere/read-answer.ts'
import { createGeminiReader } from '../../src/formats/gemini/read-answer.ts'
import { createOllamaReader } from '../../src/formats/ollama/read-answer.ts'
import { createOpenAIReader } from '../../src/formats/openai-chat/read-answer.ts'
import { writeCompletion } from '../../src/formats/openai-chat/write-answer.ts'
import { createStreamWriter } from '../../src/formats/openai-chat/write-stream.ts'
import { createResponsesReader } from '../../src/formats/openai-responses/read-answer.ts'
import type { MessageReader } from '../../src/stream/decode.ts'
import { createStreamFinalizer } from '../../src/stream/finalize.ts'
import type { Json } from './asking.ts'
import { counting } from './reading.ts'
import { anthropicEvents, chunk, cohereEvents, geminiEvent, responsesEvents, STREAMS } from './streams.ts'

type Body = (body: unknown) => readonly ChatEvent[]

const READERS: Readonly<Record<string, () => { event: MessageReader; body: Body }>> = {
  openai: () => {
    const { chunk: event, body } = createOpenAIReader({ thinkTags: true }, counting())
    return { event, body }
  },
  anthropic: () => {
    const { readEvent: event, readBody: body } = createAnthropicReader('json')
    return { event, body }
  },
  gemini: () => {
    const { readEvent: event, readBody: body } = createGeminiReader(counting())
    return { event, body }
  },
  responses: () => {
    const { message: event, body } = createResponsesReader({
      isNative: false,
      newId: counting(),
      reasoningFormat: 'f',
    })
    return { event, body }
  },
  cohere: () => createCohereReader(counting()),
  ollama: () => {
    const event = createOllamaReader(counting(), () => 0)
    return { event, body: (body) => event(body, '') }
  },
}
type Name = 'openai' | 'responses' | 'anthropic' | 'gemini' | 'cohere' | 'ollama'

const ENVELOPE = { id: 'c', created: 1, model: 'm' }

/** All that is done with a stream; what it came to. */
function readStream(name: Name, events: Iterable<unknown>): 'end' | 'error' {
  const { event } = READERS[name]?.() ?? { event: () => [] }
  const settler = createStreamFinalizer(() => 0)
  const encode = createStreamWriter(ENVELOPE, false)
  let last: OutputEvent | undefined
  const take = (said: readonly OutputEvent[]) => {
    for (const item of said) {
      encode(item)
      last = item
    }
  }
  for (const one of events) {
    take(settler.push(event(one, '')))
    if (last?.type === 'end' || last?.type === 'error') return last.type
  }
  take(settler.close())
  if (last?.type !== 'end' && last?.type !== 'error') throw new Error('no ending')
  return last.type
}

/** All that is done with a body; what it came to. */
function readBody(name: Name, given: unknown): 'end' | 'error' {
  const { body } = READERS[name]?.() ?? { body: () => [] }
  const settler = createStreamFinalizer(() => 0)
  const said = [...settler.push(body(given)), ...settler.close()]
  if (said.at(-1)?.type === 'error') return 'error'
  JSON.stringify(writeCompletion(said, ENVELOPE, 'text_completion'))
  return 'end'
}

const many = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at))
const { open, close } = anthropicEvents
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })
const page = (at: number) => ({ web: { uri: `https://example.com/${at}`, title: 'T' } })
const grounded = (text: string, supports: readonly Json[], pages: readonly Json[] = [page(0)]) => ({
  candidates: [
    {
      index: 0,
      content: { parts: [{ text }] },
      groundingMetadata: { groundingChunks: pages, groundingSupports: supports },
    },
  ],
})

// So much that the square of it would take minutes, and what grows in proportion well under the limit.
const MAX_MS = 15_000
const N = 40_000
const N_BODY = 200_000

const growing: readonly [what: string, name: Name, events: () => readonly unknown[]][] = [
  [
    'fields of the body, each with a name of its own',
    'openai',
    () => many(N, (at) => ({ [`field_${at}`]: at, choices: [] })),
  ],
  [
    'fields of the message',
    'openai',
    () => [chunk({ content: 'a' }), ...many(N, (at) => chunk({ annotations: [{ at }], [`field_${at}`]: 1 }))],
  ],
  [
    'fields of a choice that says nothing, beside one that does',
    'openai',
    () =>
      many(N, (at) => ({
        choices: [
          { index: 0, delta: { content: 'a' } },
          { index: 1, delta: { annotations: [{ at }], [`field_${at}`]: 1 } },
        ],
      })),
  ],
  [
    'blocks of reasoning',
    'anthropic',
    () => many(N, (at) => [open(at, { type: 'thinking', thinking: '', signature: 's' }), close(at)]).flat(),
  ],
  [
    'parts of an item, and ends of it',
    'responses',
    () =>
      many(2 * N, (at) => ({
        type: `response.output_text.${at % 2 === 0 ? 'delta' : 'done'}`,
        output_index: 0,
        content_index: at >> 4,
        delta: 'a',
        text: 'a'.repeat(at & 15),
      })),
  ],
  ['signatures', 'gemini', () => many(2 * N, () => geminiEvent([{ thoughtSignature: 's' }]))],
  [
    'citations of a growing text',
    'gemini',
    () => many(N / 2, () => grounded('wörds '.repeat(50), [{ segment: { endIndex: 40 }, groundingChunkIndices: [0] }])),
  ],
  [
    'citations',
    'cohere',
    () => many(2 * N, (at) => cohereEvents.cite(at, { start: 0, end: 1, text: 'a', sources: [] })),
  ],
]

const growingBodies: readonly [what: string, name: Name, body: () => unknown][] = [
  [
    'references',
    'openai',
    () => {
      const content = many(N_BODY, () => ({ type: 'reference', reference_ids: [1] }))
      return { choices: [{ message: { content }, finish_reason: 'stop' }] }
    },
  ],
  [
    'blocks of reasoning',
    'anthropic',
    () => ({ content: many(N_BODY, () => ({ type: 'thinking', thinking: 'a', signature: 's' })) }),
  ],
  [
    'items',
    'responses',
    () => ({ status: 'completed', output: many(9000, () => ({ type: 'reasoning', encrypted_content: 'e' })) }),
  ],
  [
    'signatures',
    'gemini',
    () => ({
      candidates: [{ content: { parts: many(N_BODY, () => ({ thoughtSignature: 's' })) }, finishReason: 'STOP' }],
    }),
  ],
]

describe('work on an answer grows in proportion to it, whatever it has too many of', () => {
  test.each(growing)('%s (a stream, %s)', (_, name, events) => {
    const given = events()
    const before = performance.now()
    readStream(name, given)
    expect(performance.now() - before).toBeLessThan(MAX_MS)
  })

  test.each(growingBodies)('%s (a body, %s)', (_, name, body) => {
    const given = body()
    const before = performance.now()
    readBody(name, given)
    expect(performance.now() - before).toBeLessThan(MAX_MS)
  })
})

const LONG = 'x'.repeat(1024 * 1024)
const MORE = 1026
const bounded: readonly [what: string, name: Name, event: (at: number) => unknown][] = [
  ['calls', 'openai', (at) => chunk({ tool_calls: [{ index: at, ...call(`c${at}`) }] })],
  ['choices', 'openai', (index) => ({ choices: [{ index, delta: { content: 'a' } }] })],
  [
    'arguments before their name',
    'openai',
    (at) =>
      chunk({ content: 'a', tool_calls: [{ index: 0, id: 'a', function: { arguments: at === 0 ? '{' : LONG } }] }),
  ],
  ['calls', 'anthropic', (at) => open(at, { type: 'tool_use', id: `t${at}`, name: 'f', input: {} })],
  ['blocks that do not end', 'anthropic', (at) => open(at, { type: 'text', text: 'a' })],
  [
    'reasoning without its end',
    'anthropic',
    (at) =>
      at === 0
        ? open(0, { type: 'thinking', thinking: '' })
        : anthropicEvents.grow(0, { type: 'thinking_delta', thinking: LONG }),
  ],
  [
    'citations',
    'anthropic',
    (at) =>
      at === 0
        ? open(0, { type: 'text', text: 'a' })
        : anthropicEvents.grow(0, { type: 'citations_delta', citation: { url: `https://example.com/${at}` } }),
  ],
  ['calls', 'responses', (at) => responsesEvents.open(at, { type: 'function_call', call_id: `c${at}`, name: 'f' })],
  [
    'arguments before their name',
    'responses',
    (at) =>
      at === 0 ? responsesEvents.grow(0, 'output_text', 'a') : responsesEvents.grow(1, 'function_call_arguments', LONG),
  ],
  [
    'citations',
    'responses',
    (at) => ({
      type: 'response.output_text.annotation.added',
      output_index: 0,
      annotation: { type: 'url_citation', url: `https://example.com/${at}` },
    }),
  ],
  ['calls', 'gemini', () => geminiEvent([{ functionCall: { name: 'f', args: {} } }])],
  ['candidates', 'gemini', (index) => ({ candidates: [{ index, content: { parts: [{ text: 'a' }] } }] })],
  ['citations', 'gemini', (at) => grounded('a', [{ segment: {}, groundingChunkIndices: [0] }], [page(at)])],
  [
    'arguments that do not end',
    'gemini',
    () => {
      const partialArgs = [{ jsonPath: '$.a', stringValue: LONG, willContinue: true }]
      return geminiEvent([{ text: 'a' }, { functionCall: { name: 'f', willContinue: true, partialArgs } }])
    },
  ],
  ['calls', 'cohere', (at) => cohereEvents.call(at, `c${at}`, 'f')],
  ['calls', 'ollama', () => ({ message: { tool_calls: [{ function: { name: 'f', arguments: {} } }] } })],
]

describe('an answer is malformed that has too many', () => {
  test.each(bounded)('%s (%s)', (_, name, event) => {
    expect(
      readStream(
        name,
        (function* () {
          for (let at = 0; at < MORE; at++) yield event(at)
        })(),
      ),
    ).toBe('error')
    const { event: decode } = READERS[name]?.() ?? { event: () => [] }
    const failures = many(MORE, event)
      .flatMap((one) => decode(one, ''))
      .flatMap((one) => (one.type === 'error' ? [one.failure] : []))
    expect(failures[0]?.message).toContain('malformed')
  })

  test('citations of one address, which would be as many texts', () => {
    const supports = [{ segment: {}, groundingChunkIndices: many(MORE, () => 0) }]
    expect(readStream('gemini', [grounded('a', supports, [{ web: { uri: LONG } }])])).toBe('error')
  })
})

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>('', 'null', '{}', '<think>', 0, -1, 1e9, 0.5, [], [[]], {}, { type: 'text' }, [{ text: 1 }]),
)

/** A value with something odd in the place of a part of it, or beside it. */
function spoilt(value: unknown, chance: () => number, strange: unknown): unknown {
  if (chance() < 0.1) return strange
  if (Array.isArray(value)) {
    const items = value.map((item) => spoilt(item, chance, strange))
    return chance() < 0.1 ? [...items, ...items, strange] : items
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, spoilt(inner, chance, strange)]))
}

const names = Object.keys(READERS) as Name[]
const samples = STREAMS.flatMap(({ messages }) => messages.filter((message) => message !== '[DONE]'))
const LEVELS = 200_000
const nested: unknown = JSON.parse(`${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}`)

describe.each(names)('whatever %s sends', (name) => {
  test('nothing is thrown, and there is an ending', () => {
    const chances = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }))
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...samples), { maxLength: 12 }),
        odd,
        chances,
        (messages, strange, stream) => {
          const chance = () => stream.next().value ?? 1
          const events = messages.map((message) => spoilt(message, chance, strange))
          expect(['end', 'error']).toContain(readStream(name, [...events, strange]))
          expect(['end', 'error']).toContain(readBody(name, events[0] ?? strange))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('nesting without end is a failure of the provider or passed on, and never thrown', () => {
    const places = [
      nested,
      chunk({ content: nested }),
      chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: nested } }] }),
      responsesEvents.close(0, { type: 'function_call', name: 'f', arguments: nested }),
      { field: nested, choices: [] },
      open(0, { type: 'tool_use', id: 't', name: 'f', input: { a: nested } }),
      geminiEvent([{ functionCall: { name: 'f', args: { a: nested } } }], 'STOP'),
      cohereEvents.open(0, nested as Json),
      { message: { content: nested, tool_calls: [{ function: { name: 'f', arguments: nested } }] } },
    ]
    const { event } = READERS[name]?.() ?? { event: () => [] }
    const { body } = READERS[name]?.() ?? { body: () => [] }
    for (const place of places) {
      expect(Array.isArray(event(place, ''))).toBe(true)
      expect(Array.isArray(body(place))).toBe(true)
    }
  })
})
