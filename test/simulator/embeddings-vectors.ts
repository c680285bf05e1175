import { createHash } from 'node:crypto'
import { sharedName } from './embeddings-models.ts'

/** How the vectors of an answer can be wrong. */
export const VECTOR_FAULTS = [
  'fewer',
  'more',
  'none',
  'shorter',
  'empty',
  'nan',
  'infinite',
  'null',
  'reversed',
  'twice',
  'other-encoding',
  'other-model',
] as const

export type VectorFault = (typeof VECTOR_FAULTS)[number]

/**
 * The vector of a text: always the same for this model, text and length, at whatever provider, and another one for any
 * other model or text. Its numbers are exact in 32 bits.
 */
export function vectorOf(model: string, text: string, dimensions: number): Float32Array {
  const seed = createHash('sha256')
    .update(`${sharedName(model)}\0`)
    .update(text)
    .digest()
  let [a = 0, b = 0, c = 0, d = 0] = new Uint32Array(seed.buffer, seed.byteOffset, 4)
  const size = Math.sqrt(3 / dimensions)
  const vector = new Float32Array(dimensions)
  for (let at = 0; at < dimensions; at += 1) {
    // xorshift128, after Marsaglia.
    const t = d ^ (d << 11)
    d = c
    c = b
    b = a
    a = (a ^ (a >>> 19) ^ t ^ (t >>> 8)) | 0
    vector[at] = (a / 0x80000000) * size
  }
  return vector
}

/** The vectors as a fault would have them; the order and the encoding are for the caller to spoil. */
export function spoiled(vectors: Float32Array[], fault: VectorFault | undefined): (Float32Array | null)[] {
  const last = vectors.at(-1) ?? new Float32Array(0)
  const others = vectors.slice(0, -1)
  switch (fault) {
    case 'fewer':
      return others
    case 'more':
      return [...vectors, last]
    case 'none':
      return []
    case 'shorter':
      return [...others, last.slice(0, -1)]
    case 'empty':
      return [...others, new Float32Array(0)]
    case 'nan':
      return [...others, last.with(0, Number.NaN)]
    case 'infinite':
      return [...others, last.with(0, Number.POSITIVE_INFINITY)]
    case 'null':
      return [...others, null]
    default:
      return vectors
  }
}

/** The numbers of a vector for JSON, which has no words for some of them. */
export function numbersOf(vector: Float32Array | null): (number | string)[] | null {
  if (vector === null) return null
  return Array.from<number, number | string>(vector, (value) =>
    Number.isFinite(value) ? value : Number.isNaN(value) ? '@NaN' : '@1e999',
  )
}

/** A body with such numbers as a careless server writes it. */
export function writeCarelessly(body: unknown, fault: VectorFault | undefined): string {
  const text = JSON.stringify(body)
  return fault === 'nan' || fault === 'infinite' ? text.replace(/"@(NaN|1e999)"/g, '$1') : text
}

/** The numbers as 32-bit floats, little endian. */
export function float32Base64(vector: Float32Array | null): string | null {
  return vector === null ? null : Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
}

/** The numbers as whole ones from -128 to 127. */
export function int8Of(vector: Float32Array): Int8Array {
  const most = vector.reduce((found, value) => Math.max(found, Math.abs(value)), 0) || 1
  return Int8Array.from(vector, (value) => Math.round((value / most) * 127))
}

/** One bit a number: whether it is above zero. */
export function bitsOf(vector: Float32Array, isLeastFirst: boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(vector.length / 8))
  for (const [at, value] of vector.entries()) {
    const bit = isLeastFirst ? 1 << (at % 8) : 0x80 >> (at % 8)
    if (value > 0) bits[at >> 3] = (bits[at >> 3] ?? 0) | bit
  }
  return bits
}

/** Bytes of any kind in base64. */
export function base64Of({ buffer, byteOffset, byteLength }: Int8Array | Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
