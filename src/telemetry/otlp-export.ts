import type { OtlpSettings } from '../env.ts'
import type { HeaderReader } from '../formats/format.ts'
import { randomHex } from '../platform/random.ts'
import { sleep } from '../platform/timeout.ts'
import { VERSION } from '../version.ts'
import { logDroppedSpans } from './log.ts'
import { createTrace, type Trace } from './otlp-trace.ts'

/** Spans go out together: after so long, or as soon as there are so many. */
const FLUSH_AFTER_MS = 1000
const BATCH_SPANS = 512
const BATCH_CHARACTERS = 1024 * 1024
/** More are not kept for a collector that is slow or away. */
const QUEUE_SPANS = 2048
const QUEUE_CHARACTERS = 4 * 1024 * 1024
const TIMEOUT_MS = 10_000
/** The platform may have ended the request that was to send. */
const LOST_MS = TIMEOUT_MS + 2000
/** A batch that may be taken later is sent so often in all, with this pause where the collector names none. */
const MAX_TRIES = 3
const PAUSE_MS = 5000
/** The platform lets a request live for half a minute after its answer. */
const MAX_PAUSE_MS = 10_000
/** The statuses after which OTLP wants the same batch again. */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504])
const ANSWER_CHARACTERS = 64 * 1024

type WaitUntil = (work: Promise<unknown>) => void

/** The spans of an isolate that have not been taken yet, and what is under way. Times are in milliseconds since 1970. */
interface Exporter {
  readonly settings: OtlpSettings
  readonly spans: string[]
  characters: number
  /** Since the last line about it. */
  dropped: number
  plannedAt: number
  sentAt: number
  /** Counts what was sent: the answer to an earlier one that was given up means nothing. */
  number: number
  tries: number
  pausedUntil: number
}

/** One for each isolate, which has its settings once. */
const exporters = new WeakMap<OtlpSettings, Exporter>()

function exporterOf(settings: OtlpSettings): Exporter {
  const known = exporters.get(settings)
  if (known !== undefined) return known
  const numbers = { characters: 0, dropped: 0, plannedAt: 0, sentAt: 0, number: 0, tries: 0, pausedUntil: 0 }
  const created: Exporter = { settings, spans: [], ...numbers }
  exporters.set(settings, created)
  return created
}

/** Begins the trace of a call. Its span goes to the operator's collector after the call; nobody waits for it. */
export function beginTrace(settings: OtlpSettings, header: HeaderReader, waitUntil: WaitUntil): Trace {
  const send = (span: string, isCallers: boolean) => enqueue(exporterOf(settings), { span, isCallers }, waitUntil)
  return createTrace(header, randomHex(24), { withContent: settings.withContent, send })
}

function enqueue(
  exporter: Exporter,
  { span, isCallers }: { readonly span: string; readonly isCallers: boolean },
  waitUntil: WaitUntil,
): void {
  const { spans } = exporter
  // A caller can make a thousand errors a second: they must leave room for the calls of others.
  const share = isCallers ? 0.5 : 1
  if (spans.length >= share * QUEUE_SPANS || exporter.characters + span.length > share * QUEUE_CHARACTERS) {
    exporter.dropped++
  } else {
    spans.push(span)
    exporter.characters += span.length
  }
  plan(exporter, waitUntil)
}

/** Sees to it that somebody sends what there is: at once where that is a full batch. */
function plan(exporter: Exporter, waitUntil: WaitUntil): void {
  const now = Date.now()
  if (isUnderWay(exporter, now)) return
  const isFull = exporter.spans.length >= BATCH_SPANS || exporter.characters >= BATCH_CHARACTERS
  const waitMs = Math.max(isFull ? 0 : FLUSH_AFTER_MS, exporter.pausedUntil - now)
  if (waitMs === 0) {
    waitUntil(flush(exporter, waitUntil))
    return
  }
  if (now - exporter.plannedAt < LOST_MS) return
  exporter.plannedAt = now
  waitUntil(sleep(waitMs).then(() => (exporter.plannedAt === now ? flush(exporter, waitUntil) : undefined)))
}

function isUnderWay({ sentAt }: Exporter, now: number): boolean {
  return now - sentAt < LOST_MS
}

/** Sends one batch. It stays in the queue until it is taken or given up, so that nothing is lost with the request that sends it. */
async function flush(exporter: Exporter, waitUntil: WaitUntil): Promise<void> {
  exporter.plannedAt = 0
  const now = Date.now()
  if (isUnderWay(exporter, now) || exporter.spans.length === 0) return
  exporter.sentAt = now
  const number = ++exporter.number
  const batch = firstBatch(exporter.spans)
  const { rejected, why, retryAfterMs } = await post(exporter.settings, batch)
  if (number !== exporter.number) return
  exporter.sentAt = 0
  const comesAgain = retryAfterMs !== undefined && ++exporter.tries < MAX_TRIES
  if (comesAgain) exporter.pausedUntil = Date.now() + Math.min(retryAfterMs, MAX_PAUSE_MS)
  else {
    exporter.tries = 0
    exporter.pausedUntil = 0
    exporter.spans.splice(0, batch.length)
    for (const span of batch) exporter.characters -= span.length
    exporter.dropped += Math.min(rejected, batch.length)
  }
  const { dropped } = exporter
  exporter.dropped = 0
  if (dropped > 0) logDroppedSpans(dropped, why)
  if (exporter.spans.length > 0) plan(exporter, waitUntil)
}

function firstBatch(spans: readonly string[]): readonly string[] {
  let characters = 0
  const end = spans.findIndex((span, at) => {
    characters += span.length
    return at === BATCH_SPANS || (at > 0 && characters > BATCH_CHARACTERS)
  })
  return spans.slice(0, end < 0 ? spans.length : end)
}

/** What became of a batch. */
interface Sent {
  /** So many spans are gone; all if it is not sent again. */
  readonly rejected: number
  readonly why: string
  /** It is to be sent again after so long. */
  readonly retryAfterMs?: number
}

const HEAD = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"router9"}},{"key":"service.version","value":{"stringValue":"${VERSION}"}}]},"scopeSpans":[{"scope":{"name":"router9","version":"${VERSION}"},"spans":[`
const TAIL = ']}]}]}'

/** Never rejects. */
async function post({ url, headers }: OtlpSettings, spans: readonly string[]): Promise<Sent> {
  const all = { rejected: spans.length }
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: `${HEAD}${spans.join(',')}${TAIL}`,
      redirect: 'manual',
      signal: abort.signal,
    })
    if (response.ok) {
      const rejected = await rejectedBy(response)
      return { rejected, why: rejected > 0 ? 'rejected' : 'queue full' }
    }
    await response.body?.cancel()
    const sent = { ...all, why: `status ${response.status}` }
    if (!LATER.has(response.status)) return sent
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    return { ...sent, retryAfterMs: seconds >= 0 ? seconds * 1000 : PAUSE_MS }
  } catch {
    // The reason may hold the address, and what is in it.
    const why = abort.signal.aborted ? 'no answer in time' : 'not reachable'
    return { ...all, why, retryAfterMs: PAUSE_MS }
  } finally {
    clearTimeout(timer)
  }
}

/** A collector may take a batch in part, and says so in its answer. */
async function rejectedBy(response: Response): Promise<number> {
  try {
    const { partialSuccess } = JSON.parse(await beginningOf(response))
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0)
    return rejected > 0 ? rejected : 0
  } catch {
    return 0
  }
}

/** What is longer than any answer of a collector is not read to its end. */
async function beginningOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  const reader = response.body?.getReader()
  let text = ''
  while (reader !== undefined && text.length < ANSWER_CHARACTERS) {
    const { value, done } = await reader.read()
    if (done) return text
    text += decoder.decode(value, { stream: true })
  }
  await reader?.cancel()
  return text
}
