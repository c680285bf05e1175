import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { useCase } from '../cases/router.ts'
import type { Piece } from '../cases/scripted.ts'
import { callLines } from '../harness/log-lines.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { openRawClient } from './raw-client.ts'

const IDLE_MS = 400
const STALL_MS = 1500
const SSE = { 'content-type': 'text/event-stream' }

const router = useCase({ IDLE_TIMEOUT_MS: String(IDLE_MS), CLIENT_STALL_TIMEOUT_MS: String(STALL_MS) })

const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`
const delta = (fields: object, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta: fields, finish_reason: finish }] })

/** The same piece again and again, with pauses that no idle limit would end. */
function again(piece: string, times: number): Piece[] {
  return Array.from({ length: times }, () => [piece, { pauseMs: IDLE_MS / 4 }]).flat()
}

test('events without choices after the finish do not keep a stream open', async () => {
  const chatter = again(event({ choices: [], service_tier: 'default' }), 200)
  const pieces = [delta({ content: 'Hello' }), delta({}, 'stop'), ...chatter]
  const began = performance.now()
  const { choice } = await router.streamed('openai/gpt-4o', { headers: SSE, pieces })
  expect(choice).toMatchObject({ text: 'Hello', finishReason: 'stop' })
  // All of the chatter would take twenty seconds.
  expect(performance.now() - began).toBeLessThan(10_000)
})

const BEGINNING = [
  event({
    type: 'message_start',
    message: { id: 'msg_1', role: 'assistant', content: [], usage: { input_tokens: 3 } },
  }),
  event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
  event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } }),
]
const PING = event({ type: 'ping' })

test('a provider that only pings in mid-answer is left after four times the idle limit', async () => {
  router.upstream.play({ headers: SSE, pieces: [...BEGINNING, ...again(PING, 400)] })
  const body = { model: 'anthropic/claude-sonnet-4-5', stream: true, messages: [{ role: 'user', content: 'Hello!' }] }
  const text = await (await router.post(body)).text()
  expect(text).toContain('"finish_reason":"error"')
  expect(text).toContain('fell silent')
})

test.each([
  ['/v1/messages', 'anthropic/claude-sonnet-4-5', [...BEGINNING, ...again(PING, 400)]],
  [
    '/v1/responses',
    'openai/gpt-4o',
    [
      event({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'Hello' }),
      ...again(event({ type: 'keepalive' }), 400),
    ],
  ],
])('so is one whose own messages the client gets (%s)', async (path, model, pieces) => {
  router.upstream.play({ headers: SSE, pieces })
  const asked = { model, stream: true, max_tokens: 10, messages: [{ role: 'user', content: 'Hello!' }] }
  const body = path === '/v1/messages' ? asked : { model, stream: true, input: 'Hello!' }
  const response = await fetch(router.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  expect(text).toContain('Hello')
  expect(text).toContain('fell silent')
})

test('pings carry a provider over a pause of more than the idle limit', async () => {
  const end = [
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' again' } }),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
    event({ type: 'message_stop' }),
  ]
  const pieces = [...BEGINNING, ...again(PING, 6), ...end]
  const { choice } = await router.streamed('anthropic/claude-sonnet-4-5', { headers: SSE, pieces })
  expect(choice.text).toBe('Hello again')
})

test('a client that takes nothing of its stream counts as gone, and its provider is let go', {
  timeout: 20_000,
}, async () => {
  let written = 0
  const word = delta({ content: 'x'.repeat(50_000) })
  let closed = false
  const endless = { repeat: word, while: () => !closed && ++written < 4000 }
  const onClose = () => {
    closed = true
  }
  router.upstream.play({ headers: SSE, pieces: [endless], closed: onClose })
  const body = { model: 'openai/gpt-4o', stream: true, messages: [{ role: 'user', content: 'Hello!' }] }
  const client = openRawClient(router.url, body, false)
  await expect.poll(client.receivedBytes, { timeout: 5000, interval: 10 }).toBeGreaterThan(0)
  client.pause()
  await expect.poll(() => closed, { timeout: 10_000 }).toBe(true)
  expect(written).toBeLessThan(4000)
  const lastLine = () => callLines(router.worker.log()).at(-1)
  await expect.poll(lastLine, { timeout: 5000 }).toMatchObject({ status: 200, left: true, provider: 'openai' })
  client.leave('rst')
})

test('a large word that a client takes slowly, but takes, does not count as a stall', { timeout: 30_000 }, async () => {
  const large = 'y'.repeat(6 * 1024 * 1024)
  router.upstream.play({ headers: SSE, pieces: [delta({ content: large }), delta({}, 'stop'), 'data: [DONE]\n\n'] })
  const body = { model: 'openai/gpt-4o', stream: true, messages: [{ role: 'user', content: 'Hello!' }] }
  const client = openRawClient(router.url, body, false)
  client.trickle(25)
  await client.ended
  expect(client.received()).toContain('data: [DONE]')
})

test('a body that unpacks to more than an answer may hold is refused, and costs no more than that', async () => {
  const packed = gzipSync(Buffer.alloc(200 * 1024 * 1024, 'z'), { level: 1 })
  const headers = {
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    'content-length': String(packed.length),
  }
  // What V8 grows by once is no part of the figure.
  await router.refused('openai/gpt-4o', { headers, pieces: [packed] })
  const before = residentMb()
  const { status, error } = await router.refused('openai/gpt-4o', { headers, pieces: [packed] })
  expect({ status, error }).toMatchObject({ status: 502, error: { code: 'upstream_error' } })
  expect(residentMb() - before).toBeLessThan(128)
})

const MANY = `[${'{},'.repeat(1_000_000)}0]`
const DEEP = `${'['.repeat(150_000)}${']'.repeat(150_000)}`

test.each([
  ['more values than an answer has', MANY],
  ['more levels than an answer has', DEEP],
])('an answer with %s is refused before it is parsed, whole or in an event', async (_, extra) => {
  const body = `{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}],"extra":${extra}}`
  const whole = await router.refused('openai/gpt-4o', {
    headers: { 'content-type': 'application/json' },
    pieces: [body],
  })
  expect(whole).toMatchObject({ status: 502, error: { message: expect.stringContaining('openai: answer too large') } })
  const streamed = await router.refused(
    'openai/gpt-4o',
    { headers: SSE, pieces: [`data: ${body}\n\n`] },
    { stream: true },
  )
  expect(streamed).toMatchObject({
    status: 502,
    error: { message: expect.stringContaining('openai: event too large') },
  })
})

function residentMb(): number {
  if (process.platform !== 'linux') return 0
  const [, pages] = readFileSync(`/proc/${router.worker.pid}/statm`, 'utf8').split(' ')
  return (Number(pages) * 4096) / 2 ** 20
}
