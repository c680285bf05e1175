import { type Caller, type GetLedgers, recordUsage } from '../access/limits.ts'
import type { Settings } from '../env.ts'
import type { HeaderReader } from '../formats/format.ts'
import { lostIn, sentAttempts } from '../routing/attempt-record.ts'
import { type RequestLog, safeModelName } from '../telemetry/log.ts'
import type { AttemptLine, LogLine } from '../telemetry/log-line.ts'
import { type Call, type CallAttempt, toEntry } from '../usage/entry.ts'
import { labelsOf } from '../usage/labels.ts'

/** Who makes the call, and through what its usage is reported. */
export interface UsageWriter {
  readonly caller: Caller
  readonly settings: Settings
  readonly header: HeaderReader
  readonly getLedgers: GetLedgers
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** Records a call when it is over, for the usage of its key (accounts 7). Its log line holds what it was. */
export function recordCall(log: RequestLog, line: LogLine, writer: UsageWriter): void {
  const { caller, settings } = writer
  const lostTokens = lostIn(log.attempts)?.usage.total_tokens ?? 0
  const used = { tokens: (log.usage?.total_tokens ?? 0) + lostTokens, dollars: line.cost_usd ?? 0 }
  recordUsage(caller, toEntry(toCall(log, line, writer), settings.callHistory), used, writer)
}

function toCall(log: RequestLog, line: LogLine, { caller, header }: UsageWriter): Call {
  const labels = labelsOf(header, log.project, log.isUnnamed)
  const target = log.target ?? sentAttempts(log.attempts).at(-1)?.target
  const reasoning = log.usage?.completion_tokens_details?.reasoning_tokens
  return {
    team: caller.team ?? '',
    client: labels.client,
    session: labels.session,
    project: labels.project,
    agent: labels.agent,
    parent_agent: labels.parent_agent,
    request: line.request,
    id: log.answerId,
    at: log.receivedAt,
    key: line.key ?? '',
    model: line.model ?? safeModelName(target?.model ?? ''),
    provider: target?.deployment.provider ?? '',
    status: `${Math.floor(line.status / 100)}xx`,
    model_asked: line.model_asked,
    api: line.api,
    stream: line.stream,
    http_status: line.status,
    code: line.code,
    kind: line.kind,
    fault: line.fault,
    finish_reason: log.finishReason,
    left: line.left,
    attempts: line.attempts.map(toCallAttempt),
    prompt_tokens: line.prompt_tokens,
    cached_tokens: line.cached_tokens,
    completion_tokens: line.completion_tokens,
    reasoning_tokens: typeof reasoning === 'number' ? reasoning : undefined,
    estimated: line.estimated,
    cost_usd: line.cost_usd,
    ttft_ms: line.ttft_ms,
    total_ms: line.total_ms,
  }
}

function toCallAttempt({ provider, model, outcome, ms, kind, cost_usd }: AttemptLine): CallAttempt {
  return { provider, model, outcome, ms, kind, cost_usd }
}
