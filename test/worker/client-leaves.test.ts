import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { callLines } from '../harness/log-lines.ts'
import { useRouter9 } from '../harness/router9.ts'
import type { RecordedRequest } from '../simulator/requests.ts'
import { openRawClient, type RawClient } from './raw-client.ts'
import { CANDIDATES, type Candidate } from './rows.ts'

/** Contract 6: the upstream is aborted within this time. */
const ABORT_MS = 1000
/** Longer than the pause before the same provider is asked again. */
const RETRY_MS = 700
const COMMIT_MS = 600

const router9 = useRouter9({ COMMIT_AFTER_MS: String(COMMIT_MS), COMMENT_EVERY_MS: '60000' })

interface Moment {
  readonly name: string
  readonly order: string
  readonly stream: boolean
  readonly how: 'rst' | 'fin'
  /** Whether it is time to leave. */
  readonly now: (client: RawClient, asked: RecordedRequest) => boolean
}

const words = ({ received }: RawClient) => received().split('"content":"').length - 1
// The first chunk has an empty content beside the role.
const someWords = (client: RawClient) => words(client) > 2
const longAfter = (_: RawClient, { at }: RecordedRequest) => Date.now() - at > 150

const MOMENTS: readonly Moment[] = [
  { name: 'before the headers', order: 'hangbeforeheaders', stream: true, how: 'rst', now: longAfter },
  { name: 'before the first word', order: 'hangafterheaders', stream: true, how: 'rst', now: longAfter },
  {
    name: 'before the first word, after the 200',
    order: 'hangafterheaders',
    stream: true,
    how: 'rst',
    now: ({ received }) => received().startsWith('HTTP/1.1 200'),
  },
  { name: 'in mid-stream', order: 'tokendelay=40', stream: true, how: 'rst', now: someWords },
  { name: 'in mid-stream, closing in order', order: 'tokendelay=40', stream: true, how: 'fin', now: someWords },
  { name: 'while the stream stalls', order: 'stallafter=8', stream: true, how: 'rst', now: someWords },
  { name: 'before a whole answer', order: 'hangbeforeheaders', stream: false, how: 'rst', now: longAfter },
  { name: 'in the middle of a whole answer', order: 'stallafter=1', stream: false, how: 'rst', now: longAfter },
]

const cases = CANDIDATES.flatMap((candidate) => MOMENTS.map((moment) => ({ ...moment, ...candidate })))
const times: string[] = []

describe('a client that leaves', { concurrent: true }, () => {
  test.for(cases)('$name of $model ends the upstream, and nobody else is asked', async (given, { expect }) => {
    const { client, asked } = await opened(given, given.order, given.stream)
    await until(() => given.now(client, asked()))
    expect(asked().aborted).toBe(false)
    const leftAt = Date.now()
    client.leave(given.how)
    await until(() => asked().aborted || Date.now() - leftAt > 3 * ABORT_MS)
    const ms = (asked().abortedAt ?? Number.POSITIVE_INFINITY) - leftAt
    times.push(`${given.name}, ${given.model}: ${ms} ms`)
    expect(ms).toBeLessThan(ABORT_MS)
    expect(asked().finished).toBe(false)
    await sleep(RETRY_MS)
    expect(requestsOf(asked())).toHaveLength(1)
  })

  test.for(CANDIDATES)('between two tries of $model is not followed by the second', async (candidate, { expect }) => {
    const { client, asked } = await opened(candidate, 'status=500', true, 'alone')
    await until(() => asked().finished)
    client.leave('rst')
    await sleep(RETRY_MS)
    expect(requestsOf(asked())).toHaveLength(1)
  })
})

test('a client that leaves in silence is no broken answer in the log', async () => {
  const lines = () => callLines(router9.worker.log())
  const broken = () => lines().filter(({ status, kind, left }) => status === 200 && kind !== undefined && !left).length
  const alone = { model: 'gpt-4o', provider: { only: ['openai'] }, stream: true }
  const cut = { ...alone, messages: [{ role: 'user', content: 'Count to 100 [[sim openai cut=3]]' }] }
  const before = broken()
  await (await router9.chat(cut)).text()
  await until(() => broken() === before + 1)
  for (const [order, how] of [
    ['stallafter=8', 'rst'],
    ['tokendelay=40', 'rst'],
    ['tokendelay=40', 'fin'],
  ] as const) {
    const messages = [{ role: 'user', content: `Count to 1000 [[sim openai ${order}]]` }]
    const client = openRawClient(router9.url, { ...alone, messages })
    await until(() => someWords(client))
    const asked = router9.simulator.requests('openai').at(-1)
    client.leave(how)
    await until(() => asked?.aborted === true)
  }
  await sleep(200)
  expect(broken()).toBe(before + 1)
})

test('leaving breaks nothing: the times, no complaint in the log, and the next one is served', async () => {
  console.log(`upstream ended after the client left\n  ${times.sort().join('\n  ')}`)
  expect(times).toHaveLength(cases.length)
  expect(router9.worker.log()).not.toMatch(/uncaught|unhandled/i)
  const response = await router9.chat({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Say: well' }] })
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'well' } }] })
})

let opens = 0

/** Sends a request and waits until the provider has it. */
async function opened({ model, provider, second }: Candidate, order: string, stream: boolean, alone?: 'alone') {
  const mark = `visit-${++opens}.`
  const client = openRawClient(router9.url, {
    model,
    ...(alone ? {} : { models: [second.model] }),
    provider: { only: alone ? [provider] : [provider, second.provider] },
    messages: [{ role: 'user', content: `${mark} Count to 1000 [[sim ${provider} ${order}]]` }],
    stream,
  })
  let found: RecordedRequest | undefined
  await until(() => {
    found = router9.simulator.requests().find(({ body }) => JSON.stringify(body).includes(mark))
    return found !== undefined
  })
  const asked = (): RecordedRequest => {
    expect.assert(found !== undefined)
    return found
  }
  return { client, asked }
}

/** All requests of the same visit. */
function requestsOf({ body }: RecordedRequest): RecordedRequest[] {
  const mark = /visit-\d+\./.exec(JSON.stringify(body))?.[0] ?? ''
  return router9.simulator.requests().filter((request) => JSON.stringify(request.body).includes(mark))
}

async function until(happened: () => boolean): Promise<void> {
  const startedAt = Date.now()
  while (!happened()) {
    if (Date.now() - startedAt > 8000) throw new Error('it never happened')
    await sleep(5)
  }
}
