/** Numbers and times as all pages show them. What is not known is a dash. */

const NONE = '–'

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

export function count(value: number | null | undefined): string {
  return value == null ? NONE : whole.format(value)
}

/** 12.3K, 4.5M. */
export function compact(value: number | null | undefined): string {
  return value == null ? NONE : short.format(value)
}

/** Small sums need more digits: a call may cost a thousandth of a cent, and an embedding less. */
export function dollars(value: number | null | undefined): string {
  if (value == null) return NONE
  const size = Math.abs(value)
  const digits = dollarDigits(value)
  if (size > 0 && size < LEAST_DOLLARS) return `<$${LEAST_DOLLARS.toFixed(digits)}`
  const amount = size.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return `${value < 0 ? '-' : ''}$${amount}`
}

const LEAST_DOLLARS = 1e-8

/** How many digits stand behind the point of `dollars`. */
export function dollarDigits(value: number | null | undefined): number {
  const size = Math.abs(value ?? 0)
  if (size === 0 || size >= 1) return 2
  return size >= 0.01 ? 4 : size >= 0.00001 ? 6 : 8
}

export function milliseconds(value: number | null | undefined): string {
  if (value == null) return NONE
  return value < 1000 ? `${Math.round(value)} ms` : value < 60_000 ? `${(value / 1000).toFixed(2)} s` : duration(value)
}

/** 90 s, 12 min, 3 h, 2 d. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

export function percent(share: number | null | undefined): string {
  if (share == null) return NONE
  return share > 0 && share < 0.0005 ? '<0.1 %' : `${(share * 100).toFixed(1)} %`
}

/** A moment in the viewer's own time zone: 2026-03-01 14:05:09. */
export function moment(at: string | number | null | undefined): string {
  if (at == null) return NONE
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return NONE
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
