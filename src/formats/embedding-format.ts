import type { Failure } from '../chat/failure.ts'
import type { Chat } from '../chat/request.ts'
import type { ErrorFormat, HeaderReader, ProviderRequest, Traits } from './format.ts'

/** A text, or a text as the model's own token numbers. */
export type EmbeddingInput = string | readonly number[]

/** A request for vectors, whatever API it came in. */
export interface EmbeddingRequest {
  readonly model: string
  /** The routing field of that name (contract 8). Vectors of different models do not mix, so there is none for further models. */
  readonly provider?: Chat['provider'] | undefined
  /** In bounds, at least one. */
  readonly inputs: readonly EmbeddingInput[]
  readonly encoding: VectorEncoding
  /** How long the vectors are to be; the model's own length if absent. */
  readonly dimensions?: number | undefined
  /**
   * What the texts are, in Cohere's words: `search_document`, `search_query`, `classification`, `clustering`. Another word is
   * the client's own.
   */
  readonly inputType?: string | undefined
  readonly user?: string | undefined
  /** Fields without a name here, for providers that speak OpenAI's format; `input_type` as the client wrote it is among them. */
  readonly further: Readonly<Record<string, unknown>>
  readonly source?: EmbeddingSource | undefined
}

/**
 * How a client gets its vectors: as numbers, or as the base64 of 32-bit floats, little-endian. The others are Perplexity's, of
 * bytes and of bits: who does not have them refuses them.
 */
export type VectorEncoding = 'float' | 'base64' | 'base64_int8' | 'base64_binary'

/** A request as it came in a format that is not OpenAI's, for a provider's format of the same name: that one loses nothing. */
export interface EmbeddingSource {
  /** The `name` of the format. */
  readonly format: string
  /** What it says of each input, in the order of the inputs. */
  readonly requests: readonly Readonly<Record<string, unknown>>[]
  /** Why providers of other formats refuse the request, where it holds something that only this format can carry. */
  readonly requires?: Failure | undefined
  /** Fields that only this format can carry, and that a vector is right without. */
  readonly dropped: readonly string[]
}

/** Numbers, or base64 in the encoding that the client asked for. */
export type Vector = readonly number[] | string

/** What a provider answered to one call. */
export interface Embedded {
  /** One for each input, in the order of the inputs. */
  readonly vectors: readonly Vector[]
  /** Its own count of what it read; absent where it told none. */
  readonly promptTokens?: number | undefined
  /** The name of the model that it says it used. */
  readonly model?: unknown
  /** What else it says of its usage, such as `cost`. */
  readonly usage?: Readonly<Record<string, unknown>> | undefined
}

/** What a format needs in order to write a call. */
export interface EmbeddingCall<Quirks> {
  readonly request: EmbeddingRequest
  /** The inputs of this call: as many of the request's as the provider takes at once. */
  readonly inputs: readonly EmbeddingInput[]
  /** Where the first of them stands among the inputs of the request. */
  readonly offset: number
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
  /** The answer is to hold base64, which takes a quarter of the room of numbers. */
  readonly isPacked?: boolean
  /**
   * Reads the answer as `JSON.parse` gives it. Of vectors that the client wants as numbers it makes numbers.
   * @throws Failure for what is no answer, a wrong number of vectors, or one that is none.
   */
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
export interface EmbeddingClientFormat extends ErrorFormat {
  /** @throws Failure that names the field at fault, in this API's words. */
  readonly readRequest: (body: Readonly<Record<string, unknown>>, header: HeaderReader) => EmbeddingRequest
  /** The text of the answer in pieces, because it can be long. */
  readonly writeAnswer: (answer: EmbeddingAnswer) => Iterable<string>
}
