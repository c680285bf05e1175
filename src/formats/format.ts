import type { ChatEvent, OutputEvent } from '../chat/event.ts'
import type { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { Framing, MessageReader } from '../stream/decode.ts'

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
  /** It makes vectors and answers no chats; absent where it answers chats. */
  readonly embedding?: EmbeddingTraits
}

/** What a model that makes vectors can do. */
export interface EmbeddingTraits {
  /** How long its vectors are. */
  readonly dimensions: number
  /** It makes shorter ones where it is asked to. */
  readonly shortens?: boolean
}

export type Modality = 'text' | 'image' | 'audio' | 'video' | 'pdf' | 'embedding'

/** The HTTP request of one call, without the provider's base URL and its authentication headers. */
export interface ProviderRequest {
  /** Appended to the provider's base URL. */
  readonly path: string
  /** The path begins with a version, which takes the place of the one at the end of the base URL. */
  readonly replacesVersion?: true
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A request in the provider's format, and the readers for its answer. */
export interface PreparedCall {
  readonly request: ProviderRequest
  /** Top-level parameters that were left out, because this model or format cannot carry them. */
  readonly dropped: readonly string[]
  /** What to send instead where the provider refuses the request for this; undefined where nothing would help. */
  readonly requestAfter?: ((failure: Failure) => ProviderRequest | undefined) | undefined
  readonly streamReader: () => MessageReader
  /** Reads a whole answer (`stream: false`): gives the same events as its stream would. */
  readonly readAnswer: (body: unknown) => readonly ChatEvent[]
  /** Asks how long the prompt is, where the provider counts for others. */
  readonly count?: TokenCount | undefined
}

/** How a provider is asked for the length of a prompt. */
export interface TokenCount {
  readonly request: () => ProviderRequest
  /** NaN where the answer is none. */
  readonly read: (answer: unknown) => number
}

/** What a format needs in order to write a request: the client's request, and the deployment that it goes to. */
export interface ProviderCall<Quirks> {
  readonly chat: Chat
  /**
   * The request as it came, if the client spoke this same format: it goes out as it is, and the reader gives each message of
   * the answer as a `native` event too.
   */
  readonly source?: RequestSource | undefined
  /** The provider's own name for the model. */
  readonly model: string
  readonly stream: boolean
  readonly traits: Traits
  readonly quirks: Quirks
  /** A header of the client's request, for features that clients switch on by a header. */
  readonly header?: HeaderReader | undefined
  /**
   * A name that the requests of one session share, for a provider that finds its cache by it (routing 2.7). Of requests that
   * are sent as they came only those of Responses get it.
   */
  readonly sessionKey?: string | undefined
  /** Our estimate of the prompt's length in tokens. */
  readonly promptTokens?: (() => number) | undefined
  /** Makes an id for a tool call where the provider gives none; unique within the isolate's life. */
  readonly newId: () => string
}

/** How we speak to providers: a wire format. Pure: the same call gives the same request. */
export interface ProviderFormat<Quirks = object> {
  readonly name: string
  readonly framing: Framing
  /** The provider has a search of the web in it, whatever the model. */
  readonly hasSearch?: true
  /**
   * Its endpoint may be missing, or ill, where chats are served, and the other way round: as a further format of a deployment
   * it has a health of its own.
   */
  readonly hasOwnHealth?: true
  /**
   * Writes the request, and gives the readers for its answer. This is one function and not three, because reading depends
   * on what writing decided: which tool stands in for structured output, for example. The readers keep that in their
   * closures, so the request is examined once, and only while it is written.
   * @throws Failure where this model or format cannot do what the request asks for; nothing else.
   */
  readonly prepare: (call: ProviderCall<Quirks>) => PreparedCall
}

/** A header of the client's request by its name; null where it has none. */
export type HeaderReader = (name: string) => string | null

/** A client's request as it came, for a provider's format of the same name: that one loses nothing of it. */
export interface RequestSource {
  /** The `name` of the format. */
  readonly format: string
  readonly body: Readonly<Record<string, unknown>>
  /** The body as it came, where the one above lacks something that the answer repeats. */
  readonly original?: Readonly<Record<string, unknown>>
  /** Where a provider of this format is asked, if not at the usual path: the body is passed as it is. */
  readonly path?: string
  /** Why other deployments refuse the request, where it holds something that only this format can carry. */
  readonly requires?: Failure
  /** Why deployments without a search of the web refuse the request, where a search is what it is for. */
  readonly requiresSearch?: Failure
  /** A search that the model may use beside the client's tools: dropped where a deployment has none that goes with them. */
  readonly offersSearch?: SearchOffer
  /** Fields of it that only this format can carry, and that an answer is right without: other deployments drop them. */
  readonly dropped?: readonly string[]
}

/** A provider's own search, as a client offers it among its tools. */
export interface SearchOffer {
  /** In the words of a chat. */
  readonly web_search_options: JsonBody
  /** Where the tool stands in the request. */
  readonly path: string
}

/** A client's request as its format has read it. */
export interface ClientRequest {
  readonly chat: Chat
  /** Absent where the chat itself holds all that came. */
  readonly source?: RequestSource
  /** How many answers are written, where those are more than the chat's `n`: all are billed. */
  readonly answers?: number
  /**
   * The prompts, where the chat does not hold them all, as texts or as tokens, and the text behind each of them. Each is
   * answered on its own, so that the longest decides what fits a window.
   */
  readonly prompts?: { readonly all: readonly (string | readonly number[])[]; readonly suffix: string }
  /** The client sends back the reasoning of earlier turns, so a provider is asked in a format that gives it. */
  readonly carriesReasoning?: boolean
  /** Where a field of the chat (`messages[3].content`), which a provider refused, stands in the request. */
  readonly pathOf?: (chatPath: string) => string
}

/** What a client's opaque field held. */
export type Opened =
  | { readonly kind: 'ours'; readonly value: unknown }
  /** It looks like ours, and has been changed or was made for another key. */
  | { readonly kind: 'forged' }
  /** Router9 did not make it. */
  | { readonly kind: 'foreign' }

/** Puts what a provider wants back on the next turn into an opaque text, which only the same key's requests can open. */
export interface Sealer {
  /** @param value what JSON can hold. */
  readonly seal: (value: unknown) => string
  readonly open: (text: string) => Opened
}

/** What a request is read with, beside its body. */
export interface RequestInput {
  readonly header: HeaderReader
  readonly sealer: Sealer
}

/** The earlier answers, and items of them, that a request refers to. */
export interface References {
  /** The id of the answer that it continues. */
  readonly response?: string
  /** The ids of single items. */
  readonly items: readonly string[]
}

/** An answer that was kept. */
export interface StoredResponse {
  /** The items that it answered, those of the answers before it included. */
  readonly input: readonly Readonly<Record<string, unknown>>[]
  /** The answer as the client got it; its items are in `output`. */
  readonly response: Readonly<Record<string, unknown>>
}

/** What was found of a request's references. What is missing has been refused. */
export interface Referenced {
  readonly response?: StoredResponse
  readonly items: ReadonlyMap<string, Readonly<Record<string, unknown>>>
}

type JsonBody = Readonly<Record<string, unknown>>

/** For an API whose requests may refer to earlier answers. Pure: the gateway keeps the answers and finds them. */
export interface AnswerReferences {
  /** What the body refers to, in bounds; undefined where it refers to nothing. @throws Failure for a reference that is none. */
  readonly read: (body: JsonBody) => References | undefined
  /** The body with what it refers to in its place. */
  readonly resolve: (body: JsonBody, referenced: Referenced) => JsonBody
  /** Whether the answer to this body is to be kept. */
  readonly isStored: (body: JsonBody) => boolean
  /**
   * The end of an answer that could not be kept, and says so.
   * @param end of the stream, or the whole body, as it was written.
   */
  readonly notStored: (end: string, response: JsonBody) => string
  /** The items of a body's input, each with an id, as they are kept. @param newId gives a fresh end of an id. */
  readonly inputItems: (body: JsonBody, newId: () => string) => readonly JsonBody[]
}

/** What an answer says about itself, in all its chunks. */
export interface Envelope {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

/** What a format needs in order to write an answer. */
export interface AnswerInput {
  readonly envelope: Envelope
  readonly chat: Chat
  readonly header: HeaderReader
  /** Absent where the chat itself holds all that came. */
  readonly source?: RequestSource | undefined
  readonly requestId: string
  /** Who answers; undefined where nobody does. */
  readonly provider?: string | undefined
  readonly sealer: Sealer
  /** Our estimate of the prompt's length in tokens. */
  readonly promptTokens: () => number
  /** Gives a fresh end of an id, unique. */
  readonly newId: () => string
  /** Seconds since 1970. */
  readonly now: () => number
  /** Called once with the whole answer, before its end is written, by formats whose answers are kept. */
  readonly onComplete?: (response: JsonBody) => void
}

/** Writes events as text of a server-sent stream, '' where nothing goes out yet. Its state is in its closure: one a stream. */
export type StreamWriter = (event: OutputEvent) => string

/** How an API tells its clients of errors, whatever they ask it for. */
export type ErrorFormat = Pick<ClientFormat, 'name' | 'writeError' | 'statusOf' | 'requestIdHeader'>

/** How clients speak to us: the format of one endpoint. Pure, like a provider's format. */
export interface ClientFormat {
  readonly name: string
  /** What the ids of its answers begin with. */
  readonly idPrefix: string
  /** It uses the sealer: its requests and answers hold what a provider wants back on the next turn. */
  readonly seals?: true
  /** @throws Failure that names the field at fault, in this API's words. */
  readonly readRequest: (body: JsonBody, input: RequestInput) => ClientRequest
  /** As `readRequest`, for a request that only wants to know how long its prompt is; absent where that is the same. */
  readonly readPrompt?: (body: JsonBody, input: RequestInput) => ClientRequest
  /** Writes the length of a prompt in tokens. Absent where the API has no counts. */
  readonly writeCount?: (tokens: number) => object
  readonly streamWriter: (answer: AnswerInput) => StreamWriter
  /** Writes a whole answer; the events must end with `end`. @throws Failure that the events end with. */
  readonly writeAnswer: (events: Iterable<OutputEvent>, answer: AnswerInput) => object
  /**
   * The body of an error response. A failure may name a field of the chat (`messages[0].content`), which a provider refused:
   * the format says it in its own words.
   */
  readonly writeError: (failure: Failure, requestId: string) => object
  /** The status of an error response; the failure's own where absent. */
  readonly statusOf?: (failure: Failure) => number
  readonly references?: AnswerReferences
  /** The header in which this API's clients look for the id of a request, beside `x-request-id`. */
  readonly requestIdHeader?: string
  /** Goes to the client while there is nothing to send (contract 4.6). */
  readonly keepAlive: string
  /** The keep-alive is the beginning of an event, and the next text goes on behind it. */
  readonly keepAliveBegins?: true
  /** The content type of a stream, where that is not one of server-sent events. */
  readonly streamType?: string
}
