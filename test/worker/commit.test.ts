import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { openRawClient } from './raw-client.ts'
import { readStream } from './seen-stream.ts'

const COMMIT_MS = 400
const COMMENT_MS = 500
const FIRST_BYTE_MS = 1500
const IDLE_MS = 3500

const router9 = useRouter9({
  COMMIT_AFTER_MS: String(COMMIT_MS),
  COMMENT_EVERY_MS: String(COMMENT_MS),
  FIRST_BYTE_TIMEOUT_MS: String(FIRST_BYTE_MS),
  TOTAL_TIMEOUT_MS: '5000',
  IDLE_TIMEOUT_MS: String(IDLE_MS),
})

const WORDS = 'one two three four five six'

interface Piece {
  readonly text: string
  readonly atMs: number
}

interface Timed {
  readonly status: number
  readonly headersAtMs: number
  readonly pieces: readonly Piece[]
  readonly body: string
}

/** Asks gpt-4o, and Mistral where `second`; tells when what came. */
async function ask(orders: string, { second = false, stream = true } = {}): Promise<Timed> {
  const startedAt = performance.now()
  const response = await router9.chat({
    model: 'gpt-4o',
    ...(second ? { models: ['mistral-large-latest'] } : {}),
    provider: { only: second ? ['openai', 'mistral'] : ['openai'] },
    messages: [{ role: 'user', content: `Repeat exactly: ${WORDS} ${orders}` }],
    stream,
  })
  const headersAtMs = performance.now() - startedAt
  const pieces: Piece[] = []
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? []) {
    pieces.push({ text: decoder.decode(bytes as Uint8Array, { stream: true }), atMs: performance.now() - startedAt })
  }
  return { status: response.status, headersAtMs, pieces, body: pieces.map(({ text }) => text).join('') }
}

const isComment = ({ text }: Piece) => text.startsWith(':')

describe('a stream whose provider lets it wait', { concurrent: true }, () => {
  test('is answered with 200 after the grace time, with comments until the answer comes', async () => {
    const { status, headersAtMs, pieces, body } = await ask('[[sim openai latency=3000]]')
    expect(status).toBe(200)
    expect(headersAtMs).toBeGreaterThan(COMMIT_MS - 20)
    expect(headersAtMs).toBeLessThan(3000)
    const stream = readStream(body)
    expect(stream.faults).toEqual([])
    expect(stream.text).toBe(WORDS)
    expect(stream.comments).toBeGreaterThanOrEqual(2)
    expect(pieces.findLastIndex(isComment)).toBeLessThan(pieces.findIndex((piece) => !isComment(piece)))
  })

  test('gets its first comment with the 200, since by then the provider has been silent long enough', async () => {
    const { headersAtMs, pieces } = await ask('[[sim openai latency=2500]]')
    const first = pieces.find(isComment)
    expect.assert(first !== undefined)
    expect(first.atMs - headersAtMs).toBeLessThan(COMMENT_MS / 2)
  })

  test('gets a comment as often as was set', async () => {
    const { pieces } = await ask('[[sim openai latency=3000]]')
    const comments = pieces.filter(isComment)
    const gaps = comments.slice(1).map(({ atMs }, at) => atMs - (comments[at]?.atMs ?? 0))
    expect(gaps.length).toBeGreaterThanOrEqual(2)
    const meanMs = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    expect(meanMs).toBeGreaterThan(0.8 * COMMENT_MS)
    expect(meanMs).toBeLessThan(2 * COMMENT_MS)
  })

  test('still fails over unseen after the 200', async () => {
    const { status, body } = await ask('[[sim openai hangbeforeheaders]]', { second: true })
    expect(status).toBe(200)
    const stream = readStream(body)
    expect(stream.faults).toEqual([])
    expect(stream.text).toBe(WORDS)
    expect(stream.comments).toBeGreaterThan(0)
    expect(stream.chunks[0]?.model).toBe('mistral-large-2512')
  })

  test('fails over unseen after the 200 from a provider that had said its role', async () => {
    const { body } = await ask('[[sim openai latency=700 rolethenerror]]', { second: true })
    const stream = readStream(body)
    expect(stream.faults).toEqual([])
    expect(stream.text).toBe(WORDS)
  })

  test.each([
    ['both providers fail', '[[sim openai latency=700 status=500]][[sim mistral status=503]]', 'upstream_error'],
    [
      'both providers are limiting us',
      '[[sim openai latency=700 status=429]][[sim mistral status=429]]',
      'upstream_rate_limited',
    ],
    ['the provider finds fault with the request', '[[sim openai latency=700 status=400]]', null],
  ])('ends in one error chunk without [DONE] where %s after the 200', async (_, orders, code) => {
    const { status, body } = await ask(orders, { second: true })
    expect(status).toBe(200)
    const stream = readStream(body)
    expect(stream.faults).toEqual([])
    expect(stream.text).toBe('')
    expect(stream.error).toMatchObject({ code })
  })

  test('ends in one error chunk where no provider answers at all', async () => {
    const { body } = await ask('[[sim * hangafterheaders]]', { second: true })
    const stream = readStream(body)
    expect(stream.faults).toEqual([])
    expect(stream.error).toMatchObject({ type: 'upstream_error', code: 'upstream_timeout' })
    expect(stream.comments).toBeGreaterThan(0)
  })
})

describe('before an answer has begun', { concurrent: true }, () => {
  test('no comment takes the status code away', async () => {
    const { status, body } = await ask('[[sim openai latency=50 status=503]][[sim mistral status=503]]', {
      second: true,
    })
    expect(status).toBe(503)
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'upstream_unavailable' } })
  })

  test('nothing is sent for a role alone', async () => {
    const { status } = await ask('[[sim openai rolethenerror]][[sim mistral status=500]]', { second: true })
    expect(status).toBe(502)
  })

  test('a whole answer keeps its status code however long it takes', async () => {
    const { status, body } = await ask('[[sim openai latency=1200 status=503]]', { stream: false })
    expect(status).toBe(503)
    expect(body.startsWith('{')).toBe(true)
  })
})

describe('a stream that falls silent in the middle', { concurrent: true }, () => {
  test('gets comments, which do not put off the idle timeout', async () => {
    const { pieces, body } = await ask('[[sim openai stallafter=3]]')
    const stream = readStream(body)
    expect(stream.faults).toEqual([])
    expect(stream.comments).toBeGreaterThanOrEqual(3)
    expect(stream.error).toMatchObject({ type: 'upstream_error', code: 'upstream_timeout' })
    const lastWord = pieces.findLast(({ text }) => text.includes('"content":"') && !text.includes('"error"'))
    const silentMs = (pieces.at(-1)?.atMs ?? 0) - (lastWord?.atMs ?? 0)
    expect(silentMs).toBeGreaterThan(IDLE_MS - 100)
    expect(silentMs).toBeLessThan(2 * IDLE_MS)
  })

  test('gets no comment while words come', async () => {
    const { body } = await ask('[[sim openai tokendelay=100]]')
    const stream = readStream(body)
    expect(stream.text).toBe(WORDS)
    expect(stream.comments).toBe(0)
  })

  test('goes on after the comments where the provider does', async () => {
    const { pieces, body } = await ask('[[sim openai tokendelay=2000 tokensperevent=3]]')
    const stream = readStream(body)
    expect(stream.faults).toEqual([])
    expect(stream.text).toBe(WORDS)
    const comment = pieces.findIndex(isComment)
    expect(comment).toBeGreaterThan(0)
    expect((pieces[comment]?.atMs ?? 0) - (pieces[comment - 1]?.atMs ?? 0)).toBeLessThan(2000)
  })
})

describe('a client that closes its connection in order, of which only writing can tell', { concurrent: true }, () => {
  // The clock of comments is looked at once a second where something was sent in between; the idle timeout comes later.
  const noticedMs = IDLE_MS - 500

  test.for([
    ['before the first word', 'hangafterheaders', 'HTTP/1.1 200'],
    ['while the stream stalls', 'stallafter=3', '"content":"one'],
  ])('%s, is noticed by the comments', async ([name = '', order = '', sign = ''], { expect }) => {
    const content = `Repeat exactly: one two three four, ${name} [[sim openai ${order}]]`
    const client = openRawClient(router9.url, {
      model: 'gpt-4o',
      provider: { only: ['openai'] },
      messages: [{ role: 'user', content }],
      stream: true,
    })
    await expect.poll(client.received, { timeout: 15_000, interval: 10 }).toContain(sign)
    client.leave('fin')
    const leftAt = Date.now()
    const asked = () => router9.simulator.requests('openai').find(({ body }) => JSON.stringify(body).includes(name))
    await expect.poll(() => asked()?.aborted, { timeout: 2 * noticedMs, interval: 10 }).toBe(true)
    const ms = (asked()?.abortedAt ?? Number.POSITIVE_INFINITY) - leftAt
    console.log(`closed in order ${name}: upstream ended after ${ms} ms`)
    expect(ms).toBeLessThan(noticedMs)
  })
})
