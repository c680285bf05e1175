import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { chunksOf, useCase } from '../cases/router.ts'
import type { Piece, Script } from '../cases/scripted.ts'
import { block, chunk, completion, MESSAGE_START, messageEnd, named, SAYING, sse, stream } from '../cases/wires.ts'
import { attemptsOf } from '../harness/attempts.ts'
import { openRawClient } from './raw-client.ts'

const FIRST_BYTE_MS = 800
const IDLE_MS = 500
/** Providers that make a noise do it this often: oftener than any deadline. */
const NOISE_MS = 150
/** Where a noise put off a deadline, the answer would come only when it ends. */
const NOISES = 100
const NOISES_LAST_MS = NOISES * NOISE_MS
const SLOW_CLIENT_MS = 3 * IDLE_MS

const router = useCase({
  FIRST_BYTE_TIMEOUT_MS: String(FIRST_BYTE_MS),
  TOTAL_TIMEOUT_MS: String(3 * FIRST_BYTE_MS),
  IDLE_TIMEOUT_MS: String(IDLE_MS),
})

/** The same again and again, for much longer than any deadline. */
function forEver(noise: string): Piece[] {
  return Array.from({ length: NOISES }, () => [noise, { pauseMs: NOISE_MS }]).flat()
}

/** The same, for so long. */
function during(ms: number, noise: string): Piece[] {
  return Array.from({ length: Math.ceil(ms / NOISE_MS) }, () => [noise, { pauseMs: NOISE_MS }]).flat()
}

const COMMENT = ': keepalive\n\n'
const PING = named({ type: 'ping' })
const ROLE = sse(chunk({ role: 'assistant', content: '' }))
const SECOND = 'mistral-large-2512'
const hello = stream(SAYING.openai.streamed('hello'))

interface Noise {
  readonly name: string
  readonly model: string
  readonly script: Script
}

const NOISY: readonly Noise[] = [
  { name: 'comments', model: 'openai/gpt-4o', script: stream(...forEver(COMMENT)) },
  { name: 'a role and comments', model: 'openai/gpt-4o', script: stream(ROLE, ...forEver(COMMENT)) },
  { name: 'one role after the other', model: 'openai/gpt-4o', script: stream(...forEver(ROLE)) },
  { name: 'empty data', model: 'openai/gpt-4o', script: stream(...forEver('data:\n\n')) },
  {
    name: 'the start of a message and pings',
    model: 'anthropic/claude-sonnet-4-5',
    script: stream(named(MESSAGE_START), ...forEver(PING)),
  },
]

describe('before the first word', () => {
  test.each(NOISY)('$name do not put off the deadline: the second candidate answers', async (noise) => {
    const startedAt = performance.now()
    const { answer, choice, headers } = await router.streamed(noise.model, [noise.script, hello], { models: [SECOND] })
    const ms = performance.now() - startedAt
    expect(choice.text).toBe('hello')
    expect(answer.model).toBe(SECOND)
    expect(headers.get('x-router9-attempts')).toMatch(/^\w+:provider-timeout:\d+ms,mistral:200:\d+ms$/)
    expect(ms).toBeGreaterThan(FIRST_BYTE_MS - 20)
    expect(ms).toBeLessThan(NOISES_LAST_MS)
  })

  test('white space does not put off the deadline of a whole answer', async () => {
    const script = { headers: { 'content-type': 'application/json' }, pieces: forEver('\n') }
    const second = { ...script, pieces: [JSON.stringify(completion({ content: 'hello' }, 'stop'))] }
    const startedAt = performance.now()
    const { answer, choice } = await router.whole('openai/gpt-4o', [script, second], { models: [SECOND] })
    expect(performance.now() - startedAt).toBeLessThan(NOISES_LAST_MS)
    expect([answer.model, choice.text]).toEqual([SECOND, 'hello'])
  })

  test('a word that comes in time after all this noise begins the answer', async () => {
    const slow = stream(...during(FIRST_BYTE_MS / 2, COMMENT), SAYING.openai.streamed('hello'))
    const { choice, headers } = await router.streamed('openai/gpt-4o', slow, { models: [SECOND] })
    expect(choice.text).toBe('hello')
    expect(attemptsOf(headers)).toEqual([expect.stringMatching(/^openai:200:\d+ms$/)])
  })
})

describe('in the middle of an answer', () => {
  test('comments do not put off the idle timeout', async () => {
    router.upstream.play(stream(ROLE, sse(chunk({ content: 'one ' })), ...forEver(COMMENT)))
    const startedAt = performance.now()
    const response = await router.post({
      model: 'openai/gpt-4o',
      messages: [{ role: 'user', content: 'Hello!' }],
      stream: true,
    })
    const raw = await response.text()
    const ms = performance.now() - startedAt
    expect(response.status).toBe(200)
    expect(raw).not.toContain('[DONE]')
    expect(chunksOf(raw).at(-1)).toMatchObject({
      error: { type: 'upstream_error', code: 'upstream_timeout' },
      choices: [{ finish_reason: 'error' }],
    })
    expect(ms).toBeGreaterThan(IDLE_MS - 20)
    expect(ms).toBeLessThan(NOISES_LAST_MS)
  })

  test('events do, also those that say nothing: pings', async () => {
    const [start, ...rest] = block(
      0,
      { type: 'text', text: '' },
      ...['one ', 'two'].map((text) => ({ type: 'text_delta', text })),
    )
    const [first, ...last] = rest
    expect.assert(start !== undefined && first !== undefined)
    const script = stream(
      named(MESSAGE_START, start, first),
      ...during(3 * IDLE_MS, PING),
      named(...last, ...messageEnd('end_turn')),
    )
    const { choice } = await router.streamed('anthropic/claude-sonnet-4-5', script)
    expect(choice.text).toBe('one two')
  })

  test('the time that a slow client takes does not count', async () => {
    const text = 'words '.repeat(40)
    const pieces = Array.from({ length: 1500 }, () => sse(...Array(32).fill(chunk({ content: text }))))
    router.upstream.play(stream(ROLE, ...pieces, sse(chunk({}, 'stop'), '[DONE]')))
    const body = { model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'Much!' }], stream: true }
    const client = openRawClient(router.url, body, false)
    await expect.poll(client.receivedBytes, { timeout: 15_000, interval: 10 }).toBeGreaterThan(0)
    client.pause()
    await sleep(SLOW_CLIENT_MS)
    const before = client.receivedBytes()
    client.resume()
    await client.ended
    // It was held back by this client, or the test would prove nothing.
    expect(client.receivedBytes() - before).toBeGreaterThan(8 * 1024 * 1024)
    expect(client.received()).toContain('data: [DONE]')
  })
})
