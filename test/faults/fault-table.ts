import type { FaultFigures } from './fault-figures.ts'
import type { ClientView } from './fault-load.ts'

/** What came of one fault. */
export interface Tried extends FaultFigures {
  readonly name: string
  readonly client: ClientView
  readonly met: boolean
}

type Column = readonly [title: string, cell: (tried: Tried) => string]

const percent = (share: number) => (100 * share).toFixed(2)
const seconds = (ms: number | undefined) => (ms === undefined ? '-' : (ms / 1000).toFixed(1))
const three = (cell: (phase: Tried['before']) => string) => (tried: Tried) =>
  [tried.before, tried.during, tried.after].map(cell).join(' / ')

const COLUMNS: readonly Column[] = [
  ['fault', ({ name }) => name],
  ['success %', three(({ success }) => percent(success))],
  ['first word p50 ms', three(({ ttftP50Ms }) => ttftP50Ms.toFixed(0))],
  ['p95 ms', three(({ ttftP95Ms }) => ttftP95Ms.toFixed(0))],
  ['attempts', three(({ attempts }) => attempts.toFixed(3))],
  ['noticed s', ({ detectMs }) => seconds(detectMs)],
  ['back s', ({ backMs }) => seconds(backMs)],
  ['client: answers, failed before, broken after', ({ client }) => Object.values(client).join(', ')],
  ['', ({ met }) => (met ? '' : 'MISSED')],
]

/** The figures as a Markdown table; three in a cell are before, during and after the fault. */
export function printFaults(tried: readonly Tried[]): string {
  const rows = [COLUMNS.map(([title]) => title), ...tried.map((one) => COLUMNS.map(([, cell]) => cell(one)))]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  const [head = [], ...body] = rows
  const failures = tried.flatMap(({ name, failures: seen }) =>
    Object.entries(seen).map(([failure, count]) => `${name}: ${count} saw ${failure}`),
  )
  return [line(head), rule, ...body.map(line), ...failures].join('\n')
}
