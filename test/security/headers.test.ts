import { expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const router9 = useRouter9()

const SAY = { model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'Say: hello' }] }

function call(method: string, path: string, body?: unknown, key = DEMO_KEY): Promise<Response> {
  return fetch(router9.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', origin: 'https://page.example' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

test.each<[string, number, () => Promise<Response>]>([
  ['an answer', 200, () => call('POST', '/v1/chat/completions', SAY)],
  ['a stream', 200, () => call('POST', '/v1/chat/completions', { ...SAY, stream: true })],
  ['a refused key', 401, () => call('POST', '/v1/chat/completions', SAY, 'sk-r9k-nobody')],
  ['a bad request', 400, () => call('POST', '/v1/chat/completions', {})],
  [
    'a provider’s failure',
    502,
    () =>
      call('POST', '/v1/chat/completions', {
        ...SAY,
        messages: [{ role: 'user', content: '[[sim openai status=401]]' }],
      }),
  ],
  ['the list of models', 200, () => call('GET', '/v1/models')],
  ['health', 200, () => call('GET', '/health')],
  ['an unknown path', 404, () => call('GET', '/nothing')],
  ['a wrong method', 405, () => call('GET', '/v1/chat/completions')],
  ['a preflight', 204, () => call('OPTIONS', '/v1/chat/completions')],
])('%s is neither guessed at, kept by caches, nor asked for in the clear', async (name, status, ask) => {
  const response = await ask()
  await response.text()
  expect(response.status).toBe(status)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'x-content-type-options': 'nosniff',
    'strict-transport-security': expect.stringMatching(/^max-age=\d{7,}/),
    // The contract has its own word for streams.
    'cache-control': name === 'a stream' ? 'no-cache, no-transform' : 'no-store',
    // And browsers may call from anywhere.
    'access-control-allow-origin': '*',
  })
  for (const header of ['server', 'x-powered-by', 'set-cookie', 'content-security-policy'])
    expect(response.headers.has(header)).toBe(false)
})

test('what only a browser reads comes only where one asks, and what is known anyway not at all', async () => {
  const headers = { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' }
  const response = await fetch(`${router9.url}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ...SAY, model: 'gpt-4o' }),
  })
  await response.text()
  expect(response.status).toBe(200)
  const names = [...response.headers.keys()].filter(
    (name) => !/^(content-(length|type)|transfer-encoding|date)$/.test(name),
  )
  expect(names.sort()).toEqual([
    'cache-control',
    'server-timing',
    'strict-transport-security',
    'x-content-type-options',
    'x-request-id',
    'x-router9-model',
    'x-router9-provider',
  ])
})
