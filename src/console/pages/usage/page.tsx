import { address, goTo, withFields } from '../../api/address.ts'
import { useLoaded } from '../../api/load.ts'
import { type Names, useNames } from '../../api/names.ts'
import { isSignedIn, viewingKey } from '../../api/session.ts'
import { moment } from '../../parts/format.ts'
import { SignIn } from '../../parts/sign-in.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { isUsageOff, UsageOff } from '../../parts/usage-off.tsx'
import { Chart } from './chart.tsx'
import { download, toCsv } from './csv.ts'
import { GROUPS, type GroupName, MEASURES, type Question, RANGES, readQuestion } from './question.ts'
import { loadReport, type Report } from './report.ts'
import { GroupTable, PeriodTable } from './tables.tsx'

const EVERY_MS = 60_000

/** Who has used how much. */
export function Page() {
  if (!isSignedIn.value) {
    return <SignIn wanted="To see usage: a key for models shows its own, a management key that of all keys." />
  }
  return <Usage />
}

function Usage() {
  const fields = Object.fromEntries(address.value)
  const asked = readQuestion(fields, Date.now())
  const { by, show, per, range } = asked
  // "The last 24 hours" are others when it is asked again.
  const load = (signal: AbortSignal) => loadReport(readQuestion(fields, Date.now()), signal)
  const loaded = useLoaded(load, [by, show, per, range, fields.from, fields.to, viewingKey.value], EVERY_MS)
  const names = useNames()
  if (isUsageOff(loaded)) {
    return (
      <>
        <h1>Usage</h1>
        <UsageOff />
      </>
    )
  }
  return (
    <>
      <h1>Usage</h1>
      <Controls asked={asked} />
      <Shown loaded={loaded}>
        {(report) =>
          report.totals.requests === 0 ? (
            <NothingUsed range={report.question} />
          ) : (
            <Content
              report={report}
              nameOf={namesBy(names, report.question.by)}
              at={loaded.at}
              isOld={isOther(report.question, asked)}
            />
          )
        }
      </Shown>
    </>
  )
}

/** How the page calls a group by its value. */
function namesBy({ keys, teams }: Names, by: GroupName): (value: string) => string {
  const known = by === 'key' ? keys : by === 'team' ? teams : undefined
  const none = by === 'model' || by === 'provider' ? '(nobody was asked)' : `(no ${by})`
  return (value) => (value === '' ? none : (known?.get(value) ?? value))
}

/** Whether a report answers another question than the controls ask: then it is on its way out. */
function isOther(one: Question, other: Question): boolean {
  return one.by !== other.by || one.show !== other.show || one.range !== other.range || one.per !== other.per
}

function Content({
  report,
  nameOf,
  at,
  isOld,
}: {
  report: Report
  nameOf: (value: string) => string
  at: number
  isOld: boolean
}) {
  const { question, rest } = report
  const { by, from, to } = question
  return (
    <div class={isOld ? 'usage-old' : ''} aria-busy={isOld}>
      {rest && (
        <div class="notice">
          <p>
            There are more than 1,000 rows. The largest stand alone, and the sums of all others are one row; a shorter
            range shows more.
          </p>
        </div>
      )}
      <Chart report={report} nameOf={nameOf} />
      <GroupTable report={report} nameOf={nameOf} />
      <PeriodTable report={report} />
      <p class="usage-end">
        <button
          type="button"
          class="button"
          onClick={() => download(`router9-usage-${by}-${from}-${to}.csv`, toCsv(report, nameOf))}
        >
          Download CSV
        </button>
        <span class="muted">
          As of {moment(at).slice(11)}. Days and hours are UTC; a call is in the sums about a minute after its end.
        </span>
      </p>
    </div>
  )
}

function NothingUsed({ range: { from, to } }: { range: Question }) {
  return (
    <Empty title={`No calls from ${from.replace('T', ' ')} to ${to.replace('T', ' ')} (UTC)`}>
      <p>
        A call is in the sums about a minute after its end. Choose a longer range, or send a call from the{' '}
        <a href="/console/play">Playground</a>.
      </p>
    </Empty>
  )
}

function Controls({ asked }: { asked: Question }) {
  const set = (name: string) => (value: string) => goTo(withFields({ [name]: value }), true)
  const { range, by, show, per, hasHours, from, to } = asked
  function setRange(value: string): void {
    const dates = value === 'custom' ? { from: from.slice(0, 10), to: to.slice(0, 10) } : { from: '', to: '' }
    goTo(withFields({ range: value, per: '', ...dates }), true)
  }
  const date = (name: 'from' | 'to', value: string) => (
    <label>
      {name === 'from' ? 'From' : 'To'}
      <input
        type="date"
        required
        value={value.slice(0, 10)}
        onChange={(event) => set(name)(event.currentTarget.value)}
      />
    </label>
  )
  return (
    <div class="row">
      <Choice label="Show" value={show} options={MEASURES} set={set('show')} />
      <Choice label="By" value={by} options={GROUPS} set={set('by')} />
      <Choice label="Range" value={range} options={RANGES} set={setRange} />
      {range === 'custom' && date('from', from)}
      {range === 'custom' && date('to', to)}
      {hasHours && <Choice label="Bars" value={per} options={{ day: 'days', hour: 'hours' }} set={set('per')} />}
    </div>
  )
}

function Choice({
  label,
  value,
  options,
  set,
}: {
  label: string
  value: string
  options: Readonly<Record<string, string>>
  set: (value: string) => void
}) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {Object.entries(options).map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}
