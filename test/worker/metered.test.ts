import { setTimeout as sleep } from 'node:timers/promises'
import { assert, describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import type { RecordedRequest } from '../simulator/requests.ts'
import { longMinute } from './long-minute.ts'
import { openRawClient } from './raw-client.ts'

const COMMIT_MS = 2500
/** Longer than the report of the request itself takes, which keeps the call alive. */
const REPORTED_MS = 1500
const MAX_TOKENS = 100_000
/** A prompt of about a thousand tokens, however one estimates. */
const PROMPT = 'Many words. '.repeat(350)
const PROMPT_TOKENS = { least: 500, most: 2500 }

const router9 = useRouter9({ COMMIT_AFTER_MS: String(COMMIT_MS), COMMENT_EVERY_MS: '60000' }, longMinute())
let keysMade = 0

/** A key of its own, and what it has used. */
async function limitedKey() {
  const key = `sk-r9k-metered-${++keysMade}`
  const id = `key_metered_${keysMade}`
  await router9.worker.keys.put(key, { id, limits: { tpm: MAX_TOKENS } })
  const authorization = `Bearer ${key}`
  const used = async () => {
    const { headers } = await fetch(`${router9.url}/v1/models/auto`, { headers: { authorization } })
    return MAX_TOKENS - Number(headers.get('x-ratelimit-remaining-tokens') ?? Number.NaN)
  }
  return { key, id, authorization, used }
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

describe('a client that disconnects pays for its prompt', { concurrent: true }, () => {
  test.for(LEAVINGS)('$name', async ({ order, stream, afterMs }, { expect }) => {
    const { key, id, used } = await limitedKey()
    expect(await used()).toBe(0)
    const body = {
      model: 'gpt-4o',
      provider: { only: ['openai'] },
      messages: [{ role: 'user', content: `${id}: ${PROMPT}[[sim openai ${order}]]` }],
      stream,
    }
    const client = openRawClient(router9.url, body, true, key)
    const [asked] = await until(
      () => askedBy(id),
      ({ length }) => length > 0,
    )
    assert(asked !== undefined)
    await sleep(afterMs)
    expect(asked.aborted).toBe(false)
    client.leave('rst')
    await until(() => asked.aborted)
    const tokens = await until(used, (seen) => seen > PROMPT_TOKENS.least)
    expect(tokens).toBeLessThan(PROMPT_TOKENS.most)
  })
})

test('what nobody answered costs nothing', async () => {
  const { id, authorization, used } = await limitedKey()
  const ask = (content: string) =>
    router9.chat(
      { model: 'gpt-4o', provider: { only: ['openai'] }, messages: [{ role: 'user', content }] },
      { authorization },
    )
  expect((await ask(`${id}: ${PROMPT}[[sim openai status=500]]`)).status).toBe(502)
  expect(askedBy(id)).not.toEqual([])
  // What a short question costs comes to be known after that, and is all there is.
  expect((await ask('Say: one')).status).toBe(200)
  expect(await until(used)).toBeLessThan(PROMPT_TOKENS.least)
})

/** What the provider was asked in the name of a key. */
function askedBy(id: string): RecordedRequest[] {
  return router9.simulator.requests('openai').filter(({ body }) => JSON.stringify(body).includes(`${id}: `))
}
