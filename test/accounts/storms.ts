import type { Limits } from '../../src/access/budget.ts'
import { inOneMinute, makeCalls, newAccount, settledSums } from './clients.ts'
import { REGIONS_MS, type Stage } from './stage.ts'
import { counts, dollars, quantile, table } from './table.ts'
import type { Wait } from './workers.ts'

/** One that must be met, in words. */
export type Miss = string

/** What a part of the program prints, and what of it is wrong. */
export interface Part {
  readonly text: string
  readonly misses: readonly Miss[]
}

interface Storm {
  readonly name: string
  readonly limits: Limits
  readonly body: object
  /** So much of it may be left in the end: the most that one call can use, or that leases hold until they are given back. */
  readonly largest: number
}

const STORMS: readonly Storm[] = [
  { name: 'rpm 1', limits: { rpm: 1 }, body: { max_tokens: 20 }, largest: 0 },
  { name: 'rpm 10', limits: { rpm: 10 }, body: { max_tokens: 20 }, largest: 0 },
  { name: 'rpm 100', limits: { rpm: 100 }, body: { max_tokens: 20 }, largest: 0 },
  { name: 'tpm 20,000', limits: { tpm: 20_000 }, body: { max_tokens: 100 }, largest: 150 },
  { name: 'budget $1', limits: { budget: 1 }, body: { max_tokens: 500 }, largest: 0.05 },
]

/** Thousands of calls at once, over all isolates and regions, against one limit. */
export async function storms(stage: Stage, calls: number, isBefore: boolean): Promise<Part> {
  const rows: string[][] = []
  const misses: Miss[] = []
  for (const { name, limits, body, largest } of STORMS) {
    if (limits.budget === undefined) await inOneMinute(stage)
    const account = await newAccount(stage, limits)
    stage.provider.answer({ delayMs: 300 })
    await stage.waits()
    const startedAt = stage.now()
    const { first, admitted, refused } = await makeCalls(stage, account, calls, { body, comesBack: true })
    const seconds = (stage.now() - startedAt) / 1000
    const ms = (await stage.waits()).map((wait) => wait.ms)
    const served = stage.provider.served(account.id)
    const counted = await settledSums(stage, account, served.dollars)
    const limit = limits.rpm ?? limits.tpm ?? limits.budget ?? 0
    const used = limits.rpm !== undefined ? served.calls : limits.tpm !== undefined ? served.tokens : served.dollars
    const format = limits.budget === undefined ? String : dollars
    rows.push([
      name,
      String(first),
      String(admitted),
      format(used),
      dollars(served.dollars),
      dollars(counted),
      counts(refused),
      quantile(ms, 0.99).toFixed(0),
      seconds.toFixed(1),
    ])
    console.error(`${name}: ${rows.at(-1)?.join(' | ')}`)
    if (used > limit) misses.push(`${name}: ${format(used)} is over the limit`)
    if (used < limit - largest) misses.push(`${name}: only ${format(used)} was let in`)
    if (Math.abs(counted - served.dollars) > 1e-6) misses.push(`${name}: the ledger counted ${dollars(counted)}`)
  }
  const head = [
    'limit',
    'let in at once',
    'let in in the end',
    'used',
    'provider charged',
    'ledger counted',
    'refused',
    'p99 wait ms',
    's',
  ]
  const where = `${stage.urls.length} isolates in ${REGIONS_MS.length} regions`
  return { text: table(`${calls} calls at once, ${where}${isBefore ? ', before' : ''}`, head, rows), misses }
}

const FAR: Limits = { rpm: 1_000_000, tpm: 1_000_000_000, budget: 10_000 }
const PACE = 100
/** Below the round trip of the nearest region, above any hiccup. */
const AWAITED_MS = Math.min(...REGIONS_MS) * 0.75

/** How long calls wait for their ledger: far from every limit, and where one is nearly reached. */
export async function waiting(stage: Stage, calls: number, isBefore: boolean): Promise<Part> {
  const rows: string[][] = []
  const misses: Miss[] = []
  const note = (name: string, admitted: number, waits: readonly Wait[]) => {
    const awaited = waits.filter(({ ms, answers, others }) => ms >= AWAITED_MS && answers > 0 && others === 0)
    const ms = waits.map((one) => one.ms)
    const trips = waits.length === 0 ? '-' : (awaited.length / waits.length).toFixed(3)
    rows.push([name, String(admitted), trips, ...[0.5, 0.99, 1].map((share) => quantile(ms, share).toFixed(0))])
    return awaited.length
  }
  const body = { max_tokens: 50 }
  stage.provider.answer({ delayMs: 100 })
  await inOneMinute(stage, 25_000)
  const far = await newAccount(stage, FAR)
  // Each isolate meets the key, and has asked for what it needs.
  await makeCalls(stage, far, stage.urls.length * 4, { body, perSecond: PACE })
  await stage.waits()
  const exchangesBefore = await stage.exchanges()
  const { admitted } = await makeCalls(stage, far, calls, { body, perSecond: PACE })
  const awaited = note('far from every limit, isolates warm', admitted, await stage.waits())
  const trips = (((await stage.exchanges()) - exchangesBefore) / calls).toFixed(2)
  if (!isBefore && awaited > 0) misses.push(`far from every limit, ${awaited} of ${calls} calls have waited`)
  await inOneMinute(stage, 40_000)
  const rpm = 400
  const near = await newAccount(stage, { rpm, budget: 100 })
  const first = await makeCalls(stage, near, rpm * 0.75, { body, perSecond: PACE })
  await stage.wait(2000)
  await stage.waits()
  const last = await makeCalls(stage, near, rpm, { body, perSecond: PACE, comesBack: true })
  note(`the rest of rpm ${rpm}, of which ${first.admitted} are used`, last.admitted, await stage.waits())
  const { calls: served } = stage.provider.served(near.id)
  if (!isBefore && served !== rpm) misses.push(`${served} were let in on rpm ${rpm}`)
  const head = ['calls', 'admitted', 'awaited round trips per call', 'wait p50 ms', 'p99 ms', 'longest ms']
  const title = `Waits before the provider is asked; the ledger is ${REGIONS_MS.join(', ')} ms away${isBefore ? '; before' : ''}`
  return {
    text: `${table(title, head, rows)}\nReports to the ledger per call, far from every limit: ${trips}.\n`,
    misses,
  }
}
