import { type Failure, withoutKeyLike } from '../chat/failure.ts'
import type { Attempted } from './begin.ts'

/** Writes one structured line for each attempt that failed (rule: a provider's misbehaviour leaves a trace). */
export function logAttempts(requestId: string, trace: readonly Attempted[]): void {
  for (const { target, outcome, ms, failure } of trace) {
    if (failure === undefined || failure.fault === 'left') continue
    const { provider, upstreamModel } = target.deployment
    const { kind, details } = failure
    line('warn', {
      event: 'attempt_failed',
      request: requestId,
      provider,
      model: upstreamModel,
      outcome,
      ms,
      kind,
      detail: details.detail,
    })
  }
}

/** Writes one structured line for an answer that broke after it had begun. */
export function logBroken(requestId: string, provider: string, failure: Failure): void {
  if (failure.fault === 'left') return
  const { kind, details } = failure
  line('warn', { event: 'answer_broken', request: requestId, provider, kind, detail: details.detail })
}

/** Writes one structured line for a fault of our own. */
export function logFault(requestId: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  line('error', { event: 'fault', request: requestId, detail })
}

function line(level: 'warn' | 'error', fields: Readonly<Record<string, unknown>>): void {
  console[level](withoutKeyLike(JSON.stringify({ level, ...fields })))
}
