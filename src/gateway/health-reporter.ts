import { keyNews } from '../access/auth.ts'
import type { ObjectsOf } from '../env.ts'
import { createIsolateHealth, type HealthView, type IsolateHealth } from '../health/isolate.ts'
import type { Snapshot } from '../health/messages.ts'
import type { Outcome } from '../health/outcome.ts'
import { randomText } from '../platform/random.ts'
import { sleep, TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { createHedgeBudget, type HedgeBudget } from '../routing/hedge-budget.ts'
import { createReleaseQueue, type ReleaseQueue } from '../routing/release-queue.ts'
import { createRetryBudget, type RetryBudget } from '../routing/retry-budget.ts'
import { healthObjectOf } from './health-object.ts'
import { regionOf } from './region.ts'

/** What a request has to do with the health of deployments. */
export interface HealthReporter {
  /** Resolves when there is a snapshot, or none came in time; undefined on a warm isolate, where nobody waits. */
  readonly ready: () => Promise<void> | undefined
  readonly view: (now: number) => HealthView
  readonly budget: RetryBudget
  readonly hedges: HedgeBudget
  readonly releases: ReleaseQueue
  readonly attemptStarted: (deployment: string, now: number, probe: string | undefined) => void
  /** An attempt is over; `outcome` where that says something about the provider. */
  readonly attemptEnded: (deployment: string, now: number, outcome?: Outcome) => void
  /** An outcome while the attempt goes on. */
  readonly record: (outcome: Outcome, now: number) => void
}

/** What a request needs to reach its region. */
export interface RegionAccess {
  readonly objects: ObjectsOf<'Health'>
  readonly request: Request
  readonly waitUntil: (work: Promise<unknown>) => void
}

interface Isolate {
  readonly health: IsolateHealth
  readonly budget: RetryBudget
  readonly hedges: HedgeBudget
  readonly releases: ReleaseQueue
  /** The first call to the region; `WAITED` once a request has waited for it. */
  firstCall: Promise<void> | undefined
  /** When a later call was scheduled: the request that was to make it may have been ended. */
  scheduledAt: number
  /** The call that is under way, and when it was made. */
  call: Promise<void> | undefined
  calledAt: number
}

let isolate: Isolate | undefined

/** One for each isolate, made with its first request: the platform gives no clock and no random numbers before. */
function thisIsolate(): Isolate {
  isolate ??= {
    health: createIsolateHealth(randomText(8), Math.random()),
    budget: createRetryBudget(Date.now()),
    hedges: createHedgeBudget(Date.now()),
    releases: createReleaseQueue(),
    firstCall: undefined,
    scheduledAt: Number.NEGATIVE_INFINITY,
    call: undefined,
    calledAt: 0,
  }
  return isolate
}

/** Connects one request with its isolate's health. What it sees goes to the region afterwards, and never holds it up. */
export class RequestHealth implements HealthReporter {
  readonly #access: RegionAccess
  readonly #isolate = thisIsolate()

  constructor(access: RegionAccess) {
    this.#access = access
  }

  get budget() {
    return this.#isolate.budget
  }

  get hedges() {
    return this.#isolate.hedges
  }

  get releases() {
    return this.#isolate.releases
  }

  ready() {
    return waitForFirstSnapshot(this.#isolate, this.#access)
  }

  view(now: number) {
    return this.#isolate.health.view(now)
  }

  attemptStarted(deployment: string, now: number, probe: string | undefined) {
    this.#isolate.health.attemptStarted(deployment, now, probe)
    reportIfDue(this.#isolate, this.#access, now)
  }

  attemptEnded(deployment: string, now: number, outcome?: Outcome) {
    this.#isolate.health.attemptEnded(deployment)
    if (outcome !== undefined) this.#isolate.health.record(outcome, now)
    reportIfDue(this.#isolate, this.#access, now)
  }

  record(outcome: Outcome, now: number) {
    this.#isolate.health.record(outcome, now)
    reportIfDue(this.#isolate, this.#access, now)
  }
}

/** Knows nothing and records nothing: candidates are tried in their given order (setting `HEALTH=off`). */
export function noHealthReporter(): HealthReporter {
  const nothing = () => {}
  return {
    ready: () => undefined,
    view: (now) => createIsolateHealth('', 0).view(now),
    budget: { earn: nothing, spend: () => true, isLow: () => false, giveBack: nothing },
    // Nobody is known to be late.
    hedges: { earn: nothing, spend: () => false, giveBack: nothing },
    releases: createReleaseQueue(),
    attemptStarted: nothing,
    attemptEnded: nothing,
    record: nothing,
  }
}

/** Asks the region now, for endpoints that show health. */
export async function refreshHealth(access: RegionAccess, timeoutMs: number): Promise<HealthView> {
  const here = thisIsolate()
  const { health, call, calledAt } = here
  // One call at a time, so that no report is lost; but the request that made it may have been ended.
  const isUnderWay = call !== undefined && Date.now() - calledAt < REPORT_TIMEOUT_MS
  await withTimeout(isUnderWay ? call : exchange(here, access), timeoutMs)
  return health.view(Date.now())
}

const FIRST_SNAPSHOT_TIMEOUT_MS = 50
/** Only the call itself waits so long for the region, no request does. */
const REPORT_TIMEOUT_MS = 9000
const WAITED = Promise.resolve()

function waitForFirstSnapshot(here: Isolate, access: RegionAccess): Promise<void> | undefined {
  if (here.health.hasSnapshot() || here.firstCall === WAITED) return undefined
  here.firstCall ??= exchange(here, access)
  return withTimeout(here.firstCall, FIRST_SNAPSHOT_TIMEOUT_MS).then(() => {
    // Once only: a region that hangs must not hold up every request.
    here.firstCall = WAITED
  })
}

const SCHEDULE_LOST_MS = 15_000

function reportIfDue(here: Isolate, access: RegionAccess, now: number): void {
  const due = here.health.reportDue(now)
  if (due === undefined) return
  if (due === 'now') {
    exchange(here, access)
    return
  }
  if (now - here.scheduledAt < SCHEDULE_LOST_MS) return
  here.scheduledAt = now
  access.waitUntil(
    sleep(due).then(() => {
      here.scheduledAt = Number.NEGATIVE_INFINITY
      reportIfDue(here, access, Date.now())
    }),
  )
}

/** One call to the region: a report goes out, a snapshot comes back. Never rejects. */
function exchange(here: Isolate, access: RegionAccess): Promise<void> {
  const call = exchangeOnce(here, access).finally(() => {
    if (here.call === call) here.call = undefined
    // No request may come for a while to report what was recorded meanwhile.
    reportIfDue(here, access, Date.now())
  })
  here.call = call
  here.calledAt = Date.now()
  access.waitUntil(call)
  return call
}

async function exchangeOnce({ health }: Isolate, access: RegionAccess): Promise<void> {
  const { objects, request, waitUntil } = access
  const region = regionOf(request)
  const askedAt = Date.now()
  const report = health.takeReport(askedAt)
  try {
    const stub = healthObjectOf(objects().Health, region)
    const snapshot = await withTimeout(stub.report(region, report), REPORT_TIMEOUT_MS)
    if (snapshot === TIMED_OUT) health.reportFailed(Date.now(), true)
    else {
      health.acceptSnapshot(snapshot, Date.now())
      const { keys } = Object(snapshot) as Snapshot
      keyNews.hearCount(keys, askedAt, (since) => askKeyChanges(access, since), waitUntil)
    }
  } catch (error) {
    health.reportFailed(Date.now(), (error as { overloaded?: unknown }).overloaded === true)
  }
}

/** Asks the region for the changes of keys after one (accounts 6). */
export function askKeyChanges({ objects, request }: RegionAccess, since: number): PromiseLike<unknown> {
  return healthObjectOf(objects().Health, regionOf(request)).keyChanges(since)
}
