import { useEffect, useRef, useState } from 'preact/hooks'
import { addressOf, type Fields } from '../../api/address.ts'
import { useLoaded } from '../../api/load.ts'
import { useNames } from '../../api/names.ts'
import { ask } from '../../api/request.ts'
import { session } from '../../api/session.ts'
import { Dollars } from '../../parts/dollars.tsx'
import { compact, count, milliseconds, moment } from '../../parts/format.ts'
import { PageLink } from '../../parts/page-link.tsx'
import { Empty, Failed } from '../../parts/states.tsx'
import { isUsageOff, UsageOff } from '../../parts/usage-off.tsx'
import { type Call, type CallPage, failedAttempts, hasFailed, stateOf, whyOf } from './call.ts'

const EVERY_MS = 5000
/** The choice of what the sums count as failures: also streams that broke off, whose status is 200. */
const FAILED = 'failed'

/** A page of calls. What is new is announced, and comes into the list when the reader asks for it. */
export function CallList({ fields }: { fields: Fields }) {
  const { status, model, key, before } = fields
  const isFirst = !before
  const asked = status === FAILED ? { failed: 'true' } : { status }
  const query = addressOf({ ...asked, model, key, before }).split('?')[1] ?? ''
  const load = (signal: AbortSignal) => ask<CallPage>(`/v1/calls?${query}`, { signal })
  const loaded = useLoaded(load, [], isFirst ? EVERY_MS : undefined)
  const [page, setPage] = useState<CallPage>()
  const wantsNewest = useRef(false)
  const latest = loaded.value
  useEffect(() => {
    if (latest === undefined) return
    // Who looks at an empty list loses no place in it.
    setPage((shown) => (shown === undefined || shown.data.length === 0 || wantsNewest.current ? latest : shown))
    wantsNewest.current = false
  }, [latest])
  function refresh(): void {
    wantsNewest.current = true
    loaded.reload()
  }
  if (isUsageOff(loaded)) return <UsageOff />
  const newer = newerIn(latest, page)
  return (
    <>
      <div class="calls-bar">
        <button type="button" class="button small" onClick={refresh}>
          Refresh
        </button>
        <span aria-live="polite">
          {newer > 0 && (
            <button type="button" class="button small primary" onClick={() => setPage(latest)}>
              {newer >= 100 ? '100 or more' : newer} newer
            </button>
          )}
        </span>
        <span class="muted calls-when">{isFirst ? whenText(loaded.at) : `calls before ${moment(before)}`}</span>
      </div>
      {loaded.error && <Failed error={loaded.error} retry={loaded.reload} />}
      {page === undefined && !loaded.error && <p class="muted">Loading…</p>}
      {page && (page.data.length === 0 ? <NoCalls fields={fields} /> : <CallTable calls={page.data} />)}
      <p class="calls-pages">
        {!isFirst && <PageLink fields={{ ...fields, before: '' }}>Newest</PageLink>}
        {page?.before && <PageLink fields={{ ...fields, before: page.before }}>Older</PageLink>}
      </p>
    </>
  )
}

/** How many calls have come in since the page was shown. */
function newerIn(latest: CallPage | undefined, shown: CallPage | undefined): number {
  if (latest === undefined || shown === undefined || latest === shown) return 0
  const known = new Set(shown.data.map(({ request }) => request))
  const oldest = shown.before === null ? '' : (shown.data.at(-1)?.created_at ?? '')
  return latest.data.filter(({ request, created_at }) => !known.has(request) && created_at >= oldest).length
}

function whenText(at: number): string {
  return at === 0 ? '' : `as of ${moment(at).slice(11)}; looks for newer ones every 5 s`
}

function NoCalls({ fields: { status, model, key, before } }: { fields: Fields }) {
  if (before) return <Empty title="No calls are kept from before that" />
  if (status || model || key) {
    return (
      <Empty title="No call fits these filters">
        <p>
          Of each key the last 1,000 calls are kept.
          {status === FAILED && ' What a caller did wrong is no failure: choose 4xx for that.'}
        </p>
        <PageLink fields={{}}>Show all calls</PageLink>
      </Empty>
    )
  }
  return (
    <Empty title="No calls yet">
      <p>
        A call is here a second or two after its end
        {session.value.managementKey && ', and up to a minute for a key that was never used before'}. Send one from the{' '}
        <a href="/console/play">Playground</a>.
      </p>
      <p class="muted">
        With the setting <code>CALL_HISTORY=failures</code> only failed calls are kept, with <code>off</code> none.
      </p>
    </Empty>
  )
}

function CallTable({ calls }: { calls: readonly Call[] }) {
  const names = useNames()
  const isManager = session.value.managementKey !== undefined
  const costs = calls.map(({ cost_usd }) => cost_usd)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
    <section class="table-box" tabIndex={0} aria-label="Calls, the newest first">
      <table class="calls-table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Result</th>
            <th scope="col">Model</th>
            {isManager && <th scope="col">Key</th>}
            <th scope="col">From</th>
            <th scope="col" class="number">
              Tokens in / out
            </th>
            <th scope="col" class="number">
              Cost
            </th>
            <th scope="col" class="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <CallRow
              key={call.request}
              call={call}
              keyName={isManager ? names.keys.get(call.key ?? '') : undefined}
              costs={costs}
            />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function CallRow({
  call,
  keyName,
  costs,
}: {
  call: Call
  keyName: string | undefined
  costs: readonly (number | undefined)[]
}) {
  const { created_at: at, key, model, model_asked: asked, provider, client, project } = call
  const isManager = session.value.managementKey !== undefined
  return (
    <tr class={`calls-${stateOf(call)}`}>
      <td class="calls-time">
        <PageLink fields={{ id: call.request, key: isManager ? key : undefined }}>{whenShort(at)}</PageLink>
      </td>
      <td class="calls-result">
        <Result call={call} />
      </td>
      <td>
        <div class="calls-name">{model || asked || '–'}</div>
        <div class="muted calls-name">
          {[provider, asked && model && asked !== model && `asked: ${asked}`].filter(Boolean).join(' · ')}
        </div>
      </td>
      {isManager && (
        <td>
          <div class="calls-name">{keyName ?? key ?? '–'}</div>
        </td>
      )}
      <td>
        <div class="calls-name">{client || '–'}</div>
        {project && <div class="muted calls-name">{project}</div>}
      </td>
      <td class="number" title={`${count(call.prompt_tokens)} / ${count(call.completion_tokens)}`}>
        {compact(call.prompt_tokens)} / {compact(call.completion_tokens)}
      </td>
      <td class="number">
        <Dollars value={call.cost_usd} column={costs} />
      </td>
      <td class="number">
        {milliseconds(call.total_ms)}
        {call.ttft_ms !== undefined && <div class="muted">first {milliseconds(call.ttft_ms)}</div>}
      </td>
    </tr>
  )
}

/** Calls of today need no date. */
function whenShort(at: string): string {
  const [day, time = ''] = moment(at).split(' ')
  return day === moment(Date.now()).split(' ')[0] ? time : `${day} ${time}`
}

/** The status, and why: also why others were asked before the one that answered. */
function Result({ call }: { call: Call }) {
  const why = whyOf(call)
  const state = stateOf(call)
  const failed = failedAttempts(call)
  const answered = call.attempts.some((attempt) => !hasFailed(attempt))
  return (
    <>
      <span class={`badge ${state}`}>{call.http_status}</span>
      {why && <span class={state}> {why}</span>}
      {failed.length > 0 && (
        <div class="muted">
          {answered ? 'after ' : ''}
          {failed.map(({ provider, outcome }) => `${provider} ${outcome}`).join(', ')}
        </div>
      )}
    </>
  )
}
