import { expect } from 'vitest'
import { type Amounts, minus, NOTHING, plus } from '../../src/access/amounts.ts'
import type { Limits, Reservation } from '../../src/access/budget.ts'
import { createLease, isOpen, type Lease, type OpenCall } from '../../src/access/lease.ts'
import { exchange, type LedgerState, limitsOf, type Report, readAnswer } from '../../src/access/ledger.ts'
import { MINUTE_MS, minuteOf, windowStart } from '../../src/access/window.ts'

/** What happens to a message on its way. */
export interface Fate {
  readonly lost: 'no' | 'request' | 'reply'
  readonly delayMs: number
  /** A second copy arrives so much later; 0 for none. */
  readonly copyMs: number
}

export interface Call extends Reservation {
  readonly isolate: number
  readonly account: number
  readonly lastsMs: number
  /** What it uses of its reservation, in percent; more than a hundred breaks its own bound. */
  readonly percent: number
}

interface Waiting {
  readonly call: Call
  readonly until: number
}

/** One isolate's side of one account, as limits.ts has it. */
interface Side {
  readonly name: string
  readonly isolate: number
  readonly account: number
  lease: Lease
  waiting: Waiting[]
  running: Map<OpenCall, Call>
  scheduled: boolean
  sentAt: number
  /** What was settled here, to compare with what was confirmed. */
  losses: number
}

interface Account {
  readonly limits: Limits
  memory: LedgerState | undefined
  stored: unknown
  /** What calls truly used, reserved and exceeded: the model is a list of what happened. */
  requests: number[]
  settled: { at: number; tokens: number; dollars: number }[]
  open: Amounts
  excess: Amounts
  admitted: number
  refused: number
}

const RETRY_MS = 1000
/** A report may take so long to arrive. */
const EDGE_MS = 10_000
const WAIT_MS = 500
/** A message may be lost so often before the next one of its isolate arrives. */
const MAX_LOSSES = 2

/** Isolates, ledgers and the network between them, in a time of its own. What must hold is checked at every moment. */
export function createWorld(
  start: number,
  limits: readonly Limits[],
  fates: readonly Fate[],
  offsets: readonly number[],
) {
  let now = start
  let fateAt = 0
  let sides: Side[] = []
  let names = 0
  const clocks = [...offsets]
  const events: { at: number; order: number; run: () => void }[] = []
  let order = 0
  let isCalm = false
  const accounts: Account[] = limits.map((one) => ({
    limits: one,
    memory: undefined,
    stored: undefined,
    requests: [],
    settled: [],
    open: NOTHING,
    excess: NOTHING,
    admitted: 0,
    refused: 0,
  }))

  const at = (ms: number, run: () => void) => {
    events.push({ at: now + ms, order: order++, run })
    events.sort((one, other) => one.at - other.at || one.order - other.order)
  }
  const accountOf = (side: Pick<Side, 'account'>): Account => accounts[side.account] as Account
  const clock = (side: Pick<Side, 'isolate'>) => now + (clocks[side.isolate] ?? 0)
  const sideOf = (isolate: number, account: number): Side => {
    const known = sides.find((side) => side.isolate === isolate && side.account === account)
    if (known !== undefined) return known
    const name = `isolate ${isolate}.${++names}`
    const created: Side = {
      name,
      isolate,
      account,
      lease: createLease(name),
      waiting: [],
      running: new Map(),
      scheduled: false,
      sentAt: Number.NEGATIVE_INFINITY,
      losses: 0,
    }
    sides.push(created)
    return created
  }

  /** What was used and reserved is within the limits, at every moment. */
  const check = (account: Account) => {
    const { rpm, tpm, budget, concurrent, window = 'total' } = account.limits
    const minute = minuteOf(now)
    const inMinute = account.settled.filter((one) => minuteOf(one.at) === minute)
    const inWindow = account.settled.filter((one) => one.at >= windowStart(window, now))
    const tokens = inMinute.reduce((sum, one) => sum + one.tokens, 0) + account.open.tokens
    const dollars = inWindow.reduce((sum, one) => sum + one.dollars, 0) + account.open.dollars
    const requests = account.requests.filter((one) => minuteOf(one) === minute).length
    const when = new Date(now).toISOString()
    if (rpm !== undefined)
      expect(requests, `requests in the minute of ${when}`).toBeLessThanOrEqual(rpm + account.excess.requests)
    if (tpm !== undefined)
      expect(tokens, `tokens in the minute of ${when}`).toBeLessThanOrEqual(tpm + account.excess.tokens + 1e-6)
    if (budget !== undefined)
      expect(dollars, `dollars in the ${window} of ${when}`).toBeLessThanOrEqual(budget + account.excess.dollars + 1e-6)
    if (concurrent !== undefined)
      expect(account.open.calls, `calls at ${when}`).toBeLessThanOrEqual(concurrent + account.excess.calls)
  }

  const begin = (side: Side, call: Call, open: OpenCall) => {
    const account = accountOf(side)
    side.lease.begin(open, clock(side))
    side.running.set(open, call)
    account.admitted++
    account.requests.push(now)
    account.open = plus(account.open, { requests: 0, tokens: call.tokens, dollars: call.dollars, calls: 1 })
    check(account)
    at(call.lastsMs, () => end(side, open))
    schedule(side)
  }
  const end = (side: Side, open: OpenCall) => {
    const call = side.running.get(open)
    if (call === undefined) return
    side.running.delete(open)
    const account = accountOf(side)
    const used = {
      tokens: Math.round((call.tokens * call.percent) / 100),
      dollars: (call.dollars * call.percent) / 100,
    }
    const reserved = { requests: 0, tokens: call.tokens, dollars: call.dollars, calls: 1 }
    account.open = minus(account.open, reserved)
    account.excess = plus(account.excess, minus({ ...NOTHING, ...used }, reserved))
    account.settled.push({ at: now, ...used })
    side.lease.settle(open, used.tokens, used.dollars, clock(side))
    check(account)
    schedule(side)
  }

  const schedule = (side: Side) => {
    if (side.scheduled) return
    side.scheduled = true
    at(Math.max(side.sentAt + RETRY_MS - now, 0), () => {
      side.scheduled = false
      if (side.lease.hasNews() || side.lease.isPending()) send(side)
    })
  }

  const send = (side: Side) => {
    if (!sides.includes(side)) return
    const needs = side.waiting.map(({ call }) => ({ tokens: call.tokens, dollars: call.dollars }))
    const report = structuredClone(side.lease.report(needs, accountOf(side).limits, clock(side)))
    side.sentAt = now
    post(side, report)
    at(RETRY_MS, () => {
      if (side.lease.isPending()) schedule(side)
    })
  }

  const post = (side: Side, report: Report) => {
    const fate = isCalm ? undefined : fates[fateAt++ % fates.length]
    const { delayMs = 5, copyMs = 0 } = fate ?? {}
    let lost = fate?.lost ?? 'no'
    if (lost !== 'no' && ++side.losses > MAX_LOSSES) lost = 'no'
    if (lost === 'no') side.losses = 0
    if (lost !== 'request') at(delayMs, () => arrive(side, report, lost === 'reply' ? undefined : delayMs))
    if (copyMs > 0) at(delayMs + copyMs, () => arrive(side, report, delayMs))
  }

  const arrive = (side: Side, report: Report, replyMs: number | undefined) => {
    const account = accountOf(side)
    const { state, answer, changed } = exchange(
      account.memory ?? structuredClone(account.stored),
      report,
      account.limits,
      now,
    )
    account.memory = state
    if (changed) account.stored = structuredClone(state)
    expect(answer).toBeDefined()
    if (replyMs !== undefined) at(replyMs, () => hear(side, report, structuredClone(answer)))
  }

  const hear = (side: Side, report: Report, answer: unknown) => {
    if (!sides.includes(side)) return
    const read = readAnswer(answer)
    expect.assert(read !== undefined)
    if (!side.lease.confirm(read, clock(side))) return
    const asked = report.needs.length
    const waiting = side.waiting.filter(({ until }) => until >= now)
    side.waiting = []
    waiting.forEach((one, index) => {
      const decision = side.lease.admit(one.call, accountOf(side).limits, clock(side))
      if (isOpen(decision)) begin(side, one.call, decision)
      else if (index < asked || decision !== 'ask') accountOf(side).refused++
      else side.waiting.push(one)
    })
    if (side.waiting.length > 0) send(side)
    else if (side.lease.hasNews()) schedule(side)
  }

  const run = (until: number) => {
    for (let next = events[0]; next !== undefined && next.at <= until; next = events[0]) {
      events.shift()
      now = Math.max(now, next.at)
      next.run()
    }
    now = until
    for (const account of accounts) check(account)
  }

  const world = {
    wait: (ms: number) => run(now + ms),
    call: (call: Call) => {
      const side = sideOf(call.isolate, call.account)
      const account = accountOf(side)
      const decision = side.lease.admit(call, account.limits, clock(side))
      if (isOpen(decision)) return begin(side, call, decision)
      if (decision !== 'ask') {
        account.refused++
        return
      }
      side.waiting.push({ call, until: now + WAIT_MS })
      if (!side.lease.isPending()) send(side)
    },
    /** The isolate is gone, and with it what it has not told. */
    die: (isolate: number) => {
      for (const side of sides.filter((one) => one.isolate === isolate)) {
        const account = accountOf(side)
        const { used } = side.lease.report([], account.limits, clock(side))
        // Also what is under way and unanswered may never have arrived.
        const untold = side.lease.usedNow(clock(side))
        for (const row of [...used, untold]) account.excess = plus(account.excess, { ...row, calls: 0 })
        for (const call of side.running.values()) {
          account.open = minus(account.open, { requests: 0, tokens: call.tokens, dollars: call.dollars, calls: 1 })
        }
        side.running.clear()
      }
      sides = sides.filter((side) => side.isolate !== isolate)
    },
    evict: (account: number) => {
      const found = accounts[account]
      if (found !== undefined) found.memory = undefined
    },
    /** The isolate's clock jumps ahead. */
    step: (isolate: number, ms: number) => {
      clocks[isolate] = (clocks[isolate] ?? 0) + ms
    },
    /** Lets everything end with a network that works. */
    calmDown: () => {
      isCalm = true
      run(now + 30_000)
    },
    /** Waits until no lease is left, and the minute is a new one. */
    outlastLeases: () => run((minuteOf(now + 60_000) + 1) * MINUTE_MS + 1),
    now: () => now,
    accounts,
    /** What is left of the budget. What was settled shortly before the window began may have been counted in either. */
    left: (account: number): { most: number; least: number } => {
      const { limits: own, settled } = accounts[account] as Account
      const from = windowStart(own.window ?? 'total', now)
      const spentSince = (time: number) => settled.reduce((sum, one) => sum + (one.at >= time ? one.dollars : 0), 0)
      const budget = limitsOf(own).dollars
      return { most: Math.max(budget - spentSince(from), 0), least: Math.max(budget - spentSince(from - EDGE_MS), 0) }
    },
  }
  return world
}
