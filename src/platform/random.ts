import { toHex } from './hex.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Bytes from here on are skipped: with them some characters would be more likely than others. */
const FIRST_UNEVEN_BYTE = 256 - (256 % ALPHABET.length)

// Many characters at a time, because a call of the generator costs more than its bytes. Each is used once. Not too many: a text
// that is cut from a longer one keeps that in memory.
const POOL_BYTES = 512
let pool = ''
let used = 0
const ASCII = new TextDecoder()

/** So many random bytes, in hex. */
export function randomHex(bytes: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(bytes)))
}

/** Random base62 text from the platform's secure generator. */
export function randomText(length: number): string {
  while (pool.length - used < length) {
    pool = pool.slice(used) + moreText()
    used = 0
  }
  used += length
  return pool.slice(used - length, used)
}

function moreText(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(POOL_BYTES))
  let count = 0
  for (let at = 0; at < POOL_BYTES; at++) {
    const byte = bytes[at] ?? 0
    if (byte < FIRST_UNEVEN_BYTE) bytes[count++] = ALPHABET.charCodeAt(byte % ALPHABET.length)
  }
  return ASCII.decode(bytes.subarray(0, count))
}
