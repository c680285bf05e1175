import { describe, expect, test } from 'vitest'
import type { FailureKind } from '../../src/chat/failure.ts'
import { duration, readErrorInAnswer, readUpstreamFailure } from '../../src/dialects/upstream-failure.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

function read(status: number, body: unknown, headers: Record<string, string> = {}) {
  return readUpstreamFailure({ status, body, now: NOW, header: (name) => headers[name] ?? null })
}

const anthropic = (type: string, message = 'Why.') => ({ type: 'error', error: { type, message } })
const google = (status: string, message = 'Why.', details: unknown[] = []) => ({
  error: { code: 400, message, status, details },
})
const openai = (code: string | null, message = 'Why.', type = 'invalid_request_error') => ({
  error: { message, type, param: null, code },
})
const quota = (quotaId: string) =>
  google('RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan and billing details.', [
    { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34s' },
  ])

describe('what a provider says is understood (translation 4)', () => {
  test.each<[string, number, unknown, FailureKind, number, boolean]>([
    ['Anthropic: a bad request', 400, anthropic('invalid_request_error'), 'rejected', 400, false],
    [
      'Anthropic: a prompt too long',
      400,
      anthropic('invalid_request_error', 'prompt is too long: 9 tokens > 8 maximum'),
      'context-length',
      400,
      true,
    ],
    [
      'Anthropic: prompt and answer too long',
      400,
      anthropic('invalid_request_error', 'input length and `max_tokens` exceed context limit: 9 + 9 > 10'),
      'context-length',
      400,
      true,
    ],
    [
      'Anthropic: no credit, told as 400',
      400,
      anthropic('invalid_request_error', 'Your credit balance is too low to access the API.'),
      'credentials-refused',
      502,
      true,
    ],
    ['Anthropic: billing', 402, anthropic('billing_error'), 'credentials-refused', 502, true],
    ['Anthropic: our key', 401, anthropic('authentication_error'), 'credentials-refused', 502, true],
    ['Anthropic: our rights', 403, anthropic('permission_error'), 'credentials-refused', 502, true],
    ['Anthropic: no such model', 404, anthropic('not_found_error'), 'model-missing', 404, true],
    ['Anthropic: too large', 413, anthropic('request_too_large'), 'body-too-large', 413, false],
    ['Anthropic: a rate limit', 429, anthropic('rate_limit_error'), 'rate-limited', 429, true],
    ['Anthropic: its own fault', 500, anthropic('api_error'), 'provider-failed', 502, true],
    ['Anthropic: a timeout', 504, anthropic('timeout_error'), 'provider-timeout', 504, true],
    ['Anthropic: overloaded', 529, anthropic('overloaded_error'), 'overloaded', 503, true],
    [
      'Gemini: our key, told as 400 (case 55)',
      400,
      google('INVALID_ARGUMENT', 'API key not valid.', [{ reason: 'API_KEY_INVALID' }]),
      'credentials-refused',
      502,
      true,
    ],
    ...[
      'Logprobs is not enabled for models/gemini-2.5-pro',
      'Logprobs is not supported for the current model.',
      'Unable to submit request because Logprobs is not supported for this model.',
      'Penalty is not enabled for this model',
    ].map((message): [string, number, unknown, FailureKind, number, boolean] => [
      `Gemini: ${message}`,
      400,
      google('INVALID_ARGUMENT', message),
      'unsupported-parameter',
      400,
      true,
    ]),
    [
      'Gemini: a prompt too long',
      400,
      google('INVALID_ARGUMENT', 'The input token count (9) exceeds the maximum number of tokens allowed (8).'),
      'context-length',
      400,
      true,
    ],
    [
      'Gemini: not from here',
      400,
      google('FAILED_PRECONDITION', 'User location is not supported for the API use.'),
      'credentials-refused',
      502,
      true,
    ],
    [
      'Gemini: not from here, told in the details only',
      400,
      google('INVALID_ARGUMENT', 'Why.', [{ detail: '[ORIGINAL ERROR] User location is not supported.' }]),
      'credentials-refused',
      502,
      true,
    ],
    [
      'Gemini: another precondition, such as our billing',
      400,
      google('FAILED_PRECONDITION', 'Please enable billing.'),
      'credentials-refused',
      502,
      true,
    ],
    [
      'Gemini: a bad request',
      400,
      google('INVALID_ARGUMENT', 'Please use a valid role: user, model.'),
      'rejected',
      400,
      false,
    ],
    [
      'Gemini: a disabled service',
      403,
      google('PERMISSION_DENIED', 'Why.', [{ reason: 'SERVICE_DISABLED' }]),
      'credentials-refused',
      502,
      true,
    ],
    [
      'Gemini: no such model, told as a page (case 56)',
      404,
      '<!DOCTYPE html><title>404</title>',
      'model-missing',
      404,
      true,
    ],
    [
      'Gemini: the minute is used up',
      429,
      quota('GenerateRequestsPerMinutePerProjectPerModel'),
      'rate-limited',
      429,
      true,
    ],
    [
      'Gemini: the day is used up',
      429,
      quota('GenerateRequestsPerDayPerProjectPerModel'),
      'quota-exhausted',
      429,
      true,
    ],
    ['Gemini: cancelled', 499, google('CANCELLED'), 'provider-failed', 502, true],
    ['Gemini: unavailable', 503, google('UNAVAILABLE'), 'overloaded', 503, true],
    ['Gemini: too late', 504, google('DEADLINE_EXCEEDED'), 'provider-timeout', 504, true],
    [
      'OpenAI: our quota (case 79)',
      429,
      openai('insufficient_quota', 'You exceeded your current quota.', 'insufficient_quota'),
      'quota-exhausted',
      429,
      true,
    ],
    [
      'OpenAI: a rate limit that mentions billing',
      429,
      openai('rate_limit_exceeded', 'Rate limit reached. Visit https://a.example/account/billing.', 'tokens'),
      'rate-limited',
      429,
      true,
    ],
    [
      'OpenAI: a tool whose name mentions billing',
      400,
      openai('invalid_value', "Invalid tool 'billing_lookup'."),
      'rejected',
      400,
      false,
    ],
    ['OpenAI: a policy', 400, openai('content_policy_violation'), 'content-filter', 400, false],
    ['OpenAI: a prompt too long', 400, openai('context_length_exceeded'), 'context-length', 400, true],
    ['OpenAI: a timeout', 408, openai(null), 'provider-failed', 502, true],
    ['OpenAI: a conflict', 409, openai(null), 'provider-failed', 502, true],
    [
      'Azure: a policy',
      400,
      { error: { code: 'content_filter', message: 'Why.', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      'content-filter',
      400,
      false,
    ],
    ['Azure: our key', 401, { error: { code: '401', message: 'Why.' } }, 'credentials-refused', 502, true],
    [
      'Azure: no such deployment',
      404,
      { error: { code: 'DeploymentNotFound', message: 'Why.' } },
      'model-missing',
      404,
      true,
    ],
    [
      'xAI: our key, told as 400',
      400,
      { code: 'Client specified an invalid argument', error: 'Incorrect API key provided: xa***3.' },
      'credentials-refused',
      502,
      true,
    ],
    [
      'Mistral: a field it does not know',
      422,
      { detail: [{ loc: ['body', 'a'], msg: 'Extra inputs are not permitted', type: 'extra_forbidden' }] },
      'rejected',
      400,
      false,
    ],
    ['Groq: a tool call that failed', 400, openai('tool_use_failed'), 'model-not-capable', 400, true],
    [
      'Groq: more tokens than our limit',
      413,
      openai('rate_limit_exceeded', 'Request too large on tokens per minute (TPM).', 'tokens'),
      'rate-limited',
      429,
      true,
    ],
    ['Groq: no capacity', 498, openai(null), 'overloaded', 503, true],
    ['DeepSeek: our balance', 402, openai(null, 'Insufficient Balance'), 'credentials-refused', 502, true],
    [
      'Perplexity: a prompt too long',
      400,
      { error: { message: 'Why.', type: 'too_many_prompt_tokens', code: 400 } },
      'context-length',
      400,
      true,
    ],
    ['a page instead of an answer', 502, '<html><body>Bad gateway</body></html>', 'provider-failed', 502, true],
    ['nothing at all', 500, '', 'provider-failed', 502, true],
    ['a redirect', 307, '', 'provider-failed', 502, true],
    ["Cloudflare's own codes", 522, 'error code: 522', 'provider-failed', 502, true],
  ])('%s', (_, status, body, kind, ours, failover) => {
    const failure = read(status, body)
    expect({ kind: failure.kind, status: failure.status, failover: failure.failover }).toEqual({
      kind,
      status: ours,
      failover,
    })
    expect(failure.details.upstreamStatus).toBe(status)
  })
})

test.each<[string, unknown]>([
  ['error.message', { error: { message: 'Why.' }, message: 'no' }],
  ['error', { code: 'a', error: 'Why.' }],
  ['message', { message: 'Why.', detail: 'no' }],
  ['detail', { detail: 'Why.' }],
  ['detail[].msg', { detail: [{ msg: 'Why.' }] }],
  ['errors[0].message', { errors: [{ code: 1, message: 'Why.' }], success: false }],
  ['errors', { errors: 'Why.' }],
  ['a list around it', [{ error: { message: 'Why.' } }]],
  ['an old vLLM', { object: 'error', message: 'Why.', code: 400 }],
  ['plain text', ' Why. '],
])('the words for the caller are found in %s', (_, body) => {
  expect(read(400, body).message).toBe('Why.')
})

describe('what the client is told', () => {
  test("is the provider's words, parameter and code only where the caller can mend it", () => {
    const body = {
      error: { message: "Bad 'temperature'.", type: 'a', param: 'temperature', code: 'decimal_above_max_value' },
    }
    expect(read(400, body).toError()).toEqual({
      message: "Bad 'temperature'.",
      type: 'invalid_request_error',
      param: 'temperature',
      code: 'decimal_above_max_value',
    })
  })

  test.each([401, 403, 404, 429, 500, 503])('holds no word of a %i, which could tell our account', (status) => {
    const failure = read(status, openai('x_code', 'Key sk-secret of org-secret at https://secret.example'))
    expect(JSON.stringify(failure.toError())).not.toMatch(/secret|x_code/)
  })

  test('of a tool call that the model got wrong is its code', () => {
    expect(read(400, openai('tool_use_failed')).toError()).toMatchObject({ message: 'Why.', code: 'tool_use_failed' })
  })

  test('has no status for a code (K04, case 78)', () => {
    expect(read(400, { error: { message: 'a', code: 400 } }).toError().code).toBeNull()
    expect(read(400, { error: { message: 'a', code: '400' } }).toError().code).toBeNull()
  })

  test('is cut where a body is long text, and is not a page', () => {
    expect(read(400, 'x'.repeat(5000)).message.length).toBeLessThanOrEqual(1000)
    expect(read(400, '<html>secret</html>').message).not.toMatch(/[<>]/)
  })
})

describe('how long to wait is read from', () => {
  const SOON = new Date(NOW + 12_000)
  test.each<[string, Record<string, string>, unknown, number | undefined]>([
    ['retry-after in seconds', { 'retry-after': '3' }, {}, 3000],
    ['retry-after with a fraction', { 'retry-after': '0.5' }, {}, 500],
    ['retry-after as a date (case 80)', { 'retry-after': SOON.toUTCString() }, {}, 12_000],
    ['a date gone by', { 'retry-after': new Date(NOW - 5000).toUTCString() }, {}, 0],
    ['retry-after-ms before retry-after', { 'retry-after-ms': '250', 'retry-after': '3' }, {}, 250],
    [
      "Anthropic's reset of what is used up",
      { 'anthropic-ratelimit-tokens-remaining': '0', 'anthropic-ratelimit-tokens-reset': SOON.toISOString() },
      {},
      12_000,
    ],
    [
      "OpenAI's reset of what is used up",
      { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '6m0s' },
      {},
      360_000,
    ],
    ["Google's RetryInfo", {}, quota('PerMinute'), 34_000],
    ['text in milliseconds', {}, openai('rate_limit_exceeded', 'Please try again in 644ms.'), 644],
    ['text in seconds', {}, openai('rate_limit_exceeded', 'Please try again in 3.89s. Visit a.'), 3890],
    ['text in minutes and seconds', {}, openai('rate_limit_exceeded', 'Please try again in 1m2s.'), 62_000],
    ['nowhere', {}, openai('rate_limit_exceeded'), undefined],
    ['nonsense', { 'retry-after': 'soon' }, {}, undefined],
  ])('%s', (_, headers, body, expected) => {
    expect(read(429, body, headers).details.retryAfterMs).toBe(expected)
  })

  test('nothing where waiting does not help', () => {
    expect(read(429, quota('PerDay'), { 'retry-after': '3' }).details).not.toHaveProperty('retryAfterMs')
  })
})

test.each([
  ['true', true],
  ['false', false],
])('x-should-retry: %s is kept', (header, shouldRetry) => {
  expect(read(500, {}, { 'x-should-retry': header }).details.shouldRetry).toBe(shouldRetry)
})

test.each([
  ['644ms', 644],
  ['3.89s', 3890],
  ['1m2s', 62_000],
  ['1h', 3_600_000],
  ['soon', undefined],
])('the duration %s is %s ms', (text, expected) => {
  expect(duration(text)).toBe(expected)
})

describe('an error inside an answer', () => {
  test.each<[string, unknown, FailureKind]>([
    ['Anthropic: overloaded (R03)', anthropic('overloaded_error'), 'overloaded'],
    ['Anthropic: a rate limit', anthropic('rate_limit_error'), 'rate-limited'],
    ['Anthropic: its own fault', anthropic('api_error'), 'provider-failed'],
    ['Groq: a status of its own', { error: { message: 'a', status_code: 429 } }, 'rate-limited'],
    ['OpenRouter: a status for a code', { error: { code: 502, message: 'a' } }, 'provider-failed'],
    ['OpenRouter: our key', { error: { code: 401, message: 'a' } }, 'credentials-refused'],
    ['Gemini: unavailable', { error: { code: 503, message: 'a', status: 'UNAVAILABLE' } }, 'overloaded'],
    ['a prompt too long', { error: { message: 'maximum context length is 8 tokens' } }, 'context-length'],
    ['only text', { error: 'it broke' }, 'provider-failed'],
  ])('%s', (_, body, kind) => {
    expect(readErrorInAnswer(body).kind).toBe(kind)
  })

  test('tells the client what the provider said and its type, but no key (E03)', () => {
    const { message } = readErrorInAnswer(anthropic('overloaded_error', 'Busy, sk-abcdefghijklmnop.'))
    expect(message).toMatch(/Busy.*overloaded_error/)
    expect(message).not.toContain('abcdefghijklmnop')
  })
})

test.each([
  ['Logprobs is not enabled for models/gemini-2.5-pro', 'logprobs'],
  ['Penalty is not enabled for this model', null],
])('of “%s” the client is told its parameter as far as it has a name: %s', (message, param) => {
  const failure = readUpstreamFailure({
    status: 400,
    header: () => null,
    body: google('INVALID_ARGUMENT', message),
    now: 0,
  })
  expect(failure.toError()).toMatchObject({ message, param, code: 'unsupported_parameter' })
})
