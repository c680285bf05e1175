import type { Usage } from '../chat/event.ts'
import { type Failure, mayHoldKey, quoted, redactKeys, redactOwnKeys } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import { type AttemptRecord, sentAttempts } from '../routing/attempt-record.ts'
import type { Target } from '../routing/plan.ts'
import { pointOf } from './analytics.ts'
import type { AttemptLine, LogLine } from './log-line.ts'

/** What is noted of a call to chat completions until its line is written: nothing of its content. */
export interface RequestLog {
  readonly requestId: string
  /** Milliseconds since 1970. */
  readonly cameAt: number
  /** Where Cloudflare took the call in. */
  readonly colo: unknown
  readonly dataset: AnalyticsEngineDataset | undefined
  /** Undefined where they make no sense: then everything is written. */
  settings?: Settings
  key?: string
  asked?: unknown
  stream?: boolean
  readonly trace: AttemptRecord[]
  target?: Target
  /** When the first meaningful event of a stream was there. */
  firstWordAt?: number
  usage?: Usage
  dollars?: number
  written?: true
  /** Asks for a plan only. */
  readonly dryRun?: true
  /** Gives back what the call holds, when it has ended. */
  release?: () => void
}

/**
 * Writes the one line of a call, and its data point where there is a dataset. `failure` beside a 200 is of an answer that
 * broke after it had begun. What goes wrong here is nobody else's concern.
 */
export function logRequest(
  note: RequestLog,
  status: number,
  failure?: Failure,
  left = failure?.fault === 'left',
): void {
  if (note.written) return
  note.written = true
  note.release?.()
  try {
    const line = lineOf(note, status, failure, left)
    note.dataset?.writeDataPoint(pointOf(line))
    const { trace, settings } = note
    const sample = settings?.logSample ?? 1
    const odd = [failure, ...sentAttempts(trace).map((tried) => tried.failure)].flatMap((one) =>
      one === undefined || one.fault === 'left' ? [] : one.fault,
    )
    // What callers do wrong they could do a thousand times a second.
    const kept = sample === 1 || odd.some((fault) => fault !== 'caller')
    if (!kept && Math.random() >= sample) return
    // Whoever counts lines has to know how many each stands for.
    const share = kept ? {} : { sample }
    write(odd.length > 0 ? 'warn' : 'log', { event: 'request', request: note.requestId, ...line, ...share })
  } catch (error) {
    logFault(note.requestId, error)
  }
}

function lineOf(note: RequestLog, status: number, failure: Failure | undefined, left: boolean): LogLine {
  const { asked, target, usage, firstWordAt } = note
  const inDetail = note.settings?.logDetail === true
  const cached = usage?.prompt_tokens_details?.cached_tokens
  return {
    key: note.key,
    model_asked: typeof asked === 'string' ? nameOf(asked) : undefined,
    model: target && nameOf(target.model),
    provider: target?.deployment.provider,
    stream: note.stream === true,
    dry_run: note.dryRun,
    status,
    code: failure?.toError().code,
    kind: failure?.kind,
    fault: failure?.fault,
    reason: failure?.details.reason,
    detail: inDetail ? failure?.details.detail : undefined,
    left,
    attempts: sentAttempts(note.trace).map((tried) => attemptLine(tried, inDetail)),
    prompt_tokens: usage?.prompt_tokens,
    completion_tokens: usage?.completion_tokens,
    cached_tokens: typeof cached === 'number' ? cached : undefined,
    estimated: usage?.estimated,
    cost_usd: note.dollars,
    ttft_ms: firstWordAt === undefined ? undefined : firstWordAt - note.cameAt,
    total_ms: Date.now() - note.cameAt,
    colo: note.colo,
  }
}

/** Providers quote prompts in what they say: their own words are there only where the operator asks for them. */
function attemptLine({ target, outcome, ms, failure }: AttemptRecord, inDetail: boolean): AttemptLine {
  const { provider, upstreamModel } = target.deployment
  const tried = { provider, model: nameOf(upstreamModel), outcome, ms }
  if (failure === undefined) return tried
  const { reason, detail } = failure.details
  return { ...tried, kind: failure.kind, fault: failure.fault, reason, ...(inDetail ? { detail } : {}) }
}

/** Names of models may be the caller's own words. */
function nameOf(model: string): string {
  return redactKeys(quoted(model))
}

/** Writes one structured line for a fault of our own. */
export function logFault(requestId: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  write('error', { event: 'fault', request: requestId, detail })
}

function write(level: 'log' | 'warn' | 'error', { key, ...others }: Readonly<Record<string, unknown>>): void {
  // The name of a key looks like one itself; everything else is searched for whatever looks like one.
  const head = redactOwnKeys(JSON.stringify({ level: level === 'log' ? 'info' : level, key }))
  let text = JSON.stringify(others)
  // The texts themselves are searched, and not the line: there an escaped line break would hide where a word begins.
  if (mayHoldKey(text)) {
    text = JSON.stringify(others, (_, value: unknown) => (typeof value === 'string' ? redactKeys(value) : value))
  }
  console[level](`${head.slice(0, -1)},${text.slice(1)}`)
}
