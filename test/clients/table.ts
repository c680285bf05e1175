import { CELLS, type Cell, type Client, type Outcome } from './client.ts'

/** What became of a client: with each model, or why it was not tried. */
export interface Result {
  readonly name: string
  readonly version: string
  readonly date: string
  readonly cells: Partial<Record<Cell, Outcome>>
}

const COMPLAINTS = ['wrong key', 'unknown model'] as const
const TRIED = CELLS.filter((cell) => !(COMPLAINTS as readonly Cell[]).includes(cell))

/** The outcome of a cell over all models: the first failure, where there is one. */
export function joinOutcomes(
  byModel: readonly (readonly [model: string, outcome: Outcome | undefined])[],
): Outcome | undefined {
  const failed = byModel.flatMap(([model, outcome]) => (outcome?.state === 'failed' ? [{ model, outcome }] : []))
  const [first] = failed
  if (first === undefined) return byModel.find(([, outcome]) => outcome !== undefined)?.[1]
  const reasons = new Set(failed.map(({ outcome }) => outcome.reason))
  const tried = byModel.filter(([, outcome]) => outcome !== undefined)
  const isAll = failed.length === tried.length && reasons.size === 1
  return { state: 'failed', reason: isAll ? first.outcome.reason : `${first.model}: ${first.outcome.reason}` }
}

/** The results as two Markdown tables: what works, and what a client's user reads. */
export function toMarkdown(results: readonly Result[]): string {
  const rows = results.map(({ name, version, cells }) => [name, version, ...TRIED.map((cell) => stateOf(cells[cell]))])
  const complaints = results
    .filter(({ cells }) => COMPLAINTS.some((cell) => cells[cell] !== undefined))
    .map(({ name, cells }) => [name, ...COMPLAINTS.map((cell) => textOf(cells[cell]))])
  return [
    tableOf(['client', 'version', ...TRIED.map(titleOf)], rows),
    'What its user reads:',
    tableOf(['client', ...COMPLAINTS], complaints),
  ].join('\n\n')
}

/** One line a client, for who watches. */
export function toLine({ name, version, cells }: Result): string {
  const shown = CELLS.flatMap((cell) => (cells[cell] === undefined ? [] : [`  ${cell}: ${stateOf(cells[cell])}`]))
  return [`${name} ${version}`, ...shown].join('\n')
}

/** How many cells went well, and how many did not. */
export function countOf(results: readonly Result[]): { passed: number; failed: number } {
  const all = results.flatMap(({ cells }) => Object.values(cells))
  const failed = all.filter(({ state }) => state === 'failed').length
  return { passed: all.length - failed, failed }
}

export function resultOf(client: Client, version: string, cells: Result['cells']): Result {
  return { name: client.name, version, date: new Date().toISOString().slice(0, 10), cells }
}

function titleOf(cell: Cell): string {
  return cell === 'tools' ? 'tool loop' : cell
}

function stateOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '-'
  if (outcome.state === 'own fault') return `fails by itself: ${outcome.reason}`
  return outcome.state === 'ok' ? 'ok' : `failed: ${outcome.reason}`
}

function textOf(outcome: Outcome | undefined): string {
  const text = outcome?.state === 'ok' ? (outcome.text ?? 'ok') : stateOf(outcome)
  // What differs from run to run.
  return text.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1').replace(/\breq_\w+/g, 'req_…')
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

// An answer of a client may hold whatever Markdown gives a meaning to.
function escaped(text: string): string {
  return text.replace(/[\\|`<>*_[\]]/g, '\\$&')
}
