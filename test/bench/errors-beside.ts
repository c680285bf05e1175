import { type Client, createClient, load, type Shot, shotAt } from './load.ts'
import { costOf } from './process-cost.ts'
import { ask } from './requests.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY } from './stage.ts'
import { quantile } from './statistics.ts'
import { evaluate, type Target } from './targets.ts'

const ERRORS_PER_SECOND = 2000
const BEAT_MS = 10
const MEASURED_MS = 5000
const GOOD_CONCURRENCY = 8
/** As many errors are under way at a time; a gateway that is behind gets the rest when it has caught up. */
const ERROR_CONNECTIONS = 64

/** How much good requests lose to 2,000 errors a second, beside what those errors take of the CPU. */
export async function measureErrors(served: Served, say: (...lines: string[]) => void): Promise<Target[]> {
  const url = new URL('/v1/chat/completions', served.url)
  const good = shotAt(url, ask('gpt-4o-mini'), { authorization: `Bearer ${BENCH_KEY}` })
  await load(good, GOOD_CONCURRENCY, 1000)

  const before = costOf([served.pid])
  const alone = startErrors(url)
  await new Promise((resolve) => setTimeout(resolve, MEASURED_MS))
  const { sent, wrong } = await alone()
  const cpuPerErrorUs = (costOf([served.pid]).cpuUs - before.cpuUs) / sent

  const quiet = await throughput(good, served)
  const both = startErrors(url)
  const disturbed = await throughput(good, served)
  const beside = await both()

  const errorsPerSecond = beside.sent / (MEASURED_MS / 1000)
  const share = (cpuPerErrorUs * beside.sent) / disturbed.cpuUs
  // Of the CPU that the machine had to give: it may have had more to do in one phase than in the other.
  const given = disturbed.cpuUs / quiet.cpuUs
  const loss = 1 - disturbed.perSecond / (quiet.perSecond * given)
  say(
    '',
    `errors: ${errorsPerSecond.toFixed(0)} a second at ${cpuPerErrorUs.toFixed(0)} µs take ${percent(share)} of the gateway's CPU`,
    `  good ones: ${quiet.perSecond.toFixed(0)} a second (p99 ${quiet.p99Ms.toFixed(1)} ms) alone, ` +
      `${disturbed.perSecond.toFixed(0)} (p99 ${disturbed.p99Ms.toFixed(1)} ms) beside them: ${percent(loss)} fewer for the same CPU`,
  )
  return [
    evaluate({ name: 'errors with a status that is not theirs', unit: 'requests', must: 0, exact: true }, [
      wrong + beside.wrong + quiet.bad + disturbed.bad,
    ]),
    // Connections and the load's own core add a little to what the errors take of the gateway's.
    evaluate(
      { name: "good requests' loss to errors, over the errors' share of the CPU", unit: '×', must: 1.25, aim: 1 },
      [loss / share],
    ),
  ]
}

async function throughput(shot: Shot, { pid }: Served) {
  const before = costOf([pid])
  const began = performance.now()
  const hits = await load(shot, GOOD_CONCURRENCY, MEASURED_MS)
  const seconds = (performance.now() - began) / 1000
  const times = hits.map(({ ms }) => ms)
  return {
    cpuUs: costOf([pid]).cpuUs - before.cpuUs,
    perSecond: hits.length / seconds,
    p99Ms: quantile(times, 0.99),
    bad: hits.filter(({ status }) => status !== 200).length,
  }
}

/** Sends errors at a steady rate until it is told to stop. */
function startErrors(url: URL): () => Promise<{ sent: number; wrong: number }> {
  const idle: Client[] = []
  const all: Client[] = []
  const underWay = new Set<Promise<void>>()
  let sent = 0
  let wrong = 0
  const began = performance.now()

  const send = async () => {
    const client = idle.pop() ?? fresh()
    const [shot, status] = errorShot(url, sent++)
    const hit = await client.fire(shot)
    if (hit.status !== status) wrong++
    idle.push(client)
  }
  const fresh = () => {
    const client = createClient()
    all.push(client)
    return client
  }
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * ERRORS_PER_SECOND
    while (sent < due && underWay.size < ERROR_CONNECTIONS) {
      const work = send()
      underWay.add(work)
      work.then(() => underWay.delete(work))
    }
  }, BEAT_MS)
  return async () => {
    clearInterval(timer)
    await Promise.all(underWay)
    for (const client of all) client.close()
    return { sent, wrong }
  }
}

/** By turns: a key that nobody has, each time another, as from somebody who guesses; and a body that is no JSON. */
function errorShot(url: URL, number: number): [Shot, number] {
  return number % 2 === 0
    ? [
        shotAt(url, ask('gpt-4o-mini'), {
          authorization: `Bearer sk-r9k-guess-${performance.now()}-${number}`.replace('.', '-'),
        }),
        401,
      ]
    : [shotAt(url, '{"model": "gpt-4o-mini", "messages": [', { authorization: `Bearer ${BENCH_KEY}` }), 400]
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
