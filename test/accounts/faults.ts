import { windowEnd } from '../../src/access/window.ts'
import { call, codeOf, makeCalls, newAccount, settledSums } from './clients.ts'
import type { Stage } from './stage.ts'
import type { Miss, Part } from './storms.ts'
import { counts, dollars, table } from './table.ts'
import type { LedgerFault } from './workers.ts'

const RATED = { rpm: 100_000, tpm: 100_000_000, budget: 1000 }
const FAULTY_CALLS = 300
const PACE = 60
const AWAY_MS = 1000
const STEP_MS = 90_000

/** What goes on while calls are made; it ends before sums are compared. */
type Trouble = readonly [name: string, begin: (stage: Stage) => Promise<void>, end: (stage: Stage) => Promise<void>]

function messages(name: string, fault: LedgerFault): Trouble {
  return [name, (stage) => stage.setFault(fault), (stage) => stage.setFault('none')]
}

const TROUBLES: readonly Trouble[] = [
  ['kill -9 of the ledgers, away 1 s, twice', kills, async () => {}],
  messages('eviction after every second exchange', 'evictions'),
  messages('half of the replies lost after they were counted', 'lost-replies'),
  messages('half of the reports lost', 'lost-requests'),
  messages('half of the reports come twice, with older ones between', 'repeats'),
  messages('half of the reports are never answered', 'hangs'),
  [
    "clocks of isolates step 90 s ahead, the ledgers' back and ahead",
    stepClocks,
    (stage) => stage.setClock(stage.now()),
  ],
]

async function kills(stage: Stage): Promise<void> {
  for (let time = 0; time < 2; time++) {
    await stage.wait(1000)
    await stage.killLedgers(AWAY_MS)
  }
}

async function stepClocks(stage: Stage): Promise<void> {
  for (const url of stage.urls.filter((_, at) => at % 3 === 0)) await stage.stepIsolate(url, STEP_MS)
  for (const offset of [-STEP_MS / 3, STEP_MS, -2 * STEP_MS]) {
    await stage.wait(1000)
    await stage.setClock(stage.now() + offset)
  }
}

/** Everything that can happen to a ledger and its messages while calls are made: the sums must be the provider's. */
export async function faults(stage: Stage): Promise<Part> {
  const rows: string[][] = []
  const misses: Miss[] = []
  for (const [name, begin, end] of TROUBLES) {
    const account = await newAccount(stage, RATED)
    stage.provider.answer({ delayMs: 100 })
    const body = { max_tokens: 500 }
    await makeCalls(stage, account, stage.urls.length, { body })
    const [{ admitted, refused }] = await Promise.all([
      makeCalls(stage, account, FAULTY_CALLS, { body, perSecond: PACE }),
      begin(stage),
    ])
    await end(stage)
    // What an isolate could not tell it tells with its next call, if no time came to repeat it.
    await makeCalls(stage, account, stage.urls.length, { body, comesBack: true })
    const served = stage.provider.served(account.id)
    const counted = await settledSums(stage, account, served.dollars)
    rows.push([name, String(admitted), counts(refused), dollars(served.dollars), dollars(counted)])
    if (Math.abs(counted - served.dollars) > 1e-6) misses.push(`${name}: ${dollars(counted - served.dollars)} wrong`)
  }
  const head = ['trouble', `served of ${FAULTY_CALLS}`, 'refused', 'provider charged', 'ledger counted']
  return { text: table('Sums when everything is over', head, rows), misses }
}

const EDGES = [
  ['day', '2026-06-10T23:59:55Z'],
  ['week', '2026-06-07T23:59:55Z'],
  ['month', '2026-01-31T23:59:55Z'],
  ['month', '2028-02-28T23:59:55Z'],
  ['month', '2028-02-29T23:59:55Z'],
  ['day', '2026-12-31T23:59:55Z'],
] as const

/** A budget is used up shortly before its window ends, and is there again right after it, but not a moment earlier. */
export async function windows(stage: Stage): Promise<Part> {
  const rows: string[][] = []
  const misses: Miss[] = []
  const url = stage.urls[0] ?? ''
  for (const [window, text] of EDGES) {
    const start = Date.parse(text)
    await stage.setClock(start)
    const from = stage.now()
    const account = await newAccount(stage, { budget: 0.02, window })
    stage.provider.answer({ delayMs: 20, completionTokens: 900 })
    const body = { max_tokens: 900 }
    const statuses: number[] = []
    let [retryAfter, code] = [0, '']
    for (let at = 0; at < 4; at++) {
      const response = await call(url, account, body)
      const answer = await response.text()
      statuses.push(response.status)
      if (response.status === 200) continue
      retryAfter = Number(response.headers.get('retry-after'))
      code = codeOf(answer)
    }
    const hasEnded = windowEnd(window, start) - start < 10_000
    const before = stage.provider.served(account.id).calls
    await stage.wait(5400 - (stage.now() - from))
    const answer = await call(url, account, body)
    await answer.text()
    const served = stage.provider.served(account.id)
    const counted = await settledSums(stage, account, served.dollars)
    rows.push([
      window,
      text,
      counts({ served: before }),
      `${code}, ${retryAfter} s`,
      String(answer.status),
      dollars(served.dollars),
      dollars(counted),
    ])
    if (before !== 2) misses.push(`${window} ${text}: ${before} served before its end`)
    if ((answer.status === 200) !== hasEnded) misses.push(`${window} ${text}: ${answer.status} after midnight`)
    if (Math.abs(counted - served.dollars) > 1e-6) misses.push(`${window} ${text}: ${dollars(counted)} counted`)
  }
  await stage.setClock(stage.now())
  const head = ['window', 'from', 'before midnight', 'then', 'after midnight', 'provider charged', 'ledger counted']
  return { text: table('A budget of $0.02 for calls of $0.009, around midnight', head, rows), misses }
}
