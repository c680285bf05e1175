import type { Chat } from '../chat/request.ts'
import type { ClientFormat, HeaderReader, ProviderRequest, Traits } from './format.ts'

/** A text, or a text as the model's own token numbers. */
export type EmbeddingInput = string | readonly number[]

/** A request for vectors, whatever API it came in. */
export interface EmbeddingRequest {
  readonly model: string
  /** The routing field of that name (contract 8). Vectors of different models do not mix, so there is none for further models. */
  readonly provider?: Chat['provider'] | undefined
  /** In bounds, at least one. */
  readonly inputs: readonly EmbeddingInput[]
  /** How the client wants its vectors: as numbers, or as the base64 of 32-bit floats, little-endian. */
  readonly encoding: 'float' | 'base64'
  /** How long the vectors are to be; the model's own length if absent. */
  readonly dimensions?: number | undefined
  /** What the texts are, in Cohere's words: `search_document`, `search_query`, `classification`, `clustering`. */
  readonly inputType?: string | undefined
  readonly user?: string | undefined
  /** Fields without a name here, for providers that speak the client's own format. */
  readonly further: Readonly<Record<string, unknown>>
}

/** Numbers, or the base64 of 32-bit floats, little-endian. */
export type Vector = readonly number[] | string

/** What a provider answered to one call. */
export interface Embedded {
  /** One for each input, in the order of the inputs. */
  readonly vectors: readonly Vector[]
  /** Its own count of what it read; absent where it told none. */
  readonly promptTokens?: number | undefined
  /** What else it says of its usage, such as `cost`. */
  readonly usage?: Readonly<Record<string, unknown>> | undefined
}

/** What a format needs in order to write a call. */
export interface EmbeddingCall<Quirks> {
  readonly request: EmbeddingRequest
  /** The inputs of this call: as many of the request's as the provider takes at once. */
  readonly inputs: readonly EmbeddingInput[]
  /** The provider's own name for the model. */
  readonly model: string
  readonly traits: Traits
  readonly quirks: Quirks
}

/** A call in the provider's format, and the reader of its answer. */
export interface PreparedEmbedding {
  readonly request: ProviderRequest
  /** Fields of the request that were left out, because this provider cannot carry them. */
  readonly dropped: readonly string[]
  /** @throws Failure for what is no answer, a wrong number of vectors, or one that is none. */
  readonly read: (answer: unknown) => Embedded
}

/** How providers are asked for vectors: a wire format. Pure. */
export interface EmbeddingProviderFormat<Quirks = object> {
  readonly name: string
  /** @throws Failure where this provider cannot do what the request asks for. */
  readonly prepare: (call: EmbeddingCall<Quirks>) => PreparedEmbedding
}

/** What the client gets. */
export interface EmbeddingAnswer {
  readonly request: EmbeddingRequest
  readonly model: string
  readonly vectors: readonly Vector[]
  readonly usage: Readonly<Record<string, unknown>>
  readonly promptTokens: number
}

/** How clients ask us for vectors. Pure. */
export interface EmbeddingClientFormat
  extends Pick<ClientFormat, 'name' | 'writeError' | 'statusOf' | 'requestIdHeader'> {
  /** @throws Failure that names the field at fault, in this API's words. */
  readonly readRequest: (body: Readonly<Record<string, unknown>>, header: HeaderReader) => EmbeddingRequest
  /** The text of the answer in pieces, because it can be long. */
  readonly writeAnswer: (answer: EmbeddingAnswer) => Iterable<string>
}
