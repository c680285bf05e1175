import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import type { RecordedRequest } from '../simulator/requests.ts'
import { openRawClient } from './raw-client.ts'

const MEGABYTE = 1024 * 1024
const PAGE_BYTES = 4096
/** Contract 6: memory that one slow reader may cost. */
const GROWTH_BYTES = 20 * MEGABYTE
/** With no more memory in use for so long nothing is under way: the provider is held back. */
const SETTLED_MS = 500
const WITHIN_MS = 15_000
/** Many words, each an event of its own of some 250 bytes: far more than sockets hold on their own. */
const WORDS = 150_000
/** A small part of the answer. */
const TRICKLE_BYTES = 2 * MEGABYTE
const PIECE_PAUSE_MS = 20
const WARM_UPS = 2

const router9 = useRouter9()

function residentBytes(): number {
  const [, pages] = readFileSync(`/proc/${router9.worker.pid}/statm`, 'utf8').split(' ')
  return Number(pages) * PAGE_BYTES
}

/** V8 lets its heap grow with what it has worked on, kept or not: let it do so before anything is measured. */
async function warmUp(body: unknown): Promise<void> {
  for (let round = 0; round < WARM_UPS; round++) {
    const client = openRawClient(router9.url, body, false)
    await client.ended
    expect(client.received()).toContain('data: [DONE]')
  }
}

test('a client that does not read, then reads slowly, holds its provider back and costs little memory', {
  timeout: 120_000,
  // Memory is read from /proc.
  skip: process.platform !== 'linux',
}, async () => {
  const body = {
    model: 'gpt-4o',
    provider: { only: ['openai'] },
    messages: [{ role: 'user', content: `Write ${WORDS} words [[sim openai eventsperwrite=64]]` }],
    stream: true,
  }
  await warmUp(body)
  const before = residentBytes()
  const client = openRawClient(router9.url, body, false)
  try {
    await expect.poll(client.receivedBytes, { timeout: 15_000, interval: 10 }).toBeGreaterThan(0)
    client.pause()
    let most = 0
    let settledAt = Date.now()
    const look = () => {
      const now = residentBytes()
      if (now > most) settledAt = Date.now()
      most = Math.max(most, now)
    }
    await until(look, () => Date.now() - settledAt > SETTLED_MS, WITHIN_MS)
    console.log(`${((most - before) / MEGABYTE).toFixed(1)} MB more while the client does not read`)
    expect(requestOf()).toMatchObject({ finished: false, aborted: false })
    expect(most - before).toBeLessThan(GROWTH_BYTES)

    // A little at a time, as a slow line would.
    const readBefore = client.receivedBytes()
    client.trickle(PIECE_PAUSE_MS)
    await until(look, () => client.receivedBytes() - readBefore > TRICKLE_BYTES, WITHIN_MS)
    const slowlyRead = ((client.receivedBytes() - readBefore) / MEGABYTE).toFixed(1)
    console.log(`${((most - before) / MEGABYTE).toFixed(1)} MB more after it read ${slowlyRead} MB slowly`)
    expect(requestOf()).toMatchObject({ finished: false, aborted: false })
    expect(most - before).toBeLessThan(GROWTH_BYTES)

    client.resume()
    await client.ended
    expect(client.receivedBytes()).toBeGreaterThan(20 * MEGABYTE)
    expect(client.received()).toContain('data: [DONE]')
    expect(requestOf().finished).toBe(true)
  } finally {
    client.leave('rst')
  }
})

/** What the provider knows of the request under test. */
function requestOf(): RecordedRequest {
  const request = router9.simulator.requests('openai').at(-1)
  expect.assert(request !== undefined)
  return request
}
