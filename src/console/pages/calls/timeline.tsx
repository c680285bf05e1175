import { milliseconds } from '../../parts/format.ts'
import { type Attempt, attemptText, type Call, hasFailed } from './call.ts'

interface Step {
  readonly name: string
  readonly text: string
  readonly from: number
  readonly ms: number
  readonly state: 'good' | 'bad' | 'plain'
}

/** Who was asked, one after the other, how long each took, and why the next one was asked. */
export function Timeline({ call }: { call: Call }) {
  const steps = stepsOf(call)
  if (steps.length === 0) return null
  const whole = Math.max(1, call.total_ms, ...steps.map(({ from, ms }) => from + ms))
  return (
    <section>
      <h2>Attempts</h2>
      <ol class="calls-timeline">
        {steps.map(({ name, text, from, ms, state }, at) => (
          <li key={at}>
            <span class="calls-step">{name}</span>
            <span class="calls-track" aria-hidden="true">
              <span
                class={`calls-span ${state}`}
                style={{ left: `${(from / whole) * 100}%`, width: `${Math.max(0.4, (ms / whole) * 100)}%` }}
              />
            </span>
            <span class="number">{milliseconds(ms)}</span>
            <span class={`calls-why ${state}`}>{text}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}

function stepsOf(call: Call): readonly Step[] {
  const { attempts, total_ms: total, ttft_ms: ttft, kind } = call
  const sum = attempts.reduce(
    (all, attempt, at) => all + (isLost(attempt) ? aheadOf(attempt, attempts[at + 1]) : attempt.ms),
    0,
  )
  // Calls for many vectors ask several at once: what they took together is longer than the call.
  const areAtOnce = sum > total
  // What Router9 did before it asked: reading the request, checking limits, planning.
  const before = areAtOnce || ttft === undefined ? 0 : Math.max(0, ttft - sum)
  const steps: Step[] = []
  let from = before
  for (const [at, attempt] of attempts.entries()) {
    const failed = hasFailed(attempt)
    const lost = isLost(attempt)
    const text = failed ? attemptText(attempt) : lost ? 'another one was quicker' : `${attempt.outcome} · answered`
    const { provider, model, ms } = attempt
    const beside = lost ? attempts[at + 1] : attempts.slice(at - 1, at).find(isLost)
    const start = from + (beside === undefined ? 0 : aheadOf(beside, attempt))
    const state = failed ? 'bad' : lost ? 'plain' : 'good'
    steps.push({ name: `${provider} · ${model}`, text, from: areAtOnce ? 0 : start, ms, state })
    if (!lost) from = start + ms
  }
  const last = attempts.at(-1)
  if (!areAtOnce && last !== undefined && !hasFailed(last) && total > from) {
    const text = call.left ? 'until the client disconnected' : kind === undefined ? 'until its end' : 'until it broke'
    const state = call.left || kind === undefined ? 'plain' : 'bad'
    steps.push({ name: call.stream ? 'The stream' : 'The rest of the answer', text, from, ms: total - from, state })
  }
  return steps
}

/** Another deployment that was asked beside it began first. */
function isLost({ outcome }: Attempt): boolean {
  return outcome === 'lost'
}

/** How much earlier one of two attempts began that ran side by side: they ended together. */
function aheadOf(attempt: Attempt, other: Attempt | undefined): number {
  return Math.max(attempt.ms - (other?.ms ?? 0), 0)
}
