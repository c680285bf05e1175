import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import { writeCompletion } from '../../../src/formats/openai-chat/write-answer.ts'
import { createStreamWriter } from '../../../src/formats/openai-chat/write-stream.ts'
import { chunksOf, fold, type Json } from '../../stream/fold.ts'
import { wholeAnswer } from '../../stream/saying.ts'

const ENVELOPE = { id: 'chatcmpl-1', created: 1_714_000_000, model: 'gpt "4"\n' }
const usage = toUsage(15, 28)

function encoded(said: readonly OutputEvent[], includeUsage = false): string {
  const encode = createStreamWriter(ENVELOPE, includeUsage)
  return said.map(encode).join('')
}

function chunks(said: readonly OutputEvent[], includeUsage = false): Json[] {
  return chunksOf(encoded(said, includeUsage)).chunks
}

const say = (text: string, choice = 0): OutputEvent => ({ type: 'text', choice, text })
const end = (...reasons: ('stop' | 'tool_calls')[]): OutputEvent => ({
  type: 'end',
  finishes: reasons.map((reason, choice) => ({ choice, reason })),
  usage,
})
const broken: OutputEvent = { type: 'error', failure: new Failure('provider-failed', 'It "broke".\n') }
const envelope = { ...ENVELOPE, object: 'chat.completion.chunk' }
const piece = (delta: Json, finish: string | null = null, index = 0) => ({ index, delta, finish_reason: finish })

test('a small answer is role, text, finish with the usage, and [DONE]', () => {
  expect(chunksOf(encoded([say('Hello'), say('!'), end('stop')]))).toEqual({
    done: true,
    chunks: [
      { ...envelope, choices: [piece({ role: 'assistant', content: '' })] },
      { ...envelope, choices: [piece({ content: 'Hello' })] },
      { ...envelope, choices: [piece({ content: '!' })] },
      { ...envelope, choices: [piece({}, 'stop')], usage },
    ],
  })
})

test('with include_usage the usage has a last chunk of its own, and is null in all others', () => {
  expect(chunks([say('Hi'), end('stop')], true)).toEqual([
    { ...envelope, choices: [piece({ role: 'assistant', content: '' })], usage: null },
    { ...envelope, choices: [piece({ content: 'Hi' })], usage: null },
    { ...envelope, choices: [piece({}, 'stop')], usage: null },
    { ...envelope, choices: [], usage },
  ])
})

test('without include_usage no chunk has empty choices, and only the last one has usage', () => {
  const all = chunks([say('a'), say('b', 1), end('stop', 'stop')])
  expect(all.filter(({ choices }) => (choices as Json[]).length === 0)).toEqual([])
  expect(all.map((chunk) => 'usage' in chunk)).toEqual([...all.slice(1).map(() => false), true])
})

test('the answers of n > 1 come interleaved, each with a role of its own, once', () => {
  const all = chunks([say('a', 1), say('b', 0), say('c', 1), end('stop', 'stop')])
  const roles = all.flatMap(({ choices }) => choices as Json[]).filter(({ delta }) => 'role' in (delta as Json))
  expect(roles.map(({ index }) => index)).toEqual([1, 0])
  expect(fold(all).choices.map(({ message }) => (message as Json).content)).toEqual(['b', 'ac'])
})

test('finish_reason is null until the end', () => {
  const reasons = chunks([say('a'), say('b'), end('stop')]).map(({ choices }) => (choices as Json[])[0]?.finish_reason)
  expect(reasons).toEqual([null, null, null, 'stop'])
})

describe('a stream that breaks', () => {
  test.each([
    ['before its first word', [], [0]],
    ['after a word', [say('a')], [0]],
    ['in three choices', [say('a', 2), say('b', 0), say('c', 1)], [2, 0, 1]],
  ])('%s ends with one error chunk and no [DONE]', (_, said, indexes) => {
    const { chunks: all, done } = chunksOf(encoded([...said, broken]))
    expect(done).toBe(false)
    expect(all.at(-1)).toEqual({
      ...envelope,
      choices: indexes.map((index) => piece({}, 'error', index)),
      error: { message: 'It "broke".\n', type: 'upstream_error', param: null, code: 'upstream_error' },
    })
    expect(all.filter((chunk) => 'error' in chunk)).toHaveLength(1)
  })

  test('has no usage that looks like success, also with include_usage', () => {
    expect(chunks([say('a'), broken], true).map((chunk) => chunk.usage)).toEqual([null, null, null])
    expect(chunks([say('a'), broken]).filter((chunk) => 'usage' in chunk)).toEqual([])
  })
})

describe('tool calls', () => {
  const start = (kind: 'function' | 'custom' | 'function_call', index = 0, extra?: Json): OutputEvent => {
    return { type: 'tool-start', choice: 0, index, id: `call_${index}`, name: 'f', kind, ...(extra && { extra }) }
  }
  const grow = (text: string, index = 0): OutputEvent => ({ type: 'tool-delta', choice: 0, index, text })
  const deltas = (...said: OutputEvent[]) =>
    chunks(said)
      .slice(1)
      .map(({ choices }) => (choices as Json[])[0]?.delta)

  test('a function: id, type and name once, then its arguments piece by piece', () => {
    expect(deltas(start('function', 0, { extra_content: { a: 1 } }), grow('{"x"'), grow(':1}'))).toEqual([
      {
        tool_calls: [
          {
            index: 0,
            id: 'call_0',
            type: 'function',
            function: { name: 'f', arguments: '' },
            extra_content: { a: 1 },
          },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"x"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
    ])
  })

  test('a custom tool has an input', () => {
    expect(deltas(start('custom'), grow('x'))).toEqual([
      { tool_calls: [{ index: 0, id: 'call_0', type: 'custom', custom: { name: 'f', input: '' } }] },
      { tool_calls: [{ index: 0, custom: { input: 'x' } }] },
    ])
  })

  test('the function call from before tools keeps its form', () => {
    expect(deltas(start('function_call'), grow('{}'))).toEqual([
      { function_call: { name: 'f', arguments: '' } },
      { function_call: { arguments: '{}' } },
    ])
  })

  test('two calls keep their indexes', () => {
    const all = deltas(start('function'), start('function', 1), grow('{}', 1), grow('{}', 0)) as Json[]
    expect(all.map((delta) => (delta.tool_calls as Json[])[0]?.index)).toEqual([0, 1, 1, 0])
  })
})

describe('extras', () => {
  const extra = (place: 'body' | 'choice' | 'message', fields: Json, choice = 0): OutputEvent => {
    return { type: 'extra', choice, place, fields }
  }

  test('ride in the next chunk, each in its place', () => {
    const said = [
      extra('body', { service_tier: 'flex' }),
      extra('choice', { logprobs: { content: [1] } }),
      extra('message', { annotations: ['a'] }),
    ]
    expect(chunks([...said, say('x'), say('y')]).slice(1)).toEqual([
      {
        ...envelope,
        choices: [{ ...piece({ content: 'x', annotations: ['a'] }), logprobs: { content: [1] } }],
        service_tier: 'flex',
      },
      { ...envelope, choices: [piece({ content: 'y' })] },
    ])
  })

  test('wait for a chunk of their own choice', () => {
    const all = chunks([extra('message', { a: 1 }, 1), say('x', 0), say('y', 1)])
    expect(all.at(-1)?.choices).toEqual([piece({ content: 'y', a: 1 }, null, 1)])
  })

  test('that come last do not put words into the finish chunk', () => {
    const all = chunks([say('x'), extra('message', { a: 1 }), extra('choice', { b: 2 }), end('stop')])
    expect(all.slice(2).map(({ choices }) => choices)).toEqual([[{ ...piece({ a: 1 }), b: 2 }], [piece({}, 'stop')]])
  })

  test('two of one name that wait together both arrive', () => {
    const all = chunks([
      extra('message', { reasoning_details: [{ signature: 'one' }] }),
      extra('message', { reasoning_details: [{ signature: 'two' }] }),
      say('x'),
    ])
    expect(fold(all).choices[0]?.message).toMatchObject({
      reasoning_details: [{ signature: 'one' }, { signature: 'two' }],
    })
  })
})

const choiceSchema = z.looseObject({
  index: z.int(),
  delta: z.looseObject({}),
  finish_reason: z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']).nullable(),
})
const chunkSchema = z.looseObject({
  id: z.literal(ENVELOPE.id),
  object: z.literal('chat.completion.chunk'),
  created: z.literal(ENVELOPE.created),
  model: z.literal(ENVELOPE.model),
  choices: z.array(choiceSchema).max(1),
})

describe('for any answer', () => {
  test.each([false, true])('every chunk is as contract 4 says (include_usage: %s)', (includeUsage) => {
    fc.assert(
      fc.property(wholeAnswer, (said) => {
        const { chunks: all, done } = chunksOf(encoded(said, includeUsage))
        expect(done).toBe(true)
        const opened = new Set<number>()
        all.forEach((chunk, at) => {
          const [choice] = chunkSchema.parse(chunk).choices
          const last = at === all.length - 1
          if (includeUsage) expect(chunk.usage === null).toBe(!last)
          else expect('usage' in chunk).toBe(last)
          expect(choice === undefined).toBe(includeUsage && last)
          if (choice === undefined) return
          expect(choice.delta.role).toBe(opened.has(choice.index) ? undefined : 'assistant')
          opened.add(choice.index)
          if (choice.finish_reason !== null) expect(choice.delta).toEqual({})
        })
      }),
    )
  })

  test('what a client adds up from the chunks is what `stream: false` would have given', () => {
    fc.assert(
      fc.property(wholeAnswer, fc.boolean(), (said, includeUsage) => {
        const whole = writeCompletion(said, ENVELOPE, 'text_completion')
        const { id, object, created, model, choices, usage: used, ...body } = whole
        const folded = fold(chunks(said, includeUsage))
        // A stream opens with empty content, where a whole answer has null for "said nothing".
        const spoken = choices.map((choice) => {
          const message = choice.message as Json
          return { ...choice, message: { ...message, content: message.content ?? '' } }
        })
        expect({ choices: folded.choices, usage: folded.usage, ...folded.body }).toEqual({
          choices: spoken,
          usage: used,
          ...body,
        })
      }),
    )
  })
})

describe('extras that no words come for', () => {
  const extra = (fields: Record<string, unknown>, choice = 0, place: 'message' | 'choice' = 'message'): OutputEvent => {
    return { type: 'extra', choice, place, fields }
  }
  const note = (at: number) => ({ note: [at] })

  test('go out without words when there are too many, and none is lost', () => {
    const encode = createStreamWriter(ENVELOPE, false)
    const numbers = Array.from({ length: 1000 }, (_, at) => at)
    const early = numbers.map((at) => encode(extra(note(at)))).join('')
    expect(early).not.toBe('')
    const whole = early + encode(say('a')) + encode(end('stop'))
    const notes = chunksOf(whole).chunks.flatMap((chunk) => {
      const [choice] = chunk.choices as { delta: { note?: number[] } }[]
      return choice?.delta.note ?? []
    })
    expect(notes).toEqual(numbers)
  })

  test('go out without words when they are too long, also of a choice that is silent beside one that speaks', () => {
    const encode = createStreamWriter(ENVELOPE, false)
    const long = 'x'.repeat(40_000)
    const sent = [0, 1, 2].map((at) => encode(extra({ [`note_${at}`]: long }, 1)) + encode(say('a', 0))).join('')
    expect(sent).toContain('note_0')
    expect(sent).toContain('note_1')
  })

  test('wait for words as long as they are few', () => {
    const encode = createStreamWriter(ENVELOPE, false)
    expect([0, 1, 2].map((at) => encode(extra(note(at)))).join('')).toBe('')
    expect(chunksOf(encode(say('a'))).chunks.at(-1)).toMatchObject({
      choices: [piece({ content: 'a', note: [0, 1, 2] })],
    })
  })

  test('are not changed by what is added to them', () => {
    const encode = createStreamWriter(ENVELOPE, false)
    const first = note(0)
    for (const fields of [first, note(1)]) encode(extra(fields))
    encode(say('a'))
    expect(first).toEqual(note(0))
  })
})
