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
  settings: Settings | undefined
  key: string | undefined
  requestedModel: unknown
  /** The API that was asked; undefined for chat completions. */
  api: string | undefined
  stream: boolean
  readonly attempts: AttemptRecord[]
  target: Target | undefined
  /** When the first meaningful event of a stream came. */
  firstEventAt: number | undefined
  usage: Usage | undefined
  dollars: number | undefined
  /** Undefined while it runs. */
  end: CallEnd | undefined
  /** The id of the answer, as the client sees it. */
  answerId: string | undefined
  /** How its first choice ended. */
  finishReason: string | undefined
  /** Which project the request names in its body. */
  project: string | undefined
  /** No header names the session. False also where nobody has looked. */
  isUnnamed: boolean
  /** Gets the line too. */
  record: ((line: LogLine) => void) | undefined
  /** The call asks only for the plan. */
  readonly dryRun: true | undefined
  /** The call asks only how long its prompt is. */
  readonly isCount: true | undefined
  /** Only where spans are sent. */
  trace: Trace | undefined
  /** Calls `write` when it is known what an attempt has cost that lost; absent where none did. */
  defer: ((write: () => void) => void) | undefined
  /** Releases the memory that the call has claimed for its body. */
  release: (() => void) | undefined
}

/** How a call ended. */
export interface CallEnd {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly status: number
  /** With status 200 the one that broke the answer after it had begun. */
  readonly failure: Failure | undefined
  readonly disconnected: boolean
}

/** What a call asks for, as its path says. */
export type CallKind = Partial<Pick<RequestLog, 'dataset' | 'dryRun' | 'isCount' | 'api'>>

/** The log of a call that begins. All members are there from the beginning: adding one later costs more than all of them. */
export function createRequestLog(
  requestId: string,
  receivedAt: number,
  colo: unknown,
  { dataset, dryRun, isCount, api }: CallKind,
): RequestLog {
  return {
    requestId,
    receivedAt,
    colo,
    dataset,
    settings: undefined,
    key: undefined,
    requestedModel: undefined,
    api,
    stream: false,
    attempts: [],
    target: undefined,
    firstEventAt: undefined,
    usage: undefined,
    dollars: undefined,
    end: undefined,
    answerId: undefined,
    finishReason: undefined,
    project: undefined,
    isUnnamed: false,
    record: undefined,
    dryRun,
    isCount,
    trace: undefined,
    defer: undefined,
    release: undefined,
  }
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
  if (log.end !== undefined) return
  const end = { at: Date.now(), status, failure, disconnected }
  log.end = end
  log.release?.()
  if (log.defer === undefined) writeCall(log, end)
  else log.defer(() => writeCall(log, end))
}

function writeCall(log: RequestLog, end: CallEnd): void {
  try {
    const { attempts, dataset, trace, settings, record } = log
    const blamed = blamedFor(end.failure, attempts)
    const share = settings?.logSample ?? 1
    // Errors of callers are sampled like successes, because a caller can make a thousand of them a second.
    const sample = share === 1 || blamed === 'others' ? undefined : share
    const line = createLine(log, end, blamed === undefined ? 'info' : 'warn', sample)
    record?.(line)
    dataset?.writeDataPoint(toDataPoint(line))
    if (trace?.isSampled) sendSpan(log, trace, line)
    if (sample === undefined || Math.random() < sample) write(line)
  } catch (error) {
    logFault(log.requestId, error)
  }
}

/** Whose fault something was that failed in a call: the caller's alone, or another's too. A client that left is to blame for nothing. */
function blamedFor(failure: Failure | undefined, attempts: readonly AttemptRecord[]): 'caller' | 'others' | undefined {
  let blamed = blameOf(failure)
  for (let at = 0; at < attempts.length && blamed !== 'others'; at++) {
    const attempt = attempts[at]
    if (attempt?.sent !== false) blamed = blameOf(attempt?.failure) ?? blamed
  }
  return blamed
}

function blameOf(failure: Failure | undefined): 'caller' | 'others' | undefined {
  if (failure === undefined || failure.fault === 'left') return undefined
  return failure.fault === 'caller' ? 'caller' : 'others'
}

function createLine(log: RequestLog, end: CallEnd, level: LogLine['level'], sample: number | undefined): LogLine {
  const { status, failure, disconnected } = end
  const { key, requestedModel, target, usage, firstEventAt } = log
  const withDetail = log.settings?.logDetail === true
  const cachedTokens = usage?.prompt_tokens_details?.cached_tokens
  return {
    level,
    key: key && redactOwnKeys(key),
    event: 'request',
    request: log.requestId,
    model_asked: typeof requestedModel === 'string' ? safeModelName(requestedModel) : undefined,
    model: target && safeModelName(target.model),
    provider: target?.deployment.provider,
    api: log.api,
    count: log.isCount,
    stream: log.stream,
    dry_run: log.dryRun,
    status,
    code: failure && codeOf(failure),
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
    total_ms: end.at - log.receivedAt,
    colo: log.colo,
    trace_id: log.trace?.traceId,
    span_id: log.trace?.spanId,
    sample,
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
  return {
    provider,
    model: safeModelName(upstreamModel),
    outcome,
    ms,
    cost_usd: lost?.dollars,
    kind: failure?.kind,
    fault: failure?.fault,
    reason: failure?.details.reason,
    detail: withDetail ? failure?.details.detail : undefined,
  }
}

const CODE = /^[\w.-]{1,60}$/

/** A provider may write anything as its code, and clients get it so. A sentence may quote the prompt. */
function codeOf(failure: Failure): string | null | undefined {
  const { code } = failure.toError()
  if (code === null) return null
  return CODE.test(code) ? redactKeys(code) : undefined
}

/** A caller may write anything as a model's name, a key too. */
export function safeModelName(model: string): string {
  return redactKeys(quoted(model))
}

/** Writes one log line for a fault of Router9 itself. */
export function logFault(requestId: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  write({ level: 'error', event: 'fault', request: requestId, detail })
}

/** Which members of a record name keys, and how such a name looks: like a key, but it is none. */
const ID_MEMBERS = ['id', 'account', 'successor']
const KEY_ID = /^key_[0-9A-Za-z]{1,40}$/

/** What was changed, of which record. */
type Change = Readonly<Record<string, unknown>> & { readonly target: string }

/** Writes one log line for a change of a record, by whose key it was made and what changed. It holds no key (accounts 6). */
export function logAudit(requestId: string, key: string, { target, ...change }: Change): void {
  const head = { level: 'info', key: redactOwnKeys(key), target: redactOwnKeys(target) } as const
  const isId = (member: string, text: string) =>
    text === head.key || text === head.target || (ID_MEMBERS.includes(member) && KEY_ID.test(text))
  write({ ...head, event: 'audit', request: requestId, ...change }, isId)
}

/** Writes one log line for spans that no collector will get, and why. */
export function logDroppedSpans(spans: number, reason: string): void {
  write({ level: 'warn', event: 'spans_dropped', spans, reason })
}

/** @param line has its `level` and whom it is about, `key` and `target`, before its `event`. */
function write<Line extends { readonly level: 'info' | 'warn' | 'error' }>(line: Line, isId = isKey): void {
  let text = JSON.stringify(line)
  // The ids of keys look like keys themselves, so only what comes after them is searched for whatever looks like one.
  if (mayHoldKey(text.slice(text.indexOf('"event"')))) {
    // The search is in each value, not in the line: in the line, an escaped line break would hide where a word begins.
    const redact = (member: string, value: unknown) =>
      typeof value === 'string' && !isId(member, value) ? redactKeys(value) : value
    text = JSON.stringify(line, redact)
  }
  console[line.level === 'info' ? 'log' : line.level](text)
}

function isKey(member: string, _text: string): boolean {
  return member === 'key'
}
