import { type Figures, meanOf } from './figures.ts'
import type { Target } from './targets.ts'

type Column = readonly [title: string, cell: (row: Figures) => string]

const fixed = (value: number | undefined, digits: number) => (value === undefined ? '-' : value.toFixed(digits))
const seconds = (ms: number | undefined, digits: number) => (ms === undefined ? '-' : (ms / 1000).toFixed(digits))

const COLUMNS: readonly Column[] = [
  ['policy', ({ policy }) => policy],
  ['success %', ({ success }) => fixed(success, 2)],
  ['in fault %', ({ faultSuccess }) => fixed(faultSuccess, 2)],
  ['p50 ms', ({ p50Ms }) => fixed(p50Ms, 0)],
  ['p95 ms', ({ p95Ms }) => fixed(p95Ms, 0)],
  ['attempts', ({ attempts }) => fixed(attempts, 3)],
  ['regret', ({ regret }) => fixed(regret, 4)],
  ['detect s', ({ detectMs }) => seconds(detectMs, 1)],
  ['recover s', ({ recoverMs }) => seconds(recoverMs, 1)],
  ['false opens', ({ policy, falseOpens }) => (policy === 'router9' ? String(falseOpens) : '-')],
]

/** One table for each scenario, one of the means, and what became of the targets. */
export function print(figures: readonly Figures[], targets: readonly Target[], isWhole: boolean): string {
  const parts: string[] = []
  for (const scenario of new Set(figures.map((row) => row.scenario))) {
    const rows = figures.filter((row) => row.scenario === scenario)
    const cells = rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))
    parts.push(`## ${scenario}\n\n${table([COLUMNS.map(([title]) => title), ...cells])}`)
  }
  if (isWhole) {
    const policies = [...new Set(figures.map(({ policy }) => policy))]
    const means = policies.map((policy) => [
      policy,
      fixed(
        meanOf(figures, policy, ({ success }) => success),
        2,
      ),
      fixed(
        meanOf(figures, policy, ({ faultSuccess }) => faultSuccess),
        2,
      ),
      fixed(
        meanOf(figures, policy, ({ p95Ms }) => p95Ms),
        0,
      ),
      fixed(
        meanOf(figures, policy, ({ attempts }) => attempts),
        3,
      ),
      fixed(
        meanOf(figures, policy, ({ regret }) => regret),
        4,
      ),
    ])
    const head = ['policy', 'success %', 'in fault %', 'p95 ms', 'attempts', 'regret']
    parts.push(`## mean of all scenarios but all down\n\n${table([head, ...means])}`)
  }
  const missed = targets.filter(({ met }) => !met)
  parts.push(`${targets.length - missed.length} of ${targets.length} targets met.`)
  if (missed.length > 0)
    parts.push(missed.map(({ name, value, must }) => `missed: ${name}: ${value}, must be ${must}`).join('\n'))
  return `${parts.join('\n\n')}\n`
}

/** Columns of even width, as Markdown. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const [head = [], ...body] = rows
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...body.map(line)].join('\n')
}
