import { expect } from 'vitest'

/** How a request is refused, beside the words of it (contract 5). */
export interface Refusal {
  readonly status: number
  readonly code: string | null
  readonly param?: string | null
  readonly type?: string
}

export interface ErrorMembers {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/** The error of a response, after a look at everything that every error must have. */
export async function errorOf(response: Response): Promise<ErrorMembers> {
  const text = await response.text()
  expect(response.headers.get('content-type'), text).toMatch(/^application\/json\b/)
  expect(response.headers.get('x-request-id')).toMatch(/^\S{8,}$/)
  const body = JSON.parse(text) as { error: ErrorMembers }
  expect(Object.keys(body)).toEqual(['error'])
  const { error } = body
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
  expect(error.message.length).toBeGreaterThan(0)
  for (const member of [error.param, error.code]) {
    expect(member === null || (typeof member === 'string' && member !== '' && member !== 'None')).toBe(true)
  }
  if (response.status === 429 || response.status === 503) expectWait(response)
  return error
}

/** Official SDKs obey these three (contract 5). */
function expectWait(response: Response): void {
  const seconds = Number(response.headers.get('retry-after'))
  const milliseconds = Number(response.headers.get('retry-after-ms'))
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(response.headers.get('retry-after-ms')).toMatch(/^\d+$/)
  expect(Math.ceil(milliseconds / 1000)).toBe(seconds)
  expect(response.headers.get('x-should-retry')).toMatch(/^(true|false)$/)
}

/** Expects the refusal, whole: status, all four members, and the headers that every error has. */
export async function expectRefusal(response: Response, expected: Refusal): Promise<ErrorMembers> {
  const error = await errorOf(response)
  const { type = 'invalid_request_error', param = null } = expected
  expect({ status: response.status, type: error.type, param: error.param, code: error.code }, error.message).toEqual({
    status: expected.status,
    type,
    param,
    code: expected.code,
  })
  return error
}
