import type { ComponentChildren } from 'preact'
import { useLoaded } from '../../api/load.ts'
import { type Names, useNames } from '../../api/names.ts'
import { ask } from '../../api/request.ts'
import { session } from '../../api/session.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { count, dollars, milliseconds, moment } from '../../parts/format.ts'
import { PageLink } from '../../parts/page-link.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { isUsageOff, UsageOff } from '../../parts/usage-off.tsx'
import { adviceOf, type Call, type CallPage, failedAttempts, hasFailed, logLineOf, stateOf, whyOf } from './call.ts'
import { Timeline } from './timeline.tsx'

/** What happened to one request. @param id of the request or of its answer @param ofKey the id of the key that made it */
export function CallView({ id, ofKey }: { id: string; ofKey: string | undefined }) {
  const query = new URLSearchParams({ id, ...(ofKey && { key: ofKey }) })
  const loaded = useLoaded((signal) => ask<CallPage>(`/v1/calls?${query}`, { signal }), [])
  const names = useNames()
  if (isUsageOff(loaded)) return <UsageOff />
  return (
    <>
      <p>
        <PageLink fields={{ key: ofKey }}>All calls{ofKey && ' of this key'}</PageLink>
      </p>
      <Shown loaded={loaded}>
        {({ data: [call] }) =>
          call === undefined ? (
            <NotFound id={id} ofKey={ofKey} retry={loaded.reload} />
          ) : (
            <WholeCall call={call} names={names} />
          )
        }
      </Shown>
    </>
  )
}

function NotFound({ id, ofKey, retry }: { id: string; ofKey: string | undefined; retry: () => void }) {
  return (
    <Empty title="There is no call with this id">
      <p class="calls-id">{id}</p>
      <ul class="calls-hints">
        <li>A call is here a second or two after its end: a stream that still runs is not.</li>
        <li>Of each key the last 1,000 calls are kept.</li>
        {session.value.managementKey ? (
          <li>
            {ofKey
              ? 'Only the calls of one key were searched.'
              : 'The keys that were used last were searched, 50 at most. If you know whose call it was, choose the key in the list of calls first.'}
          </li>
        ) : (
          <li>This key sees its own calls only.</li>
        )}
        <li>A call with a key that is not known is no key’s call: it is in the log alone.</li>
      </ul>
      <button type="button" class="button" onClick={retry}>
        Look again
      </button>{' '}
      {ofKey && <PageLink fields={{ id }}>Search all keys</PageLink>}
    </Empty>
  )
}

function WholeCall({ call, names }: { call: Call; names: Names }) {
  const line = logLineOf(call)
  return (
    <>
      <Summary call={call} />
      <Timeline call={call} />
      <div class="calls-facts">
        <Facts title="Tokens and dollars" facts={amountsOf(call)} />
        <Facts title="Who" facts={whoOf(call, names)} />
        <Facts title="What" facts={whatOf(call)} />
      </div>
      <div class="calls-head">
        <h2>Log line</h2>
        <CopyButton text={line} label="Copy JSON" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <pre tabIndex={0}>{line}</pre>
    </>
  )
}

/** The answer to "what happened to my request", in two sentences. */
function Summary({ call }: { call: Call }) {
  const { http_status: status, code, fault, provider, model, total_ms: total, attempts } = call
  const why = whyOf(call)
  const tries = attempts.length > 1 ? `, at the ${attempts.length === 2 ? 'second' : 'third'} attempt` : ''
  const others = failedAttempts(call).length > 0 && attempts.some((attempt) => !hasFailed(attempt))
  return (
    <div class={`notice calls-summary ${why ? (stateOf(call) === 'warn' ? 'warn' : 'bad') : ''}`}>
      <span class={`badge ${stateOf(call)}`}>
        {status}
        {code && ` ${code}`}
      </span>
      {why === undefined ? (
        <p>
          Answered{provider && ` by ${provider}`}
          {model && ` with ${model}`} in {milliseconds(total)}
          {others && tries}.
        </p>
      ) : (
        <p>
          <strong>{sentence(why)}</strong> {adviceOf(fault)}
          {askedText(attempts.length)} {code && <a href="/docs/errors">What errors mean</a>}
        </p>
      )}
    </div>
  )
}

function askedText(attempts: number): string {
  return attempts === 0 ? ' No provider was asked.' : attempts === 1 ? '' : ` There were ${attempts} attempts.`
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

type Fact = readonly [string, ComponentChildren]

function Facts({ title, facts }: { title: string; facts: readonly Fact[] }) {
  const given = facts.filter(([, value]) => value !== undefined && value !== '' && value !== null)
  return (
    <section>
      <h2>{title}</h2>
      <dl>
        {given.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function amountsOf(call: Call): readonly Fact[] {
  const { prompt_tokens: prompt, completion_tokens: completion, ttft_ms: ttft, total_ms: total } = call
  const streamed = ttft === undefined ? 0 : total - ttft
  const speed =
    completion !== undefined && streamed > 0 ? `${(completion / (streamed / 1000)).toFixed(1)} tokens/s` : ''
  const cached = call.cached_tokens ? ` (${count(call.cached_tokens)} cached)` : ''
  const reasoning = call.reasoning_tokens ? ` (${count(call.reasoning_tokens)} reasoning)` : ''
  return [
    ['Cost', dollars(call.cost_usd)],
    ['Prompt', `${count(prompt)}${cached}`],
    ['Answer', `${count(completion)}${reasoning}`],
    ['Counted by', call.estimated && 'Router9: the provider reported no tokens'],
    ['First token', milliseconds(ttft)],
    ['Total', milliseconds(total)],
    ['Speed', speed],
  ]
}

function whoOf(call: Call, { keys, teams }: Names): readonly Fact[] {
  const named = (id: string | undefined, name: string | undefined) =>
    id && (
      <>
        {name} <code>{id}</code>
      </>
    )
  return [
    ['Key', named(call.key, keys.get(call.key ?? ''))],
    ['Team', named(call.team, teams.get(call.team ?? ''))],
    ['Client', call.client],
    ['Project', call.project],
    ['Session', call.session && <code>{call.session}</code>],
    ['Agent', call.agent],
    ['Parent agent', call.parent_agent],
  ]
}

function whatOf(call: Call): readonly Fact[] {
  const id = (text: string) => (
    <>
      <code>{text}</code> <CopyButton text={text} />
    </>
  )
  return [
    ['Request', id(call.request)],
    ['Answer', call.id && id(call.id)],
    ['Time', moment(call.created_at)],
    ['Asked for', call.model_asked],
    ['Model', call.model],
    ['Provider', call.provider],
    ['Ended with', call.finish_reason],
    ['API', `${call.api ?? 'chat completions'}, ${call.stream ? 'streamed' : 'in one piece'}`],
  ]
}
