import { expect, test } from 'vitest'
import { errorForHttp, messageOf } from './read-errors.ts'

const first = (status: number, body: unknown) => errorForHttp(status, JSON.stringify(body)).error

test('our credentials are never the fault of the caller', () => {
  for (const status of [401, 402, 403]) expect(first(status, {})).toMatchObject({ status: 502, code: 'upstream_error' })
  const badKey = { error: { code: 400, details: [{ reason: 'API_KEY_INVALID' }] } }
  expect(first(400, badKey)).toMatchObject({ status: 502 })
  const elsewhere = { error: { code: 400, status: 'FAILED_PRECONDITION', message: 'Not from here.' } }
  expect(first(400, elsewhere)).toMatchObject({ status: 502, type: 'upstream_error', code: 'upstream_error' })
})

test('limits, overload, missing models and long prompts have their own codes', () => {
  expect(first(429, { error: { type: 'tokens' } })?.code).toBe('upstream_rate_limited')
  expect(first(529, {})).toMatchObject({ status: 503, code: 'upstream_unavailable' })
  expect(first(404, { error: 'gone' })).toMatchObject({ param: 'model', code: 'model_not_found' })
  const long = { error: { message: 'prompt is too long: 9 tokens > 8 maximum' } }
  expect(first(400, long)).toMatchObject({ status: 400, param: 'messages', code: 'context_length_exceeded' })
})

test('a fault of the caller is told in the words of the provider, up to the first address', () => {
  const error = { message: 'cannot load https://example.org/a.png', code: 'bad_image' }
  const expected = first(400, { error })
  expect(expected).toMatchObject({ status: 400, type: 'invalid_request_error', messageIncludes: 'cannot load' })
  expect(expected.code).toBeUndefined()
})

test('a 404 that is a web page is still a missing model, and a timeout is told from other faults', () => {
  expect(errorForHttp(404, '<html>').error).toMatchObject({ status: 404, code: 'model_not_found' })
  expect(first(504, {})).toMatchObject({ status: 504, code: 'upstream_timeout' })
  expect(first(500, {})).toMatchObject({ status: 502, code: 'upstream_error' })
})

test('the message is found in any shape', () => {
  const shapes: unknown[] = [
    { error: { message: 'm' } },
    [{ error: { message: 'm' } }],
    { error: 'm' },
    { message: 'm' },
    { detail: 'm' },
    { detail: [{ msg: 'm' }] },
    { errors: [{ message: 'm' }] },
  ]
  for (const shape of shapes) expect(messageOf(shape, '')).toBe('m')
  expect(messageOf(undefined, 'plain words')).toBe('plain words')
})
