import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import { writeGeminiError } from '../../../src/formats/gemini/write-error.ts'
import { LIST } from '../../../src/formats/gemini/write-stream.ts'
import { toChatName } from '../../../src/formats/shared/tool-names.ts'
import {
  call,
  ended,
  extra,
  input,
  inputFor,
  native,
  partsOf,
  reasoning,
  responses,
  responsesIn,
  streamed,
  text,
  whole,
} from './writing.ts'

const THOUGHTS = { generationConfig: { thinkingConfig: { includeThoughts: true } } }
const BROKEN: OutputEvent = { type: 'error', failure: new Failure('provider-failed', 'The provider broke.') }
const detail = (data: string, format = 'openai-responses-v1') => ({ type: 'reasoning.encrypted', data, format })
const sealed = (value: unknown) => btoa(`ours:${JSON.stringify(value)}`)

describe('a stream', () => {
  test('is framed as Google frames it, and each response has the counts as far as they are known', () => {
    const stream = streamed([text('Hello'), text(' you'), ended()])
    expect(stream.split('\r\n\r\n')[0]).toBe(
      'data: {"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"index":0}],' +
        '"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12},' +
        '"modelVersion":"some/model","responseId":"answer-1"}',
    )
    const [, second, last] = responsesIn(stream)
    expect(second?.usageMetadata).toMatchObject({ candidatesTokenCount: 3, totalTokenCount: 13 })
    expect(last?.candidates).toEqual([
      { content: { parts: [{ text: '' }], role: 'model' }, finishReason: 'STOP', index: 0 },
    ])
    expect(last?.usageMetadata).toEqual({ promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 })
  })

  test('without alt=sse is one JSON list, which is no JSON until it has ended', () => {
    const list = streamed([text('a'), ended()], inputFor(), LIST)
    expect(JSON.parse(list)).toHaveLength(2)
    for (let at = 1; at < list.length; at++) expect(() => JSON.parse(list.slice(0, at))).toThrow(SyntaxError)
    expect(JSON.parse(streamed([BROKEN], inputFor(), LIST))).toMatchObject([{ error: { code: 502 } }])
  })

  test('that breaks ends with an error and without a reason to finish, and the call that was not whole is not called', () => {
    const all = responses([text('a'), call(0), input(0, '{"a":'), BROKEN])
    expect(partsOf(all.slice(0, -1))).toEqual([{ text: 'a' }])
    expect(all.at(-1)).toEqual({
      error: {
        code: 502,
        message: 'The provider broke.',
        status: 'UNAVAILABLE',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'UPSTREAM_ERROR',
            domain: 'router9',
            metadata: { request_id: 'req_1' },
          },
        ],
      },
    })
    expect(JSON.stringify(all)).not.toContain('finishReason')
  })

  test('has calls whole, in their order, and what comes behind a call behind it', () => {
    const all = responses([
      ...[call(0), call(1), input(1, '{"b":'), input(0, '{"a"'), text('later'), input(0, ':1}')],
      ...[input(1, '2}'), text(' still'), ended('tool_calls')],
    ])
    expect(partsOf(all)).toEqual([
      { functionCall: { id: 'call_0', name: 'tool_0', args: { a: 1 } } },
      { functionCall: { id: 'call_1', name: 'tool_1', args: { b: 2 } } },
      { text: 'later' },
      { text: ' still' },
      { text: '' },
    ])
    expect(all.at(-1)?.candidates[0]?.finishReason).toBe('STOP')
  })

  test('gives the last call with the reason to finish, as Google does', () => {
    expect(responses([call(0), input(0, '{}'), ended('tool_calls')])).toMatchObject([
      { candidates: [{ content: { parts: [{ functionCall: { args: {} } }] }, finishReason: 'STOP' }] },
    ])
  })

  test('of several candidates ends all of them in one response', () => {
    const end: OutputEvent = {
      type: 'end',
      finishes: [
        { choice: 0, reason: 'stop' },
        { choice: 1, reason: 'length' },
      ],
      usage: toUsage(1, 2),
    }
    const all = responses([text('a'), text('b', 1), end])
    expect(partsOf(all, 1)).toEqual([{ text: 'b' }, { text: '' }])
    expect(all.at(-1)?.candidates.map(({ finishReason }) => finishReason)).toEqual(['STOP', 'MAX_TOKENS'])
  })
})

describe('thoughts', () => {
  const events = [reasoning('Hm.'), text('Yes.'), ended()]

  test('are shown to clients that ask for them', () => {
    expect(partsOf(responses(events, inputFor(THOUGHTS))).slice(0, 2)).toEqual([
      { text: 'Hm.', thought: true },
      { text: 'Yes.' },
    ])
    expect(partsOf([whole(events, inputFor(THOUGHTS))])).toEqual([{ text: 'Hm.', thought: true }, { text: 'Yes.' }])
  })

  test('are not shown to others, and are counted all the same', () => {
    expect(partsOf(responses(events))).toEqual([{ text: 'Yes.' }, { text: '' }])
    const usage = toUsage(11, 7, {
      completion_tokens_details: { reasoning_tokens: 3 },
      prompt_tokens_details: { cached_tokens: 5 },
    })
    expect(whole([...events.slice(0, 2), ended('stop', usage)]).usageMetadata).toEqual({
      promptTokenCount: 11,
      cachedContentTokenCount: 5,
      candidatesTokenCount: 4,
      thoughtsTokenCount: 3,
      totalTokenCount: 18,
    })
  })
})

describe('what a provider wants back', () => {
  test('is sealed into the signature of the call that it came before', () => {
    const events = [
      ...[reasoning('Hm.'), extra({ reasoning_details: [detail('x')] }), text('So:')],
      ...[call(0), input(0, '{}'), call(1), input(1, '{}'), ended('tool_calls')],
    ]
    const signature = sealed({ reasoning_content: 'Hm.', reasoning_details: [detail('x')] })
    expect(partsOf(responses(events)).slice(0, 3)).toEqual([
      { text: 'So:' },
      { functionCall: { id: 'call_0', name: 'tool_0', args: {} }, thoughtSignature: signature },
      { functionCall: { id: 'call_1', name: 'tool_1', args: {} } },
    ])
  })

  test('with a call of its own is in the signature of that call', () => {
    const events = [call(0, 'a', { own: 1 }), input(0, '{}'), call(1, 'b', { own: 2 }), input(1, '{}'), ended()]
    expect(partsOf(responses(events)).map(({ thoughtSignature }) => thoughtSignature)).toEqual([
      sealed({ calls: { call_0: { own: 1 } } }),
      sealed({ calls: { call_1: { own: 2 } } }),
    ])
  })

  test("is Google's own signature as it came, where there is nothing else", () => {
    const google = { google: { thought_signature: 'sig' } }
    expect(partsOf(responses([call(0, 'a', google), input(0, '{}'), ended()]))).toMatchObject([
      { thoughtSignature: 'sig' },
    ])
    const late = [text('a'), extra({ reasoning_details: [detail('sig', 'google-gemini-v1')] }), ended()]
    expect(partsOf(responses(late))).toEqual([{ text: 'a' }, { text: '', thoughtSignature: 'sig' }])
    expect(partsOf([whole(late)])).toEqual([{ text: 'a', thoughtSignature: 'sig' }])
  })

  test('after a text without calls is only what is no text', () => {
    expect(partsOf([whole([reasoning('Hm.'), text('a'), ended()])])).toEqual([{ text: 'a' }])
    const events = [reasoning('Hm.'), extra({ reasoning_details: [detail('x')] }), text('a'), ended()]
    expect(partsOf([whole(events)])).toEqual([
      { text: 'a', thoughtSignature: sealed({ reasoning_details: [detail('x')] }) },
    ])
  })
})

describe('a part', () => {
  test('of a call whose arguments are no object says so', () => {
    for (const bad of ['[1]', '{"a":', 'Paris', '1'])
      expect(partsOf([whole([call(0), input(0, bad), ended()])])).toEqual([
        { functionCall: { id: 'call_0', name: 'tool_0', args: { INVALID_JSON: bad } } },
      ])
  })

  test('has the name of the tool as the client gave it', () => {
    const body = { tools: [{ functionDeclarations: [{ name: 'mcp.server:look' }] }] }
    const [first] = partsOf([whole([call(0, toChatName('mcp.server:look')), input(0, '{}'), ended()], inputFor(body))])
    expect(first).toMatchObject({ functionCall: { name: 'mcp.server:look' } })
  })

  test('of a picture has its data, or its address', () => {
    const images = [
      { image_url: { url: 'data:image/png;base64,QUJD' } },
      { image_url: { url: 'https://example.com/a.png' } },
      { image_url: {} },
    ]
    expect(partsOf([whole([extra({ images }), ended()])])).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'QUJD' } },
      { fileData: { mimeType: 'image/*', fileUri: 'https://example.com/a.png' } },
    ])
  })
})

describe('beside the parts', () => {
  test('citations are grounding, whose places are bytes', () => {
    const cite = (url: string, start_index: number, end_index: number) => ({
      type: 'url_citation',
      url_citation: { url, title: 'A', start_index, end_index },
    })
    const annotations = [
      cite('https://a.example', 2, 5),
      cite('https://b.example', 2, 5),
      cite('https://a.example', 0, 2),
    ]
    const events = [text('äß'), text('😀x'), extra({ annotations }), ended()]
    const grounding = {
      groundingChunks: [
        { web: { uri: 'https://a.example', title: 'A' } },
        { web: { uri: 'https://b.example', title: 'A' } },
      ],
      groundingSupports: [
        { segment: { startIndex: 4, endIndex: 9, text: '😀x' }, groundingChunkIndices: [0, 1] },
        { segment: { startIndex: 0, endIndex: 4, text: 'äß' }, groundingChunkIndices: [0] },
      ],
    }
    expect(whole(events).candidates[0]?.groundingMetadata).toEqual(grounding)
    const all = responses(events)
    expect(all.map(({ candidates }) => candidates[0]?.groundingMetadata)).toEqual([undefined, undefined, grounding])
  })

  test('log probabilities are those of their tokens', () => {
    const content = [{ token: 'a', logprob: -0.5, top_logprobs: [{ token: 'b', logprob: -1 }] }]
    const events = [extra({ logprobs: { content } }, 'choice'), text('a'), text('b'), ended()]
    const result = {
      chosenCandidates: [{ token: 'a', logProbability: -0.5 }],
      topCandidates: [{ candidates: [{ token: 'b', logProbability: -1 }] }],
    }
    expect(responses(events).map(({ candidates }) => candidates[0]?.logprobsResult)).toEqual([
      result,
      undefined,
      undefined,
    ])
    expect(whole(events).candidates[0]?.logprobsResult).toEqual(result)
    // Those that nothing comes after do not wait for the end.
    const bare = extra({ logprobs: { content } }, 'choice')
    const all = responses([bare, bare, bare, ended()])
    expect(all.map(({ candidates }) => candidates[0]?.logprobsResult)).toEqual([result, result, result])
  })

  test('the reason to finish is one of Google, and a refusal is none of the answers', () => {
    const reasons = (['stop', 'length', 'tool_calls', 'function_call', 'content_filter'] as const).map(
      (reason) => whole([text('a'), ended(reason)]).candidates[0]?.finishReason,
    )
    expect(reasons).toEqual(['STOP', 'MAX_TOKENS', 'STOP', 'STOP', 'SAFETY'])
    const refused = whole([{ type: 'refusal', choice: 0, text: 'No.' }, ended()])
    expect(refused.candidates).toMatchObject([{ content: { parts: [{ text: 'No.' }] }, finishReason: 'SAFETY' }])
  })
})

describe("Google's own answer", () => {
  const message = (piece: string, further: object = {}, index = 0) => ({
    candidates: [{ content: { parts: [{ text: piece, unknown: true }], role: 'model' }, index, ...further }],
    usageMetadata: { promptTokenCount: 3, serviceTier: 'standard' },
    modelVersion: 'gemini-9',
    responseId: 'google',
    modelStatus: { stage: 'x' },
  })
  const OURS = { modelVersion: 'some/model', responseId: 'answer-1' }
  const own = (one: object) => ({ ...one, ...OURS })

  test('passes as it is, but for our names', () => {
    const messages = [message('a'), message('b', { finishReason: 'STOP', finishMessage: 'Done' })]
    const events = messages.flatMap((one) => [native(one), text('not written')])
    expect(responses([...events, ended()])).toEqual(messages.map(own))
    expect(whole([native(message('a')), text('not written'), ended()])).toEqual(own(message('a')))
  })

  test('does not end until it has ended, and what it said with its end is not lost', () => {
    const last = message('b', { finishReason: 'STOP' })
    const counts = { usageMetadata: { totalTokenCount: 9 } }
    const all = responses([native(message('a')), native(last), native(counts), BROKEN])
    expect(all.slice(0, -1)).toEqual([message('a'), message('b')].map(own))
    expect(all.at(-1)).toMatchObject({ error: { status: 'UNAVAILABLE' } })
    expect(responses([native(last), native(counts), ended()])).toEqual([own(last), own(counts)])
  })

  test('whose every message has a reason to finish has it in the last, is not held back, nor are other candidates', () => {
    const each = ['a', 'b', 'c'].map((piece) => message(piece, { finishReason: 'STOP' }))
    const open = ['a', 'b', 'c'].map((piece) => own(message(piece)))
    expect(responses([...each.map(native), BROKEN]).slice(0, -1)).toEqual(open)
    expect(responses([...each.map(native), ended()])).toEqual([...open.slice(0, 2), own(each[2] ?? {})])
    const [first, other, end] = [message('a', { finishReason: 'STOP' }), message('b', {}, 1), ended()]
    expect(responses([native(first), native(other), end])).toEqual([own(other), own(first)])
  })

  test('without a reason to finish gets one', () => {
    const all = responses([native(message('a')), ended('length')])
    expect(all[1]).toMatchObject({ candidates: [{ finishReason: 'MAX_TOKENS' }], ...OURS })
  })
})

test('an answer streamed is the answer whole', () => {
  const event = fc.oneof(
    fc.string().map((words) => text(words)),
    fc.string().map((words) => reasoning(words)),
    fc.integer({ min: 0, max: 2 }).map((index) => call(index)),
    fc
      .tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom('{', '"a":1', '}', ' ', 'x'))
      .map(([at, piece]) => input(at, piece)),
    fc.string().map((data) => extra({ reasoning_details: [detail(data)] })),
  )
  fc.assert(
    fc.property(fc.array(event), fc.constantFrom(THOUGHTS, {}), (events, body) => {
      const streamedParts = partsOf(responses([...events, ended()], inputFor(body)))
      const joined: Record<string, unknown>[] = []
      for (const part of streamedParts) {
        const last = joined.at(-1)
        if (typeof last?.text === 'string' && typeof part.text === 'string' && last.thought === part.thought)
          joined[joined.length - 1] = { ...last, ...part, text: last.text + part.text }
        else joined.push(part)
      }
      const isEmptyEnd = (part: object) => JSON.stringify(part) === '{"text":""}'
      const filled = joined.length > 1 ? joined.filter((part) => !isEmptyEnd(part)) : joined
      expect(partsOf([whole([...events, ended()], inputFor(body))])).toEqual(filled)
    }),
  )
})

describe('an error', () => {
  const bodyOf = (...failure: ConstructorParameters<typeof Failure>) =>
    (writeGeminiError(new Failure(...failure), 'req_1') as { error: { status: string; details?: object[] } }).error

  test("has Google's word for its status", () => {
    const words = (
      ['invalid-value', 'invalid-key', 'model-not-allowed', 'unknown-model', 'internal', 'overloaded'] as const
    ).map((kind) => bodyOf(kind, 'x').status)
    expect(words).toEqual([
      ...['INVALID_ARGUMENT', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'NOT_FOUND', 'INTERNAL', 'UNAVAILABLE'],
    ])
    expect(bodyOf('provider-timeout', 'x').status).toBe('DEADLINE_EXCEEDED')
    expect(bodyOf('rejected', 'x')).toEqual({ code: 400, message: 'x', status: 'INVALID_ARGUMENT' })
  })

  test('names the field, and says how long to wait', () => {
    const param = 'contents[0].parts[1]'
    expect(bodyOf('invalid-value', 'bad', { param }).details).toContainEqual({
      '@type': 'type.googleapis.com/google.rpc.BadRequest',
      fieldViolations: [{ field: param, description: 'bad' }],
    })
    const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' }
    expect(bodyOf('request-rate', 'x', { retryAfterMs: 1500 }).details).toContainEqual(retry)
    expect(bodyOf('rate-limited', 'x').details).toContainEqual({ ...retry, retryDelay: '5s' })
    expect(JSON.stringify(bodyOf('quota-exhausted', 'x'))).not.toContain('retryDelay')
    const hopeless = { retryAfterMs: 1500, shouldRetry: false }
    expect(JSON.stringify(bodyOf('rate-limited', 'x', hopeless))).not.toContain('retryDelay')
  })

  test('of a prompt that is too long says so in the words that clients look for', () => {
    expect(bodyOf('context-length', '200001 tokens > 200000')).toMatchObject({
      message: expect.stringMatching(/^The input token count exceeds the maximum number of tokens allowed: 200001/),
    })
  })
})
