import { readFile } from 'node:fs/promises'
import http from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundleWorker } from '../harness/bundle.ts'
import { listen } from '../harness/listen.ts'
import { callLines } from '../harness/log-lines.ts'
import { everyProviderAt, type RunningWorker, startWorker } from '../harness/worker.ts'
import { startSimulator } from '../simulator/server.ts'
import { billOf, billTable, type Used } from './bill.ts'
import { COUNTS_PATH, countingWorker, DATABASE_CLASS, type WorkerCounts } from './counting-worker.ts'

/** How busy one isolate is: what is counted by the second weighs more, the fewer calls share it. */
interface Traffic {
  readonly name: string
  readonly callsPerSecond: number
  /** All limited, which is what costs. */
  readonly keys: number
  /** Responses that are kept, each the next turn of a conversation, in the place of chats. */
  readonly isStored?: true
}

const TRAFFIC: readonly Traffic[] = [
  { name: '100 calls/s', callsPerSecond: 100, keys: 20 },
  { name: '10 calls/s', callsPerSecond: 10, keys: 5 },
  { name: '1 call/s', callsPerSecond: 1, keys: 1 },
  { name: '10 stored responses/s', callsPerSecond: 10, keys: 5, isStored: true },
]

const MIGRATION = path.resolve(import.meta.dirname, '../../src/usage/migrations/0001_usage.sql')

/** A conversation has so many turns. */
const TURNS = 10

/** Keys are asked for again every 20 s: a whole number of those. */
const RUN_SECONDS = 60
/** What is reported once a second has been, after that. */
const SETTLE_MS = 2500
/** On a busy machine some may. */
const MAX_FAILED = 0.02
const MAX_AT_ONCE = 40
/** Of the clock that /proc counts in. */
const TICK_MS = 10

interface Stage {
  readonly worker: RunningWorker
  readonly dataPoints: () => number
  readonly close: () => Promise<void>
}

/** The counting Worker, a simulator in the place of every provider, and somebody to take data points. */
async function openStage(file: string): Promise<Stage> {
  const simulator = await startSimulator()
  let dataPoints = 0
  const analytics = http.createServer((request, response) => {
    dataPoints++
    request.resume().on('end', () => response.end())
  })
  const analyticsPort = await listen(analytics)
  // A machine that is busy with other things is no provider that fails.
  const patience = { FIRST_BYTE_TIMEOUT_MS: '60000', TOTAL_TIMEOUT_MS: '120000' }
  const vars = { ...everyProviderAt(simulator.url), ...patience }
  const wrapper = countingWorker(await readFile(MIGRATION, 'utf8'))
  const worker = await startWorker({ file, vars, wrapper, wrapperObject: DATABASE_CLASS, analyticsPort })
  return {
    worker,
    dataPoints: () => dataPoints,
    close: async () => {
      await worker.stop()
      await simulator.close()
      analytics.closeAllConnections()
      analytics.close()
    },
  }
}

async function run(traffic: Traffic, file: string): Promise<Used> {
  const stage = await openStage(file)
  try {
    return await count(traffic, stage)
  } finally {
    await stage.close()
  }
}

async function count({ callsPerSecond, keys, isStored }: Traffic, { worker, dataPoints }: Stage): Promise<Used> {
  const names = Array.from({ length: keys }, (_, at) => `sk-r9k-cost-${at}-of-many`)
  for (const [at, key] of names.entries()) {
    await worker.keys.put(key, { id: `key_${at}`, limits: { rpm: 1_000_000, tpm: 1_000_000_000, budget: 1000 } })
  }
  const kept = worker.keys.values.size
  const cpuBefore = await cpuMs(worker.pid)
  const startedAt = performance.now()
  const calls = callsPerSecond * RUN_SECONDS
  const make = isStored ? createTalk(worker.url) : (key: string, stream: boolean) => call(worker.url, key, stream)
  await drive(calls, callsPerSecond, (n) => make(names[n % keys] ?? '', n % 2 === 0))
  const seconds = (performance.now() - startedAt) / 1000
  await sleep(SETTLE_MS)
  // Data points go their own way.
  for (let tries = 0; tries < 50 && dataPoints() < calls; tries++) await sleep(100)
  const counts = (await (await fetch(worker.url + COUNTS_PATH)).json()) as WorkerCounts
  return {
    calls,
    seconds,
    cpuMs: (await cpuMs(worker.pid)) - cpuBefore,
    kvReads: worker.keys.reads(),
    kvWrites: worker.keys.values.size - kept,
    objectRequests: counts.requests,
    rowsWritten: counts.rows,
    databaseRowsWritten: counts.databaseRows,
    subrequests: counts.subrequests,
    logLines: callLines(worker.log()).length,
    dataPoints: dataPoints(),
  }
}

/** Makes so many calls at an even pace. */
async function drive(calls: number, callsPerSecond: number, make: (n: number) => Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  const underWay = new Set<Promise<void>>()
  let failed = 0
  for (let n = 0; n < calls; n++) {
    await sleep(Math.max(0, startedAt + (n * 1000) / callsPerSecond - performance.now()))
    // A machine that cannot keep up gets slower, not stuck.
    if (underWay.size >= MAX_AT_ONCE) await Promise.race(underWay)
    const one = make(n).then((well) => {
      if (!well) failed++
      underWay.delete(one)
    })
    underWay.add(one)
  }
  await Promise.all(underWay)
  if (failed > calls * MAX_FAILED) throw new Error(`${failed} of ${calls} calls failed: this says nothing of cost`)
}

/** Makes a call; tells whether it went well. */
async function call(url: string, key: string, stream: boolean): Promise<boolean> {
  const messages = [{ role: 'user', content: 'Count to 20' }]
  const { status, text } = await post(`${url}/v1/chat/completions`, key, { model: 'auto', messages, stream })
  return status === 200 && (!stream || text.includes('[DONE]'))
}

/** Makes the next turn of a key's conversation; tells whether it went well and was kept. */
function createTalk(url: string): (key: string, stream: boolean) => Promise<boolean> {
  const talks = new Map<string, { id: string; turns: number }>()
  return async (key, stream) => {
    const last = talks.get(key)
    const previous = last === undefined || last.turns === TURNS ? {} : { previous_response_id: last.id }
    const body = { model: 'auto', input: 'Count to 20', stream, ...previous }
    const { status, text } = await post(`${url}/v1/responses`, key, body)
    const id = /"id":"(resp_\w+)"/.exec(text)?.[1]
    if (status !== 200 || id === undefined || text.includes('"store":false')) return false
    talks.set(key, { id, turns: 'previous_response_id' in previous ? (last?.turns ?? 0) + 1 : 1 })
    return true
  }
}

async function post(url: string, key: string, body: object): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, text: await response.text() }
}

/** The CPU time of a process so far; 0 where the system does not say. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // Its second field is a name that may hold blanks.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return ((user ?? 0) + (system ?? 0)) * TICK_MS
}

const bundle = await bundleWorker()
console.log(
  `${TRAFFIC.map(({ name, keys }) => `${name} with ${keys} limited key(s)`).join(', ')}: ${RUN_SECONDS} s …\n`,
)
const bills = await Promise.all(
  TRAFFIC.map(async (traffic) => {
    const used = await run(traffic, bundle.file)
    return { name: traffic.name, used, items: billOf(used) }
  }),
)
for (const { name, used } of bills) console.log(`${name}: ${JSON.stringify(used)}`)
console.log(`\n${billTable(bills)}`)
await bundle.remove()
