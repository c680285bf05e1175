const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Bytes from here on would make some characters likelier than others. */
const EVEN = 256 - (256 % ALPHABET.length)

/** Random base62 text from the platform's secure generator. */
export function randomText(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length + 8))) {
      if (byte < EVEN && text.length < length) text += ALPHABET[byte % ALPHABET.length]
    }
  }
  return text
}
