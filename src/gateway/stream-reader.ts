import { type ChatEvent, isMeaningful, type OutputEvent, type Usage } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { Decoded, StreamDecoder } from '../stream/decode.ts'
import type { StreamFinalizer } from '../stream/finalize.ts'
import { type AttemptTimer, clientLeft } from './attempt-timer.ts'

/** How long a provider may be silent after its finish reasons, before the connection is closed for it. */
const FINISH_GRACE_MS = 5000
/**
 * In the middle of an answer a provider may send messages without content (pings, empty deltas) for so many times the idle
 * timeout: Anthropic holds back a tool's argument until it is complete, and sends pings meanwhile.
 */
const PING_ONLY_IDLES = 4
/** After a complete answer it may keep the connection open for so long. */
const DRAIN_MS = 1000

/** One buffer for a whole stream: a new one for each read would be garbage by the hundred megabytes. */
const BUFFER_BYTES = 16 * 1024
/** So much is read of an answer whose client has left. What it says is not kept, but it costs time to read. */
const READ_ON_BYTES = 16 * 1024 * 1024

/** An answer as it comes: the one interface for a stream and for a body that came whole. */
export interface AnswerReader {
  /** The next events, at least one, with a `StreamEnd` at last, whatever happens. Not to be called after that. */
  readonly next: () => Promise<readonly OutputEvent[]>
  /** After the end: resolves, soon and always, when the provider has closed its side too, or has been cut off. */
  readonly drained: () => Promise<void>
  /** The client has left: ends the upstream request, or reads it on for its usage. Resolves with what ended it, if that is to be told. */
  readonly leave: () => Promise<readonly OutputEvent[]>
  /** Ends the upstream request at once. */
  readonly cancel: () => void
  /** What was used so far. */
  readonly usage: () => Usage
  /** How long the provider has been waited for, in milliseconds; 0 for a whole body. */
  readonly waitedMs: () => number
}

/** What reading a stream needs. */
export interface StreamInput {
  readonly response: Response
  readonly decoder: StreamDecoder
  readonly finalizer: StreamFinalizer
  readonly timer: AttemptTimer
  readonly idleMs: number
  /** Our key, to keep it out of errors that the provider sends. */
  readonly secret: string | undefined
}

/** Reads a provider's stream under the attempt's timers. All that goes wrong becomes an `error` event. */
export function createStreamReader(input: StreamInput): AnswerReader {
  const { response, decoder, finalizer, timer, idleMs, secret } = input
  const reader = response.body?.getReader({ mode: 'byob' })
  let buffer = new Uint8Array(BUFFER_BYTES)
  let hasBegun = false
  let isFinished = false
  let readOnBytes = 0
  let rest: Promise<void> = Promise.resolve()
  const silenceMs = () => (finalizer.finished() ? Math.min(FINISH_GRACE_MS, idleMs) : idleMs)

  const finalize = ({ events, broken }: Decoded): readonly OutputEvent[] => {
    const output = finalizer.push(events)
    return broken === undefined ? output : [...output, ...finalizer.fail(broken)]
  }

  const read = (piece: ReadableStreamReadResult<Uint8Array> | undefined): readonly OutputEvent[] => {
    if (piece === undefined || piece.done) return [...finalize(decoder.end()), ...finalizer.close()]
    if (timer.isReadingOn) readOnBytes += piece.value.byteLength
    const decoded = decoder.push(piece.value)
    // After the finish reasons, further data does not extend the time limits.
    timer.arrived(!isFinished && decoded.hasData)
    const output = finalize(decoded)
    if (!isFinished && decoded.events.some(isNoPing)) timer.gotContent()
    if (!hasBegun && (output.some(isMeaningful) || finalizer.finished())) {
      hasBegun = true
      timer.begin(silenceMs, PING_ONLY_IDLES * idleMs)
    }
    if (!isFinished && finalizer.finished()) {
      isFinished = true
      timer.rearm()
    }
    return output
  }

  // workerd keeps a locked reader whose last read failed, and with it all that waited for it: the whole call.
  const release = () => reader?.releaseLock()

  // One function that awaits one thing: each further promise would cost something with each event.
  const next = async () => {
    for (;;) {
      let output: readonly OutputEvent[]
      try {
        timer.wait()
        const piece = await reader?.read(buffer)
        output = read(piece)
        // Its bytes have become text.
        if (piece?.value !== undefined) buffer = new Uint8Array(piece.value.buffer)
      } catch (error) {
        output = finalizer.fail(timer.reason() ?? connectionLost(error))
      }
      const last = output.at(-1)
      if (last === undefined) continue
      if (last.type === 'end') {
        timer.release()
        rest = drain()
        return timer.isReadingOn ? [{ type: 'error' as const, failure: clientLeft() }] : output
      }
      if (last.type !== 'error') {
        if (!timer.isReadingOn) return output
        // Nobody hears it.
        if (readOnBytes > READ_ON_BYTES) timer.stopReadingOn()
        continue
      }
      timer.end()
      release()
      return [...output.slice(0, -1), { type: 'error' as const, failure: last.failure.withoutSecret(secret) }]
    }
  }

  const leave = async () => {
    if (timer.leave()) return next()
    timer.end()
    return []
  }

  // A connection that was read to its end is used for the next request; after an abort a new one has to be opened. Mostly the
  // end is there already. However slow the client is, the provider has a moment only.
  const drain = async () => {
    const drainTimer = setTimeout(() => timer.end(), DRAIN_MS)
    try {
      while (reader !== undefined && !(await reader.read(new Uint8Array(BUFFER_BYTES))).done);
    } catch {
      // Broken off by the provider or by us.
    } finally {
      clearTimeout(drainTimer)
      release()
    }
  }

  const { usage } = finalizer
  return { next, drained: () => rest, leave, cancel: () => timer.end(), usage, waitedMs: () => timer.waitedMs }
}

function isNoPing(event: ChatEvent): boolean {
  return event.type !== 'native' || event.isPing !== true
}

/** What reads an answer that came whole: nothing is left to read. */
export const NO_STREAM: Omit<AnswerReader, 'usage'> = {
  next: async () => [],
  drained: async () => {},
  leave: async () => [],
  cancel() {},
  waitedMs: () => 0,
}

function connectionLost(error: unknown): Failure {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new Failure('provider-failed', "The provider's connection broke before the answer was complete.", {
    reason,
    clause: 'connection lost',
  })
}
