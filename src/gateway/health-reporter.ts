import type { ObjectsOf } from '../env.ts'
import { createIsolateHealth, type HealthView, type IsolateHealth } from '../health/isolate.ts'
import type { Outcome } from '../health/outcome.ts'
import { randomText } from '../platform/random.ts'
import { sleep, TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { createReleaseQueue, type ReleaseQueue } from '../routing/release-queue.ts'
import { createRetryBudget, type RetryBudget } from '../routing/retry-budget.ts'
import { healthOf } from './health-object.ts'
import { regionOf } from './region.ts'

/** An isolate that has heard nothing yet waits this long for its region's word, once. */
const COLD_WAIT_MS = 50
/** A region that does not answer is not waited for any longer; nobody else waits meanwhile. */
const PATIENCE_MS = 9000

/** What a request has to do with the health of providers. */
export interface HealthReporter {
  /** Resolves when there is something to go by, or it took too long; at once on a warm isolate. */
  readonly ready: () => Promise<void>
  readonly view: () => HealthView
  readonly budget: RetryBudget
  readonly releases: ReleaseQueue
  readonly started: (deployment: string, trial: string | undefined) => void
  /** An attempt is over; `outcome` where that says something about the provider. */
  readonly ended: (deployment: string, outcome?: Outcome) => void
  /** An outcome while the attempt goes on. */
  readonly note: (outcome: Outcome) => void
}

interface Isolate {
  readonly board: IsolateHealth
  readonly budget: RetryBudget
  readonly releases: ReleaseQueue
  /** The first call to the region, until it has been waited for. */
  first: Promise<void> | undefined
  /** Whether a call is set for later, and since when: the request that was to make it may have been ended. */
  setAt: number
  /** The call that is under way, and since when. */
  call: Promise<void> | undefined
  calledAt: number
}

const SET_LOST_MS = 15_000

let isolate: Isolate | undefined

/** One for each isolate, made with its first request: before it there is neither chance nor a clock. */
function thisIsolate(): Isolate {
  isolate ??= {
    board: createIsolateHealth(randomText(8), Math.random()),
    budget: createRetryBudget(Date.now()),
    releases: createReleaseQueue(),
    first: undefined,
    setAt: Number.NEGATIVE_INFINITY,
    call: undefined,
    calledAt: 0,
  }
  return isolate
}

/** What a request needs to reach its region. */
export interface Reach {
  readonly objects: ObjectsOf<'Health'>
  readonly request: Request
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** Ties one request to its isolate's board: what it sees goes to the region after it, and never holds it up. */
export function createHealthReporter(reach: Reach): HealthReporter {
  const { board, budget, releases } = thisIsolate()
  return {
    ready: () => ready(reach),
    view: () => board.view(Date.now()),
    budget,
    releases,
    started(deployment, trial) {
      board.started(deployment, Date.now(), trial)
      tell(reach)
    },
    ended(deployment, outcome) {
      board.ended(deployment)
      if (outcome !== undefined) board.note(outcome, Date.now())
      tell(reach)
    },
    note(outcome) {
      board.note(outcome, Date.now())
      tell(reach)
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
    started: nothing,
    ended: nothing,
    note: nothing,
  }
}

/** Asks the region at once, for those who want to know how things are rather than to send a request. */
export async function refreshHealth(reach: Reach, patienceMs: number): Promise<HealthView> {
  const { board, call, calledAt } = thisIsolate()
  // One at a time, or what one of them was to tell would be lost; but the request that made it may have been ended.
  const isOut = call !== undefined && Date.now() - calledAt < PATIENCE_MS
  await withTimeout(isOut ? call : exchange(reach), patienceMs)
  return board.view(Date.now())
}

async function ready(reach: Reach): Promise<void> {
  const here = thisIsolate()
  if (here.board.hasSnapshot()) return
  if (here.first === undefined) {
    here.first = exchange(reach)
  } else if (here.first === WAITED) return
  await withTimeout(here.first, COLD_WAIT_MS)
  // Once only: a region that hangs must not hold up every request.
  here.first = WAITED
}

const WAITED = Promise.resolve()

function tell(reach: Reach): void {
  const here = thisIsolate()
  const now = Date.now()
  const due = here.board.due(now)
  if (due === undefined) return
  if (due === 'now') {
    exchange(reach)
    return
  }
  if (now - here.setAt < SET_LOST_MS) return
  here.setAt = now
  reach.waitUntil(
    sleep(due).then(() => {
      here.setAt = Number.NEGATIVE_INFINITY
      tell(reach)
    }),
  )
}

/** One call to the region: what was seen goes out, what it knows comes back. Rejects never. */
function exchange(reach: Reach): Promise<void> {
  const here = thisIsolate()
  const call = exchangeOnce(reach).finally(() => {
    if (here.call === call) here.call = undefined
    // What was noted while it was out may be the last there is for a while.
    tell(reach)
  })
  here.call = call
  here.calledAt = Date.now()
  reach.waitUntil(call)
  return call
}

async function exchangeOnce({ objects, request }: Reach): Promise<void> {
  const { board } = thisIsolate()
  const region = regionOf(request)
  const report = board.take(Date.now())
  try {
    const snapshot = await withTimeout(healthOf(objects().Health, region).report(region, report), PATIENCE_MS)
    if (snapshot === TIMED_OUT) board.failed(Date.now(), true)
    else board.returned(snapshot, Date.now())
  } catch (error) {
    board.failed(Date.now(), (error as { overloaded?: unknown }).overloaded === true)
  }
}
