import { CHECK_NAMES, type CheckName } from './compare.ts'
import type { Result } from './drive.ts'

const VALUE_LIMIT = 300

/** How often each check passed, for each provider, as lines of a table. */
export function tableOf(results: Result[]): string[] {
  const providers = [...new Set(results.map(({ provider }) => provider))].sort()
  const rows = [['provider', ...CHECK_NAMES, 'recordings']]
  for (const provider of [...providers, 'all']) {
    const own = results.filter((result) => provider === 'all' || result.provider === provider)
    const whole = own.filter(({ checks }) => checks.every(({ ok }) => ok)).length
    rows.push([provider, ...CHECK_NAMES.map((name) => tally(own, name)), `${whole}/${own.length}`])
  }
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Each failure, with what was expected and what came. */
export function failuresOf(results: Result[]): string[] {
  const lines: string[] = []
  for (const { file, stream, asked, checks, notes } of results) {
    const failed = checks.filter(({ ok }) => !ok)
    if (failed.length === 0) continue
    lines.push(`${file} (${asked}, ${stream ? 'stream' : 'body'})`)
    for (const { name, expected = '', actual = '' } of failed) {
      const [left, right] = aroundDifference(expected, actual)
      lines.push(`  ${name}`, `    expected ${left}`, `    actual   ${right}`)
    }
    for (const note of notes) lines.push(`    note: ${note}`)
  }
  return lines
}

function tally(results: Result[], name: CheckName): string {
  const found = results.flatMap(({ checks }) => checks.filter((check) => check.name === name))
  return found.length === 0 ? '-' : `${found.filter(({ ok }) => ok).length}/${found.length}`
}

// Long values are shown from shortly before the place where they part.
function aroundDifference(expected: string, actual: string): [string, string] {
  let same = 0
  while (same < expected.length && expected[same] === actual[same]) same += 1
  const from = expected.length + actual.length > 2 * VALUE_LIMIT ? Math.max(0, same - 60) : 0
  const show = (text: string) => `${from > 0 ? '…' : ''}${JSON.stringify(text.slice(from, from + VALUE_LIMIT))}`
  return [show(expected), show(actual)]
}
