import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLease } from '../../src/access/lease.ts'
import { exchange, type LedgerState, readAnswer } from '../../src/access/ledger.ts'
import { COUNTS, readEntries, sumOf, toEntry } from '../../src/usage/entry.ts'

const START = Date.parse('2026-02-28T23:59:00Z')
const CALL = {
  id: undefined,
  model_asked: undefined,
  api: undefined,
  stream: false,
  http_status: 200,
  code: undefined,
  kind: undefined,
  fault: undefined,
  left: false,
  attempts: [],
  prompt_tokens: 3,
  cached_tokens: undefined,
  completion_tokens: 0,
  reasoning_tokens: undefined,
  estimated: undefined,
  cost_usd: undefined,
  ttft_ms: undefined,
  total_ms: 1,
}

/** What becomes of a report: it never comes, it is counted and the answer lost, it comes twice, or all goes well. */
const fate = fc.constantFrom('lost', 'unanswered', 'twice', 'answered' as const)

test('each call counts once, whatever becomes of reports and answers, and also if the object starts anew in between', () => {
  const steps = fc.array(fc.record({ calls: fc.nat(3), fate, isEvicted: fc.boolean(), isLimited: fc.boolean() }))
  const property = fc.property(steps, (all) => {
    const lease = createLease('isolate')
    let state: LedgerState | undefined
    let stored: LedgerState | undefined
    let counted: readonly number[] = COUNTS.map(() => 0)
    let [made, now] = [0, START]
    const count = (report: unknown) => {
      const result = exchange(state, structuredClone(report), {}, now)
      state = result.state
      if (result.changed) stored = result.state
      for (const { counts } of readEntries(result.usage ?? [], now)) counted = sumOf(counted, counts)
      return result.answer
    }
    for (const step of [...all, { calls: 0, fate: 'answered', isEvicted: false, isLimited: false } as const]) {
      now += 1000
      for (let at = 0; at < step.calls; at++) {
        const entry = toEntry({ ...CALL, request: `req_${++made}`, at: now }, 'all')
        lease.note(entry, step.isLimited ? undefined : { tokens: 3, dollars: 0 }, now)
      }
      const report = lease.report([], {}, now)
      if (step.fate !== 'lost') {
        const answer = count(report)
        if (step.fate === 'twice') count(report)
        if (step.fate !== 'unanswered') lease.confirm(readAnswer(answer) as never, now)
      }
      if (step.isEvicted) state = stored
    }
    // What the last answered report did not hold yet.
    count(lease.report([], {}, now))
    expect(counted[COUNTS.indexOf('requests')]).toBe(made)
    expect(counted[COUNTS.indexOf('prompt_tokens')]).toBe(3 * made)
  })
  fc.assert(property)
})
