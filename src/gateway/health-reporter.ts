import type { ObjectsOf } from '../env.ts'
import { createIsolateHealth, type HealthView, type IsolateHealth } from '../health/isolate.ts'
import type { Outcome } from '../health/outcome.ts'
import { randomText } from '../platform/random.ts'
import { sleep, TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { createReleaseQueue, type ReleaseQueue } from '../routing/release-queue.ts'
import { createRetryBudget, type RetryBudget } from '../routing/retry-budget.ts'
import { healthObjectOf } from './health-object.ts'
import { regionOf } from './region.ts'

/** An isolate that has heard nothing yet waits this long for its region's word, once. */
const COLD_WAIT_MS = 50
/** A region that does not answer is not waited for any longer; nobody else waits meanwhile. */
const REPORT_TIMEOUT_MS = 9000

/** What a request has to do with the health of providers. */
export interface HealthReporter {
  /** Resolves when there is something to go by, or it took too long; at once on a warm isolate. */
  readonly ready: () => Promise<void>
  readonly view: () => HealthView
  readonly budget: RetryBudget
  readonly releases: ReleaseQueue
  readonly attemptStarted: (deployment: string, trial: string | undefined) => void
  /** An attempt is over; `outcome` where that says something about the provider. */
  readonly attemptEnded: (deployment: string, outcome?: Outcome) => void
  /** An outcome while the attempt goes on. */
  readonly record: (outcome: Outcome) => void
}

interface Isolate {
  readonly health: IsolateHealth
  readonly budget: RetryBudget
  readonly releases: ReleaseQueue
  /** The first call to the region, until it has been waited for. */
  first: Promise<void> | undefined
  /** Whether a call is set for later, and since when: the request that was to make it may have been ended. */
  scheduledAt: number
  /** The call that is under way, and since when. */
  call: Promise<void> | undefined
  calledAt: number
}

const SCHEDULE_LOST_MS = 15_000

let isolate: Isolate | undefined

/** One for each isolate, made with its first request: before it there is neither chance nor a clock. */
function thisIsolate(): Isolate {
  isolate ??= {
    health: createIsolateHealth(randomText(8), Math.random()),
    budget: createRetryBudget(Date.now()),
    releases: createReleaseQueue(),
    first: undefined,
    scheduledAt: Number.NEGATIVE_INFINITY,
    call: undefined,
    calledAt: 0,
  }
  return isolate
}

/** What a request needs to reach its region. */
export interface RegionAccess {
  readonly objects: ObjectsOf<'Health'>
  readonly request: Request
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** Ties one request to its isolate's board: what it sees goes to the region after it, and never holds it up. */
export function createHealthReporter(reach: RegionAccess): HealthReporter {
  const { health: board, budget, releases } = thisIsolate()
  return {
    ready: () => ready(reach),
    view: () => board.view(Date.now()),
    budget,
    releases,
    attemptStarted(deployment, trial) {
      board.attemptStarted(deployment, Date.now(), trial)
      reportIfDue(reach)
    },
    attemptEnded(deployment, outcome) {
      board.attemptEnded(deployment)
      if (outcome !== undefined) board.record(outcome, Date.now())
      reportIfDue(reach)
    },
    record(outcome) {
      board.record(outcome, Date.now())
      reportIfDue(reach)
    },
  }
}

/** A watcher that sees nothing and forgets everything: targets are asked in their given order (setting `HEALTH`). */
export function noHealthReporter(): HealthReporter {
  const nothing = () => {}
  return {
    ready: async () => {},
    view: () => createIsolateHealth('', 0).view(Date.now()),
    budget: { earn: nothing, spend: () => true, giveBack: nothing },
    releases: createReleaseQueue(),
    attemptStarted: nothing,
    attemptEnded: nothing,
    record: nothing,
  }
}

/** Asks the region at once, for those who want to know how things are rather than to send a request. */
export async function refreshHealth(reach: RegionAccess, patienceMs: number): Promise<HealthView> {
  const { health: board, call, calledAt } = thisIsolate()
  // One at a time, or what one of them was to tell would be lost; but the request that made it may have been ended.
  const isOut = call !== undefined && Date.now() - calledAt < REPORT_TIMEOUT_MS
  await withTimeout(isOut ? call : exchange(reach), patienceMs)
  return board.view(Date.now())
}

async function ready(reach: RegionAccess): Promise<void> {
  const here = thisIsolate()
  if (here.health.hasSnapshot()) return
  if (here.first === undefined) {
    here.first = exchange(reach)
  } else if (here.first === WAITED) return
  await withTimeout(here.first, COLD_WAIT_MS)
  // Once only: a region that hangs must not hold up every request.
  here.first = WAITED
}

const WAITED = Promise.resolve()

function reportIfDue(reach: RegionAccess): void {
  const here = thisIsolate()
  const now = Date.now()
  const due = here.health.reportDue(now)
  if (due === undefined) return
  if (due === 'now') {
    exchange(reach)
    return
  }
  if (now - here.scheduledAt < SCHEDULE_LOST_MS) return
  here.scheduledAt = now
  reach.waitUntil(
    sleep(due).then(() => {
      here.scheduledAt = Number.NEGATIVE_INFINITY
      reportIfDue(reach)
    }),
  )
}

/** One call to the region: what was seen goes out, what it knows comes back. Rejects never. */
function exchange(reach: RegionAccess): Promise<void> {
  const here = thisIsolate()
  const call = exchangeOnce(reach).finally(() => {
    if (here.call === call) here.call = undefined
    // What was noted while it was out may be the last there is for a while.
    reportIfDue(reach)
  })
  here.call = call
  here.calledAt = Date.now()
  reach.waitUntil(call)
  return call
}

async function exchangeOnce({ objects, request }: RegionAccess): Promise<void> {
  const { health: board } = thisIsolate()
  const region = regionOf(request)
  const report = board.takeReport(Date.now())
  try {
    const snapshot = await withTimeout(
      healthObjectOf(objects().Health, region).report(region, report),
      REPORT_TIMEOUT_MS,
    )
    if (snapshot === TIMED_OUT) board.reportFailed(Date.now(), true)
    else board.acceptSnapshot(snapshot, Date.now())
  } catch (error) {
    board.reportFailed(Date.now(), (error as { overloaded?: unknown }).overloaded === true)
  }
}
