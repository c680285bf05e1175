import { beforeAll, describe, expect, test } from 'vitest'
import { useCase } from '../cases/router.ts'
import type { Piece } from '../cases/scripted.ts'
import { broken, chunk, completion, sse, stream, whole } from '../cases/wires.ts'
import { type CallLine, callLines } from '../harness/log-lines.ts'
import { openRawClient } from './raw-client.ts'

// What one test breaks is not to be avoided in the next.
const router = useCase()
beforeAll(async () => {
  await router.worker.keys.put('sk-r9k-narrow-key', { id: 'key_narrow', models: ['claude-haiku-4-5'] })
  await router.worker.keys.put('sk-r9k-expired-key', { id: 'key_expired', expires: '2020-01-01T00:00:00Z' })
  await router.worker.keys.put('sk-r9k-used-up-key', { id: 'key_used_up', limits: { rpm: 0 } })
})

const HELLO = [{ role: 'user', content: 'Hello!' }]
const ALONE = { model: 'openai/gpt-4o', messages: HELLO }
const ANSWER = whole(
  completion({ content: 'Hello to you' }, 'stop', {
    usage: {
      prompt_tokens: 1000,
      completion_tokens: 100,
      total_tokens: 1100,
      prompt_tokens_details: { cached_tokens: 200 },
    },
  }),
)

/** The line of one request; fails where there is none, or more than one. */
async function lineOf(requestId: string | null): Promise<CallLine> {
  const found = () => callLines(router.worker.log()).filter(({ request }) => request === requestId)
  await expect.poll(found, { timeout: 10_000 }).not.toEqual([])
  const [line, ...others] = found()
  expect(others).toEqual([])
  expect.assert(line !== undefined)
  return line
}

async function lineAfter(response: Response): Promise<CallLine> {
  await response.text()
  return lineOf(response.headers.get('x-request-id'))
}

describe('the line of an answer', () => {
  test('tells who asked for what, who answered, what it used, took and cost', async () => {
    router.upstream.play(ANSWER)
    const line = await lineAfter(await router.post({ model: 'gpt-4o-2024-11-20', models: ['gpt-4o'], messages: HELLO }))
    expect(line).toMatchObject({
      level: 'info',
      key: 'key_demo',
      model_asked: 'gpt-4o-2024-11-20',
      provider: 'openai',
      stream: false,
      status: 200,
      left: false,
      attempts: [{ provider: 'openai', outcome: '200', ms: expect.any(Number) }],
      prompt_tokens: 1000,
      completion_tokens: 100,
      cached_tokens: 200,
      total_ms: expect.any(Number),
    })
    // gpt-4o: $2.50 for a million tokens in, half of that from the cache, $10 out.
    expect(line.cost_usd).toBeCloseTo((800 * 2.5 + 200 * 1.25 + 100 * 10) / 1e6, 9)
    expect(line).not.toHaveProperty('code')
    expect(line).not.toHaveProperty('ttft_ms')
  })

  test('of a stream comes at its end, and times the first meaningful word, not the first byte', async () => {
    const pauseMs = 300
    const role = sse(chunk({ role: 'assistant', content: '' }))
    const words = sse(chunk({ content: 'one ' }))
    const end = sse(chunk({ content: 'two' }), chunk({}, 'stop'), '[DONE]')
    router.upstream.play(stream(role, { pauseMs }, words, { pauseMs }, end))
    const response = await router.post({ ...ALONE, stream: true })
    const line = await lineAfter(response)
    expect(line).toMatchObject({ level: 'info', status: 200, stream: true, left: false, model: 'gpt-4o' })
    // The clocks of two processes differ by a little.
    expect(line.ttft_ms).toBeGreaterThan(pauseMs - 50)
    expect(line.ttft_ms).toBeLessThan(line.total_ms)
    expect(line.total_ms).toBeGreaterThan(2 * pauseMs - 50)
  })

  test('names every attempt that failed before it, by class', async () => {
    const error = { error: { message: 'Not now', type: 'rate_limit_error', code: 'slow_down' } }
    router.upstream.play(whole(error, 429), ANSWER)
    const line = await lineAfter(await router.post({ model: 'gpt-4o', messages: HELLO }))
    expect(line.level).toBe('warn')
    expect(line.status).toBe(200)
    expect(line.attempts).toMatchObject([
      {
        provider: 'openai',
        outcome: '429',
        kind: 'rate-limited',
        fault: 'limit',
        reason: 'slow_down rate_limit_error',
      },
      { provider: line.provider, outcome: '200' },
    ])
  })

  test('that breaks after its first word says why, and what it has used', async () => {
    router.upstream.play(broken('cut', sse(chunk({ content: 'one ' }), chunk({ content: 'two ' }))))
    const line = await lineAfter(await router.post({ ...ALONE, stream: true }))
    expect(line).toMatchObject({ level: 'warn', status: 200, kind: 'provider-failed', fault: 'provider', left: false })
    expect(line.code).toBe('upstream_error')
    expect(line.completion_tokens).toBeGreaterThan(0)
    expect(line.cost_usd).toBeGreaterThan(0)
  })
})

describe('a refused call has its line too', () => {
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${router.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-r9k-demo', 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const withKey = (key: string) => () => post(ALONE, { authorization: `Bearer ${key}` })

  test.each<[string, () => Promise<Response>, Partial<CallLine>]>([
    ['no key', () => post(ALONE, { authorization: '' }), { status: 401, kind: 'missing-key' }],
    ['an unknown key', withKey('sk-r9k-nobody'), { status: 401, kind: 'invalid-key', code: 'invalid_api_key' }],
    ['an expired key', withKey('sk-r9k-expired-key'), { status: 401, kind: 'expired-key' }],
    ['a key that may not', withKey('sk-r9k-narrow-key'), { status: 403, key: 'key_narrow', code: 'model_not_allowed' }],
    ['a key that is used up', withKey('sk-r9k-used-up-key'), { status: 429, key: 'key_used_up', kind: 'request-rate' }],
    ['another type', () => post(ALONE, { 'content-type': 'text/plain' }), { status: 415, key: 'key_demo' }],
    ['broken JSON', () => post('{"model":'), { status: 400, kind: 'invalid-json' }],
    [
      'a missing field',
      () => post({ model: 'gpt-4o' }),
      { status: 400, kind: 'missing-parameter', model_asked: 'gpt-4o' },
    ],
    ['an unknown model', () => post({ ...ALONE, model: 'gpt-0' }), { status: 404, code: 'model_not_found' }],
  ])('%s', async (_, ask, expected) => {
    const line = await lineAfter(await ask())
    expect(line).toMatchObject({ level: 'warn', fault: 'caller', left: false, attempts: [], ...expected })
  })

  test.each<[string, object, Partial<CallLine>]>([
    ['that gets its plan', ALONE, { level: 'info', status: 200, model_asked: 'openai/gpt-4o' }],
    ['that is not valid', { model: 'gpt-4o' }, { level: 'warn', status: 400, kind: 'missing-parameter' }],
    ['for an unknown model', { ...ALONE, model: 'gpt-0' }, { level: 'warn', status: 404, code: 'model_not_found' }],
  ])('a dry run %s', async (_, body, expected) => {
    const headers = { authorization: 'Bearer sk-r9k-demo', 'content-type': 'application/json' }
    const response = await fetch(`${router.url}/v1/route`, { method: 'POST', headers, body: JSON.stringify(body) })
    const line = await lineAfter(response)
    expect(line).toMatchObject({ key: 'key_demo', dry_run: true, attempts: [], left: false, ...expected })
  })

  test.each<[string, Partial<CallLine>]>([
    ['/v1/messages', { api: 'anthropic-messages' }],
    ['/v1/messages/count_tokens', { api: 'anthropic-messages', count: true }],
    ['/v1/responses', { api: 'openai-responses' }],
    ['/v1/responses/input_tokens', { api: 'openai-responses', count: true }],
    ['/v1/chat/completions', {}],
  ])('tells the API: %s', async (path, expected) => {
    const headers = { authorization: 'Bearer sk-r9k-demo', 'content-type': 'application/json' }
    const { api, count } = await lineAfter(await fetch(router.url + path, { method: 'POST', headers, body: '{}' }))
    expect(JSON.parse(JSON.stringify({ api, count }))).toEqual(expected)
  })

  test('a call that nobody answers', async () => {
    router.upstream.play(whole({ error: { message: 'Broken', code: 'server_error' } }, 500))
    const line = await lineAfter(await router.post(ALONE))
    expect(line).toMatchObject({ status: 502, code: 'upstream_error', fault: 'provider', model_asked: 'openai/gpt-4o' })
    expect(line.attempts).toHaveLength(2)
  })
})

describe('a client that disconnects', () => {
  const leaveWhile = async (pieces: readonly Piece[], streaming: boolean, after: (received: string) => boolean) => {
    const before = callLines(router.worker.log()).length
    router.upstream.play(stream(...pieces))
    const client = openRawClient(router.url, { ...ALONE, stream: streaming })
    await expect.poll(() => router.upstream.asked().length > 0 && after(client.received())).toBe(true)
    client.leave('rst')
    const fresh = () => callLines(router.worker.log()).slice(before)
    await expect.poll(fresh, { timeout: 10_000 }).toHaveLength(1)
    return fresh()[0]
  }
  const never = { until: new Promise<void>(() => {}) }

  test.each([false, true])('before the first word is no fault of anybody (stream: %s)', async (streaming) => {
    const line = await leaveWhile([never], streaming, () => true)
    expect(line).toMatchObject({ level: 'info', status: 499, kind: 'client-left', fault: 'left', left: true })
    expect(line?.prompt_tokens).toBeGreaterThan(0)
  })

  test('in the middle of a stream has its line all the same, its tokens marked as estimated', async () => {
    const pieces: readonly Piece[] = [sse(chunk({ content: 'one ' }), chunk({ content: 'two ' })), never]
    const line = await leaveWhile(pieces, true, (received) => received.includes('two'))
    expect(line).toMatchObject({ level: 'info', status: 200, left: true, provider: 'openai' })
    expect(line?.ttft_ms).toBeGreaterThanOrEqual(0)
    expect(line?.completion_tokens).toBeGreaterThan(0)
    expect(line?.estimated).toBe(true)
  })
})
