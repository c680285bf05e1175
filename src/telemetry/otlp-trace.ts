import type { OutputEvent } from '../chat/event.ts'
import type { HeaderReader } from '../formats/format.ts'
import type { OutputCollector } from './otlp-content.ts'

/** A value as OTLP writes it in JSON: whole numbers as texts, since they may have 64 bits. */
export type OtlpValue =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly OtlpValue[] } }

/** Attributes by name. What is undefined is left out. */
export type OtlpAttributes = Readonly<Record<string, OtlpValue | undefined>>

/** A call as a part of a trace: whose it is, and what is collected for its span while it runs. */
export interface Trace {
  /** 32 and 16 characters, in hex. */
  readonly traceId: string
  readonly spanId: string
  /** The span of the client that made the call; undefined where the trace begins here. */
  readonly parentId: string | undefined
  /** False where the client has decided that its trace is not kept. */
  readonly isSampled: boolean
  /** The headers by which a provider's spans become parts of the trace. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether the span may hold the texts of prompt and answer. */
  readonly withContent: boolean
  /** Hands over the span, as JSON. `isCallers`: its call failed by a fault of the caller's. Never throws, never waits. */
  readonly send: (span: string, isCallers: boolean) => void
  /** What was asked for. */
  request?: OtlpAttributes
  finishReasons?: readonly string[]
  output?: OutputCollector
}

const VERSION_0_CHARACTERS = 55
const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-|$)/
const ONLY_ZEROS = /^0+$/
const TRACESTATE = /^[\x20-\x7e]{1,512}$/

/**
 * The trace of a call, by the client's `traceparent` (W3C Trace Context) where that is valid; otherwise a new one.
 * @param random 48 random characters, in hex.
 */
export function createTrace(
  header: HeaderReader,
  random: string,
  { withContent, send }: Pick<Trace, 'withContent' | 'send'>,
): Trace {
  const parent = readTraceparent(header('traceparent') ?? '')
  const spanId = random.slice(32)
  const traceId = parent?.traceId ?? random.slice(0, 32)
  const isSampled = parent?.isSampled ?? true
  const state = parent && header('tracestate')
  return {
    traceId,
    spanId,
    parentId: parent?.spanId,
    isSampled,
    headers: {
      traceparent: `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`,
      ...(state && TRACESTATE.test(state) ? { tracestate: state } : {}),
    },
    withContent,
    send,
  }
}

function readTraceparent(text: string) {
  const [, version, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(text) ?? []
  if (version === undefined || version === 'ff' || ONLY_ZEROS.test(traceId) || ONLY_ZEROS.test(spanId)) return undefined
  // A later version may have more behind it.
  if (version === '00' && text.length !== VERSION_0_CHARACTERS) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** The most choices that a request may ask for. */
const MAX_CHOICES = 128

/** Takes over what a span says of an answer. */
export function observe(trace: Trace, event: OutputEvent): void {
  if (event.type === 'end') trace.finishReasons = event.finishes.slice(0, MAX_CHOICES).map(({ reason }) => reason)
  trace.output?.push(event)
}
