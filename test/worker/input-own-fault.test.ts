import { afterEach, expect, test, vi } from 'vitest'
import { app } from '../../src/app.ts'
import { expectRefusal } from './refusal.ts'

afterEach(() => vi.restoreAllMocks())

test.each([
  ['POST', '/v1/chat/completions'],
  ['GET', '/v1/models'],
  ['GET', '/v1/models/gpt-4o'],
])('what goes wrong in ourselves is a 500 that tells the log and not the client: %s %s', async (method, path) => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
  const env = {
    get KEYS(): never {
      throw new TypeError('the secret reason')
    },
  }
  const context = { waitUntil() {}, passThroughOnException() {}, props: {} }
  const request = { method, headers: { authorization: 'Bearer sk-r9k-whatever' } }
  const response = await app.request(path, request, env, context)
  const { message } = await expectRefusal(response, { status: 500, type: 'server_error', code: 'internal_error' })
  expect(message).not.toContain('secret reason')
  const text = String(logged.mock.calls)
  expect(text).toContain('the secret reason')
  expect(text).toContain(response.headers.get('x-request-id'))
})
