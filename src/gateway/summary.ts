import { Failure, type FailureKind } from '../chat/failure.ts'
import { type AttemptRecord, sentAttempts } from '../routing/attempt-record.ts'
import type { Refusal } from '../routing/attempts.ts'
import type { Target } from '../routing/target.ts'

/** What the client is told where several failed in their own ways. */
const MESSAGE_OF_ALL: Readonly<Partial<Record<FailureKind, string>>> = {
  'rate-limited': 'Every provider of this model is limiting our requests; try again later.',
  'quota-exhausted': "The gateway's accounts with all providers of this model are used up.",
  overloaded: 'Every provider of this model is overloaded; try again later.',
  'provider-timeout': 'No provider of this model answered in time.',
  'provider-failed': 'Every provider of this model failed.',
  'credentials-refused': "The providers refused the gateway's own credentials.",
}

/** What happened, where the provider gave no status that tells it. */
const CLAUSES: Readonly<Partial<Record<FailureKind, string>>> = {
  'rate-limited': 'rate limit',
  'quota-exhausted': 'account used up',
  overloaded: 'overloaded',
  'provider-timeout': 'no answer in time',
  'provider-failed': 'failed',
  'credentials-refused': 'account refused',
  'model-missing': 'model missing',
}
const MAX_CLAUSES = 6
const HOPELESS: ReadonlySet<FailureKind> = new Set(['credentials-refused', 'quota-exhausted', 'model-missing'])
/** No wait that anybody names is believed for longer, nor told. */
const MAX_WAIT_MS = 120_000

/**
 * One failure for all that failed (contract 5): what the caller could have done better is told only if nothing else went
 * wrong; the wait is the soonest that a provider named.
 */
export function summarizeFailures(trace: readonly AttemptRecord[]): Failure {
  const failures = trace.flatMap(({ failure }) => failure ?? [])
  const upstream = failures.filter(({ fault }) => fault !== 'caller')
  const counted = upstream.length > 0 ? upstream : failures
  const [first] = counted
  if (first === undefined) return new Failure('internal', 'No provider was asked.')
  if (upstream.length === 0) return first
  const kind = kindOf(counted)
  const same = counted.every((failure) => failure.kind === kind)
  const waits = counted.flatMap(({ details }) => details.retryAfterMs ?? [])
  const said = counted.length === 1 ? first.message : (MESSAGE_OF_ALL[kind] ?? first.message)
  return new Failure(kind, `${said} Asked: ${clausesOf(trace)}.`, {
    ...(same && first.details.param !== undefined ? { param: first.details.param } : {}),
    ...(same && first.details.code !== undefined ? { code: first.details.code } : {}),
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits, MAX_WAIT_MS) }),
    ...(counted.every(isHopeless) ? { shouldRetry: false } : {}),
  })
}

/** Why nobody was asked at all. */
export function noneAvailable({ overloaded, retryAfterMs }: Refusal): Failure {
  const kind = overloaded ? 'overloaded' : 'rate-limited'
  return new Failure(kind, MESSAGE_OF_ALL[kind] ?? '', { retryAfterMs })
}

/** What happened to each that was asked, in one dull clause: `openai: refused connection; azure: 429`. */
function clausesOf(trace: readonly AttemptRecord[]): string {
  const asked = sentAttempts(trace)
  const isOneModel = new Set(asked.map(({ target }) => target.model)).size === 1
  const clauses = asked.map(({ target, failure }) => {
    const name = isOneModel ? target.deployment.provider : nameOf(target)
    return `${name}: ${clauseOf(failure)}`
  })
  return [...new Set(clauses)].slice(0, MAX_CLAUSES).join('; ')
}

function clauseOf(failure: Failure | undefined): string {
  const { upstreamStatus: status = 0, clause } = failure?.details ?? {}
  return status >= 300
    ? String(status)
    : (clause ?? CLAUSES[failure?.kind ?? 'provider-failed'] ?? 'refused the request')
}

/** Another try soon would end the same way: our account is not in order, or the provider says so itself. */
function isHopeless({ kind, details }: Failure): boolean {
  return HOPELESS.has(kind) || details.shouldRetry === false
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
