/** The log line of one call, and the source of its data point. The names are stored: do not change them. */
export interface LogLine {
  readonly level: 'info' | 'warn'
  readonly key: string | undefined
  readonly event: 'request'
  readonly request: string
  readonly model_asked: string | undefined
  readonly model: string | undefined
  readonly provider: string | undefined
  /** The API that was asked; undefined for chat completions. */
  readonly api: string | undefined
  /** True for a count of tokens; otherwise undefined. */
  readonly count: true | undefined
  readonly stream: boolean
  /** True for a call of `/route`; otherwise undefined. */
  readonly dry_run: true | undefined
  readonly status: number
  readonly code: string | null | undefined
  readonly kind: string | undefined
  readonly fault: string | undefined
  readonly reason: string | undefined
  readonly detail: string | undefined
  /** The client disconnected before the end. */
  readonly left: boolean
  readonly attempts: readonly AttemptLine[]
  readonly prompt_tokens: number | undefined
  readonly completion_tokens: number | undefined
  readonly cached_tokens: number | undefined
  /** The token counts are our estimate: the provider reported none, or the client disconnected before it could. */
  readonly estimated: boolean | undefined
  readonly cost_usd: number | undefined
  readonly ttft_ms: number | undefined
  readonly total_ms: number
  readonly colo: unknown
  /** Where its span is found; undefined where none is sent. */
  readonly trace_id: string | undefined
  readonly span_id: string | undefined
  /** The share of such calls whose lines are written: how many calls a line stands for. Undefined where all are. */
  readonly sample: number | undefined
}

export interface AttemptLine {
  readonly provider: string
  readonly model: string
  readonly outcome: string
  readonly ms: number
  /** Of one that lost against a quicker one: what it has cost nevertheless, also contained in the call's cost. */
  readonly cost_usd: number | undefined
  readonly kind: string | undefined
  readonly fault: string | undefined
  readonly reason: string | undefined
  readonly detail: string | undefined
}
