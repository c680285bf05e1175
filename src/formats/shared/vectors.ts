import { Failure } from '../../chat/failure.ts'
import type { EmbeddingCall, EmbeddingInput, EmbeddingRequest, Vector, VectorEncoding } from '../embedding-format.ts'
import { malformedAnswer } from './answer-bounds.ts'
import { unsupportedParameter } from './parts.ts'

/** OpenAI takes 2048 at once, and a gateway that splits may take some times as many: five calls. */
export const MAX_INPUTS = 10_000
/** More than any model's vectors have. */
const MAX_DIMENSIONS = 65_536
const FLOAT_BYTES = 4
/** As many characters as the base64 of so many floats has, and some. What is longer is not read. */
const MAX_CHARACTERS = 6 * MAX_DIMENSIONS
/** So many characters are made of bytes at once: each is an argument of a call. */
const CHUNK = 8192

/** How many bytes a dimension takes in an encoding in base64. */
const BYTES: Readonly<Record<Exclude<VectorEncoding, 'float'>, number>> = {
  base64: FLOAT_BYTES,
  base64_int8: 1,
  base64_binary: 1 / 8,
}

/** The part of a call that says how its vectors must be. */
type Expected = Pick<EmbeddingCall<object>, 'request' | 'inputs' | 'traits'>

/**
 * Checks the vectors of an answer: one for each input, all of the length that was asked for or that the model has. Of base64 it
 * makes numbers where the client wants them.
 * @throws Failure where one of them is none.
 */
export function checkVectors(vectors: readonly unknown[], { request, inputs, traits }: Expected): readonly Vector[] {
  const { dimensions, encoding } = request
  if (vectors.length !== inputs.length) throw wrongCount(vectors.length, inputs.length)
  let length = dimensions ?? traits.embedding?.dimensions
  return vectors.map((vector) => {
    const binary = typeof vector === 'string' ? binaryIn(vector) : undefined
    const own = binary === undefined ? lengthOf(vector, encoding) : binary.length / bytesOf(encoding)
    if (!Number.isInteger(own) || own < 1) throw malformedAnswer('a vector is neither numbers nor base64')
    length ??= own
    if (own !== length) throw wrongLength(own, length, dimensions)
    if (binary !== undefined && encoding === 'float') return floatsIn(binary)
    if (binary !== undefined && encoding === 'base64') refuseInfinite(binary)
    return vector as Vector
  })
}

/** To be told before a list is walked through that may be as long as the answer. */
export function wrongCount(count: number, inputs: number): Failure {
  return malformedAnswer(`it has ${count} vectors for ${inputs} inputs`)
}

function wrongLength(own: number, length: number, asked: number | undefined): Failure {
  const fault = `a vector has ${own} dimensions instead of ${length}`
  if (asked === undefined) return malformedAnswer(fault)
  // The answer is sound, but not what was asked for: another deployment may have the parameter.
  const message = `'dimensions' was ignored by the provider: ${fault}.`
  return new Failure('unsupported-parameter', message, { param: 'dimensions', health: 'none' })
}

function bytesOf(encoding: VectorEncoding): number {
  return BYTES[encoding === 'float' ? 'base64' : encoding]
}

/** How many numbers a list holds; NaN for what is no vector of numbers. */
function lengthOf(vector: unknown, encoding: VectorEncoding): number {
  // Only floats in base64 can be made of numbers.
  if (!Array.isArray(vector) || (encoding !== 'float' && encoding !== 'base64')) return Number.NaN
  return vector.length <= MAX_DIMENSIONS && vector.every(isFloat) ? vector.length : Number.NaN
}

function isFloat(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(Math.fround(value))
}

/**
 * The bytes that a text is the base64 of, a character each; undefined where it is none. The platform decodes ten times as fast
 * as a regular expression looks at the characters. It leaves out white space, which the length then tells.
 */
function binaryIn(text: string): string | undefined {
  if (text.length > MAX_CHARACTERS || text.length % 4 !== 0) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  try {
    const binary = atob(text)
    return binary.length === (text.length / 4) * 3 - padding ? binary : undefined
  } catch {
    return undefined
  }
}

/** @throws Failure where one of the floats is no number, or infinite: all bits of its exponent are set. */
function refuseInfinite(binary: string): void {
  for (let at = FLOAT_BYTES - 1; at < binary.length; at += FLOAT_BYTES) {
    const isHighest = (binary.charCodeAt(at) & 0x7f) === 0x7f && binary.charCodeAt(at - 1) >= 0x80
    if (isHighest) throw malformedAnswer(NO_NUMBER)
  }
}

const NO_NUMBER = 'a vector holds what is no number'

/** The 32-bit floats in bytes, as the doubles that equal them. @throws Failure where one is not finite. */
function floatsIn(binary: string): number[] {
  const view = new DataView(new ArrayBuffer(FLOAT_BYTES))
  const floats: number[] = []
  for (let at = 0; at + FLOAT_BYTES <= binary.length; at += FLOAT_BYTES) {
    const bits =
      binary.charCodeAt(at) |
      (binary.charCodeAt(at + 1) << 8) |
      (binary.charCodeAt(at + 2) << 16) |
      (binary.charCodeAt(at + 3) << 24)
    view.setInt32(0, bits)
    floats.push(view.getFloat32(0))
  }
  if (!floats.every(Number.isFinite)) throw malformedAnswer(NO_NUMBER)
  return floats
}

/** A vector as a JSON list of numbers. */
export function floatsText(vector: Vector): string {
  return JSON.stringify(typeof vector === 'string' ? floatsIn(atob(vector)) : vector)
}

/** Numbers as the base64 of 32-bit floats, in the order of bytes that all machines of Workers have: little-endian. */
export function toBase64(vector: readonly number[]): string {
  const bytes = new Uint8Array(new Float32Array(vector).buffer)
  let binary = ''
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // A spread would go through an iterator, which costs four times as much.
    binary += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + CHUNK))
  }
  return btoa(binary)
}

/** The bytes in base64 as numbers from -128 to 127; undefined for what is no base64. */
export function bytesAsNumbers(text: string): number[] | undefined {
  const binary = binaryIn(text)
  return binary === undefined ? undefined : Array.from(binary, (character) => (character.charCodeAt(0) << 24) >> 24)
}

/**
 * The number of dimensions to ask the provider for.
 * @throws Failure where the model's vectors have another length and cannot be shortened.
 */
export function dimensionsToSend({ request, traits }: Expected): number | undefined {
  const { dimensions } = request
  const { embedding } = traits
  if (dimensions === undefined || embedding === undefined || embedding.shortens) return dimensions
  if (dimensions !== embedding.dimensions) throw unsupportedParameter('dimensions')
  return undefined
}

/** The inputs as texts. @throws Failure where one is token numbers, which mean something to one model only. */
export function textsOf(inputs: readonly EmbeddingInput[]): readonly string[] {
  if (inputs.every((input) => typeof input === 'string')) return inputs
  const message = "'input' must be text: the model that was chosen does not take token numbers."
  throw new Failure('unsupported-parameter', message, { param: 'input' })
}

/** The fields that a format other than OpenAI's leaves out; `taken` are those that it takes beside its own. */
export function droppedFields({ user, further, source }: EmbeddingRequest, taken: readonly string[] = []): string[] {
  const names = Object.keys(further).filter((name) => !taken.includes(name))
  return [...(source?.dropped ?? []), ...(user === undefined ? [] : ['user']), ...names]
}

/** What every format but Perplexity's, and every format but that of the source, does not take. @throws Failure */
export function refuseForeign({ encoding, source }: EmbeddingRequest, format: string): void {
  if (encoding !== 'float' && encoding !== 'base64') throw unsupportedParameter('encoding_format')
  if (source?.requires !== undefined && source.format !== format) throw source.requires
}

/** A field of the client's that is wrong. */
export function invalid(param: string, complaint: string): Failure {
  return new Failure('invalid-value', `'${param}' ${complaint}.`, { param })
}
