import { describe, expect, test } from 'vitest'
import { createGeminiReader } from '../../../src/formats/gemini/read-answer.ts'
import type { Json } from '../asking.ts'
import { answerOf, completion, counting, failureOf, readMessages, readWhole } from '../reading.ts'
import { geminiEvent as event } from '../streams.ts'

const stream = (...events: Json[]) => readMessages(createGeminiReader(counting()).readEvent, events)
const body = (given: unknown) => readWhole(createGeminiReader(counting()).readBody(given))
const call = (name: string, args?: Json, further: Json = {}) => ({
  functionCall: { name, ...(args && { args }), ...further },
})
const callsOf = (answer: Json) =>
  (answer.tool_calls as { id: string; function: Json }[]).map(({ id, function: f }) => `${id} ${f.name} ${f.arguments}`)

describe('the finish reason', () => {
  test.each<[string, string]>([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ...[
      'SAFETY',
      'RECITATION',
      'BLOCKLIST',
      'PROHIBITED_CONTENT',
      'SPII',
      'IMAGE_SAFETY',
      'MODEL_ARMOR',
      'LANGUAGE',
    ].map((word) => [word, 'content_filter'] as [string, string]),
    ...['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'OTHER', 'NO_IMAGE', 'SOMETHING_NEW'].map(
      (word): [string, string] => [word, 'stop'],
    ),
  ])('%s after some text is %s', (word, reason) => {
    expect(answerOf(body(event([{ text: 'a' }], word)))).toMatchObject({ content: 'a', finish_reason: reason })
    expect(answerOf(stream(event([{ text: 'a' }]), event([], word)))).toMatchObject({
      content: 'a',
      finish_reason: reason,
    })
  })

  test.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'OTHER', 'SOMETHING_NEW'])(
    '%s without content is a failure of the provider',
    (word) => {
      expect(failureOf(body(event([], word)))).toMatchObject({ kind: 'provider-failed', failover: true })
      expect(failureOf(stream(event([], word))).kind).toBe('provider-failed')
    },
  )

  test.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'TOO_MANY_TOOL_CALLS', 'SOMETHING_NEW'])(
    '%s is the end of no call: without words a failure that another may mend, with words a stop',
    (word) => {
      const failed = { kind: 'provider-failed', failover: true }
      expect(body(event([call('f')], word))).toMatchObject([{ type: 'error', failure: failed }])
      expect(stream(event([call('f')], word))).toMatchObject([{ type: 'error', failure: failed }])
      expect(failureOf(stream(event([call('f')]), event([], word)))).toMatchObject(failed)
      const open = call('f', undefined, { willContinue: true })
      expect(stream(event([open]), event([], word))).toMatchObject([{ type: 'error', failure: failed }])

      const answer = answerOf(body(event([{ text: 'a' }, call('f')], word)))
      expect(answer).toMatchObject({ content: 'a', finish_reason: 'stop' })
      expect(answer).not.toHaveProperty('tool_calls')
      // What has gone out stays out; the finish does not ask the client to answer it.
      expect(answerOf(stream(event([{ text: 'a' }, call('f')]), event([], word))).finish_reason).toBe('stop')
    },
  )

  test.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
  ])('%s without content is one choice with empty content', (word, reason) => {
    for (const content of [{ role: 'model' }, { parts: [] }, {}, undefined]) {
      const given = { candidates: [{ content, finishReason: word, index: 0 }], usageMetadata: { promptTokenCount: 1 } }
      expect(completion(body(given)).choices).toEqual([
        { index: 0, message: { role: 'assistant', content: '' }, finish_reason: reason },
      ])
    }
  })

  test('on every chunk still ends the answer once, at its end', () => {
    expect(answerOf(stream(event([{ text: 'a' }], 'STOP'), event([{ text: 'b' }], 'STOP')))).toMatchObject({
      content: 'ab',
      finish_reason: 'stop',
    })
  })
})

describe('function calls', () => {
  test('are tool_calls, though Gemini says STOP, also chunks later', () => {
    const output = stream(event([call('f', { x: 1 })]), event([{ text: '' }], 'STOP'))
    expect(answerOf(output)).toMatchObject({ finish_reason: 'tool_calls', content: null })
    expect(callsOf(answerOf(output))).toEqual(['made_1 f {"x":1}'])
  })

  test('of one function in one chunk and across chunks are told apart', () => {
    const output = stream(event([call('f', { x: 1 }), call('f', { x: 2 })]), event([call('f', { x: 3 })], 'STOP'))
    expect(output.filter((item) => item.type === 'tool-start').map(({ index }) => index)).toEqual([0, 1, 2])
    expect(callsOf(answerOf(output))).toEqual(['made_1 f {"x":1}', 'made_2 f {"x":2}', 'made_3 f {"x":3}'])
  })

  test('keep their own id, and have an object for missing args', () => {
    expect(
      callsOf(answerOf(body(event([call('f', undefined, { id: 'own' }), call('g', undefined, { id: '' })], 'STOP')))),
    ).toEqual(['own f {}', 'made_1 g {}'])
  })

  test('carry their signature where it comes back untouched', () => {
    const output = body(event([{ ...call('f'), thoughtSignature: 's' }, call('g')], 'STOP'))
    const [first, second] = answerOf(output).tool_calls as Json[]
    expect(first?.extra_content).toEqual({ google: { thought_signature: 's' } })
    expect(second).not.toHaveProperty('extra_content')
  })

  test('whose arguments come piece by piece are told once, whole', () => {
    const output = stream(
      event([call('f', undefined, { willContinue: true })]),
      event([
        {
          functionCall: {
            partialArgs: [{ jsonPath: '$.x', stringValue: 'a', willContinue: true }],
            willContinue: true,
          },
        },
      ]),
      event([{ functionCall: { partialArgs: [{ jsonPath: '$.x', stringValue: 'b' }], willContinue: true } }]),
      event([{ functionCall: {} }]),
      event([], 'STOP'),
    )
    expect(callsOf(answerOf(output))).toEqual(['made_1 f {"x":"ab"}'])
  })

  test('in pieces end with the answer where their own end is missing', () => {
    const output = stream(event([call('f', undefined, { willContinue: true })]), event([], 'STOP'))
    expect(callsOf(answerOf(output))).toEqual(['made_1 f {}'])
  })
})

describe('parts', () => {
  test('of thought are reasoning, and unknown ones are passed over', () => {
    const parts = [{ text: 'Hm.', thought: true }, { executableCode: { code: 'x' } }, { newThing: 1 }, { text: 'So.' }]
    expect(answerOf(body(event(parts, 'STOP')))).toMatchObject({ reasoning_content: 'Hm.', content: 'So.' })
  })

  test('that are pictures are images', () => {
    const parts = [{ inlineData: { mimeType: 'image/png', data: 'QUJD' } }]
    expect(answerOf(body(event(parts, 'STOP')))).toMatchObject({
      images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } }],
    })
  })

  test('of empty text still carry their signature', () => {
    const output = stream(event([{ text: 'a' }]), event([{ text: '', thoughtSignature: 's' }], 'STOP'))
    expect(answerOf(output)).toMatchObject({ content: 'a', reasoning_details: [{ data: 's' }] })
  })
})

describe('log probabilities', () => {
  const likely = (parts: Json[], logprobsResult: Json, finishReason?: string) => ({
    candidates: [
      { content: { role: 'model', parts }, index: 0, logprobsResult, ...(finishReason && { finishReason }) },
    ],
  })
  const one = { token: 'So', tokenId: 7, logProbability: -0.25 }
  const other = { token: 'No', tokenId: 8, logProbability: -1.5 }
  const entry = (token: string, logprob: number) => ({ token, logprob, bytes: null })

  test('are told of each token, with those that it was chosen from', () => {
    const result = {
      chosenCandidates: [one, { token: '.' }],
      topCandidates: [{ candidates: [one, other] }, {}],
    }
    expect(answerOf(body(likely([{ text: 'So.' }], result, 'STOP'))).logprobs).toEqual({
      content: [
        { ...entry('So', -0.25), top_logprobs: [entry('So', -0.25), entry('No', -1.5)] },
        // A probability of 1 has the logarithm 0, which Google leaves out.
        { ...entry('.', 0), top_logprobs: [] },
      ],
      refusal: null,
    })
  })

  test('of a stream are told with their text, and are one list in the end', () => {
    const output = stream(
      likely([{ text: 'So' }], { chosenCandidates: [one] }),
      likely([{ text: 'No' }], { chosenCandidates: [other] }, 'STOP'),
    )
    expect(output.map(({ type }) => type).slice(0, 4)).toEqual(['extra', 'text', 'extra', 'text'])
    expect(answerOf(output).logprobs).toEqual({
      content: [
        { ...entry('So', -0.25), top_logprobs: [] },
        { ...entry('No', -1.5), top_logprobs: [] },
      ],
      refusal: null,
    })
  })

  test.each([undefined, {}, { chosenCandidates: [] }])('that are %j are none', (logprobsResult) => {
    expect(answerOf(body(likely([{ text: 'a' }], logprobsResult as Json, 'STOP')))).not.toHaveProperty('logprobs')
  })
})

describe('usage', () => {
  const usageOf = (usageMetadata: Json) => answerOf(body(event([{ text: 'a' }], 'STOP', { usageMetadata }))).usage
  test('counts thoughts with the answer and tool prompts with the prompt', () => {
    const given = {
      promptTokenCount: 10,
      toolUsePromptTokenCount: 5,
      candidatesTokenCount: 3,
      thoughtsTokenCount: 7,
      cachedContentTokenCount: 4,
      totalTokenCount: 25,
    }
    expect(usageOf(given)).toMatchObject({
      prompt_tokens: 15,
      completion_tokens: 10,
      total_tokens: 25,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 7 },
    })
  })

  test('is estimated where a count is missing', () => {
    expect(usageOf({ promptTokenCount: 10 })).toMatchObject({
      prompt_tokens: 10,
      completion_tokens: 1,
      total_tokens: 11,
      estimated: true,
    })
  })

  test('of a stream is the last one; early ones without counts are none', () => {
    const at = (text: string, usageMetadata: Json, finish?: string) => event([{ text }], finish, { usageMetadata })
    const output = stream(
      at('a', { trafficType: 'x' }),
      at('b', { promptTokenCount: 1, candidatesTokenCount: 1 }),
      at('c', { promptTokenCount: 1, candidatesTokenCount: 9 }, 'STOP'),
    )
    expect(answerOf(output).usage).toMatchObject({ completion_tokens: 9, total_tokens: 10 })
  })
})

test('candidates are choices, told apart by their index', () => {
  const candidates = [
    { index: 1, content: { parts: [{ text: 'b' }] }, finishReason: 'MAX_TOKENS' },
    { index: 0, content: { parts: [{ text: 'a' }] }, finishReason: 'STOP' },
  ]
  expect(completion(body({ candidates })).choices).toMatchObject([
    { index: 0, message: { content: 'a' }, finish_reason: 'stop' },
    { index: 1, message: { content: 'b' }, finish_reason: 'length' },
  ])
})

test('a list of responses for a body is one answer (a stream not asked for as events)', () => {
  const list = [
    event([{ text: 'a' }]),
    event([{ text: 'b' }, call('f', { x: 1 })]),
    event([], 'STOP', { usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 4 } }),
  ]
  const answer = answerOf(body(list))
  expect(answer).toMatchObject({ content: 'ab', finish_reason: 'tool_calls', usage: { total_tokens: 7 } })
  expect(callsOf(answer)).toEqual(['made_1 f {"x":1}'])
})

test('grounding becomes annotations, told once though it is repeated', () => {
  const groundingMetadata = {
    groundingChunks: [{ web: { uri: 'https://a.example/', title: 'A' } }],
    groundingSupports: [{ segment: { startIndex: 0, endIndex: 2 }, groundingChunkIndices: [0] }],
  }
  const at = (text: string, finish?: string) => ({
    candidates: [
      { index: 0, content: { parts: [{ text }] }, groundingMetadata, ...(finish && { finishReason: finish }) },
    ],
  })
  const annotations = [
    { type: 'url_citation', url_citation: { url: 'https://a.example/', title: 'A', start_index: 0, end_index: 2 } },
  ]
  expect(answerOf(stream(at('abc'), at('d', 'STOP'))).annotations).toEqual(annotations)
  expect(answerOf(body(at('abcd', 'STOP'))).annotations).toEqual(annotations)
})

describe('an error', () => {
  test('is what a blocked prompt is, and the caller can mend it', () => {
    const given = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 3 } }
    expect(failureOf(body(given))).toMatchObject({ kind: 'content-filter', status: 400 })
    expect(failureOf(stream(given)).kind).toBe('content-filter')
  })

  test('in the middle of a stream ends it', () => {
    const error = { error: { code: 503, message: 'Busy.', status: 'UNAVAILABLE' } }
    expect(failureOf(stream(event([{ text: 'a' }]), error))).toMatchObject({ kind: 'overloaded' })
  })

  test.each<[string, unknown]>([
    ['an error', { error: { code: 500, message: 'a' } }],
    ['text', 'a'],
    ['nothing', {}],
    ['only usage', { usageMetadata: { promptTokenCount: 1 } }],
    ['an empty list', []],
    ['a list of other things', ['a']],
    ['a list with an error in it', [event([{ text: 'a' }]), { error: { code: 500, message: 'a' } }]],
  ])('is what a body that is %s is', (_, given) => {
    expect(failureOf(body(given)).kind).toBe('provider-failed')
  })
})

test('a text that is none is a failure where there is no other, never an empty success', () => {
  expect(failureOf(stream(event([{ text: { a: 1 } }], 'STOP'))).kind).toBe('provider-failed')
  expect(answerOf(stream(event([{ text: { a: 1 } }, { text: 'a' }], 'STOP'))).content).toBe('a')
})

test.each([42, true, 'a', { a: 1 }, ['a']])('parts that are none (%j) are a failure too', (parts) => {
  const of = (content: unknown) => ({ candidates: [{ index: 0, content, finishReason: 'STOP' }] })
  expect(failureOf(stream(of({ role: 'model', parts }))).kind).toBe('provider-failed')
  expect(failureOf(body(of({ role: 'model', parts }))).kind).toBe('provider-failed')
  expect(failureOf(body(of('a'))).kind).toBe('provider-failed')
})

describe('a call that Google has run itself', () => {
  const ran = (name: string, further: Json = {}) => ({ functionResponse: { name, response: {}, ...further } })

  test("is not the client's", () => {
    const parts = [call('f'), ran('f'), { text: 'a' }]
    const output = answerOf(stream(event(parts), event([], 'STOP')))
    expect(output).toMatchObject({ content: 'a', finish_reason: 'stop' })
    expect(output.tool_calls).toBeUndefined()
    expect(answerOf(body(event(parts, 'STOP'))).tool_calls).toBeUndefined()
  })

  test('is told by its id from another of the same name', () => {
    const parts = [call('f', { x: 1 }, { id: 'a' }), call('f', { x: 2 }, { id: 'b' }), ran('f', { id: 'a' })]
    expect(callsOf(answerOf(stream(event(parts, 'STOP'))))).toEqual(['b f {"x":2}'])
  })

  test('holds up no other: each goes out with its event', () => {
    const readEvent = createGeminiReader(counting()).readEvent
    expect(readEvent(event([call('f')]), '')).toMatchObject([{ type: 'tool-start', name: 'f', index: 0 }, {}, {}])
    expect(readEvent(event([call('g')]), '')).toMatchObject([{ type: 'tool-start', name: 'g', index: 1 }, {}, {}])
  })
})

describe('candidates whose indexes cannot be theirs', () => {
  test.each<[string, unknown, unknown]>([
    ['equal', 0, 0],
    ['negative', -1, 0],
    ['beyond all bounds', 1e9, 1e9],
    ['missing', undefined, undefined],
  ])('(%s) stay apart', (_, one, other) => {
    const of = (index: unknown, text: string, finishReason?: string) => ({
      index,
      content: { parts: [{ text }] },
      ...(finishReason === undefined ? {} : { finishReason }),
    })
    const output = stream(
      { candidates: [of(one, 'he'), of(other, 'ta')] },
      { candidates: [of(one, 'ads', 'STOP'), of(other, 'ils', 'STOP')] },
    )
    const choices = completion(output).choices.map(({ index, message }) => [index, (message as Json).content])
    expect(choices).toEqual([
      [0, 'heads'],
      [1, 'tails'],
    ])
  })
})

test('arguments of no function are refused, not lost; of nothing at all there is no call', () => {
  const nameless = (args: Json) => ({ functionCall: { args } })
  expect(failureOf(body(event([nameless({ x: 1 })], 'STOP'))).message).toMatch(/arguments of no call/)
  const partial = { functionCall: { partialArgs: [{ jsonPath: '$.x', numberValue: 1 }] } }
  expect(failureOf(stream(event([partial]), event([], 'STOP'))).message).toMatch(/arguments of no call/)
  expect(answerOf(body(event([{ text: 'a' }, nameless({})], 'STOP')))).not.toHaveProperty('tool_calls')
})
