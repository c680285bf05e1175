import type { ChatEvent } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import { findExcess, MAX_ANSWER_VALUES } from './json-bounds.ts'
import { createJsonMessages } from './json-messages.ts'
import { EventTooLong } from './lines.ts'
import { createNdjsonParser } from './ndjson.ts'
import { createSseParser, type MessageParser, type StreamMessage } from './sse.ts'

/** How a stream is divided into messages: server-sent events, or a line of JSON each. A new way is a row here. */
const PARSERS = { sse: createSseParser, ndjson: createNdjsonParser } satisfies Record<string, () => MessageParser>
export type Framing = keyof typeof PARSERS

/**
 * Reads one message of a provider's stream: the JSON of an event's data and the event's name, '' where it has none. Its state
 * stays in its closure: one reader for one stream.
 */
export type MessageReader = (data: unknown, event: string) => readonly ChatEvent[]

/** What a piece of a stream held. */
export interface Decoded {
  readonly events: readonly ChatEvent[]
  /** Messages with data were in it, and not only comments: signs of life. */
  readonly hasData: boolean
  /** The stream cannot be read any further. The events before it stand. */
  readonly broken?: Failure
}

/** Bytes of a provider's stream in, events out. Pure: no clock, no waiting. */
export interface StreamDecoder {
  readonly push: (bytes: Uint8Array) => Decoded
  /** The stream has ended: what was left unfinished is read too. */
  readonly end: () => Decoded
}

/**
 * One for one stream. It throws nothing that a provider can cause.
 * @param secret our key, to keep it out of what failures quote.
 */
export function createStreamDecoder(
  framing: Framing,
  readMessage: MessageReader,
  secret: string | undefined,
): StreamDecoder {
  const parser = PARSERS[framing]()
  const messages = createJsonMessages()

  const decodeMessage = ({ data, event }: StreamMessage): readonly ChatEvent[] | Failure => {
    const text = data.trim()
    if (text === '[DONE]') return DONE
    if (text === '') return NOTHING
    const excess = findExcess(text, MAX_ANSWER_VALUES)
    if (excess !== undefined) {
      const message = `An event of the provider ${excess.complaint}.`
      return new Failure('provider-failed', message, { clause: 'event too large' })
    }
    let message: unknown
    try {
      message = messages.read(text)
    } catch {
      // First the key, then the cut: half a key is still half a key.
      const detail = (secret === undefined ? text : text.replaceAll(secret, '…')).slice(0, 200)
      return new Failure('provider-failed', 'The provider sent an event that is not JSON.', { detail })
    }
    const events = readMessage(message, event)
    messages.decoded(events.length === 1 && isText(events[0]))
    return events
  }

  const decode = (all: readonly StreamMessage[]): Decoded => {
    const [only] = all
    if (only !== undefined && all.length === 1) {
      const events = decodeMessage(only)
      const hasData = only.data !== ''
      return events instanceof Failure ? { events: NOTHING, hasData, broken: events } : { events, hasData }
    }
    const hasData = all.some(({ data }) => data !== '')
    const events: ChatEvent[] = []
    for (const message of all) {
      const more = decodeMessage(message)
      if (more instanceof Failure) return { events, hasData, broken: more }
      for (const event of more) events.push(event)
    }
    return { events, hasData }
  }

  return {
    push(bytes) {
      try {
        return decode(parser.push(bytes))
      } catch (error) {
        return tooLong(error)
      }
    },
    end() {
      try {
        return decode(parser.end())
      } catch (error) {
        return tooLong(error)
      }
    },
  }
}

function tooLong(error: unknown): Decoded {
  if (!(error instanceof EventTooLong)) throw error
  const broken = new Failure('provider-failed', 'The provider sent an event that is too long.')
  return { events: NOTHING, hasData: true, broken }
}

const NOTHING: readonly ChatEvent[] = []
const DONE: readonly ChatEvent[] = [{ type: 'done' }]

/** Only text, of which nobody keeps a reference to the message's objects. */
function isText(event: ChatEvent | undefined): boolean {
  return event?.type === 'text' || event?.type === 'reasoning' || event?.type === 'tool-delta'
}
