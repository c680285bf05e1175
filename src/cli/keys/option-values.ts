import { UsageError } from '../arguments.ts'

/** Reads a limit as a part of a key's limits; nothing where the option is absent. @throws UsageError */
export function readLimit(name: string, text: string | undefined): Record<string, number> {
  if (text === undefined) return {}
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new UsageError(`--${name} must be a number above 0`)
  return { [name]: value }
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** Reads a duration such as `30d`, in milliseconds. @throws UsageError */
export function readDurationMs(name: string, text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  const unitMs = UNIT_MS.get(unit ?? '')
  if (count === undefined || unitMs === undefined) throw new UsageError(`--${name} must be like 30d, 12h, 45m or 90s`)
  return Number(count) * unitMs
}
