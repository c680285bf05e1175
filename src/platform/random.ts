const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Bytes from here on would make some characters likelier than others. */
const EVEN = 256 - (256 % ALPHABET.length)

// The generator is asked for many bytes at a time: each call of it costs more than the bytes. Each is used once.
const pool = new Uint8Array(1024)
let used = pool.length

/** Random base62 text from the platform's secure generator. */
export function randomText(length: number): string {
  let text = ''
  while (text.length < length) {
    if (used === pool.length) {
      crypto.getRandomValues(pool)
      used = 0
    }
    const byte = pool[used++] ?? 0
    if (byte < EVEN) text += ALPHABET[byte % ALPHABET.length]
  }
  return text
}
