import type { ChatEvent, OutputEvent } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import type { MessageReader } from '../formats/format.ts'
import type { StreamFinalizer } from '../stream/finalize.ts'
import { findExcess, MAX_ANSWER_VALUES } from '../stream/json-bounds.ts'
import { createJsonMessages } from '../stream/json-messages.ts'
import { createSseParser, EventTooLong, type SseMessage } from '../stream/sse.ts'
import type { AttemptTimer } from './attempt-timer.ts'

/** How long a provider may be silent after its last word, before the connection is closed for it. */
const FINISH_GRACE_MS = 5000
/**
 * In the middle of an answer a provider may send events without words (pings, empty deltas) for so many times the idle limit:
 * Anthropic holds back a tool's argument until it is whole, and pings meanwhile.
 */
const WORDLESS_IDLES = 4
/** And for how long after a complete answer it may keep the connection open. */
const DRAIN_MS = 1000

/** Read into again and again: memory of its own for each piece would be garbage by the hundred megabytes. */
const ROOM_BYTES = 16 * 1024

/** What reading an answer's stream needs. */
export interface StreamParts {
  readonly response: Response
  readonly decode: MessageReader
  readonly settler: StreamFinalizer
  readonly watch: AttemptTimer
  readonly idleMs: number
  /** Our key, to keep it out of what is told. */
  readonly secret: string | undefined
}

/** Role-only and empty chunks do not count, nor does what only goes with words (contract 6); sound and pictures do. */
export function isMeaningful(item: OutputEvent): boolean {
  return item.type !== 'extra' || 'audio' in item.fields || 'images' in item.fields
}

/** An answer's stream. */
export interface StreamReader {
  /** What is said next, at least one thing; with an ending at last, whatever happens. Not to be called after it. */
  readonly next: () => Promise<readonly OutputEvent[]>
  /** After an ending: resolves, soon and always, when the provider has ended its side too, or has been cut off. */
  readonly drained: () => Promise<void>
}

export function createStreamReader({ response, decode, settler, watch, idleMs, secret }: StreamParts): StreamReader {
  const reader = response.body?.getReader({ mode: 'byob' })
  let room = new Uint8Array(ROOM_BYTES)
  const parser = createSseParser(/ndjson/i.test(response.headers.get('content-type') ?? ''))
  const messages = createJsonMessages()
  let begun = false
  let finished = false
  let spoke = false
  let rest: Promise<void> = Promise.resolve()
  const silenceMs = () => (settler.finished() ? Math.min(FINISH_GRACE_MS, idleMs) : idleMs)

  const readMessage = ({ data, event }: SseMessage): readonly OutputEvent[] => {
    const text = data.trim()
    if (text === '[DONE]') return settler.push([{ type: 'done' }])
    if (text === '') return []
    const excess = findExcess(text, MAX_ANSWER_VALUES)
    if (excess !== undefined) {
      const message = `An event of the provider ${excess.complaint}.`
      return settler.fail(new Failure('provider-failed', message, { clause: 'event too large' }))
    }
    let message: unknown
    try {
      message = messages.read(text)
    } catch {
      const detail = (secret === undefined ? text : text.replaceAll(secret, '…')).slice(0, 200)
      return settler.fail(new Failure('provider-failed', 'The provider sent an event that is not JSON.', { detail }))
    }
    const events = decode(message, event)
    if (events.length > 0) spoke = true
    messages.decoded(events.length === 1 && isWords(events[0]))
    return settler.push(events)
  }

  const read = (all: readonly SseMessage[]): readonly OutputEvent[] => {
    const [only] = all
    if (only !== undefined && all.length === 1) return readMessage(only)
    const said: OutputEvent[] = []
    for (const one of all) for (const item of readMessage(one)) said.push(item)
    return said
  }

  const take = (piece: ReadableStreamReadResult<Uint8Array> | undefined): readonly OutputEvent[] => {
    if (piece === undefined || piece.done) return [...read(parser.end()), ...settler.close()]
    const all = parser.feed(piece.value)
    // After its last word nothing that a provider sends buys it more time.
    watch.arrived(!finished && all.some(hasData))
    spoke = false
    const said = read(all)
    if (spoke && !finished) watch.spoke()
    if (!begun && (said.some(isMeaningful) || settler.finished())) {
      begun = true
      watch.begin(silenceMs, WORDLESS_IDLES * idleMs)
    }
    if (!finished && settler.finished()) {
      finished = true
      watch.rearm()
    }
    return said
  }

  // One function that waits for one thing: each promise more would be paid for with each event.
  const next = async () => {
    for (;;) {
      let said: readonly OutputEvent[]
      try {
        watch.wait()
        const piece = await reader?.read(room)
        said = take(piece)
        // By now its bytes are text.
        if (piece?.value !== undefined) room = new Uint8Array(piece.value.buffer)
      } catch (error) {
        release()
        said = settler.fail(watch.reason() ?? brokenOff(error))
      }
      const last = said.at(-1)
      if (last === undefined) continue
      if (last.type === 'end') {
        watch.release()
        rest = drain()
      }
      if (last.type !== 'error') return said
      watch.end()
      return [...said.slice(0, -1), { type: 'error' as const, failure: last.failure.withoutSecret(secret) }]
    }
  }

  // workerd keeps a locked reader whose last read failed, and with it all that waited for it: the whole call.
  const release = () => reader?.releaseLock()

  // A connection that was read to its end is used for the next request; one that was broken off has to be opened anew. Mostly
  // the end is there already. However long the client takes, the provider has a moment only.
  const drain = async () => {
    const timer = setTimeout(watch.end, DRAIN_MS)
    try {
      while (reader !== undefined && !(await reader.read(new Uint8Array(ROOM_BYTES))).done);
    } catch {
      // It has been broken off, by the provider or by us.
    } finally {
      clearTimeout(timer)
      release()
    }
  }

  return { next, drained: () => rest }
}

/** Words, and nothing else that somebody might keep. */
function isWords(event: ChatEvent | undefined): boolean {
  return event?.type === 'text' || event?.type === 'reasoning' || event?.type === 'tool-delta'
}

function hasData({ data }: SseMessage): boolean {
  return data !== ''
}

function brokenOff(error: unknown): Failure {
  if (error instanceof EventTooLong) {
    return new Failure('provider-failed', 'The provider sent an event that is too long.')
  }
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new Failure('provider-failed', "The provider's connection broke before the answer was complete.", {
    reason,
    clause: 'connection lost',
  })
}
