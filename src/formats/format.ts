import type { ChatEvent } from '../chat/event.ts'
import type { Chat } from '../chat/request.ts'

/** What a deployment of a model can do and how it wants to be asked: facts of the catalogue, never guesses from a name. */
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

/** One call in a provider's own words, without its base URL and key. */
export interface ProviderRequest {
  /** Appended to the provider's base URL. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Reads one upstream message (the JSON of an event's data and the event's name, '' where it has none). State stays in its
 * closure: one decoder for one stream.
 */
export type MessageReader = (data: unknown, event: string) => readonly ChatEvent[]

/** A request translated, and the readers for its answer: what they need to know of the request is in their closures. */
export interface PreparedCall {
  readonly request: ProviderRequest
  /** Top-level parameters that were left out because this model or dialect cannot carry them. */
  readonly dropped: readonly string[]
  readonly streamReader: () => MessageReader
  /** Reads a whole body (`stream: false`): the same events that its stream would have made. */
  readonly readAnswer: (body: unknown) => readonly ChatEvent[]
}

/** What a dialect is given: the client's request, and whom it goes to. */
export interface ProviderCall<Quirks> {
  readonly chat: Chat
  /** The provider's own name for the model. */
  readonly model: string
  readonly stream: boolean
  readonly traits: Traits
  readonly quirks: Quirks
  /** A header of the client's request, for features that are asked for by header. */
  readonly header?: (name: string) => string | null
  /** Our estimate of the prompt. */
  readonly promptTokens?: () => number
  /** Makes an id that the provider left out; unique within the isolate's life. */
  readonly newId: () => string
}

/** A wire format. Pure: the same call gives the same request. Throws nothing but a Failure. */
export interface ProviderFormat<Quirks = object> {
  readonly name: string
  readonly prepare: (call: ProviderCall<Quirks>) => PreparedCall
}
