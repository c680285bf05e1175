import { Failure } from '../chat/failure.ts'
import type { Vector, VectorEncoding } from '../formats/embedding-format.ts'

/**
 * How the inputs of a request are divided into calls, and their vectors put together. The platform ends an isolate with more
 * than 128 MB, and all vectors are held until the last one is there: only then is it known that there is an answer.
 */

/** Inputs that go out in one call: those from `start` on, up to the one before `end`. */
export interface Part {
  readonly start: number
  readonly end: number
  /** Our estimate of them. */
  readonly tokens: number
}

/** How much may be asked for in one call. */
export interface PartLimits {
  readonly maxInputs: number
  readonly maxTokens: number
}

/** Divides the inputs that are left into parts. @param tokens of each input. */
export function divide(tokens: readonly number[], isLeft: (at: number) => boolean, limits: PartLimits): Part[] {
  const parts: { start: number; end: number; tokens: number }[] = []
  let last: (typeof parts)[number] | undefined
  for (const [at, count] of tokens.entries()) {
    if (!isLeft(at)) last = undefined
    else if (last !== undefined && at - last.start < limits.maxInputs && last.tokens + count <= limits.maxTokens) {
      last.end += 1
      last.tokens += count
    } else {
      last = { start: at, end: at + 1, tokens: count }
      parts.push(last)
    }
  }
  return parts
}

/** How many bytes the answer of one call may have, by our estimate; several come at once. Numbers take more, so they get more. */
const PART_BYTES = { numbers: 3 * 1024 * 1024, packed: 2 * 1024 * 1024 }
/** As providers write a number: its digits, and the comma and the spaces about it. */
const WRITTEN_BYTES = 22
/** To assume where the length of the vectors is not known. */
const ASSUMED_DIMENSIONS = 4096
/** A part whose tokens nobody bounds: its text is then about a megabyte. */
const MAX_PART_TOKENS = 300_000

/** How many bytes a dimension takes in the text of a vector. */
const PACKED_BYTES: Readonly<Record<Exclude<VectorEncoding, 'float'>, number>> = {
  base64: 16 / 3,
  base64_int8: 4 / 3,
  base64_binary: 1 / 6,
}
const NUMBER_BYTES = 8

/** What decides how many inputs go into one call. */
export interface PartInput {
  /** What the provider takes at once. */
  readonly maxInputs: number
  readonly maxTokens?: number | undefined
  /** How long the vectors are; undefined where nobody knows. */
  readonly dimensions: number | undefined
  readonly encoding: VectorEncoding
  /** The provider was asked for base64. */
  readonly isPacked: boolean
}

/** How much goes into one call: what the provider takes, and as much as its answer may be long. */
export function limitsOf({ maxInputs, maxTokens, dimensions, encoding, isPacked }: PartInput): PartLimits {
  const length = dimensions ?? ASSUMED_DIMENSIONS
  const isText = isPacked && encoding !== 'float'
  const vectorBytes = length * (isText ? PACKED_BYTES[encoding] : WRITTEN_BYTES)
  const bytes = isText ? PART_BYTES.packed : PART_BYTES.numbers
  return {
    maxInputs: Math.max(Math.min(maxInputs, Math.floor(bytes / vectorBytes)), 1),
    maxTokens: Math.min(maxTokens ?? MAX_PART_TOKENS, MAX_PART_TOKENS),
  }
}

/** A server that was asked for base64 and writes numbers may write them with spaces, and with more digits than they need. */
const LONGEST_WRITTEN_BYTES = 32
const ENVELOPE_BYTES = 1024 * 1024

/** The longest answer to so many inputs that is read. */
export function maxAnswerBytes(inputs: number, dimensions = 2 * ASSUMED_DIMENSIONS): number {
  return inputs * dimensions * LONGEST_WRITTEN_BYTES + ENVELOPE_BYTES
}

/** So much of an isolate's memory the vectors of one answer may take: 2,048 of 3,072 dimensions in base64. */
const MAX_VECTOR_BYTES = 32 * 1024 * 1024
/** And so much together with the body that they are made for: the least that is there for one key. */
const MAX_TOGETHER_BYTES = 40 * 1024 * 1024

/**
 * The memory that vectors take until they are sent.
 * @throws Failure 400 for more than an isolate has room for.
 */
export function vectorBytes(inputs: number, dimensions: number, encoding: VectorEncoding, bodyBytes: number): number {
  const each = encoding === 'float' ? NUMBER_BYTES : PACKED_BYTES[encoding]
  const bytes = Math.ceil(inputs * dimensions * each)
  const maxBytes = Math.min(MAX_VECTOR_BYTES, MAX_TOGETHER_BYTES - bodyBytes)
  if (bytes <= maxBytes) return bytes
  const most = Math.floor(maxBytes / (dimensions * each))
  const shorter = encoding === 'float' ? ', ask for \'encoding_format\' "base64",' : ''
  const text = `'input' would make ${inputs} vectors of ${dimensions} dimensions, which is more than one answer may hold: here at most ${most}. Send fewer inputs at once${shorter} or ask for fewer 'dimensions'.`
  throw new Failure('invalid-value', text, { param: 'input' })
}

/** The vectors of a request as they come in. */
export interface VectorList {
  readonly isMissing: (at: number) => boolean
  /**
   * Takes the vectors of a part. Their length is measured in numbers, or in characters of base64.
   * @throws Failure where they are not as many as the inputs, or not as long as those that are there.
   */
  readonly put: (part: Part, vectors: readonly Vector[]) => void
  /** As if none had come; those that come now must be as long all the same, since there is room for no others. */
  readonly forget: () => void
  /** In the order of the inputs; undefined as long as one is missing. */
  readonly whole: () => readonly Vector[] | undefined
}

/** @param toVector brings a vector into the one form in which all of them are held. */
export function createVectorList(inputs: number, toVector: (vector: Vector) => Vector): VectorList {
  const vectors: (Vector | undefined)[] = Array.from({ length: inputs })
  let missing = inputs
  let length: number | undefined
  const complaint = (text: string) => new Failure('provider-failed', text, { clause: 'wrong vectors' })
  return {
    isMissing: (at) => vectors[at] === undefined,
    put: ({ start, end }, given) => {
      if (given.length !== end - start)
        throw complaint('The provider gave another number of vectors than was asked for.')
      const taken = given.map(toVector)
      const own = length ?? taken[0]?.length
      if (own === undefined || own === 0 || taken.some((vector) => vector.length !== own)) {
        throw complaint('The provider gave vectors of different lengths, or of another length than the others have.')
      }
      length = own
      for (const [at, vector] of taken.entries()) {
        if (vectors[start + at] === undefined) missing -= 1
        vectors[start + at] = vector
      }
    },
    forget: () => {
      vectors.fill(undefined)
      missing = inputs
    },
    whole: () => (missing === 0 ? (vectors as readonly Vector[]) : undefined),
  }
}
