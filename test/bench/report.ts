import { bestPeer, type LaneResult } from './measure.ts'
import type { Reading, Scenario } from './scenarios.ts'
import { median, spreadPercent } from './statistics.ts'
import type { Target } from './targets.ts'

/** Lines that show what a scenario's lanes gave. */
export function scenarioLines({ name, concurrency }: Scenario, results: readonly LaneResult[]): string[] {
  const hasPeer = results.some(({ lane }) => lane.gateway === 'peer')
  const further = hasPeer ? ['× best peer'] : []
  const headings = ['CPU µs/request', 'CPU µs/event', '× first', ...further, 'req/s', 'p50 ms', 'p99 ms']
  return [
    '',
    `${name} (${concurrency} concurrent)`,
    row(['', ...headings, 'first chunk ms', 'RSS MB']),
    ...results.map((result) => {
      const { overFirst, overBestPeer } = ratiosOf(result, results)
      return row([
        result.lane.name,
        withSpread(column(result, 'cpuPerRequestUs'), 0),
        withSpread(column(result, 'cpuPerEventUs'), 1),
        withSpread(overFirst, 2),
        ...(hasPeer ? [withSpread(overBestPeer, 2)] : []),
        figure(median(column(result, 'perSecond')), 0),
        figure(median(column(result, 'p50Ms')), 2),
        figure(median(column(result, 'p99Ms')), 2),
        figure(median(column(result, 'firstChunkMs')), 2),
        figure(median(column(result, 'rssMb')), 0),
      ])
    }),
  ]
}

/** CPU of a lane over that of the first one and over that of the best peer, by round: of an event, where there are any. */
function ratiosOf(result: LaneResult, results: readonly LaneResult[]) {
  const unit: keyof Reading = result.lane.events === 0 ? 'cpuPerRequestUs' : 'cpuPerEventUs'
  const over = (limit: LaneResult | undefined) =>
    column(result, unit).map((value, round) => value / (limit?.readings[round]?.[unit] ?? Number.NaN))
  return { overFirst: over(results[0]), overBestPeer: over(bestPeer(results, unit)) }
}

/** Lines that show what was to be reached and what was. */
export function targetLines(targets: readonly Target[]): string[] {
  const width = Math.max(...targets.map(({ name }) => name.length), 6)
  return [
    '',
    `${'target'.padEnd(width)}  ${'value'.padStart(16)}  ${'must'.padStart(8)}  ${'aim'.padStart(8)}`,
    ...targets.map(({ name, value, must, aim, met, aimMet, unit, spreadPercent: spread }) => {
      const told = value === null ? 'not measurable' : `${figure(value, 2)} ${unit} ±${spread}%`
      const verdict = value === null ? '' : met ? (aimMet ? 'met, and the aim' : 'met') : 'MISSED'
      return `${name.padEnd(width)}  ${told.padStart(16)}  ${String(must).padStart(8)}  ${String(aim ?? '').padStart(8)}  ${verdict}`
    }),
    '',
    ...verdictLines(targets),
  ]
}

/** What is missed, and by how much. */
function verdictLines(targets: readonly Target[]): string[] {
  const missed = targets.filter(({ met }) => !met)
  const unknown = targets.filter(({ value }) => value === null).length
  const known = targets.length - unknown
  const beside = unknown > 0 ? `; ${unknown} not measurable here` : ''
  if (missed.length === 0) return [`all ${known} targets met${beside}`]
  return [
    `${missed.length} of ${known} targets missed${beside}:`,
    ...missed.map(({ name, value, must, unit }) => `  ${name}: ${figure(value ?? Number.NaN, 2)} ${unit}, not ${must}`),
  ]
}

/** The figures of a scenario for a program to read: medians, with the spread of the rounds in percent. */
export function scenarioJson({ name, concurrency }: Scenario, results: readonly LaneResult[]): object {
  return {
    name,
    concurrency,
    lanes: results.map((result) => ({
      name: result.lane.name,
      cpuSpreadPercent: spreadPercent(column(result, 'cpuPerRequestUs')),
      ...mediansOf(ratiosOf(result, results)),
      ...mediansOf(Object.fromEntries(READINGS.map((reading) => [reading, column(result, reading)]))),
    })),
  }
}

function mediansOf(figures: Readonly<Record<string, readonly number[]>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, orNull(median(values))]))
}

const READINGS = [
  'cpuPerRequestUs',
  'cpuPerEventUs',
  'perSecond',
  'p50Ms',
  'p99Ms',
  'firstChunkMs',
  'rssMb',
] as const satisfies readonly (keyof Reading)[]

function column({ readings }: LaneResult, reading: keyof Reading): number[] {
  return readings.map((round) => round[reading])
}

function withSpread(values: readonly number[], digits: number): string {
  const middle = median(values)
  return Number.isFinite(middle) ? `${figure(middle, digits)} ±${spreadPercent(values)}%` : '–'
}

function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–'
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null
}

function row([name = '', ...cells]: readonly string[]): string {
  return `  ${name.padEnd(12)}${cells.map((cell) => cell.padStart(15)).join('')}`
}
