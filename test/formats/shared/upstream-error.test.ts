import { describe, expect, test } from 'vitest'
import { type FailureKind, redactKeys } from '../../../src/chat/failure.ts'
import { readDuration } from '../../../src/formats/shared/retry-after.ts'
import { readErrorInAnswer, readUpstreamFailure } from '../../../src/formats/shared/upstream-error.ts'

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
      'Gemini: our key, told as 400',
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
    ['Gemini: no such model, told as a page', 404, '<!DOCTYPE html><title>404</title>', 'model-missing', 404, true],
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
      'OpenAI: our quota',
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

  test('has no status for a code', () => {
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
    ['retry-after as a date', { 'retry-after': SOON.toUTCString() }, {}, 12_000],
    ['a date gone by', { 'retry-after': new Date(NOW - 5000).toUTCString() }, {}, 1000],
    ['nothing to wait for, which is a second all the same', { 'retry-after': '0' }, {}, 1000],
    ['less than nothing', { 'retry-after': '-30' }, {}, 1000],
    ['less than nothing in milliseconds', { 'retry-after-ms': '-1' }, {}, 1000],
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
    ['words for units', {}, openai('x', 'Please try again in 500 milliseconds.'), 500],
    ['several words', {}, openai('x', 'Try again in 1 minute and 20 seconds, or in 3 hours.'), 80_000],
    ['another way to say it', {}, openai('x', 'Please retry after 12 seconds.'), 12_000],
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
  ['500 milliseconds', 500],
  ['2 minutes', 120_000],
  ['1 sec', 1000],
  ['2d', 172_800_000],
  ['5 moments', undefined],
  ['soon', undefined],
])('the duration %s is %s ms', (text, expected) => {
  expect(readDuration(text)).toBe(expected)
})

describe('an error inside an answer', () => {
  test.each<[string, unknown, FailureKind]>([
    ['Anthropic: overloaded', anthropic('overloaded_error'), 'overloaded'],
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

  test.each([
    'Overloaded',
    'The server had an error while processing your request. Sorry about that!',
    "Error: the model's worker died",
  ])('tells the client plain words and its type: %s', (words) => {
    const { message } = readErrorInAnswer(anthropic('overloaded_error', words))
    expect(message).toBe(`The provider broke off with an error: ${words} (overloaded_error)`)
  })

  test.each([
    'Rate limit reached for Acme Inc.',
    'the organization is disabled',
    'cannot reach backend-three',
    'cannot reach backend.internal',
    'no slot left on node 7',
    'see `proj_x`',
    '',
  ])('tells none of “%s”, which may be about our account and its machines', (words) => {
    expect(readErrorInAnswer(anthropic('api_error', words)).message).toBe('The provider failed. (api_error)')
  })

  test('tells the client what it is and its type, but none of the words that name our account and its machines', () => {
    const words = 'Busy: org-acme, project proj_7, backend 10.1.2.3:8080, sk-abcdefghijklmnop.'
    const failure = readErrorInAnswer(anthropic('overloaded_error', words))
    expect(failure.message).toBe('The provider is overloaded. (overloaded_error)')
    expect(failure.details.detail).toContain('org-acme')
    expect(readErrorInAnswer({ error: { message: words, type: 'org-acme', code: 'proj_7' } }).message).toBe(
      'The provider failed.',
    )
  })

  test('tells the provider’s words where the caller can mend it', () => {
    const { message } = readErrorInAnswer({ error: { code: 400, message: 'temperature is too high' } })
    expect(message).toBe('temperature is too high')
  })

  test.each([401, 402, 404, 429])('takes nobody out by a %i that stands in it', (code) => {
    const body = { error: { code, status: 'NOT_FOUND', type: 'insufficient_quota', message: 'a' } }
    expect(readErrorInAnswer(body).details.health).not.toBe('opens')
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

/** What is made of an error, of which the caller had sent some of the words. */
function verdict(status: number, body: unknown, sent: readonly string[] = []) {
  const { kind, failover, details } = readUpstreamFailure({
    status,
    body,
    now: NOW,
    header: () => null,
    callerTexts: sent,
  })
  return { kind, failover, health: details.health }
}

describe("a provider's refusal of one request speaks for nobody else", () => {
  const request = (...words: string[]) => [JSON.stringify({ model: 'gpt-4o', messages: words })]

  test.each<[string, unknown, string]>([
    ['a field', openai('unknown_parameter', "Unknown parameter: 'invalid_api_key'."), 'invalid_api_key'],
    [
      'an address',
      openai('invalid_image_url', 'Error while downloading https://x.example/insufficient_quota.png.'),
      'https://x.example/insufficient_quota.png',
    ],
    [
      'a type',
      openai(null, "Invalid value: 'authentication_error invalid x-api-key'."),
      'authentication_error invalid x-api-key',
    ],
    ['a code', openai('insufficient_quota', 'No such tool.'), 'insufficient_quota'],
    [
      'a sentence at its beginning',
      { error: { message: 'Your credit balance is too low is no tool' } },
      'Your credit balance is too low',
    ],
    ['a sentence in another case', openai(null, 'No tool INCORRECT API KEY.'), 'incorrect api key'],
    ['what JSON escapes', openai(null, 'model "x" is not available'), 'model "x" is not available'],
  ])('where it repeats %s of the caller’s, it is the caller’s own', (_, body, words) => {
    expect(verdict(400, body, request(words))).toEqual({ kind: 'rejected', failover: false, health: undefined })
  })

  test('words of our account in the middle of a message are worth another candidate, and no outcome', () => {
    const body = openai(null, 'upstream said: your credit balance is too low')
    expect(verdict(400, body)).toEqual({ kind: 'credentials-refused', failover: true, health: 'none' })
  })

  test.each<[string, unknown]>([
    ['Anthropic: no credit', anthropic('invalid_request_error', 'Your credit balance is too low to access the API.')],
    [
      'Anthropic: our own limit',
      anthropic(
        'invalid_request_error',
        'You have reached your specified API usage limits. You will regain access on 2026-02-01 at 00:00 UTC.',
      ),
    ],
    ['Google: our key', google('INVALID_ARGUMENT', 'API key not valid.', [{ reason: 'API_KEY_INVALID' }])],
    ['Google: our place', google('FAILED_PRECONDITION', 'User location is not supported for the API use.')],
  ])('%s, told as 400: another candidate, and a failure like any other for its health', (_, body) => {
    expect(verdict(400, body)).toEqual({ kind: 'credentials-refused', failover: true, health: undefined })
  })

  test('a file of the caller’s that is not ready is the caller’s', () => {
    const body = google('FAILED_PRECONDITION', 'The File abc is not in an ACTIVE state and usage is not allowed.')
    expect(verdict(400, body)).toMatchObject({ kind: 'rejected', failover: false })
  })

  test.each<[number, unknown]>([
    [401, { detail: 'Invalid API Key' }],
    [402, openai('invalid_request_error', 'Insufficient Balance')],
    [403, google('PERMISSION_DENIED')],
    [404, openai('model_not_found')],
    [404, anthropic('not_found_error', 'model: x')],
    [404, google('NOT_FOUND', 'models/x is not found for API version v1beta.')],
    [404, google('NOT_FOUND', 'Publisher Model `projects/p/models/x` was not found.')],
    [410, openai('model_deprecated')],
    [429, openai('insufficient_quota')],
  ])('a %i with %j is certain', (status, body) => {
    expect(verdict(status, body)).toMatchObject({ failover: true, health: 'opens' })
  })

  test.each<[number, unknown]>([
    [403, '<html>Sorry, you have been blocked'],
    [403, { error: 'no' }],
    [404, '<html>Not found'],
    [404, { message: "model 'x' was removed" }],
    [404, anthropic('not_found_error', 'Prompt not found: model')],
    [410, ''],
  ])('a %i with no code of the provider’s for it (%j) is not', (status, body) => {
    expect(verdict(status, body)).toMatchObject({ failover: true, health: undefined })
  })

  test.each(['Container not found: container_1', 'Skill not found: s'])(
    '“%s” is of what the caller named',
    (message) => {
      expect(verdict(404, anthropic('not_found_error', message))).toEqual({
        kind: 'rejected',
        failover: false,
        health: undefined,
      })
    },
  )

  test('a code that also stands in what was sent is not, and the next candidate is asked all the same', () => {
    const body = openai('insufficient_quota')
    expect(verdict(429, body, request('what does insufficient_quota mean?'))).toEqual({
      kind: 'rate-limited',
      failover: true,
      health: undefined,
    })
    expect(verdict(404, openai('model_not_found'), request('model_not_found'))).toMatchObject({
      kind: 'model-missing',
      health: undefined,
    })
  })

  test('whom OpenRouter passes on to may lack a feature: the next may have it, and nobody is out', () => {
    const body = { error: { code: 404, message: 'No endpoints found that support tool use.' } }
    expect(verdict(404, body)).toEqual({ kind: 'model-not-capable', failover: true, health: undefined })
  })
})

describe('a request that is too large for our account', () => {
  test.each<[string, number, unknown]>([
    [
      'OpenAI',
      429,
      openai('rate_limit_exceeded', 'Request too large for gpt-4o on tokens per min: Limit 30000.', 'tokens'),
    ],
    ['Groq', 413, openai('rate_limit_exceeded', 'Request too large for model `x`.', 'tokens')],
    [
      'OpenRouter',
      402,
      {
        error: {
          code: 402,
          message:
            'This request requires more credits, or fewer max_tokens. You requested up to 64000 tokens, but can only afford 512.',
        },
      },
    ],
    ['OpenRouter, by its prompt', 402, { error: { code: 402, message: 'Prompt tokens limit exceeded: 9000 > 512.' } }],
  ])('is no outcome, also where its words stand in what was sent (%s)', (_, status, body) => {
    for (const sent of [[], [JSON.stringify(body)]]) {
      expect(verdict(status, body, sent)).toMatchObject({ failover: true, health: 'none' })
    }
    expect(read(status, body).details).toMatchObject({ shouldRetry: false })
    expect(read(status, body).message).toContain('larger than')
  })

  test('says something of large requests only, where tokens are what is limited', () => {
    const limited = openai('rate_limit_exceeded', 'Rate limit reached on tokens per min (TPM).', 'tokens')
    expect(verdict(429, limited)).toMatchObject({ kind: 'rate-limited', health: 'size' })
    const exceeding = anthropic('rate_limit_error', 'This would exceed your limit of 20,000 input tokens per minute.')
    expect(verdict(429, exceeding)).toMatchObject({ health: 'size' })
    expect(verdict(429, openai('rate_limit_exceeded', 'Slow down.', 'requests'))).toMatchObject({ health: undefined })
  })
})

test.each([
  'Unrecognized request argument supplied: moderation',
  'Unrecognized request arguments supplied: context_length, safety_system',
  "Unknown parameter: 'context_length'.",
  'context_length: Extra inputs are not permitted',
  "property 'content_filter' is unsupported",
  'Invalid JSON payload received. Unknown name "flagged as": Cannot find field.',
  'Argument not supported on this model: context_length',
  "Function 'model x' not found in tools.",
])('the name of a field decides nothing: “%s” is a bad request', (message) => {
  const sent = JSON.stringify({
    moderation: 1,
    context_length: 1,
    safety_system: 1,
    content_filter: 1,
    'flagged as': 1,
  })
  expect(verdict(400, { error: { message } }, [sent])).toMatchObject({ kind: 'rejected', failover: false })
})

test('what OpenRouter was told as JSON is read as such', () => {
  const raw = JSON.stringify({ type: 'error', error: { message: 'prompt is too long: 9 tokens > 8 maximum' } })
  const body = { error: { code: 400, message: 'Provider returned error', metadata: { raw } } }
  expect(read(400, body)).toMatchObject({ kind: 'context-length', message: 'prompt is too long: 9 tokens > 8 maximum' })
})

/** Milliseconds for something, the best of three. */
function timed(work: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const startedAt = performance.now()
    work()
    return performance.now() - startedAt
  })
  return Math.min(...times)
}

describe('a hostile provider', () => {
  const long = (piece: string) => piece.repeat(120_000 / piece.length)
  test.each<[string, () => unknown]>([
    ['a code of 120 KB', () => read(503, openai(long('key-')))],
    ['a type that looks like models', () => read(400, openai(null, long('model '), long('model ')))],
    ['a delay of 120,000 digits', () => read(429, google('X', 'a', [{ retryDelay: long('1') }]))],
    [
      'a reset of as many',
      () => read(429, {}, { 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': long('1') }),
    ],
    ['words of a delay', () => read(429, openai('x', `try again in ${long('1 ')}`))],
    ['a page of blanks', () => read(400, long(' '))],
    [
      '100,000 details',
      () =>
        read(
          429,
          google(
            'X',
            'a',
            Array.from({ length: 100_000 }, () => ({ reason: 'PerDay', violations: [] })),
          ),
        ),
    ],
    ['an error inside a 200', () => readErrorInAnswer(openai(long('key-'), long("'`")))],
    ['quotes that never end', () => read(400, openai(null, long('\'a`"')))],
    ['a log line of keys', () => redactKeys(long('key-'))],
    ['a code as a log holds it', () => redactKeys(JSON.stringify(read(503, openai(long('key-'))).details))],
  ])('costs nothing with %s', (_, work) => {
    // What is quadratic takes seconds.
    expect(timed(work)).toBeLessThan(400)
  })

  test('has a code that is a sentence left out of what the log holds, and the others told', () => {
    const { details } = read(400, { error: { message: 'a', code: 'my secret words', type: 'bad_request' } })
    expect(details.reason).toBe('bad_request')
  })

  test('has what is kept of its codes cut', () => {
    const { details } = read(400, { error: { message: 'a', code: long('c'), param: long('p') } })
    expect(details.code).toHaveLength(200)
    expect(details.param).toHaveLength(200)
    expect(details.reason).toBeUndefined()
  })
})
