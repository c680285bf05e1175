import { expect, test } from 'vitest'
import { readUpstreamFailure } from '../../src/formats/shared/upstream-error.ts'

function kindOf(status: number, body: unknown): string {
  return readUpstreamFailure({ status, header: () => null, body, now: 0 }).kind
}

test.each([
  [
    'xAI',
    403,
    { code: 'The caller does not have permission', error: 'Content violates usage guidelines. SAFETY_CHECK_TYPE_BIO' },
  ],
  ['OpenRouter', 403, { error: { code: 403, message: 'Input was flagged by moderation' } }],
  [
    'Anthropic',
    400,
    { error: { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' } },
  ],
  [
    'OpenAI',
    400,
    {
      error: { code: 'invalid_prompt', message: 'Invalid prompt: flagged as potentially violating our usage policy.' },
    },
  ],
])('%s refuses content, and our key is not blamed for it', (_, status, body) => {
  expect(kindOf(status, body)).toBe('content-filter')
})

test('a refusal of our key is still one', () => {
  expect(kindOf(403, { error: { message: 'The caller does not have permission' } })).toBe('credentials-refused')
})

test.each([
  [404, 'File not found: file_abc'],
  [403, 'You do not have permission to access the File xyz or it may not exist.'],
])(
  'a %i for a file that the caller named is the caller’s own: the model and our account are well',
  (status, message) => {
    expect(kindOf(status, { error: { message } })).toBe('rejected')
    expect(kindOf(404, { error: { message: 'The model `x` does not exist' } })).toBe('model-missing')
  },
)

test.each([
  "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
  'too many tokens: size limit exceeded by 11326 tokens',
  'Invalid request: Your request exceeded model token limit: 8192',
  'the request exceeds the available context size, try increasing it',
  '`inputs` tokens + `max_new_tokens` must be <= 8193',
])('“%s” is a prompt that is too long', (message) => {
  expect(kindOf(400, { error: { message } })).toBe('context-length')
})

test('a quota that is used up is told from a limit that passes', () => {
  expect(kindOf(429, { error: { type: 'exceeded_current_quota_error', message: 'x' } })).toBe('quota-exhausted')
  expect(kindOf(429, { code: 'x', error: 'Your team has used all available credits' })).toBe('quota-exhausted')
  expect(kindOf(429, { error: { type: 'rate_limit_reached_error', message: 'x' } })).toBe('rate-limited')
})
