import http from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { modelsOfServer } from '../../src/api/server-models.ts'
import { readSettings } from '../../src/env.ts'
import { listen } from '../harness/listen.ts'

let url: string
let asked: http.IncomingMessage[]
let answer: (response: http.ServerResponse) => void
const server = http.createServer((request, response) => {
  asked.push(request)
  answer(response)
})

beforeAll(async () => {
  url = `http://127.0.0.1:${await listen(server)}`
})
beforeEach(() => {
  asked = []
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** What is listed where the server answers so, by settings of their own: nothing is kept from the test before. */
function listed(body: unknown, settings: Record<string, string> = {}, status = 200): Promise<readonly string[]> {
  answer = (response) => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  return modelsOfServer(configured({ CUSTOM_BASE_URL: `${url}/v1`, ...settings }), () => {})
}

function configured(settings: Record<string, string>) {
  const [server] = readSettings(settings as never).providers.values()
  if (server === undefined) throw new Error('no provider is configured')
  return server
}

test('a server’s list is read in OpenAI’s form, and asked for with its key at its address', async () => {
  const body = { object: 'list', data: [{ id: 'one' }, { id: 'maker/two:8b' }, { id: 'one' }] }
  expect(await listed(body, { CUSTOM_API_KEY: 'its-key' })).toEqual(['one', 'maker/two:8b'])
  expect(asked.map(({ method, url, headers }) => [method, url, headers.authorization])).toEqual([
    ['GET', '/v1/models', 'Bearer its-key'],
  ])
})

test('Ollama’s own API has a list of its own, in its own form', async () => {
  answer = (response) => response.end(JSON.stringify({ models: [{ name: 'llama3.2:latest', model: 'llama3.2:1b' }] }))
  expect(await modelsOfServer(configured({ OLLAMA_BASE_URL: `${url}/api` }), () => {})).toEqual(['llama3.2:1b'])
  expect(asked.map((request) => request.url)).toEqual(['/api/tags'])
})

test.each([
  ['no JSON', 'models: one, two', 200],
  ['no list', { object: 'list' }, 200],
  ['a list of nothing', { data: [null, 1, {}, { id: 5 }, []] }, 200],
  ['null', null, 200],
  ['an error', { data: [{ id: 'one' }] }, 500],
  ['nothing', '', 200],
  ['more than a list may be', { data: [{ id: 'one', text: 'x'.repeat(600_000) }] }, 200],
])('a server that answers with %s has no models', async (_, body, status) => {
  expect(await listed(body, {}, status)).toEqual([])
})

test('names that no request could carry, or that hold our key, are left out, and a thousand are enough', async () => {
  const names = ['good', 'with space', 'line\nbreak', '', 'x'.repeat(201), 'key-its-key-key', '\u0000', 'gut:ö']
  expect(await listed({ data: names.map((id) => ({ id })) }, { CUSTOM_API_KEY: 'its-key' })).toEqual(['good', 'gut:ö'])
  const many = Array.from({ length: 5000 }, (_, at) => ({ id: `m${at}` }))
  expect(await listed({ data: many })).toHaveLength(1000)
})

test('many who ask at once, and soon after, ask the server once', async () => {
  answer = (response) => response.end('{"data":[{"id":"one"}]}')
  const server = configured({ CUSTOM_BASE_URL: `${url}/v1` })
  const ask = () => modelsOfServer(server, () => {})
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([['one'], ['one'], ['one']])
  answer = (response) => response.end('{"data":[{"id":"two"}]}')
  expect(await ask()).toEqual(['one'])
  expect(asked).toHaveLength(1)
})

test('a server that is gone has no models', async () => {
  expect(await modelsOfServer(configured({ CUSTOM_BASE_URL: 'http://127.0.0.1:9/v1' }), () => {})).toEqual([])
})
