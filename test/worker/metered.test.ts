import { beforeEach, describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { openRawClient } from './raw-client.ts'

const COMMIT_MS = 2500
/** Longer than the report of the request itself takes, which keeps the call alive. */
const REPORTED_MS = 1500
const MAX_TOKENS = 100_000
/** A prompt of about a thousand tokens, however one estimates. */
const PROMPT = 'Many words. '.repeat(350)
const PROMPT_TOKENS = { least: 500, most: 2500 }

const router9 = useRouter9({ COMMIT_AFTER_MS: String(COMMIT_MS), COMMENT_EVERY_MS: '60000' })
let keysMade = 0
beforeEach(() => router9.simulator.clearRequests())

/** A key of its own, and what it has used. */
async function limitedKey() {
  const key = `sk-r9k-metered-${++keysMade}`
  await router9.worker.keys.put(key, { id: key, limits: { tpm: MAX_TOKENS } })
  const authorization = `Bearer ${key}`
  const used = async () => {
    const { headers } = await fetch(`${router9.url}/v1/models/auto`, { headers: { authorization } })
    return MAX_TOKENS - Number(headers.get('x-ratelimit-remaining-tokens') ?? Number.NaN)
  }
  return { key, authorization, used }
}

/** A minute's counts begin anew with the minute: a test must not stand across it. */
async function earlyInTheMinute(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000)
  if (left < 6000) await new Promise((resolve) => setTimeout(resolve, left + 50))
}

interface Leaving {
  readonly name: string
  readonly order: string
  readonly stream: boolean
  /** Leaves so long after the provider was asked. */
  readonly afterMs: number
}

const LEAVINGS: readonly Leaving[] = [
  { name: 'at once, before the headers of a stream', order: 'hangbeforeheaders', stream: true, afterMs: 50 },
  { name: 'before the headers of a stream', order: 'hangbeforeheaders', stream: true, afterMs: REPORTED_MS },
  { name: 'at once, before the first word of a stream', order: 'hangafterheaders', stream: true, afterMs: 50 },
  { name: 'before the first word of a stream', order: 'hangafterheaders', stream: true, afterMs: REPORTED_MS },
  {
    name: 'before the first word of a stream, after the 200',
    order: 'hangafterheaders',
    stream: true,
    afterMs: COMMIT_MS + 300,
  },
  { name: 'at once, in the middle of a stream', order: 'stallafter=8', stream: true, afterMs: 100 },
  { name: 'in the middle of a stream', order: 'stallafter=8', stream: true, afterMs: REPORTED_MS },
  { name: 'at once, before the headers of a whole answer', order: 'hangbeforeheaders', stream: false, afterMs: 50 },
  { name: 'before the headers of a whole answer', order: 'hangbeforeheaders', stream: false, afterMs: REPORTED_MS },
  { name: 'at once, in the middle of a whole answer', order: 'stallafter=1', stream: false, afterMs: 50 },
  { name: 'in the middle of a whole answer', order: 'stallafter=1', stream: false, afterMs: REPORTED_MS },
]

describe('a client that leaves pays for its prompt', { timeout: 30_000 }, () => {
  test.each(LEAVINGS)('$name', async ({ order, stream, afterMs }) => {
    await earlyInTheMinute()
    const { key, used } = await limitedKey()
    expect(await used()).toBe(0)
    const body = {
      model: 'gpt-4o',
      provider: { only: ['openai'] },
      messages: [{ role: 'user', content: `${PROMPT}[[sim openai ${order}]]` }],
      stream,
    }
    const client = openRawClient(router9.url, body, true, key)
    await expect.poll(() => router9.simulator.requests('openai').length, { interval: 10 }).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    const [asked] = router9.simulator.requests('openai')
    expect(asked?.aborted).toBe(false)
    client.leave('rst')
    await expect.poll(() => asked?.aborted, { interval: 10 }).toBe(true)
    await expect.poll(used, { timeout: 3000, interval: 50 }).toBeGreaterThan(PROMPT_TOKENS.least)
    expect(await used()).toBeLessThan(PROMPT_TOKENS.most)
  })
})

test('what nobody answered costs nothing', { timeout: 30_000 }, async () => {
  await earlyInTheMinute()
  const { authorization, used } = await limitedKey()
  const messages = [{ role: 'user', content: `${PROMPT}[[sim openai status=500]]` }]
  const response = await router9.chat({ model: 'gpt-4o', provider: { only: ['openai'] }, messages }, { authorization })
  expect(response.status).toBe(502)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(await used()).toBe(0)
})
