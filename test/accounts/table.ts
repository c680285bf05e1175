/** A table, as Markdown. */
export function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [`**${title}**`, '', line(head), rule, ...rows.map(line), ''].join('\n')
}

/** Dollars, to a hundredth of a cent. */
export function dollars(amount: number): string {
  return Number.isFinite(amount) ? `$${amount.toFixed(4)}` : String(amount)
}

/** Counts by name, in words. */
export function counts(all: Readonly<Record<string, number>>): string {
  const parts = Object.entries(all).map(([name, count]) => `${count} × ${name}`)
  return parts.length === 0 ? '-' : parts.join(', ')
}

/** The value that so large a share of all is at most. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(Math.ceil(sorted.length * share), sorted.length) - 1] ?? 0
}
