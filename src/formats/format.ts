import type { ChatEvent } from '../chat/event.ts'
import type { Chat } from '../chat/request.ts'

/** What a deployment of a model can do, and which parameters it takes: facts from the catalogue, never guesses from a name. */
export interface Traits {
  /** Tokens that prompt and answer share; 0 where unknown. */
  readonly contextTokens: number
  /** The longest answer in tokens; 0 where unknown. */
  readonly outputTokens: number
  readonly input: ReadonlySet<Modality>
  readonly output: ReadonlySet<Modality>
  readonly tools: boolean
  /** Structured output by JSON schema, natively. */
  readonly jsonSchema: boolean
  /** Takes `temperature` and the other sampling parameters. */
  readonly temperature: boolean
  readonly reasoning: boolean
  /** The effort levels that it takes by name, as it spells them; absent where it takes none. */
  readonly efforts?: readonly string[]
  /** Reasoning is asked for by a number of tokens; `max` where there is a bound. */
  readonly budget?: { readonly min: number; readonly max?: number }
  /** Reasoning can be switched off. */
  readonly toggle: boolean
  /** Has no place for a system prompt beside the conversation. */
  readonly noSystem?: boolean
  /** Cannot be made to call a tool. */
  readonly noForcedTool?: boolean
  /** Insists on signatures at its calls, as all that are steered by a thinking level do. */
  readonly signsCalls?: boolean
  /** Its answers begin within `<think>`, which its template has opened already. */
  readonly opensThinking?: boolean
}

export type Modality = 'text' | 'image' | 'audio' | 'video' | 'pdf'

/** The HTTP request of one call, without the provider's base URL and its authentication headers. */
export interface ProviderRequest {
  /** Appended to the provider's base URL. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * How a format divides a stream into messages. A response whose content-type names another framing is read as that.
 * A binary framing (AWS event streams) is added here together with its parser.
 */
export type Framing = 'sse' | 'ndjson'

/**
 * Reads one message of a stream: the parsed JSON of its data, and the event's name ('' where it has none). Its state is in
 * its closure, so one reader reads one stream.
 */
export type MessageReader = (data: unknown, event: string) => readonly ChatEvent[]

/** A request in the provider's format, and the readers for its answer. */
export interface PreparedCall {
  readonly request: ProviderRequest
  /** Top-level parameters that were left out, because this model or format cannot carry them. */
  readonly dropped: readonly string[]
  readonly streamReader: () => MessageReader
  /** Reads a whole answer (`stream: false`): gives the same events as its stream would. */
  readonly readAnswer: (body: unknown) => readonly ChatEvent[]
}

/** What a format needs in order to write a request: the client's request, and the deployment that it goes to. */
export interface ProviderCall<Quirks> {
  readonly chat: Chat
  /** The provider's own name for the model. */
  readonly model: string
  readonly stream: boolean
  readonly traits: Traits
  readonly quirks: Quirks
  /** A header of the client's request, for features that clients switch on by a header. */
  readonly header?: (name: string) => string | null
  /** Our estimate of the prompt's length in tokens. */
  readonly promptTokens?: () => number
  /** Makes an id for a tool call where the provider gives none; unique within the isolate's life. */
  readonly newId: () => string
}

/** How we speak to providers: a wire format. Pure: the same call gives the same request. */
export interface ProviderFormat<Quirks = object> {
  readonly name: string
  readonly framing: Framing
  /**
   * Writes the request, and gives the readers for its answer. This is one function and not three, because reading depends
   * on what writing decided: which tool stands in for structured output, for example. The readers keep that in their
   * closures, so the request is examined once, and only while it is written.
   * @throws Failure where this model or format cannot do what the request asks for; nothing else.
   */
  readonly prepare: (call: ProviderCall<Quirks>) => PreparedCall
}
