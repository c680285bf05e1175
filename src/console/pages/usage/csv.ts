import { COUNTS, type Report, type Sums } from './report.ts'

type Cell = string | number

/** The rows of a report as a file (RFC 4180). @param nameOf the name of a group by its value, where it has one */
export function toCsv({ question, periods, groups, rest }: Report, nameOf: (value: string) => string): string {
  const rows: Cell[][] = [[`${question.per} (UTC)`, question.by, 'name', ...COUNTS]]
  for (const period of periods) {
    for (const { value, periods: sums } of groups) {
      const row = sums.get(period)
      if (row) rows.push([period, value, nameOf(value), ...amountsOf(row)])
    }
    const left = rest?.periods.get(period)
    if (left && left.requests > 0) rows.push([period, '', 'all others', ...amountsOf(left)])
  }
  return rows.map((row) => `${row.map(cellText).join()}\r\n`).join('')
}

function amountsOf(sums: Sums): readonly Cell[] {
  return COUNTS.map((name) => sums[name])
}

/** Clients choose some of the texts: one that a spreadsheet would take for a formula gets an apostrophe before it. */
function cellText(cell: Cell): string {
  if (typeof cell === 'number') return String(cell)
  const text = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Gives the browser a file to save. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }))
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
