/** Encrypts what is kept for a caller, with a key made from the caller's own: who reads the storage cannot read it. */
export interface Cipher {
  /** @param place where the text is kept: it opens there only. */
  readonly encrypt: (text: string, place: string) => Promise<ArrayBuffer>
  /** Rejects what was changed, moved, or made for another caller. */
  readonly decrypt: (sealed: ArrayBuffer, place: string) => Promise<string>
}

const UTF8 = new TextEncoder()
const IV_BYTES = 12

/** AES-GCM with a fresh nonce for each text. */
export async function createCipher(callerKey: string, purpose: string): Promise<Cipher> {
  // Keys are random texts, so one hash is enough.
  const material = await crypto.subtle.digest('SHA-256', UTF8.encode(JSON.stringify([purpose, callerKey])))
  const key = await crypto.subtle.importKey('raw', material, 'AES-GCM', false, ['encrypt', 'decrypt'])
  const options = (iv: Uint8Array<ArrayBuffer>, place: string) => ({
    name: 'AES-GCM',
    iv,
    additionalData: UTF8.encode(place),
  })
  return {
    encrypt: async (text, place) => {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const encrypted = await crypto.subtle.encrypt(options(iv, place), key, UTF8.encode(text))
      const whole = new Uint8Array(IV_BYTES + encrypted.byteLength)
      whole.set(iv)
      whole.set(new Uint8Array(encrypted), IV_BYTES)
      return whole.buffer
    },
    decrypt: async (sealed, place) => {
      const [iv, encrypted] = [new Uint8Array(sealed, 0, IV_BYTES), new Uint8Array(sealed, IV_BYTES)]
      return new TextDecoder().decode(await crypto.subtle.decrypt(options(iv, place), key, encrypted))
    },
  }
}
