/** The line that Router9 logs of one call to chat completions. */
export interface CallLine {
  readonly level: string
  readonly event: 'request'
  readonly request: string
  readonly key?: string
  readonly model_asked?: string
  readonly model?: string
  readonly provider?: string
  readonly api?: string
  readonly count?: true
  readonly stream: boolean
  readonly dry_run?: true
  readonly status: number
  readonly code?: string | null
  readonly kind?: string
  readonly fault?: string
  readonly reason?: string
  readonly detail?: string
  readonly left: boolean
  readonly attempts: readonly Readonly<Record<string, unknown>>[]
  readonly prompt_tokens?: number
  readonly completion_tokens?: number
  readonly cached_tokens?: number
  readonly estimated?: boolean
  readonly cost_usd?: number
  readonly ttft_ms?: number
  readonly total_ms: number
  readonly sample?: number
}

/** The lines of calls in what a Worker has logged. */
export function callLines(log: string): CallLine[] {
  return log.split('\n').flatMap((text) => {
    const start = text.indexOf('{"level":')
    if (start < 0) return []
    try {
      const line: { event?: string } = JSON.parse(text.slice(start))
      return line.event === 'request' ? [line as CallLine] : []
    } catch {
      // The end of a line may still be in the pipe.
      return []
    }
  })
}
