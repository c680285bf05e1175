import type { VectorFault } from './embeddings-vectors.ts'
import type { Ids } from './ids.ts'
import type { Fields } from './json.ts'
import type { Memory } from './memory.ts'
import type { Prompt, Thought } from './prompt.ts'

/** A request as a dialect sees it. */
export interface Incoming {
  slot: string
  path: string
  query: URLSearchParams
  headers: Record<string, string>
  body: Fields
  memory: Memory
}

/** One event of a stream, before it is framed as SSE. */
export interface WireEvent {
  /** `content` and `finish` are what the counts of a fault go by. */
  kind: 'preamble' | 'content' | 'frame' | 'finish' | 'usage' | 'end'
  /** The name of the event, where the provider gives one. */
  name?: string
  data: string
  /** The data without its ending, for an event that holds content and ending both. */
  unfinished?: string
  /** `comment` is an SSE comment line, `raw` is written as it is. */
  form?: 'comment' | 'raw'
}

/** An answer that is an error. */
export interface ErrorReply {
  status: number
  headers: Record<string, string>
  body: unknown
}

/** Which error is wanted. */
export interface Trouble {
  status: number
  message?: string
  /** The offending field, where the provider tells it. */
  param?: string
  /** The provider's own code, where the status alone does not tell it. */
  code?: string
  /** Seconds or a date. */
  retryAfter?: number | string
  /** A cause that shares its status with others. */
  reason?: 'quota' | 'context' | 'key'
}

/** What a rendering needs from outside. */
export interface Rendering {
  ids: Ids
  nowMs: number
  tokensPerEvent: number
  withUsage: boolean
  /** How the vectors of an answer are wrong. */
  vectors?: VectorFault
}

/** A provider's wire format. */
export interface Dialect {
  name: string
  lineEnding(incoming: Incoming): '\n' | '\r\n'
  isStream(incoming: Incoming): boolean
  headers(incoming: Incoming, rendering: Rendering): Record<string, string>
  /** The body in the names that the rest here reads, where the provider has several for a thing. */
  plain?(body: Fields): Fields
  /** What the provider would refuse in this request. */
  check(incoming: Incoming): Trouble | undefined
  /** Whether the beginning of this prompt is kept; without this it always is. */
  caches?(incoming: Incoming): boolean
  /** What it would refuse besides when it insists on the reasoning that came with each call of a loop. */
  insists?(incoming: Incoming): Trouble | undefined
  /** Reads the request; never throws, whatever was sent. */
  read(incoming: Incoming): Prompt
  events(incoming: Incoming, thought: Thought, rendering: Rendering): Iterable<WireEvent>
  body(incoming: Incoming, thought: Thought, rendering: Rendering): unknown
  /** The body as text, where it is not plain JSON with an indent of two. */
  written?(body: unknown, rendering: Rendering): string
  /** An event that starts an answer and says nothing. */
  hollow(incoming: Incoming, rendering: Rendering): WireEvent
  failure(incoming: Incoming, trouble: Trouble): ErrorReply
  /** The error as it comes inside a stream. */
  failureEvents(incoming: Incoming): WireEvent[]
}
