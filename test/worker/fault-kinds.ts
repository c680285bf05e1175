/** How Router9 may have been harmed: not at all, before anything meaningful was said, or after it. */
export type Harm = 'none' | 'before' | 'after'

/** What an error looks like to the client (contract 5). */
export interface ErrorLook {
  readonly status: number
  readonly type: string
  readonly code: string | null
}

type Look = 'failed' | 'overloaded' | 'limited' | 'timeout' | 'missing' | 'rejected'

/** Contract 5, the rows that a provider's misbehaviour leads to. */
const LOOKS: Readonly<Record<Look, ErrorLook>> = {
  failed: { status: 502, type: 'upstream_error', code: 'upstream_error' },
  overloaded: { status: 503, type: 'upstream_error', code: 'upstream_unavailable' },
  limited: { status: 429, type: 'rate_limit_error', code: 'upstream_rate_limited' },
  timeout: { status: 504, type: 'upstream_error', code: 'upstream_timeout' },
  missing: { status: 404, type: 'invalid_request_error', code: 'model_not_found' },
  rejected: { status: 400, type: 'invalid_request_error', code: null },
}

/** A way in which a provider misbehaves, and what it does to a stream and to a whole body. */
export interface FaultKind {
  readonly name: string
  /** What the simulator is told in the prompt. */
  readonly order: string
  /** Nobody listens at the provider's address. */
  readonly refused?: true
  readonly stream: Harm
  /** Where a stream of this provider is harmed at another time. */
  readonly streamOf?: Readonly<Record<string, Harm>>
  readonly body: Harm
  readonly look: Look
  /** Where a stream of this provider says that it is overloaded instead. */
  readonly streamLook?: Readonly<Record<string, Look>>
  /** Seconds that the provider told us to wait. */
  readonly retryAfterSeconds?: number
  /** The caller's own doing: nobody else is asked. */
  readonly terminal?: true
  /** Megabytes are sent: not many of them at once. */
  readonly large?: true
}

const MEGABYTE = 1024 * 1024
const before = { stream: 'before', body: 'before' } as const
const after = { stream: 'after', body: 'before' } as const
// The error event of these two says that they are overloaded; OpenAI's is a server error.
const streamLook = { anthropic: 'overloaded', google: 'overloaded' } as const

/** Every kind of fault of the table. */
export const FAULT_KINDS: readonly FaultKind[] = [
  { name: 'refuses the connection', order: '', refused: true, ...before, look: 'failed' },
  { name: 'hangs up at once', order: 'refuse', ...before, look: 'failed' },
  { name: 'answers 400', order: 'status=400', ...before, look: 'rejected', terminal: true },
  { name: 'answers 401', order: 'status=401', ...before, look: 'failed' },
  { name: 'answers 403', order: 'status=403', ...before, look: 'failed' },
  { name: 'answers 404', order: 'status=404', ...before, look: 'missing' },
  { name: 'answers 429', order: 'status=429 retryafter=7', ...before, look: 'limited', retryAfterSeconds: 7 },
  { name: 'answers 500', order: 'status=500', ...before, look: 'failed' },
  { name: 'answers 503', order: 'status=503', ...before, look: 'overloaded' },
  { name: 'answers 529', order: 'status=529', ...before, look: 'overloaded' },
  { name: 'answers 200 with HTML', order: 'okhtml', ...before, look: 'failed' },
  { name: 'answers 502 with HTML', order: 'status=502 body=html', ...before, look: 'failed' },
  { name: 'answers 200 with nothing', order: 'emptyok', ...before, look: 'failed' },
  { name: 'answers 200 with a JSON error', order: 'okjsonerror', ...before, look: 'failed' },
  { name: 'begins with an error', order: 'errorfirst', ...before, look: 'failed', streamLook },
  { name: 'says its role, then an error', order: 'rolethenerror', ...before, look: 'failed', streamLook },
  { name: 'hangs before its headers', order: 'hangbeforeheaders', ...before, look: 'timeout' },
  { name: 'hangs after its headers', order: 'hangafterheaders', ...before, look: 'timeout' },
  { name: 'redirects', order: 'redirect', ...before, look: 'failed' },
  { name: 'is cut before its first word', order: 'cut=0', ...before, look: 'failed' },
  { name: 'is reset before its first word', order: 'reset=0', ...before, look: 'failed' },
  { name: 'stalls before its first word', order: 'stallafter=0', ...before, look: 'timeout' },
  { name: 'begins with garbage', order: 'garbageafter=0', ...before, look: 'failed' },
  { name: 'sends an error after some words', order: 'errorafter=3', ...after, look: 'failed', streamLook },
  { name: 'stalls after some words', order: 'stallafter=3', ...after, look: 'timeout' },
  { name: 'is cut after some words', order: 'cut=3', ...after, look: 'failed' },
  { name: 'is reset after some words', order: 'reset=3', ...after, look: 'failed' },
  { name: 'ends without a finish', order: 'nofinish', ...after, look: 'failed' },
  { name: 'sends garbage after some words', order: 'garbageafter=3', ...after, look: 'failed' },
  {
    name: 'sends an event of 9 MB',
    order: `giantevent=${9 * MEGABYTE}`,
    stream: 'after',
    // Google puts several tokens into an event: the large one is its first.
    streamOf: { google: 'before' },
    body: 'none',
    look: 'failed',
    large: true,
  },
  {
    name: 'sends an event of 4 MB',
    order: `giantevent=${4 * MEGABYTE}`,
    stream: 'none',
    body: 'none',
    look: 'failed',
    large: true,
  },
  // Of a body that says no length nobody knows that it is whole; a stream says itself that it is.
  { name: 'never closes', order: 'neverclose', stream: 'none', body: 'before', look: 'timeout' },
  {
    name: 'never closes, without an end marker',
    order: 'neverclosenodone',
    stream: 'none',
    body: 'before',
    look: 'timeout',
  },
]

/** How a request of the table is asked. */
export interface Manner {
  readonly provider: string
  readonly stream: boolean
  /** May a second model answer? */
  readonly second: boolean
}

/** What the client has to see. */
export type Expectation =
  | { readonly kind: 'answer'; readonly answeredBy: 'first' | 'second'; readonly extraCharacters: number }
  | {
      readonly kind: 'refusal'
      readonly look: ErrorLook
      readonly retryAfterSeconds?: number
      readonly attempts: number[]
    }
  | { readonly kind: 'broken stream'; readonly look: ErrorLook }

/** Contract 4.5, 5 and 6 as one rule. */
export function expectationOf(fault: FaultKind, { provider, stream, second }: Manner): Expectation {
  const harm = stream ? (fault.streamOf?.[provider] ?? fault.stream) : fault.body
  const extraCharacters = Number(/giantevent=(\d+)/.exec(fault.order)?.[1] ?? 0)
  if (harm === 'none') return { kind: 'answer', answeredBy: 'first', extraCharacters }
  const look = LOOKS[(stream ? fault.streamLook?.[provider] : undefined) ?? fault.look]
  if (harm === 'after') return { kind: 'broken stream', look }
  if (second && fault.terminal !== true) return { kind: 'answer', answeredBy: 'second', extraCharacters: 0 }
  const { retryAfterSeconds } = fault
  // With nobody else to ask, a quick failure of the provider may be tried once more.
  const attempts = fault.terminal === true ? [1] : [1, 2]
  return { kind: 'refusal', look, attempts, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) }
}
