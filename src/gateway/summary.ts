import { Failure, type FailureKind } from '../chat/failure.ts'
import type { Target } from '../routing/plan.ts'
import type { Attempted } from './begin.ts'

/** What the client is told where several failed in their own ways. */
const OF_ALL: Readonly<Partial<Record<FailureKind, string>>> = {
  'rate-limited': 'Every provider of this model is limiting our requests; try again later.',
  'quota-exhausted': "The gateway's accounts with all providers of this model are used up.",
  overloaded: 'Every provider of this model is overloaded; try again later.',
  'provider-timeout': 'No provider of this model answered in time.',
  'provider-failed': 'Every provider of this model failed.',
  'credentials-refused': "The providers refused the gateway's own credentials.",
}

/**
 * One failure for all that failed (contract 5): what the caller could have done better is told only if nothing else went
 * wrong; the wait is the soonest that a provider named.
 */
export function summary(trace: readonly Attempted[]): Failure {
  const failures = trace.flatMap(({ failure }) => failure ?? [])
  const upstream = failures.filter(({ fault }) => fault !== 'caller')
  const counted = upstream.length > 0 ? upstream : failures
  const [first] = counted
  if (first === undefined) return new Failure('internal', 'No provider was asked.')
  if (upstream.length === 0) return first
  const kind = kindOf(counted)
  const same = counted.every((failure) => failure.kind === kind)
  const waits = counted.flatMap(({ details }) => details.retryAfterMs ?? [])
  const who = [...new Set(trace.map(({ target }) => nameOf(target)))].join(', ')
  const said = counted.length === 1 ? first.message : (OF_ALL[kind] ?? first.message)
  return new Failure(kind, `${said} Asked: ${who}.`, {
    ...(same && first.details.param !== undefined ? { param: first.details.param } : {}),
    ...(same && first.details.code !== undefined ? { code: first.details.code } : {}),
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits) }),
  })
}

function kindOf(failures: readonly Failure[]): FailureKind {
  const kinds = new Set(failures.map(({ kind }) => kind))
  const [only] = kinds
  if (kinds.size === 1 && only !== undefined) return only
  if (failures.every(({ status }) => status === 429)) return 'rate-limited'
  // Some are limiting us and some are overloaded: all of it passes by itself.
  return failures.every(({ fault, status }) => fault === 'limit' || status === 429) ? 'overloaded' : 'provider-failed'
}

/** A target as `provider/model`; an open-ended provider's models are called so already. */
function nameOf({ model, deployment: { provider } }: Target): string {
  return model.startsWith(`${provider}/`) ? model : `${provider}/${model}`
}
