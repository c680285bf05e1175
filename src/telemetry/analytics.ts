import type { LogLine } from './log-line.ts'

/**
 * The columns of a data point in Analytics Engine, in their order: `blob1`, `blob2`, … and `double1`, … The index is the id
 * of the key. Add new columns at the end: data points are kept for three months and must keep their meaning.
 */
export const BLOBS = [
  'model_asked',
  'model',
  'provider',
  'status',
  'code',
  'kind',
  'fault',
  'stream',
  'left',
  'colo',
  'failed_attempts',
] as const
export const DOUBLES = [
  'prompt_tokens',
  'completion_tokens',
  'cached_tokens',
  'cost_usd',
  'ttft_ms',
  'total_ms',
  'attempts',
] as const

/** The data point of a call. What is not known is an empty text or 0. */
export function toDataPoint(line: LogLine): AnalyticsEngineDataPoint {
  return {
    indexes: [line.key ?? 'none'],
    blobs: BLOBS.map((name) => String((name === 'failed_attempts' ? failedIn(line) : line[name]) ?? '')),
    doubles: DOUBLES.map((name) => (name === 'attempts' ? line.attempts.length : (line[name] ?? 0))),
  }
}

function failedIn({ attempts }: LogLine): string {
  return attempts.flatMap(({ provider, kind }) => (kind === undefined ? [] : `${provider}:${kind}`)).join()
}
