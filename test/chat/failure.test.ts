import { describe, expect, test } from 'vitest'
import { Failure, type FailureKind, type Fault, redactKeys } from '../../src/chat/failure.ts'

/** The table of contract 5: kind, status, type, code. */
const CONTRACT: [FailureKind, number, string, string | null][] = [
  ['missing-key', 401, 'invalid_request_error', null],
  ['invalid-key', 401, 'invalid_request_error', 'invalid_api_key'],
  ['expired-key', 401, 'invalid_request_error', 'api_key_expired'],
  ['unsupported-media-type', 415, 'invalid_request_error', 'unsupported_media_type'],
  ['body-too-large', 413, 'invalid_request_error', 'request_too_large'],
  ['invalid-json', 400, 'invalid_request_error', 'invalid_json'],
  ['missing-parameter', 400, 'invalid_request_error', 'missing_required_parameter'],
  ['invalid-value', 400, 'invalid_request_error', 'invalid_value'],
  ['unsupported-parameter', 400, 'invalid_request_error', 'unsupported_parameter'],
  ['unknown-model', 404, 'invalid_request_error', 'model_not_found'],
  ['model-not-allowed', 403, 'invalid_request_error', 'model_not_allowed'],
  ['model-not-capable', 400, 'invalid_request_error', 'model_not_capable'],
  ['context-length', 400, 'invalid_request_error', 'context_length_exceeded'],
  ['content-filter', 400, 'invalid_request_error', 'content_filter'],
  ['request-rate', 429, 'requests', 'rate_limit_exceeded'],
  ['token-rate', 429, 'tokens', 'rate_limit_exceeded'],
  ['budget', 429, 'insufficient_quota', 'insufficient_quota'],
  ['rate-limited', 429, 'rate_limit_error', 'upstream_rate_limited'],
  ['provider-failed', 502, 'upstream_error', 'upstream_error'],
  ['credentials-refused', 502, 'upstream_error', 'upstream_error'],
  ['overloaded', 503, 'upstream_error', 'upstream_unavailable'],
  ['provider-timeout', 504, 'upstream_error', 'upstream_timeout'],
  ['unknown-endpoint', 404, 'invalid_request_error', 'unknown_url'],
  ['not-found', 404, 'invalid_request_error', null],
  ['answers-unavailable', 503, 'server_error', 'response_store_unavailable'],
  ['unknown-url', 404, 'invalid_request_error', 'unknown_url'],
  ['method-not-allowed', 405, 'invalid_request_error', 'method_not_allowed'],
  ['internal', 500, 'server_error', 'internal_error'],
]

test.each(CONTRACT)('%s is told as %i %s %s', (kind, status, type, code) => {
  const failure = new Failure(kind, 'Why.')
  expect(failure.status).toBe(status)
  expect(failure.toError()).toEqual({ message: 'Why.', type, param: null, code })
})

test("all four members are there, and only the field at fault or a provider's code changes them", () => {
  const failure = new Failure('rejected', 'No.', { param: 'messages[1].content', code: 'bad_thing' })
  expect(failure.toError()).toEqual({
    message: 'No.',
    type: 'invalid_request_error',
    param: 'messages[1].content',
    code: 'bad_thing',
  })
})

test('what is for the log does not reach the client', () => {
  const failure = new Failure('provider-failed', 'The provider failed.', {
    detail: 'https://upstream.example/?key=secret',
    upstreamStatus: 500,
  })
  expect(JSON.stringify(failure.toError())).not.toMatch(/secret|upstream\.example|500/)
})

describe('whose doing it was decides on failover (routing 2.1)', () => {
  test.each<[FailureKind, Fault, boolean]>([
    ['invalid-value', 'caller', false],
    ['rejected', 'caller', false],
    ['content-filter', 'caller', false],
    ['context-length', 'caller', true],
    ['unsupported-parameter', 'caller', true],
    ['rate-limited', 'limit', true],
    ['overloaded', 'limit', true],
    ['quota-exhausted', 'config', true],
    ['credentials-refused', 'config', true],
    ['model-missing', 'config', true],
    ['provider-failed', 'provider', true],
    ['provider-timeout', 'timeout', true],
    ['client-left', 'left', false],
    ['internal', 'gateway', false],
  ])('%s: %s, failover %s', (kind, fault, failover) => {
    const failure = new Failure(kind, 'Why.')
    expect({ fault: failure.fault, failover: failure.failover }).toEqual({ fault, failover })
  })
})

test.each([
  ['Incorrect key sk-abcdefghijklmnop given', 'Incorrect key sk-… given'],
  ['Authorization: Bearer 0123456789abcdef', 'Authorization: Bearer …'],
  ['x AIzaSyA-1234567890', 'x AIza…'],
  ['the key limitations of skateboarding', 'the key limitations of skateboarding'],
])('“%s” is told as “%s”', (text, told) => {
  expect(redactKeys(text)).toBe(told)
})
