const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Bytes from here on are skipped: with them some characters would be more likely than others. */
const FIRST_UNEVEN_BYTE = 256 - (256 % ALPHABET.length)

// Many bytes at a time, because a call of the generator costs more than its bytes. Each byte is used once.
const pool = new Uint8Array(1024)
let used = pool.length

/** So many random bytes, in hex. */
export function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )
}

/** Random base62 text from the platform's secure generator. */
export function randomText(length: number): string {
  let text = ''
  while (text.length < length) {
    if (used === pool.length) {
      crypto.getRandomValues(pool)
      used = 0
    }
    const byte = pool[used++] ?? 0
    if (byte < FIRST_UNEVEN_BYTE) text += ALPHABET[byte % ALPHABET.length]
  }
  return text
}
