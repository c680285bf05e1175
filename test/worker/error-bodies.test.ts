import { describe, expect, test } from 'vitest'
import { chunksOf, useCase } from '../cases/router.ts'
import type { Script } from '../cases/scripted.ts'
import { broken, chunk, sse, whole } from '../cases/wires.ts'
import { expectRefusal } from './refusal.ts'

/** An error body is waited for a second; the rest is for the way, on a busy machine. */
const ANSWERED_MS = 1900
const LONG = 'x'.repeat(60 * 1024)
/** As much of a provider's words as a client, and as a log, may get. */
const CLIENT_CHARACTERS = 1000
const LOG_CHARACTERS = 300

// Without that, a log has none of a provider's words.
const router = useCase({ LOG_DETAIL: 'on' })

function ask(script: Script, stream: boolean): Promise<Response> {
  router.upstream.play(script)
  return router.post({ model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'Hello!' }], stream })
}

const never = { until: new Promise<void>(() => {}) }

describe.each([false, true])('an error whose body never ends (stream: %s)', (stream) => {
  test.each<[string, Script['pieces']]>([
    ['there is nothing of it', [never]],
    ['it stops in its middle', ['{"error":{"message":"Slow do', never]],
    ['it goes on and on', Array.from({ length: 40 }, () => [' ', { pauseMs: 100 }]).flat()],
  ])('keeps its status and its wait where %s', async (_, pieces) => {
    const startedAt = performance.now()
    const headers = { 'content-type': 'application/json', 'retry-after': '7' }
    const response = await ask({ status: 429, headers, pieces }, stream)
    expect(performance.now() - startedAt).toBeLessThan(ANSWERED_MS)
    await expectRefusal(response, { status: 429, type: 'rate_limit_error', code: 'upstream_rate_limited' })
    expect(response.headers.get('retry-after')).toBe('7')
    expect(response.headers.get('retry-after-ms')).toBe('7000')
    expect(router.upstream.asked()).toHaveLength(1)
  })

  test('does not keep a second candidate waiting for longer than that', async () => {
    const endless = { status: 503, headers: { 'content-type': 'text/plain' }, pieces: ['Service ', never] }
    const startedAt = performance.now()
    const answered = { status: 400, headers: {}, pieces: ['No.'] }
    router.upstream.play(endless, answered)
    const response = await router.post({
      model: 'openai/gpt-4o',
      models: ['mistral-large-2512'],
      messages: [{ role: 'user', content: 'Hello!' }],
      stream,
    })
    await response.text()
    expect(performance.now() - startedAt).toBeLessThan(ANSWERED_MS)
    expect(router.upstream.asked()).toHaveLength(2)
  })
})

/** The longest run of the long message's letter. */
function longest(text: string): number {
  return Math.max(0, ...[...text.matchAll(/x+/g)].map(([run]) => run.length))
}

describe('an error message of 60 KB', () => {
  const openai = (fields: Record<string, unknown>) => ({
    error: { message: LONG, type: 'invalid_request_error', param: null, code: null, ...fields },
  })
  test.each<[string, Script]>([
    ['in the usual place', whole(openai({}), 400)],
    ['of a prompt that is too long', whole(openai({ code: 'context_length_exceeded' }), 400)],
    ['of content that is refused', whole(openai({ code: 'content_filter' }), 400)],
    ['at the top', whole({ message: LONG }, 422)],
    ['as plain text', { status: 400, headers: { 'content-type': 'text/plain' }, pieces: [LONG] }],
    ['inside a 200', whole(openai({ code: 400 }))],
  ])('%s is cut for the client, and more for the log', async (_, script) => {
    const before = router.worker.log().length
    const response = await ask(script, false)
    expect(response.status).toBe(400)
    const { error } = (await response.json()) as { error: { message: string } }
    expect(error.message).toContain('xxx')
    expect(longest(error.message)).toBeLessThanOrEqual(CLIENT_CHARACTERS)
    expect(error.message.length).toBeLessThan(CLIENT_CHARACTERS + 200)
    await expect.poll(() => router.worker.log().slice(before)).toContain('"event":"request"')
    const logged = router.worker.log().slice(before)
    expect(longest(logged)).toBeGreaterThan(0)
    expect(longest(logged)).toBeLessThanOrEqual(LOG_CHARACTERS)
  })

  test('in the middle of a stream is not told, and is cut for the log', async () => {
    const before = router.worker.log().length
    const error = { message: LONG, type: 'server_error', code: null, param: null }
    const response = await ask(broken('whole', sse(chunk({ content: 'one ' }), { error })), true)
    const message = chunksOf(await response.text()).at(-1)?.error?.message
    expect(message).toBe('The provider failed. (server_error)')
    await expect.poll(() => router.worker.log().slice(before)).toContain('"event":"request"')
    const logged = router.worker.log().slice(before)
    expect(longest(logged)).toBeGreaterThan(0)
    expect(longest(logged)).toBeLessThanOrEqual(LOG_CHARACTERS)
  })
})

test.each([false, true])(
  'no error inside a 200 tells whose account and machines there are (stream: %s)',
  async (stream) => {
    const names = ['org-acme', 'Acme Inc.', 'proj_7', 'backend-3.internal:8080', '10.1.2.3']
    const message = `Out of memory for ${names.slice(0, 2).join(', ')} in ${names[2]} at http://${names[3]} (${names[4]})`
    for (const error of [
      { message, type: 'server_error', code: null },
      { message, type: 'rate_limit_error', code: 429 },
      { message, type: names[0], code: names[2] },
      { message, type: 'authentication_error', code: 401 },
    ]) {
      const body = stream ? broken('whole', sse(chunk({ content: 'one ' }), { error })) : whole({ error })
      const text = await (await ask(body, stream)).text()
      expect(text).toContain('"error"')
      for (const name of names) expect(text).not.toContain(name)
    }
  },
)

describe('how long to wait, and whether at all', () => {
  const limited = (headers: Record<string, string>, status = 429): Script => ({
    status,
    headers: { 'content-type': 'application/json', ...headers },
    pieces: ['{"error":{"message":"Slow down.","type":"requests","code":"rate_limit_exceeded"}}'],
  })

  test.each(['0', '-5', '0.0001'])('a retry-after of %s is at least a second', async (wait) => {
    const { headers } = await ask(limited({ 'retry-after': wait }), false)
    expect(headers.get('retry-after')).toBe('1')
    expect(headers.get('retry-after-ms')).toBe('1000')
    expect(headers.get('x-should-retry')).toBe('true')
  })

  test.each([
    ['retry-after', '31536000'],
    ['retry-after', '1e300'],
    ['retry-after-ms', '99999999999'],
    ['retry-after', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ])('%s: %s is cut at its first telling', async (name, wait) => {
    const { headers } = await ask(limited({ [name]: wait }), false)
    expect(headers.get('retry-after')).toBe('120')
    expect(headers.get('retry-after-ms')).toBe('120000')
    expect(headers.get('x-should-retry')).toBe('false')
  })

  test.each([429, 500, 503])('a provider’s x-should-retry: false with a %i stands', async (status) => {
    const { headers } = await ask(limited({ 'x-should-retry': 'false' }, status), false)
    expect(headers.get('x-should-retry')).toBe('false')
  })

  test.each([401, 402, 403])('a %i, which is about our key, is not worth another try', async (status) => {
    const response = await ask(limited({}, status), false)
    expect(response.status).toBe(502)
    expect(response.headers.get('x-should-retry')).toBe('false')
  })

  test('a failure of the provider’s own says nothing against one', async () => {
    const response = await ask(limited({}, 500), false)
    expect(response.status).toBe(502)
    expect(response.headers.get('x-should-retry')).toBeNull()
  })
})
