import { useMemo } from 'preact/hooks'
import { ApiError } from '../../api/request.ts'
import { reasonWord, stateOf } from '../../parts/deployment-health.ts'
import { compact, count, dollars, milliseconds, percent } from '../../parts/format.ts'
import { headerOf, isRunning, type Plan, type Run } from './run.ts'

/** What `x-router9-reason` means. */
const REASONS: Readonly<Record<string, string>> = {
  only: 'there was no other',
  first: 'it was the first in the order',
  better: 'it did better than those before it',
  healthier: 'those before it did not work well',
  fallback: 'another one was asked first and failed',
  hedge: 'another one was asked first and was late',
  trial: 'this was a probe of a deployment that had failed',
  'last-resort': 'all were out, and this one was due back first',
}

interface Attempt {
  readonly name: string
  readonly outcome: string
  readonly ms: number
}

/** Who was asked and why, how long it took, and what it cost. */
export function PlanView({ run }: { run: Run }) {
  const provider = headerOf(run, 'x-router9-provider')
  // It is not said where nothing went against the order.
  const reason = headerOf(run, 'x-router9-reason') ?? 'first'
  const skipped = headerOf(run, 'x-router9-skipped')
  const dropped = headerOf(run, 'x-router9-dropped-params')
  const attempts = attemptsOf(run)
  return (
    <>
      <Numbers run={run} />
      {attempts.length > 0 && (
        <>
          <h3>Attempts</h3>
          <ol class="play-attempts">
            {attempts.map(({ name, outcome, ms }, at) => {
              const hasBroken = at === attempts.length - 1 && run.state.value === 'broken'
              const isGood = outcome.startsWith('2') && !hasBroken
              return (
                <li key={at}>
                  <span class="play-who">{name}</span>
                  <span class={isGood ? 'good' : 'bad'}>
                    {isGood ? `${outcome} answered` : hasBroken ? `${outcome}, then broke off` : outcome}
                  </span>
                  <span class="number">{milliseconds(ms)}</span>
                </li>
              )
            })}
          </ol>
        </>
      )}
      {provider && (
        <p>
          <strong>{provider}</strong> answered: {REASONS[reason] ?? reason}.
        </p>
      )}
      {skipped && <p class="warn">Passed over: {skippedText(skipped)}</p>}
      {dropped && <p class="warn">Left out of the request: {dropped.replaceAll(',', ', ')}</p>}
      <Candidates plan={run.plan.value} />
    </>
  )
}

/** `x-router9-skipped`: `openai/gpt-5.4:suspect,azure/gpt-5.4:open:23s`. */
function skippedText(header: string): string {
  return header
    .split(',')
    .map((one) => {
      const [, name = one.trim(), state = '', wait] = /^(.+):([a-z-]+?)(?::(\d+)s)?$/.exec(one.trim()) ?? []
      return `${name} (${reasonWord(state)}${wait === undefined ? '' : `, asked again in ${wait} s`})`
    })
    .join(', ')
}

function Numbers({ run }: { run: Run }) {
  const { first, end } = run.times.value
  const record = run.generation.value
  const generation = record instanceof ApiError ? undefined : record
  const tokens = run.tokens.value
  const completion = tokens.completion || generation?.tokens_completion
  const reasoning = tokens.reasoning ?? generation?.native_tokens_reasoning
  const cached = tokens.cached ?? generation?.native_tokens_cached
  const isStream = headerOf(run, 'content-type')?.startsWith('text/event-stream') ?? false
  const from = isStream ? first : 0
  const seconds = end !== undefined && from !== undefined ? (end - from) / 1000 : 0
  const cost = generation ? dollars(generation.total_cost) : costNote(run)
  return (
    <dl class="play-numbers">
      <Fact
        name={isStream || (run.asksForStream && first === undefined) ? 'First token' : 'Answer'}
        value={milliseconds(first)}
      />
      <Fact name="Whole" value={milliseconds(end)} />
      <Fact name="Tokens a second" value={completion && seconds >= MIN_SECONDS ? count(completion / seconds) : '–'} />
      <Fact name="Dollars" value={cost} />
      <Fact
        name="Tokens in"
        value={count(tokens.prompt ?? generation?.tokens_prompt) + (cached ? ` (${count(cached)} cached)` : '')}
      />
      <Fact name="Tokens out" value={count(completion) + (reasoning ? ` (${count(reasoning)} reasoning)` : '')} />
    </dl>
  )
}

/** Why there are no dollars yet. */
function costNote(run: Run): string {
  const record = run.generation.value
  if (isRunning(run)) return '–'
  if (record instanceof ApiError) return record.status === 501 ? 'not kept here' : record.status === 404 ? '…' : '–'
  return run.status.value === undefined ? '–' : '…'
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

/** The record of the call is exact; until it is there, the header tells it. */
function attemptsOf(run: Run): readonly Attempt[] {
  const record = run.generation.value
  if (record !== undefined && !(record instanceof ApiError)) {
    return record.provider_responses.map(({ provider_name, model_permaslug, outcome, latency }) => ({
      name: `${provider_name} · ${model_permaslug}`,
      outcome,
      ms: latency,
    }))
  }
  const header = headerOf(run, 'x-router9-attempts') ?? ''
  return header.split(',').flatMap((attempt) => {
    const [, name, outcome, ms] = /^(.+):([^:]+):(\d+)ms$/.exec(attempt.trim()) ?? []
    return name !== undefined && outcome !== undefined ? [{ name, outcome, ms: Number(ms) }] : []
  })
}

/** Of a shorter time no rate can be told. */
const MIN_SECONDS = 0.02
const SHOWN = 5

function Candidates({ plan }: { plan: Plan | ApiError | undefined }) {
  // Made once: it does not change while the answer comes.
  return useMemo(() => {
    if (plan === undefined) return null
    if (plan instanceof ApiError) return <p class="muted">No plan: {plan.message}</p>
    const rows = (from: number, to?: number) => (
      <ol class="play-attempts" start={from + 1}>
        {plan.plan.slice(from, to).map(({ id, state, success_rate, ttft_ms, tokens_per_second }) => (
          <li key={id}>
            <span class="play-who">{id}</span>
            {plan.asked.has(id) ? (
              <>
                <span class={stateOf({ state }).tone}>{stateOf({ state }).word}</span>
                <span class="muted">{percent(success_rate)} succeed</span>
                {ttft_ms.p50 !== null && <span class="muted">first token {milliseconds(ttft_ms.p50)}</span>}
                {tokens_per_second !== null && <span class="muted">{count(tokens_per_second)} tokens/s</span>}
              </>
            ) : (
              <span class="muted">not asked lately</span>
            )}
          </li>
        ))}
      </ol>
    )
    return (
      <>
        <h3>The plan when it was sent</h3>
        <p class="muted">
          {compact(plan.plan.length)} could answer, in this order; about {count(plan.prompt_tokens_estimate)} tokens in.
          {plan.last_resort && ' All of them were out: the one due back first is asked.'}
        </p>
        {plan.plan.length > 0 && rows(0, SHOWN)}
        {plan.plan.length > SHOWN && (
          <details class="play-json">
            <summary>{plan.plan.length - SHOWN} more</summary>
            {rows(SHOWN)}
          </details>
        )}
        {plan.left_out.length > 0 && (
          <details class="play-json">
            <summary>{plan.left_out.length} left out</summary>
            <ul>
              {plan.left_out.map(({ id, reason }, at) => (
                <li key={at}>
                  {id}: <span class="muted">{reasonWord(reason)}</span>
                </li>
              ))}
            </ul>
          </details>
        )}
      </>
    )
  }, [plan])
}
