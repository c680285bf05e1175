import type { CheckResult } from './checks.ts'

/** The results as a table, with the counts below it. */
export function smokeTable(results: readonly CheckResult[]): string {
  const width = Math.max(...results.map(({ name }) => name.length))
  const rows = results.map(({ name, outcome, tookMs, details }) => {
    const time = outcome === 'skipped' ? '' : `${tookMs} ms`
    return `${name.padEnd(width)}  ${outcome.padEnd(7)}  ${time.padStart(8)}  ${details}`
  })
  const count = (outcome: CheckResult['outcome']) => results.filter((one) => one.outcome === outcome).length
  const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
  return `${rows.join('\n')}\n\n${count('ok')} passed, ${count('FAILED')} failed${skipped}`
}

/** Whether no check failed. */
export function noneFailed(results: readonly CheckResult[]): boolean {
  return results.every(({ outcome }) => outcome !== 'FAILED')
}
