import type { Deployment } from '../../parts/deployment-health.ts'
import { count, percent } from '../../parts/format.ts'

const MINUTES = 60
const WIDTH = 4
const HEIGHT = 24

/** The last hour, a bar a minute: as high as there were attempts, and red as far as they failed. */
export function Strip({ hour }: { hour: Deployment['last_hour'] }) {
  const { requests, failures, success_rate: rates } = hour
  // Who may not know how many there were sees which share failed.
  const shares = rates.map((rate) => (rate === null ? 0 : 1 - rate))
  const max = Math.max(...(requests ?? []), 1)
  const all = rates.map((rate, at) => (requests ? (requests[at] ?? 0) / max : rate === null ? 0 : 1))
  const failed = rates.map((_, at) => (failures ? (failures[at] ?? 0) / max : (shares[at] ?? 0)))
  const text = summaryOf(hour)
  function showMinute(event: PointerEvent): void {
    const box = event.currentTarget as Element
    const { left, width } = box.getBoundingClientRect()
    const at = Math.min(Math.max(Math.floor(((event.clientX - left) / width) * MINUTES), 0), MINUTES - 1)
    const title = box.querySelector('title')
    if (title) title.textContent = minuteText(hour, at)
  }
  return (
    <svg
      class="now-strip"
      viewBox={`0 0 ${MINUTES * WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Last hour: ${text}`}
      onPointerMove={showMinute}
    >
      <title>{`Last hour: ${text}`}</title>
      <path class="now-strip-base" d={`M0 ${HEIGHT - 0.5}H${MINUTES * WIDTH}`} />
      <path class="now-strip-all" d={bars(all)} />
      <path class="now-strip-failed" d={bars(failed)} />
    </svg>
  )
}

/** A minute with a single attempt is still seen. */
const MIN_HEIGHT = 3

function bars(shares: readonly number[]): string {
  return shares
    .map((share, at) => {
      if (share <= 0) return ''
      const height = Math.max(share * HEIGHT, MIN_HEIGHT)
      return `M${at * WIDTH} ${HEIGHT}v${-height}h${WIDTH - 1}v${height}z`
    })
    .join('')
}

function summaryOf({ requests, failures, success_rate: rates }: Deployment['last_hour']): string {
  if (requests !== undefined && failures !== undefined) {
    return `${count(sum(requests))} attempts, ${count(sum(failures))} failed`
  }
  const known = rates.filter((rate) => rate !== null)
  if (known.length === 0) return 'no attempts'
  const broken = known.filter((rate) => rate < 1).length
  return `attempts in ${known.length} minutes, failures in ${broken} of them`
}

function minuteText({ requests, failures, success_rate: rates }: Deployment['last_hour'], at: number): string {
  const ago = MINUTES - 1 - at
  const when = ago === 0 ? 'This minute' : `${ago} min ago`
  if (requests !== undefined) return `${when}: ${count(requests[at])} attempts, ${count(failures?.[at])} failed`
  const rate = rates[at] ?? null
  return rate === null ? `${when}: no attempts` : `${when}: ${percent(rate)} succeeded`
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}
