import { describe, expect, test } from 'vitest'
import { callLines } from '../harness/log-lines.ts'
import { useRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import type { RecordedRequest } from '../simulator/requests.ts'
import { openRawClient, type RawClient } from './raw-client.ts'
import { CANDIDATES, type Candidate } from './rows.ts'

/** Within this time the upstream is to be aborted (contract 6): on a machine with nothing else to do. */
const ABORT_MS = 1000
/** What a busy machine may make of it; no timeout of Router9's own ends a request so soon. */
const BUSY_ABORT_MS = 5000
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
// Of what the Worker has read by then nothing can be seen from outside.
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
const times: { readonly name: string; readonly ms: number }[] = []
/** What tells apart the requests of the first test: those with somebody else to ask. */
const marks: string[] = []
let visits = 0

describe('a client that disconnects', { concurrent: true }, () => {
  test.for(cases)('$name of $model ends the upstream, and nobody else is asked', async (given, { expect }) => {
    const { client, asked, requests, line } = await opened(given, given.order, given.stream)
    await until(() => given.now(client, asked))
    expect(asked.aborted).toBe(false)
    const leftAt = Date.now()
    client.leave(given.how)
    await until(() => asked.aborted)
    const ms = (asked.abortedAt ?? Number.POSITIVE_INFINITY) - leftAt
    times.push({ name: `${given.name}, ${given.model}`, ms })
    expect(ms).toBeLessThan(BUSY_ABORT_MS)
    expect(asked.finished).toBe(false)
    expect(await line()).toMatchObject({ left: true })
    expect(requests()).toHaveLength(1)
  })

  // The pause between two tries may be as short as 100 ms: a busy machine may miss it.
  test.for(CANDIDATES)(
    'between two tries of $model is not followed by the second',
    {
      retry: 3,
    },
    async (candidate, { expect }) => {
      const { client, asked, requests, line } = await opened(candidate, 'status=500', true, 'alone')
      await until(() => asked.finished)
      client.leave('rst')
      expect(await line()).toMatchObject({ left: true })
      expect(requests()).toHaveLength(1)
    },
  )
})

test('a client that leaves in silence is no broken answer in the log', async () => {
  const [candidate] = CANDIDATES
  expect.assert(candidate !== undefined)
  const broken = await opened(candidate, 'cut=3', true, 'alone')
  await broken.client.ended
  expect(await broken.line()).toMatchObject({ status: 200, kind: 'provider-failed', left: false })
  for (const [order, how] of [
    ['stallafter=8', 'rst'],
    ['tokendelay=40', 'rst'],
    ['tokendelay=40', 'fin'],
  ] as const) {
    const { client, line } = await opened(candidate, order, true, 'alone')
    await until(() => someWords(client))
    client.leave(how)
    expect(await line()).toMatchObject({ status: 200, left: true, level: 'info' })
  }
})

test('leaving breaks nothing: the times, no late attempts, no complaint in the log, and the next one is served', async () => {
  const sorted = times.toSorted((one, other) => one.ms - other.ms)
  console.log(`upstream ended after the client left\n${sorted.map(({ name, ms }) => `  ${ms} ms: ${name}`).join('\n')}`)
  expect(times).toHaveLength(cases.length)
  expect(sorted[Math.floor(sorted.length / 2)]?.ms).toBeLessThan(ABORT_MS)
  for (const mark of marks) expect(requestsOf(mark), mark).toHaveLength(1)
  expect(router9.worker.log()).not.toMatch(/uncaught|unhandled/i)
  const response = await router9.chat({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Say: well' }] })
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'well' } }] })
})

/** Sends a request with a key of its own, and waits until the provider has it. */
async function opened({ model, provider, second }: Candidate, order: string, stream: boolean, alone?: 'alone') {
  const mark = `visit-${++visits}.`
  if (!alone) marks.push(mark)
  const key = `sk-r9k-visit-${visits}`
  const id = `key_visit_${visits}`
  await router9.worker.keys.put(key, { id })
  const body = {
    model,
    ...(alone ? {} : { models: [second.model] }),
    provider: { only: alone ? [provider] : [provider, second.provider] },
    messages: [{ role: 'user', content: `${mark} Count to 1000 [[sim ${provider} ${order}]]` }],
    stream,
  }
  const client = openRawClient(router9.url, body, true, key)
  const requests = () => requestsOf(mark)
  const [asked] = await until(requests, ({ length }) => length > 0)
  expect.assert(asked !== undefined)
  /** What the log says of it when all is over. */
  const line = () => until(() => callLines(router9.worker.log()).find((each) => each.key === id))
  return { client, asked, requests, line }
}

function requestsOf(mark: string): RecordedRequest[] {
  return router9.simulator.requests().filter(({ body }) => JSON.stringify(body).includes(mark))
}
