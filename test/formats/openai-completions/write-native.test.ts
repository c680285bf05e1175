import { describe, expect, test } from 'vitest'
import type { ChatEvent } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import { createTextReader } from '../../../src/formats/openai-completions/read-answer.ts'
import { writeCompletionAnswer } from '../../../src/formats/openai-completions/write-answer.ts'
import { createCompletionWriter } from '../../../src/formats/openai-completions/write-stream.ts'
import { createStreamFinalizer } from '../../../src/stream/finalize.ts'
import { chunksOf, type Json } from '../../stream/fold.ts'
import { answerInput } from '../answer-input.ts'

const ENVELOPE = { id: 'cmpl-1', created: 7, model: 'base' }
const USAGE = { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 }

interface Played {
  readonly ending?: 'done' | 'close' | 'break'
  readonly chat?: Json
}

/** What a client gets of a provider's stream. */
function play(given: readonly Json[], { ending = 'close', chat = {} }: Played = {}) {
  const finalizer = createStreamFinalizer(() => 2, Number(chat.n ?? 1))
  const { message } = createTextReader(false)
  const write = createCompletionWriter(answerInput({ envelope: ENVELOPE, chat: { model: 'm', messages: [], ...chat } }))
  const events = [
    ...given.flatMap((data) => finalizer.push(message(data, ''))),
    ...(ending === 'done' ? finalizer.push([{ type: 'done' }]) : []),
    ...(ending === 'break' ? finalizer.fail(new Failure('provider-failed', 'Cut.')) : finalizer.close()),
  ]
  return chunksOf(events.map(write).join(''))
}

const HEAD = { id: 'cmpl-x', object: 'text_completion', created: 1_750_438_614, model: 'base:20230824' }
const OURS = { ...HEAD, id: 'cmpl-1', model: 'base' }
const piece = (text: string, fields: Json = {}): Json => ({
  ...HEAD,
  choices: [{ text, index: 0, logprobs: null, finish_reason: null, ...fields }],
})
const asOurs = (chunk: Json): Json => ({ ...chunk, ...OURS })
const usageChunk = { ...HEAD, choices: [], usage: USAGE, system_fingerprint: 'fp' }

describe("a provider's own stream", () => {
  test('goes out as it came, with our id and model, and usage in its last chunk', () => {
    const given = [
      { ...HEAD, prompt_filter_results: [{ prompt_index: 0 }], choices: [] },
      { ...piece('a', { logprobs: { tokens: ['a'], token_logprobs: [-1], top_logprobs: null, text_offset: [9] } }) },
      { ...piece('b'), usage: null, system_fingerprint: 'fp' },
      { ...piece('c', { finish_reason: 'length', stop_reason: 5 }), system_fingerprint: 'fp' },
      usageChunk,
    ]
    const { chunks, done } = play(given)
    const [head, first, second, last] = given
    const { usage: _, ...bare } = asOurs(second ?? {})
    expect(chunks).toEqual([asOurs(head ?? {}), asOurs(first ?? {}), bare, { ...asOurs(last ?? {}), usage: USAGE }])
    expect(done).toBe(true)
  })

  test('keeps its own chunk of usage for a client that asked for one', () => {
    const given = [{ ...piece('a'), usage: null }, { ...piece('', { finish_reason: 'stop' }), usage: null }, usageChunk]
    const { chunks } = play(given, { chat: { stream_options: { include_usage: true } } })
    expect(chunks).toEqual(given.map(asOurs))
  })

  test('gets such a chunk where it had none, and usage where it told none', () => {
    const given = [piece('a'), piece('', { finish_reason: 'stop' })]
    const { chunks } = play(given, { chat: { stream_options: { include_usage: true } } })
    expect(chunks.slice(0, 2)).toEqual(given.map(asOurs))
    expect(chunks[2]).toMatchObject({ id: 'cmpl-1', choices: [], usage: { prompt_tokens: 2, estimated: true } })
  })

  test('ends a choice when that has ended, and the last one only with the stream', () => {
    const given = [
      piece('a'),
      piece('b', { index: 1 }),
      piece('', { finish_reason: 'stop' }),
      piece('c', { index: 1 }),
      piece('', { index: 1, finish_reason: 'length' }),
    ]
    const { chunks } = play(given, { chat: { n: 2 } })
    expect(chunks.slice(0, 4)).toEqual(given.slice(0, 4).map(asOurs))
    expect(chunks[4]).toEqual({ ...asOurs(given[4] ?? {}), usage: expect.objectContaining({ prompt_tokens: 2 }) })
  })

  test('that breaks never looks finished', () => {
    const given = [piece('a'), piece('b', { index: 1 }), piece('', { index: 1, finish_reason: 'stop' })]
    const { chunks, done } = play(given, { chat: { n: 2 }, ending: 'break' })
    expect(chunks.slice(0, 3)).toEqual(given.map(asOurs))
    expect(chunks[3]).toMatchObject({ choices: [{ index: 0, finish_reason: 'error' }], error: { message: 'Cut.' } })
    expect(done).toBe(false)
  })

  test.each(['error', 'abort', 'ERROR'])('that ends with %j is broken', (word) => {
    const { chunks, done } = play([piece('a'), piece('b', { finish_reason: word })])
    expect(chunks.map(({ choices }) => (choices as Json[])[0]?.finish_reason)).toEqual([null, null, 'error'])
    expect(done).toBe(false)
  })

  test('is complete where it says so itself, in our words', () => {
    const { chunks } = play([piece('a')], { ending: 'done' })
    expect(chunks[1]).toMatchObject({ choices: [{ index: 0, finish_reason: 'stop' }], usage: expect.anything() })
    expect(play([piece('a', { finish_reason: 'eos' })]).chunks[0]).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
    })
  })

  test.each([
    ['says with every chunk how it ended', Array.from('abcdefghij', (text) => piece(text, { finish_reason: 'stop' }))],
    [
      'goes on after its end',
      Array.from('abcdefghij', (text, at) => piece(text, at === 0 ? { finish_reason: 'stop' } : {})),
    ],
  ])('that %s loses no text, and ends once', (_, given) => {
    const { chunks, done } = play(given)
    const all = chunks.flatMap(({ choices }) => choices as Json[])
    expect(all.map(({ text }) => text).join('')).toBe('abcdefghij')
    expect(all.slice(0, -4).map(({ finish_reason: reason }) => reason ?? null)).not.toContain('stop')
    expect(all.at(-1)).toMatchObject({ finish_reason: 'stop' })
    expect(chunks.at(-1)).toMatchObject({ usage: expect.anything() })
    expect(done).toBe(true)
  })

  test('that fails when its end waits tells so of the choice that waits', () => {
    const ended = [piece('a', { finish_reason: 'stop' }), piece('b', { index: 1, finish_reason: 'stop' })]
    const { chunks, done } = play([...ended, { error: { message: 'late' } }], { chat: { n: 2 } })
    expect(chunks.map(({ choices }) => choices)).toMatchObject([
      [{ index: 0, finish_reason: 'stop' }],
      [{ index: 1, finish_reason: 'error' }],
    ])
    expect(done).toBe(false)
  })

  test.each(['done', 'break'] as const)('says in all chunks the same about itself: %s', (ending) => {
    const given = [piece('a'), { ...piece('b'), created: 9, id: 'cmpl-y', model: 'z' }, { choices: [], usage: USAGE }]
    const { chunks } = play(given, { ending, chat: { stream_options: { include_usage: true } } })
    expect(chunks.length).toBeGreaterThan(2)
    for (const chunk of chunks) expect(chunk).toMatchObject(OURS)
  })

  test('counts as silent while its chunks tell nothing', () => {
    const { message } = createTextReader(false)
    const isPing = (chunk: Json) => message(chunk, '').every((event) => event.type === 'native' && event.isPing)
    expect([piece(''), { ...HEAD, choices: [] }].map(isPing)).toEqual([true, true])
    const told = [
      piece('a'),
      piece('', { finish_reason: 'stop' }),
      piece('', { logprobs: { tokens: [''] } }),
      usageChunk,
    ]
    expect(told.map(isPing)).toEqual([false, false, false, false])
  })

  test('that goes on without an end after its choices have ended takes no memory', () => {
    const after = Array.from({ length: 1000 }, (_, at) => ({ ...HEAD, choices: [], note: at }))
    const { chunks } = play([piece('a', { finish_reason: 'stop' }), ...after])
    expect(chunks.length).toBeLessThan(10)
    expect(chunks.at(-1)).toMatchObject({ usage: expect.anything() })
  })
})

test.each([
  ['a text', { text: 'ab' }],
  ["a chat's message", { message: { role: 'assistant', content: 'ab', tool_calls: null } }],
  [
    "a chat's message in parts",
    { message: { content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }, 1] } },
  ],
])('a body with %s is a text completion', (_, choice) => {
  const own = { ...HEAD, object: 'chat.completion', choices: [{ index: 0, finish_reason: 'stop', ...choice }] }
  const finalizer = createStreamFinalizer(() => 2)
  const events = finalizer.push(createTextReader(false).body({ ...own, usage: USAGE }))
  const answer = writeCompletionAnswer(events, answerInput({ envelope: ENVELOPE })) as Json
  expect(answer).toMatchObject({ ...OURS, usage: USAGE })
  expect(answer.choices).toEqual([expect.objectContaining({ index: 0, text: 'ab', finish_reason: 'stop' })])
  expect(JSON.stringify(answer)).not.toContain('assistant')
})

test('what is no choice is left out, and a choice without text has an empty one', () => {
  const choices = [1, null, 'a', { index: -4, text: null }, { index: 'x', text: 7, finish_reason: 9 }, [[]]]
  const events: readonly ChatEvent[] = createTextReader(false).body({ choices })
  const [own] = events
  expect(own).toMatchObject({ type: 'native', message: { choices: [{ text: '' }, { text: '' }] } })
  expect(events.at(-1)).toEqual({ type: 'done' })
})
