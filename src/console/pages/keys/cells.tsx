import { Dollars } from '../../parts/dollars.tsx'
import { compact, count, dollars, moment, percent } from '../../parts/format.ts'
import { type Entry, stateOf } from './record.ts'

const RESETS = { daily: 'a day', weekly: 'a week', monthly: 'a month' } as const
const LOW = 0.1

/** What is left of a budget: a bar, and the numbers. */
export function Budget({ entry }: { entry: Pick<Entry, 'limit' | 'limit_reset' | 'limit_remaining'> }) {
  const { limit, limit_reset: reset, limit_remaining: left } = entry
  if (limit === null) return <span class="muted">no budget</span>
  const share = left === null || limit === 0 ? 0 : Math.min(1, left / limit)
  const state = left !== null && share <= LOW ? (share === 0 ? 'bad' : 'warn') : 'good'
  return (
    <div class="keys-budget">
      <span class="keys-track" aria-hidden="true">
        <span class={`keys-left ${state}`} style={{ width: `${share * 100}%` }} />
      </span>
      <span>
        <span class={left === 0 ? 'bad' : ''}>{left === null ? 'not known' : dollars(left)}</span> left of{' '}
        {dollars(limit)} {reset && RESETS[reset]}
        {left !== null && limit > 0 && <span class="muted"> ({percent(share)})</span>}
      </span>
    </div>
  )
}

export function limitsText({ rpm, tpm, concurrent }: Pick<Entry, 'rpm' | 'tpm' | 'concurrent'>): string {
  const texts = [
    rpm !== null && `${count(rpm)} requests/min`,
    tpm !== null && `${compact(tpm)} tokens/min`,
    concurrent !== null && `${count(concurrent)} at once`,
  ]
  return texts.filter(Boolean).join(', ')
}

export function StateBadge({ entry }: { entry: Entry }) {
  const state = stateOf(entry, Date.now())
  const class_ = { active: 'good', disabled: 'warn', expired: 'warn', revoked: 'bad' }[state]
  const { expires_at: expires, revoked_at: revoked, successor } = entry
  return (
    <>
      <span class={`badge ${class_}`}>{state}</span>
      {successor && <div class="muted">rotated</div>}
      {state === 'revoked' && <div class="muted">{moment(revoked).slice(0, 10)}</div>}
      {state === 'active' && expires && <div class="muted">until {moment(expires).slice(0, 10)}</div>}
    </>
  )
}

export function UsageCell({ entry, column }: { entry: Entry; column: readonly (number | null)[] }) {
  return (
    <>
      <Dollars value={entry.usage} column={column} />
      {(entry.usage_daily ?? 0) > 0 && <div class="muted">{dollars(entry.usage_daily)} today</div>}
    </>
  )
}
