import { useState } from 'preact/hooks'
import { Dollars } from '../../parts/dollars.tsx'
import { compact, count, percent } from '../../parts/format.ts'
import { amountOf, byPeriod, type Report, type Sums } from './report.ts'

const ROWS_AT_FIRST = 50
/** Groups by which single calls can be asked for. */
const WITH_CALLS: readonly string[] = ['model', 'key', 'status']

/** The numbers of the chart: of each group, and of all. */
export function GroupTable({ report, nameOf }: { report: Report; nameOf: (value: string) => string }) {
  const [showsAll, setShowsAll] = useState(false)
  const { question, groups, rest, totals } = report
  const { by, show } = question
  const rows = showsAll ? groups : groups.slice(0, ROWS_AT_FIRST)
  const whole = amountOf(show, totals)
  const costs = [...rows.map(({ sums }) => sums.cost_usd), rest?.sums.cost_usd, totals.cost_usd]
  const shareOf = (sums: Sums) => (whole === 0 ? 0 : amountOf(show, sums) / whole)
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <section class="table-box" tabIndex={0} aria-label={`Usage by ${by}`}>
        <table>
          <Head first={by} share={`share of ${show}`} />
          <tbody>
            {rows.map(({ value, sums }) => (
              <tr key={value}>
                <th scope="row">
                  <Name by={by} value={value} name={nameOf(value)} />
                </th>
                <td class="number">{percent(shareOf(sums))}</td>
                <Amounts sums={sums} costs={costs} failures={callsOf(by, value, 'failed')} />
              </tr>
            ))}
            {rest && (
              <tr>
                <th scope="row">all others</th>
                <td class="number">{percent(shareOf(rest.sums))}</td>
                <Amounts sums={rest.sums} costs={costs} />
              </tr>
            )}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">Total</th>
              <td class="number">{percent(whole === 0 ? 0 : 1)}</td>
              <Amounts sums={totals} costs={costs} failures="/console/calls?status=failed" />
            </tr>
          </tfoot>
        </table>
      </section>
      {rows.length < groups.length && (
        <button type="button" class="button" onClick={() => setShowsAll(true)}>
          Show all {count(groups.length)}
        </button>
      )}
    </>
  )
}

/** The same for each day or hour. */
export function PeriodTable({ report }: { report: Report }) {
  const { per } = report.question
  const rows = byPeriod(report)
  const costs = rows.map(([, sums]) => sums.cost_usd)
  return (
    <details class="usage-periods">
      <summary>The numbers by {per}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <section class="table-box" tabIndex={0} aria-label={`Usage by ${per}`}>
        <table>
          <Head first={`${per} (UTC)`} />
          <tbody>
            {rows.map(([period, sums]) => (
              <tr key={period}>
                <th scope="row">{per === 'hour' ? `${period.replace('T', ' ')}:00` : period}</th>
                <Amounts sums={sums} costs={costs} />
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  )
}

function Head({ first, share }: { first: string; share?: string }) {
  return (
    <thead>
      <tr>
        <th scope="col">{first}</th>
        {[...(share ? [share] : []), 'dollars', 'requests', 'failures', 'tokens in', 'cached', 'tokens out'].map(
          (name) => (
            <th key={name} scope="col" class="number">
              {name}
            </th>
          ),
        )}
      </tr>
    </thead>
  )
}

/** @param failures where the calls are that failed */
function Amounts({
  sums,
  costs,
  failures,
}: {
  sums: Sums
  costs: readonly (number | undefined)[]
  failures?: string | undefined
}) {
  const failed = count(sums.failures)
  return (
    <>
      <td class="number">
        <Dollars value={sums.cost_usd} column={costs} />
      </td>
      <td class="number">{count(sums.requests)}</td>
      <td class={`number ${sums.failures > 0 ? 'bad' : ''}`}>
        {sums.failures > 0 && failures ? (
          <a class="bad" href={failures} aria-label={`${failed} failures: their calls`}>
            {failed}
          </a>
        ) : (
          failed
        )}
      </td>
      {[sums.prompt_tokens, sums.cached_tokens, sums.completion_tokens].map((tokens, at) => (
        <td key={`${at}`} class="number" title={count(tokens)}>
          {compact(tokens)}
        </td>
      ))}
    </>
  )
}

function Name({ by, value, name }: { by: string; value: string; name: string }) {
  const text = <span class="usage-name">{name}</span>
  const calls = callsOf(by, value)
  if (calls === undefined) return text
  return (
    <a href={calls} title={`Calls of ${name}`}>
      {text}
    </a>
  )
}

/** Where the calls of a group are; undefined where they cannot be asked for. @param status only those that ended so */
function callsOf(by: string, value: string, status?: string): string | undefined {
  if (value === '' || value === '(other)' || !WITH_CALLS.includes(by)) return undefined
  return `/console/calls?${new URLSearchParams({ ...(status && { status }), [by]: value })}`
}
