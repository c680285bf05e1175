/** What usage is told apart by: whose work it was, and who did it. The names are columns (`migrations/`). */
export const LABELS = [
  'key',
  'team',
  'model',
  'provider',
  'status',
  'client',
  'project',
  'agent',
  'parent_agent',
  'session',
] as const
export type Label = (typeof LABELS)[number]

/** Calls by the time until the first token, in milliseconds: each bucket has those that took no longer, and longer than the one before. */
export const TTFT_BUCKETS_MS = [100, 250, 500, 1000, 2500, 5000, 10_000] as const
const TTFT_COUNTS = [...TTFT_BUCKETS_MS.map((ms) => `ttft_${ms}` as const), 'ttft_more'] as const

/** What is added up. The names are columns. */
export const COUNTS = [
  'requests',
  'failures',
  'prompt_tokens',
  'cached_tokens',
  'completion_tokens',
  'reasoning_tokens',
  'cost_usd',
  ...TTFT_COUNTS,
] as const

/** One call without its content: the fields of its log line, and whose work it was. Times are milliseconds. */
export interface Call extends Readonly<Partial<Record<Label, string | undefined>>> {
  /** The id of the request, `x-request-id`. */
  readonly request: string
  /** The id of the answer, where it had begun. */
  readonly id: string | undefined
  /** When it came in, since 1970. */
  readonly at: number
  readonly model_asked: string | undefined
  /** The API that was asked; undefined for chat completions. */
  readonly api: string | undefined
  readonly stream: boolean
  readonly http_status: number
  readonly code: string | null | undefined
  readonly kind: string | undefined
  readonly fault: string | undefined
  /** How its first choice ended; undefined where it has not. */
  readonly finish_reason?: string | undefined
  /** The client disconnected before the end. */
  readonly left: boolean
  readonly attempts: readonly CallAttempt[]
  readonly prompt_tokens: number | undefined
  readonly cached_tokens: number | undefined
  readonly completion_tokens: number | undefined
  readonly reasoning_tokens: number | undefined
  readonly estimated: boolean | undefined
  readonly cost_usd: number | undefined
  readonly ttft_ms: number | undefined
  readonly total_ms: number
}

export interface CallAttempt {
  readonly provider: string
  readonly model: string
  readonly outcome: string
  readonly ms: number
  readonly kind: string | undefined
  readonly cost_usd: number | undefined
}

/** Calls of one hour with the same labels, added up. */
export interface Entry {
  /** Hours since 1970. */
  readonly hour: number
  /** In the order of `LABELS`. */
  readonly labels: readonly string[]
  /** In the order of `COUNTS`. */
  readonly counts: readonly number[]
  /** The call itself, where it is one that is kept. */
  readonly call?: Call
}

/** Which calls are kept one by one. */
export type CallHistory = 'all' | 'failures' | 'off'

export const HOUR_MS = 3_600_000
const MAX_CHARACTERS = 100
const MAX_CALL_CHARACTERS = 4000
const MAX_ATTEMPTS = 10
/** An isolate keeps so many entries until it can tell them, and a ledger takes no more of one report. */
const MAX_ENTRIES = 200
/** Where labels were too many to tell apart. */
export const OTHER = '(other)'
/** Clocks of isolates are no further behind than this. */
const MAX_LATE_HOURS = 24
const NO_COUNTS: readonly number[] = COUNTS.map(() => 0)

/** What an entry says of one call. */
export function toEntry(call: Call, history: CallHistory): Entry {
  const isKept = history === 'all' || (history === 'failures' && call.kind !== undefined)
  const hour = Math.floor(call.at / HOUR_MS)
  const labels = labelsIn(call)
  const counts = countsOf(call)
  return isKept ? { hour, labels, counts, call: cut(call) } : { hour, labels, counts }
}

/** In the order of `LABELS`, written out because every call needs them. */
function labelsIn(call: Call): readonly string[] {
  return [
    call.key ?? '',
    call.team ?? '',
    call.model ?? '',
    call.provider ?? '',
    call.status ?? '',
    call.client ?? '',
    call.project ?? '',
    call.agent ?? '',
    call.parent_agent ?? '',
    call.session ?? '',
  ]
}

/** In the order of `COUNTS`: the last ones are for the time until the first token. */
function countsOf(call: Call): readonly number[] {
  const counts = [
    1,
    isFailure(call) ? 1 : 0,
    amountOf(call.prompt_tokens),
    amountOf(call.cached_tokens),
    amountOf(call.completion_tokens),
    amountOf(call.reasoning_tokens),
    amountOf(call.cost_usd),
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ]
  if (call.ttft_ms !== undefined) counts[bucketOf(call.ttft_ms)] = 1
  return counts
}

function cut(call: Call): Call {
  return call.attempts.length > MAX_ATTEMPTS ? { ...call, attempts: call.attempts.slice(0, MAX_ATTEMPTS) } : call
}

/** Neither the caller's own doing nor that of a client that left. A stream that broke off has status 200, and is one. */
export function isFailure({ kind, fault }: Pick<Call, 'kind' | 'fault'>): boolean {
  return kind !== undefined && fault !== 'caller' && fault !== 'left'
}

/** Which of the counts is for calls that took so long until the first token. */
function bucketOf(ttftMs: number): number {
  const at = TTFT_BUCKETS_MS.findIndex((ms) => ttftMs <= ms)
  // The last one has all that took longer.
  return at < 0 ? COUNTS.length - 1 : COUNTS.length - TTFT_COUNTS.length + at
}

/** Adds up the entries of each hour with the same labels. Single calls are lost. */
export function rollUp(entries: readonly Entry[]): readonly Entry[] {
  const sums = new Map<string, Entry & { readonly counts: number[] }>()
  for (const { hour, labels, counts } of entries) {
    const name = `${hour}${JSON.stringify(labels)}`
    const sum = sums.get(name)
    if (sum === undefined) sums.set(name, { hour, labels, counts: sumOf(NO_COUNTS, counts) })
    else add(sum.counts, counts)
  }
  return [...sums.values()]
}

export function sumOf(one: readonly number[], other: readonly number[]): number[] {
  const sum = one.slice()
  add(sum, other)
  return sum
}

function add(sum: number[], more: readonly number[]): void {
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] ?? 0) + amountOf(more[at])
}

/** The same labels, told apart by less: first not by what clients say of themselves, then by the key, its team and the status alone. */
export function fewerLabels(labels: readonly string[], keeps: 'models' | 'status'): readonly string[] {
  const kept: readonly Label[] = [
    'key',
    'team',
    'status',
    ...(keeps === 'models' ? (['model', 'provider'] as const) : []),
  ]
  return labels.map((label, at) => (label === '' || kept.includes(LABELS[at] as Label) ? label : OTHER))
}

/** Adds an entry to a list; where there are too many, the older half is added up, with fewer labels if it must be. */
export function addEntry(entries: Entry[], entry: Entry): void {
  entries.push(entry)
  if (entries.length <= MAX_ENTRIES) return
  const half = MAX_ENTRIES / 2
  let older = rollUp(entries.slice(0, half))
  for (const keeps of ['models', 'status'] as const) {
    if (older.length <= half / 2) break
    older = rollUp(older.map(({ labels, ...others }) => ({ ...others, labels: fewerLabels(labels, keeps) })))
  }
  entries.splice(0, half, ...older)
}

/** Reads what an isolate reports. What makes no sense is left out; no hour is later than now. */
export function readEntries(reported: readonly unknown[], now: number): readonly Entry[] {
  const hour = Math.floor(now / HOUR_MS)
  return reported.slice(0, 2 * MAX_ENTRIES).flatMap((value) => {
    const { hour: given, labels, counts, call } = Object(value) as Partial<Record<string, unknown>>
    if (!Array.isArray(labels) || !Array.isArray(counts)) return []
    const isKept = call !== undefined && JSON.stringify(call).length <= MAX_CALL_CHARACTERS
    return {
      hour: typeof given === 'number' && given <= hour && given >= hour - MAX_LATE_HOURS ? Math.floor(given) : hour,
      labels: LABELS.map((_, at) => String(labels[at] ?? '').slice(0, MAX_CHARACTERS)),
      counts: COUNTS.map((_, at) => amountOf(counts[at])),
      ...(isKept ? { call: call as Call } : {}),
    }
  })
}

/** A broken number must not break a sum. */
function amountOf(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY ? value : 0
}
