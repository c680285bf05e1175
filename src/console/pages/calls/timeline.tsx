import { milliseconds } from '../../parts/format.ts'
import { attemptText, type Call, hasFailed } from './call.ts'

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
  const sum = attempts.reduce((all, { ms }) => all + ms, 0)
  // Calls for many vectors ask several at once: what they took together is longer than the call.
  const areAtOnce = sum > total
  // What Router9 did before it asked: reading the request, checking limits, planning.
  const before = areAtOnce || ttft === undefined ? 0 : Math.max(0, ttft - sum)
  const steps: Step[] = []
  let from = before
  for (const attempt of attempts) {
    const failed = hasFailed(attempt)
    const text = failed ? attemptText(attempt) : `${attempt.outcome} · answered`
    const { provider, model, ms } = attempt
    steps.push({ name: `${provider} · ${model}`, text, from: areAtOnce ? 0 : from, ms, state: failed ? 'bad' : 'good' })
    from += ms
  }
  const last = attempts.at(-1)
  if (!areAtOnce && last !== undefined && !hasFailed(last) && total > from) {
    const text = call.left ? 'until the client disconnected' : kind === undefined ? 'until its end' : 'until it broke'
    const state = call.left || kind === undefined ? 'plain' : 'bad'
    steps.push({ name: call.stream ? 'The stream' : 'The rest of the answer', text, from, ms: total - from, state })
  }
  return steps
}
