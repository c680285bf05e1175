import { type Caller, type GetLedgers, recordUsage } from '../access/limits.ts'
import { redactKeys } from '../chat/failure.ts'
import type { Settings } from '../env.ts'
import type { HeaderReader } from '../formats/format.ts'
import { lostIn, sentAttempts } from '../routing/attempt-record.ts'
import type { RequestLog } from '../telemetry/log.ts'
import type { LogLine } from '../telemetry/log-line.ts'
import { type Call, toEntry } from '../usage/entry.ts'
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
  const { caller, settings, header } = writer
  const call = toCall(log, line, { team: caller.team ?? '', ...labelsOf(header, log.project) })
  const lostTokens = lostIn(log.attempts)?.usage.total_tokens ?? 0
  const used = { tokens: (log.usage?.total_tokens ?? 0) + lostTokens, dollars: line.cost_usd ?? 0 }
  recordUsage(caller, toEntry(call, settings.callHistory), used, writer)
}

function toCall(log: RequestLog, line: LogLine, labels: Partial<Call>): Call {
  const target = log.target ?? sentAttempts(log.attempts).at(-1)?.target
  const { reasoning_tokens: reasoning } = log.usage?.completion_tokens_details ?? {}
  return {
    ...labels,
    request: log.requestId,
    id: log.answerId,
    at: log.receivedAt,
    key: line.key ?? '',
    // A caller may write anything as the name of a model.
    model: redactKeys(target?.model.slice(0, 100) ?? ''),
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
    attempts: line.attempts.map(({ provider, model, outcome, ms, kind, cost_usd }) => ({
      provider,
      model,
      outcome,
      ms,
      ...(kind === undefined ? {} : { kind }),
      ...(cost_usd === undefined ? {} : { cost_usd }),
    })),
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
