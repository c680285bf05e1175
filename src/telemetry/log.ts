import type { Usage } from '../chat/event.ts'
import { type Failure, mayHoldKey, quoted, redactKeys, redactOwnKeys } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { type AttemptRecord, lostIn, sentAttempts } from '../routing/attempt-record.ts'
import type { Target } from '../routing/target.ts'
import { toDataPoint } from './analytics.ts'
import type { AttemptLine, LogLine } from './log-line.ts'
import { toSpan } from './otlp-span.ts'
import type { Trace } from './otlp-trace.ts'

/** What is collected for the log line of a call while the call runs. It holds nothing of the call's content. */
export interface RequestLog {
  readonly requestId: string
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  /** The Cloudflare data centre that received the call. */
  readonly colo: unknown
  readonly dataset: AnalyticsEngineDataset | undefined
  /** Undefined if they are invalid: then every line is written. */
  settings?: Settings
  key?: string
  requestedModel?: unknown
  /** The API that was asked; undefined for chat completions. */
  api?: string
  stream?: boolean
  readonly attempts: AttemptRecord[]
  target?: Target
  /** When the first meaningful event of a stream came. */
  firstEventAt?: number
  usage?: Usage
  dollars?: number
  written?: true
  /** The id of the answer, as the client sees it. */
  answerId?: string
  /** How its first choice ended. */
  finishReason?: string | undefined
  /** Which project the request names in its body. */
  project?: string | undefined
  /** Gets the line too. */
  record?: (line: LogLine) => void
  /** The call asks only for the plan. */
  readonly dryRun?: true
  /** The call asks only how long its prompt is. */
  readonly isCount?: true
  /** Only where spans are sent. */
  trace?: Trace
  /** Calls `write` when it is known what an attempt has cost that lost; absent where none did. */
  defer?: (write: () => void) => void
  /** When the call ended, where its line is written later. */
  endedAt?: number
  /** Releases the memory that the call has claimed for its body. */
  release?: () => void
}

/**
 * Writes the log line of a call, and its data point if there is a dataset. Only the first call for a log writes. With status
 * 200, `failure` is the one that broke the answer after it had begun. Never throws: a log must not break an answer.
 */
export function logRequest(
  log: RequestLog,
  status: number,
  failure?: Failure,
  disconnected = failure?.fault === 'left',
): void {
  if (log.written) return
  log.written = true
  log.release?.()
  if (log.defer === undefined) writeCall(log, status, failure, disconnected)
  else {
    log.endedAt = Date.now()
    log.defer(() => writeCall(log, status, failure, disconnected))
  }
}

function writeCall(log: RequestLog, status: number, failure: Failure | undefined, disconnected: boolean): void {
  try {
    const line = createLine(log, status, failure, disconnected)
    log.record?.(line)
    log.dataset?.writeDataPoint(toDataPoint(line))
    if (log.trace?.isSampled) sendSpan(log, log.trace, line)
    const { attempts, settings } = log
    const sample = settings?.logSample ?? 1
    const faults = [failure, ...sentAttempts(attempts).map((attempt) => attempt.failure)].flatMap((one) =>
      one === undefined || one.fault === 'left' ? [] : one.fault,
    )
    // Errors of callers are sampled like successes, because a caller can make a thousand of them a second.
    const isAlwaysWritten = sample === 1 || faults.some((fault) => fault !== 'caller')
    if (!isAlwaysWritten && Math.random() >= sample) return
    // To count calls by lines, a reader needs to know how many calls a line stands for.
    const share = isAlwaysWritten ? undefined : sample
    const record = { event: 'request', request: log.requestId, ...line, key: undefined, sample: share }
    write(faults.length > 0 ? 'warn' : 'log', record, { key: line.key })
  } catch (error) {
    logFault(log.requestId, error)
  }
}

function createLine(log: RequestLog, status: number, failure: Failure | undefined, disconnected: boolean): LogLine {
  const { requestedModel, target, usage, firstEventAt } = log
  const withDetail = log.settings?.logDetail === true
  const cachedTokens = usage?.prompt_tokens_details?.cached_tokens
  return {
    key: log.key,
    model_asked: typeof requestedModel === 'string' ? safeModelName(requestedModel) : undefined,
    model: target && safeModelName(target.model),
    provider: target?.deployment.provider,
    api: log.api,
    count: log.isCount,
    stream: log.stream === true,
    dry_run: log.dryRun,
    status,
    code: failure?.toError().code,
    kind: failure?.kind,
    fault: failure?.fault,
    reason: failure?.details.reason,
    detail: withDetail ? failure?.details.detail : undefined,
    left: disconnected,
    attempts: sentAttempts(log.attempts).map((attempt) => createAttemptLine(attempt, withDetail)),
    prompt_tokens: usage?.prompt_tokens,
    completion_tokens: usage?.completion_tokens,
    cached_tokens: typeof cachedTokens === 'number' ? cachedTokens : undefined,
    estimated: usage?.estimated,
    cost_usd: dollarsOf(log),
    ttft_ms: firstEventAt === undefined ? undefined : firstEventAt - log.receivedAt,
    total_ms: (log.endedAt ?? Date.now()) - log.receivedAt,
    colo: log.colo,
    trace_id: log.trace?.traceId,
    span_id: log.trace?.spanId,
  }
}

/** What a call has cost, with an attempt that lost. */
function dollarsOf({ dollars, attempts }: RequestLog): number | undefined {
  const lost = lostIn(attempts)
  return lost === undefined ? dollars : (dollars ?? 0) + lost.dollars
}

function sendSpan(log: RequestLog, trace: Trace, line: LogLine): void {
  const { requestId, answerId, receivedAt: startedAt, usage } = log
  const attemptTimes = sentAttempts(log.attempts).map((attempt) => attempt.startedAt)
  trace.send(toSpan({ trace, line, requestId, answerId, startedAt, usage, attemptTimes }), line.fault === 'caller')
}

/** The provider's own text is written only if the operator asks for it: providers quote prompts in their errors. */
function createAttemptLine({ target, outcome, ms, failure, lost }: AttemptRecord, withDetail: boolean): AttemptLine {
  const { provider, upstreamModel } = target.deployment
  const attempt = {
    provider,
    model: safeModelName(upstreamModel),
    outcome,
    ms,
    ...(lost && { cost_usd: lost.dollars }),
  }
  if (failure === undefined) return attempt
  const { reason, detail } = failure.details
  return { ...attempt, kind: failure.kind, fault: failure.fault, reason, ...(withDetail ? { detail } : {}) }
}

/** A caller may write anything as a model's name, a key too. */
function safeModelName(model: string): string {
  return redactKeys(quoted(model))
}

/** Writes one log line for a fault of Router9 itself. */
export function logFault(requestId: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  write('error', { event: 'fault', request: requestId, detail })
}

/** Which members of a record name keys, and how such a name looks: like a key, but it is none. */
const ID_MEMBERS = ['id', 'account', 'successor']
const KEY_ID = /^key_[0-9A-Za-z]{1,40}$/

/** Writes one log line for a change of a record, by whose key it was made and what changed. It holds no key (accounts 6). */
export function logAudit(requestId: string, key: string, change: Readonly<Record<string, unknown>>): void {
  const isId = (member: string, text: string) => ID_MEMBERS.includes(member) && KEY_ID.test(text)
  const { target, ...others } = change
  write('log', { event: 'audit', request: requestId, ...others }, { key, target }, isId)
}

/** Writes one log line for spans that no collector will get, and why. */
export function logDroppedSpans(spans: number, reason: string): void {
  write('warn', { event: 'spans_dropped', spans, reason })
}

function write(
  level: 'log' | 'warn' | 'error',
  record: Readonly<Record<string, unknown>>,
  { key, target }: { readonly key?: unknown; readonly target?: unknown } = {},
  isId = (_member: string, _text: string) => false,
): void {
  // The ids of keys look like keys themselves, so only the other fields are searched for whatever looks like one.
  const head = redactOwnKeys(JSON.stringify({ level: level === 'log' ? 'info' : level, key, target }))
  let text = JSON.stringify(record)
  // The search is in each value, not in the line: in the line, an escaped line break would hide where a word begins.
  if (mayHoldKey(text)) {
    const redact = (member: string, value: unknown) =>
      typeof value === 'string' && !isId(member, value) ? redactKeys(value) : value
    text = JSON.stringify(record, redact)
  }
  console[level](`${head.slice(0, -1)},${text.slice(1)}`)
}
