import http from 'node:http'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { BLOBS, DOUBLES } from '../../src/telemetry/analytics.ts'
import { listen } from '../harness/listen.ts'
import { DEMO_KEY, everyProviderAt, type RunningWorker, startWorker } from '../harness/worker.ts'
import { type Simulator, startSimulator } from '../simulator/server.ts'

/** A data point as workerd hands it on: texts are lists of bytes. */
type Received = Readonly<Record<string, unknown>>

const received: Received[] = []
const server = http.createServer((request, response) => {
  let body = ''
  request.on('data', (piece) => {
    body += piece
  })
  request.on('end', () => {
    received.push(JSON.parse(body))
    response.end()
  })
})
let simulator: Simulator
let worker: RunningWorker
beforeAll(async () => {
  simulator = await startSimulator()
  const analyticsPort = await listen(server)
  worker = await startWorker({ file: inject('bundle'), vars: everyProviderAt(simulator.url), analyticsPort })
})
afterAll(async () => {
  await worker.stop()
  await simulator.close()
  server.closeAllConnections()
  server.close()
})

async function ask(body: Record<string, unknown>, key = DEMO_KEY, path = 'chat/completions'): Promise<void> {
  const response = await fetch(`${worker.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'openai/gpt-4o', ...body }),
  })
  await response.text()
}

function named(point: Received) {
  const text = (column: string) => Buffer.from((point[column] as number[] | undefined) ?? []).toString()
  return {
    key: text('index1'),
    ...Object.fromEntries(BLOBS.map((name, at) => [name, text(`blob${at + 1}`)])),
    ...Object.fromEntries(DOUBLES.map((name, at) => [name, point[`double${at + 1}`]])),
  }
}

test('each call writes one data point through the runtime’s own binding, refused ones too', async () => {
  const say = (text: string) => ({ messages: [{ role: 'user', content: text }] })
  await ask({ ...say('Say: hello'), stream: true })
  await ask({ ...say('Say: hello') }, 'sk-r9k-nobody')
  await ask({ ...say('Count to 9 [[sim openai cut=3]]'), stream: true })
  await expect.poll(() => received.length, { timeout: 10_000 }).toBe(3)
  const [answered, refused, broken] = received.map(named)
  expect(answered).toMatchObject({ key: 'key_demo', model: 'gpt-4o', provider: 'openai', status: '200', attempts: 1 })
  expect(answered).toMatchObject({ code: '', kind: '', stream: 'true', left: 'false', failed_attempts: '' })
  expect(answered).toMatchObject({ prompt_tokens: expect.any(Number), cost_usd: expect.any(Number) })
  expect(refused).toMatchObject({ key: 'none', status: '401', code: 'invalid_api_key', fault: 'caller', provider: '' })
  expect(broken).toMatchObject({ key: 'key_demo', status: '200', kind: 'provider-failed', fault: 'provider' })
})

test('so does a call for vectors, whatever it takes and however it ends', async () => {
  const before = received.length
  const input = Array.from({ length: 150 }, (_, at) => `text ${at}`)
  await ask({ model: 'google/gemini-embedding-001', input, dimensions: 4 }, DEMO_KEY, 'embeddings')
  await ask({ model: 'google/gemini-embedding-001', input: ['x [[sim google status=500]]'] }, DEMO_KEY, 'embeddings')
  await expect.poll(() => received.length, { timeout: 10_000 }).toBe(before + 2)
  const [answered, failed] = received.slice(before).map(named)
  expect(answered).toMatchObject({ key: 'key_demo', model_asked: 'google/gemini-embedding-001', status: '200' })
  expect(answered).toMatchObject({ model: 'gemini-embedding-001', provider: 'google', stream: 'false', attempts: 1 })
  const { prompt_tokens: tokens, completion_tokens: written, cost_usd: dollars } = answered as Record<string, unknown>
  expect([written, dollars]).toEqual([0, (Number(tokens) * 0.15) / 1e6])
  expect(tokens).toBeGreaterThanOrEqual(150)
  expect(failed).toMatchObject({ status: '502', kind: 'provider-failed', prompt_tokens: 0, cost_usd: 0 })
})
