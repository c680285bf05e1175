import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ChatEvent, type FinishReason, toUsage } from '../../src/chat/event.ts'
import { Failure } from '../../src/chat/failure.ts'
import { createStreamFinalizer } from '../../src/stream/finalize.ts'

const settler = () => createStreamFinalizer(() => 100)
const text = (said: string, choice = 0): ChatEvent => ({ type: 'text', choice, text: said })
const finish = (reason: FinishReason, choice = 0): ChatEvent => ({ type: 'finish', choice, reason })
const done: ChatEvent = { type: 'done' }
const usage = toUsage(3, 4)
const counted: ChatEvent = { type: 'usage', usage }
const start = (index = 0, kind: 'function' | 'custom' | 'function_call' = 'function', choice = 0): ChatEvent => {
  return { type: 'tool-start', choice, index, id: `call_${index}`, name: 'f', kind }
}
const failure = new Failure('provider-failed', 'It broke.')

describe('an end', () => {
  test('holds the finish and the usage, wherever they came', () => {
    expect(settler().push([counted, text('a'), finish('length'), done])).toEqual([
      text('a'),
      { type: 'end', finishes: [{ choice: 0, reason: 'length' }], usage },
    ])
  })

  test('takes the last usage, for usage is cumulative', () => {
    const later = { type: 'usage', usage: toUsage(3, 9) } as const
    expect(
      settler()
        .push([text('a'), counted, later, finish('stop'), done])
        .at(-1),
    ).toMatchObject({ usage: later.usage })
  })

  test('comes at EOF after a finish, without the word that the answer is complete', () => {
    const settle = settler()
    settle.push([text('a'), finish('stop')])
    expect(settle.close()).toMatchObject([{ type: 'end' }])
  })

  test('comes at an explicit end without a finish reason', () => {
    expect(settler().push([start(), done]).at(-1)).toMatchObject({ finishes: [{ choice: 0, reason: 'tool_calls' }] })
    expect(
      settler()
        .push([text('a'), done])
        .at(-1),
    ).toMatchObject({ finishes: [{ choice: 0, reason: 'stop' }] })
  })

  test('comes instead of an error when the answer was complete before the connection broke', () => {
    const settle = settler()
    settle.push([text('a'), finish('stop')])
    expect(settle.fail(failure)).toMatchObject([{ type: 'end' }])
  })

  test('of a choice that called is tool_calls, unless the word for it stands', () => {
    const ending = (given: ChatEvent) => settler().push([start(), given, done]).at(-1)
    expect(ending(finish('stop'))).toMatchObject({ finishes: [{ choice: 0, reason: 'tool_calls' }] })
    const stands: ChatEvent = { type: 'finish', choice: 0, reason: 'stop', isFinal: true }
    expect(ending(stands)).toMatchObject({ finishes: [{ choice: 0, reason: 'stop' }] })
  })

  test('lists the choices in order, each with its own reason', () => {
    const said = settler().push([text('a', 2), text('b', 0), finish('length', 2), finish('stop', 0), done])
    expect(said.at(-1)).toMatchObject({
      finishes: [
        { choice: 0, reason: 'stop' },
        { choice: 2, reason: 'length' },
      ],
    })
  })
})

describe('the finish reason', () => {
  test.each<[string, ChatEvent[], FinishReason]>([
    ['stop after a tool call is tool_calls', [start(), finish('stop')], 'tool_calls'],
    ['length after a tool call stays length', [start(), finish('length')], 'length'],
    ['content_filter after a tool call stays', [start(), finish('content_filter')], 'content_filter'],
    ['stop after a text is stop', [text('a'), finish('stop')], 'stop'],
    ['tool_calls without a call is stop', [text('a'), finish('tool_calls')], 'stop'],
    [
      'tool_calls after a call of the old form is function_call',
      [start(0, 'function_call'), finish('tool_calls')],
      'function_call',
    ],
    ['function_call without a call is stop', [text('a'), finish('function_call')], 'stop'],
    ['function_call stays function_call', [start(0, 'function_call'), finish('function_call')], 'function_call'],
  ])('%s', (_, events, reason) => {
    expect(
      settler()
        .push([...events, done])
        .at(-1),
    ).toMatchObject({ finishes: [{ choice: 0, reason }] })
  })

  test("one choice's tool call does not change another's reason", () => {
    const said = settler().push([start(0, 'function', 0), text('a', 1), finish('stop', 0), finish('stop', 1), done])
    expect(said.at(-1)).toMatchObject({ finishes: [{ reason: 'tool_calls' }, { reason: 'stop' }] })
  })
})

describe('an error', () => {
  test.each([
    ['nothing at all', []],
    ['only usage', [counted]],
    ['only a field of the body', [{ type: 'extra', choice: 0, place: 'body', fields: { a: 1 } }]],
    ['a text without a finish', [text('a')]],
    ['one finish of two', [text('a', 0), text('b', 1), finish('stop', 0)]],
  ] as [string, ChatEvent[]][])('is what EOF after %s is', (_, events) => {
    const settle = settler()
    settle.push(events)
    expect(settle.close()).toMatchObject([{ type: 'error', failure: { kind: 'provider-failed' } }])
  })

  test('is what an explicit end of an empty answer is', () => {
    expect(settler().push([done])).toMatchObject([{ type: 'error' }])
  })

  test('of the provider ends the answer there', () => {
    expect(settler().push([text('a'), { type: 'error', failure }, text('b'), finish('stop'), done])).toEqual([
      text('a'),
      { type: 'error', failure },
    ])
  })

  test('of the connection ends an answer that is not complete', () => {
    const settle = settler()
    settle.push([text('a')])
    expect(settle.fail(failure)).toEqual([{ type: 'error', failure }])
  })
})

describe('a tool call without arguments', () => {
  test.each([
    ['gets an empty object', [start()], '{}'],
    [
      'that sent only empty pieces gets one too',
      [start(), { type: 'tool-delta', choice: 0, index: 0, text: '' }],
      '{}',
    ],
    ['of the old form gets one too', [start(0, 'function_call')], '{}'],
  ] as [string, ChatEvent[], string][])('%s', (_, events, expected) => {
    const said = settler().push([...events, finish('stop'), done])
    const pieces = said.flatMap((item) => (item.type === 'tool-delta' ? [item.text] : []))
    expect(pieces.join('')).toBe(expected)
  })

  test.each([
    ['null', ['null'], '{}'],
    ['null in pieces', ['n', 'ull'], '{}'],
    ['a beginning of null only', ['nu'], 'nu'],
    ['what only begins like null', ['nu', 'mber'], 'number'],
  ] as [string, string[], string][])('is a call whose arguments are null: %s', (_, pieces, expected) => {
    const deltas = pieces.map((piece): ChatEvent => ({ type: 'tool-delta', choice: 0, index: 0, text: piece }))
    const said = settler().push([start(), ...deltas, finish('stop'), done])
    expect(said.flatMap((item) => (item.type === 'tool-delta' ? [item.text] : [])).join('')).toBe(expected)
  })

  test('is left alone where it has arguments, or where its input is free text', () => {
    const whole = { type: 'tool-delta', choice: 0, index: 0, text: '{"a":1}' } as const
    expect(
      settler()
        .push([start(), whole, done])
        .filter(({ type }) => type === 'tool-delta'),
    ).toEqual([whole])
    expect(
      settler()
        .push([start(0, 'custom'), done])
        .filter(({ type }) => type === 'tool-delta'),
    ).toEqual([])
  })
})

test('usage that was never reported is estimated, and says so', () => {
  const settle = settler()
  settle.push([text('x'.repeat(40))])
  expect(settle.usage()).toEqual({ prompt_tokens: 100, completion_tokens: 10, total_tokens: 110, estimated: true })
})

test('the estimate counts more for scripts beyond ASCII, and for tool calls', () => {
  const latin = settler()
  latin.push([text('abcd')])
  const han = settler()
  han.push([text('你好世界')])
  const call = settler()
  call.push([start(), { type: 'tool-delta', choice: 0, index: 0, text: '{"city":"Paris"}' }])
  expect(latin.usage().completion_tokens).toBe(1)
  expect(han.usage().completion_tokens).toBeGreaterThan(latin.usage().completion_tokens)
  expect(call.usage().completion_tokens).toBeGreaterThan(0)
})

test('an answer counts as finished when every choice that began has finished', () => {
  const settle = settler()
  settle.push([text('a', 0), text('b', 1), finish('stop', 0)])
  expect(settle.finished()).toBe(false)
  settle.push([finish('stop', 1)])
  expect(settle.finished()).toBe(true)
})

describe('where two choices were asked for', () => {
  const two = () => createStreamFinalizer(() => 100, 2)

  test.each<[string, (settle: ReturnType<typeof two>) => readonly unknown[]]>([
    ['the end of the stream', (settle) => settle.close()],
    ['a broken connection', (settle) => settle.fail(failure)],
  ])('%s after one has finished, before the other began, is an error', (_, stop) => {
    const settle = two()
    settle.push([text('a', 0), finish('stop', 0)])
    expect(settle.finished()).toBe(false)
    expect(stop(settle)).toMatchObject([{ type: 'error', failure: { kind: 'provider-failed' } }])
  })

  test("the provider's own word that it is done is an end, with as many as there are", () => {
    const settle = two()
    settle.push([text('a', 0), finish('stop', 0)])
    expect(settle.push([done])).toMatchObject([{ type: 'end', finishes: [{ choice: 0, reason: 'stop' }] }])
  })

  test('the end of the stream after both is an end', () => {
    const settle = two()
    settle.push([text('a', 0), finish('stop', 0), text('b', 1), finish('length', 1)])
    expect(settle.finished()).toBe(true)
    expect(settle.close()).toMatchObject([
      {
        type: 'end',
        finishes: [
          { choice: 0, reason: 'stop' },
          { choice: 1, reason: 'length' },
        ],
      },
    ])
  })
})

const event: fc.Arbitrary<ChatEvent> = fc.oneof(
  fc.tuple(fc.string(), fc.nat({ max: 2 })).map(([said, choice]) => text(said, choice)),
  fc.tuple(fc.constantFrom<FinishReason>('stop', 'length'), fc.nat({ max: 2 })).map((given) => finish(...given)),
  fc.constantFrom(done, counted, start(), { type: 'error', failure } as const),
)

test('whatever happens there is exactly one ending, and it comes last', () => {
  fc.assert(
    fc.property(fc.array(fc.array(event)), fc.constantFrom('close', 'fail'), (reads, way) => {
      const settle = settler()
      const said = reads.flatMap((events) => [...settle.push(events)])
      said.push(...(way === 'close' ? settle.close() : settle.fail(failure)))
      said.push(...settle.push([text('late'), done]), ...settle.close(), ...settle.fail(failure))
      const endings = said.filter(({ type }) => type === 'end' || type === 'error')
      expect(endings).toHaveLength(1)
      expect(said.at(-1)).toBe(endings[0])
    }),
  )
})

describe('usage', () => {
  const told = (promptTokens: number, completionTokens: number, further = {}): ChatEvent => ({
    type: 'usage',
    usage: toUsage(promptTokens, completionTokens, further),
  })
  /** Of an answer of forty letters: ten tokens, by our estimate. */
  const used = (...events: readonly ChatEvent[]) => {
    const settle = createStreamFinalizer(() => 100, 1, { prompt: 4000, completion: 2000 })
    settle.push([text('x'.repeat(40)), ...events, finish('stop')])
    return settle.usage()
  }
  const ESTIMATE = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110, estimated: true }

  test.each([
    ['of nothing but zeros', told(0, 0)],
    ['without an end', told(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)],
    ['that is no number', told(Number.NaN, Number.NaN)],
    ['below zero', told(-5, -7)],
    ['of more than the model can', told(4001, 2001)],
  ])('%s is none: it is estimated, and says so', (_, event) => {
    expect(used(event)).toEqual(ESTIMATE)
    expect(used(told(3, 4), event)).toEqual({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 })
  })

  test('of which one side cannot be true is estimated on that side', () => {
    expect(used(told(3, 9999))).toMatchObject({ prompt_tokens: 3, completion_tokens: 10, estimated: true })
    expect(used(told(9999, 4))).toMatchObject({ prompt_tokens: 100, completion_tokens: 4, estimated: true })
  })

  test('of an answer without a token is believed', () => {
    const settle = settler()
    settle.push([told(3, 0), finish('content_filter')])
    expect(settle.usage()).toEqual({ prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 })
  })

  test('that was told at the beginning counts what is said after it', () => {
    const settle = settler()
    settle.push([told(3, 1)])
    expect(settle.usage()).toEqual({ prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 })
    settle.push([text('x'.repeat(400))])
    expect(settle.usage()).toEqual({ prompt_tokens: 3, completion_tokens: 101, total_tokens: 104, estimated: true })
    settle.push([told(3, 90), finish('stop'), done])
    expect(settle.usage()).toEqual({ prompt_tokens: 3, completion_tokens: 90, total_tokens: 93 })
  })

  test('is the same for the client and for who counts it afterwards, however the answer ended', () => {
    for (const ending of [[finish('stop'), done], [done]]) {
      const settle = settler()
      const end = settle.push([told(3, 4), text('x'.repeat(20)), ...ending]).at(-1)
      expect(end).toMatchObject({ type: 'end', usage: settle.usage() })
    }
  })

  test('has no details that nothing can be counted by', () => {
    const details = { cached_tokens: Number.POSITIVE_INFINITY, audio_tokens: -1, text_tokens: 3, image_tokens: 1e300 }
    const prices = { cost: 1e30, cost_details: { upstream_inference_cost: Number.NaN, mark: 'x' } }
    expect(used(told(3, 4, { prompt_tokens_details: details, queue_time: 0.5, ...prices }))).toEqual({
      ...toUsage(3, 4),
      prompt_tokens_details: { text_tokens: 3 },
      cost_details: { mark: 'x' },
      queue_time: 0.5,
    })
  })

  test('of an answer that was not counted to its end has neither its cost nor its details', () => {
    const further = { cost: 0.1, cost_details: {}, completion_tokens_details: { reasoning_tokens: 1 } }
    const settle = settler()
    settle.push([told(3, 1, { ...further, prompt_tokens_details: { cached_tokens: 2 } }), text('abcd')])
    expect(settle.usage()).toEqual({
      ...toUsage(3, 2),
      prompt_tokens_details: { cached_tokens: 2 },
      estimated: true,
    })
  })

  const odd = fc.oneof(
    fc.double(),
    fc.nat(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0, Number.MAX_VALUE),
  )
  const report = fc
    .record({ prompt: odd, completion: odd, cached: odd, cost: odd })
    .map(({ prompt, completion, cached, cost }) =>
      told(prompt, completion, { cost, prompt_tokens_details: { cached_tokens: cached } }),
    )

  test('whatever is told, and whenever, its numbers are whole, add up, and are within what was said and the model can', () => {
    const most = { prompt: 4000, completion: 2000 }
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            report,
            fc.string().map((said) => text(said)),
          ),
        ),
        (events) => {
          const settle = createStreamFinalizer(() => 100, 1, most)
          let characters = 0
          for (const event of events) {
            settle.push([event])
            if (event.type === 'text') characters += event.text.length
            const { prompt_tokens, completion_tokens, total_tokens, cost, prompt_tokens_details } = settle.usage()
            expect(prompt_tokens).toSatisfy((count: number) => Number.isInteger(count) && count > 0 && count <= 4000)
            expect(completion_tokens).toSatisfy((count: number) => Number.isInteger(count) && count >= 0)
            expect(completion_tokens).toBeLessThanOrEqual(most.completion + characters * 2.5 + 1)
            expect(total_tokens).toBe(prompt_tokens + completion_tokens)
            const { cached_tokens } = prompt_tokens_details ?? {}
            for (const number of [cost, cached_tokens]) {
              expect(number).toSatisfy(
                (value: unknown) => value === undefined || (Number(value) >= 0 && Number.isFinite(value)),
              )
            }
          }
        },
      ),
    )
  })
})
