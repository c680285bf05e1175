import { Failure, type FailureKind } from '../chat/failure.ts'
import { type AttemptRecord, sentAttempts } from '../routing/attempt-record.ts'
import type { Refusal } from '../routing/attempts.ts'
import type { Target } from '../routing/target.ts'

/** The message to the client where several providers failed. */
const MESSAGE_OF_ALL: Readonly<Partial<Record<FailureKind, string>>> = {
  'rate-limited': 'Every provider of this model is limiting our requests; try again later.',
  'quota-exhausted': "The gateway's accounts with all providers of this model are used up.",
  overloaded: 'Every provider of this model is overloaded; try again later.',
  'provider-timeout': 'No provider of this model answered in time.',
  'provider-failed': 'Every provider of this model failed.',
  'credentials-refused': "The providers refused the gateway's own credentials.",
}

/** What happened in a few words, where there is no status. */
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
/** No wait that a provider names is passed on for longer. */
const MAX_WAIT_MS = 120_000

/**
 * One failure for all that failed (contract 5). A fault of the caller's is named only if nothing else went wrong. The wait is the
 * shortest that a provider named.
 */
export function summarizeFailures(trace: readonly AttemptRecord[]): Failure {
  const failures = trace.flatMap(({ failure }) => failure ?? [])
  const refused = trace.flatMap(({ failure, sent }) => (sent === false && failure?.details.retryAfterMs ? failure : []))
  const counted = failures.filter((failure) => failure.fault !== 'caller' && !refused.includes(failure))
  const [first] = counted
  if (first === undefined) {
    // Of several providers whose limits are used up the caller waits for the one that is free again first.
    const [soonest = failures[0]] = refused.sort((one, other) => one.waitMs - other.waitMs)
    return soonest ?? new Failure('internal', 'No provider was asked.')
  }
  const kind = kindOf(counted)
  const same = counted.every((failure) => failure.kind === kind)
  const waits = counted.flatMap(({ details }) => details.retryAfterMs ?? [])
  const message = counted.length === 1 ? first.message : (MESSAGE_OF_ALL[kind] ?? first.message)
  return new Failure(kind, `${message} Asked: ${clausesOf(trace)}.`, {
    ...(same && first.details.param !== undefined ? { param: first.details.param } : {}),
    ...(same && first.details.code !== undefined ? { code: first.details.code } : {}),
    ...(waits.length === 0 ? {} : { retryAfterMs: Math.min(...waits, MAX_WAIT_MS) }),
    ...(counted.every(isHopeless) ? { shouldRetry: false } : {}),
  })
}

/** Why no attempt was made. */
export function noneAvailable({ overloaded, retryAfterMs }: Refusal): Failure {
  const kind = overloaded ? 'overloaded' : 'rate-limited'
  return new Failure(kind, MESSAGE_OF_ALL[kind] ?? '', { retryAfterMs })
}

/** What happened to each that was tried, with nothing of what providers wrote: `openai: refused connection; azure: 429`. */
function clausesOf(trace: readonly AttemptRecord[]): string {
  const sent = sentAttempts(trace)
  const isOneModel = new Set(sent.map(({ target }) => target.model)).size === 1
  const clauses = sent.map(({ target, failure }) => {
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

/** Another try soon would fail too: our account is not in order, or the provider says so. */
function isHopeless({ kind, details }: Failure): boolean {
  return HOPELESS.has(kind) || details.shouldRetry === false
}

function kindOf(failures: readonly Failure[]): FailureKind {
  const kinds = new Set(failures.map(({ kind }) => kind))
  const [only] = kinds
  if (kinds.size === 1 && only !== undefined) return only
  if (failures.every(({ status }) => status === 429)) return 'rate-limited'
  // Some limit us and some are overloaded: both pass by themselves.
  return failures.every(({ fault, status }) => fault === 'limit' || status === 429) ? 'overloaded' : 'provider-failed'
}

/** A target as `provider/model`; models of a provider that is not in the catalogue are called so already. */
function nameOf({ model, deployment: { provider } }: Target): string {
  return model.startsWith(`${provider}/`) ? model : `${provider}/${model}`
}
