import { expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import { openaiChatAsOpenRouter } from '../../../src/formats/openai-chat/client.ts'
import { answerInput } from '../answer-input.ts'

const USAGE = {
  prompt_tokens: 3,
  completion_tokens: 4,
  total_tokens: 7,
  prompt_tokens_details: { cached_tokens: 1, audio_tokens: null },
  completion_tokens_details: { reasoning_tokens: null },
  cost: { input_tokens_cost: 0.001, total_cost: 0.002 },
  cost_details: { upstream_inference_cost: null },
}
const EVENTS: readonly OutputEvent[] = [
  { type: 'extra', choice: 0, place: 'body', fields: { provider: 'Somebody', system_fingerprint: 7, tier: 'x' } },
  {
    type: 'extra',
    choice: 0,
    place: 'choice',
    fields: { logprobs: { content: [{ token: 'a', logprob: null, top_logprobs: [{ token: 'b', logprob: -1 }] }] } },
  },
  { type: 'reasoning', choice: 0, text: 'Hm.' },
  { type: 'text', choice: 0, text: 'a' },
  { type: 'end', finishes: [{ choice: 0, reason: 'stop' }], usage: USAGE },
]
const LOGPROBS = {
  content: [{ token: 'a', logprob: -9999, bytes: null, top_logprobs: [{ token: 'b', logprob: -1, bytes: null }] }],
  refusal: null,
}
const CLEAN = {
  prompt_tokens: 3,
  completion_tokens: 4,
  total_tokens: 7,
  prompt_tokens_details: { cached_tokens: 1 },
  completion_tokens_details: {},
  cost: 0.002,
}
const input = { ...answerInput({}), provider: 'own' }

test('what OpenRouter’s clients refuse is left out of a whole answer or made whole', () => {
  expect(openaiChatAsOpenRouter.writeAnswer(EVENTS, input)).toEqual({
    ...input.envelope,
    object: 'chat.completion',
    provider: 'own',
    tier: 'x',
    system_fingerprint: null,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'a', reasoning: 'Hm.' },
        finish_reason: 'stop',
        logprobs: LOGPROBS,
      },
    ],
    usage: CLEAN,
  })
})

/** The chunks of a stream, with usage in a chunk of its own. */
function chunksOf(events: readonly OutputEvent[], provider: string | undefined) {
  const chat = { ...input.chat, stream_options: { include_usage: true } }
  const write = openaiChatAsOpenRouter.streamWriter({ ...input, chat, provider })
  const lines = events.map(write).join('').split('\n\n')
  return lines.filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice('data: '.length)))
}

test('so it is in a stream, of which every chunk says who answers', () => {
  const chunks = chunksOf(EVENTS, 'own')
  expect(chunks.every(({ provider }) => provider === 'own')).toBe(true)
  expect(chunks.flatMap(({ choices }) => choices).map(({ delta }) => delta)).toEqual([
    { role: 'assistant', content: '' },
    { reasoning: 'Hm.' },
    { content: 'a' },
    {},
  ])
  expect(chunks[1]).toMatchObject({ tier: 'x', choices: [{ logprobs: LOGPROBS }] })
  expect(chunks.map((chunk) => chunk.usage)).toEqual([undefined, undefined, undefined, undefined, CLEAN])
  expect(JSON.stringify(chunks)).not.toMatch(/Somebody|system_fingerprint/)
})

test('a field that is left out leaves nothing behind, and a stream that nobody answers names nobody', () => {
  const extra: OutputEvent = { type: 'extra', choice: 0, place: 'body', fields: { provider: 'Somebody' } }
  const failure = new Failure('provider-timeout', 'Too slow.')
  const chunks = chunksOf([extra, { type: 'text', choice: 0, text: 'a' }, { type: 'error', failure }], undefined)
  expect(chunks.some((chunk) => 'provider' in chunk)).toBe(false)
  expect(chunks.at(-1)).toMatchObject({
    choices: [{ finish_reason: 'error' }],
    error: { code: 524, message: 'Too slow.', metadata: { error_type: 'timeout', code: 'upstream_timeout' } },
  })
})

test.each([
  ['budget', 402, 'payment_required'],
  ['context-length', 400, 'context_length_exceeded'],
  ['content-filter', 400, 'content_policy_violation'],
  ['body-too-large', 413, 'payload_too_large'],
  ['upload-timeout', 408, 'timeout'],
  ['internal', 500, 'server'],
] as const)('a failure is told by its number: %s', (kind, code, error_type) => {
  const failure = new Failure(kind, 'So it is.', { param: 'messages' })
  expect(openaiChatAsOpenRouter.statusOf?.(failure)).toBe(code)
  const metadata = { error_type, param: 'messages', type: failure.toError().type, code: failure.toError().code }
  expect(openaiChatAsOpenRouter.writeError(failure, 'req_1')).toEqual({
    error: { code, message: 'So it is.', metadata },
  })
})
