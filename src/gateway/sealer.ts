import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { parseJson } from '../chat/exact-json.ts'
import type { Opened, Sealer } from '../formats/format.ts'

/** What every sealed text begins with. The digit is the version of what follows. */
const PREFIX = 'r9s1.'
const NONCE_BYTES = 24
/** A longer text is none of ours: no turn has that much for its provider. */
const MAX_CHARACTERS = 8 * 1024 * 1024

/**
 * Seals with a key made from the caller's own, so that one caller's texts are of no use to another. A library does it, and not
 * WebCrypto, because formats read and write without waiting.
 */
export async function createSealer(callerKey: string): Promise<Sealer> {
  const material = new TextEncoder().encode(JSON.stringify(['sealed content', callerKey]))
  const key = new Uint8Array(await crypto.subtle.digest('SHA-256', material))
  return { seal: (value) => seal(key, value), open: (text) => open(key, text) }
}

/** For formats that seal nothing. */
export const NO_SEALER: Sealer = {
  seal: () => {
    throw new TypeError('this format seals nothing')
  },
  open: () => ({ kind: 'foreign' }),
}

function seal(key: Uint8Array, value: unknown): string {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  const sealed = xchacha20poly1305(key, nonce).encrypt(new TextEncoder().encode(JSON.stringify(value)))
  const whole = new Uint8Array(NONCE_BYTES + sealed.length)
  whole.set(nonce)
  whole.set(sealed, NONCE_BYTES)
  return PREFIX + toBase64(whole)
}

function open(key: Uint8Array, text: string): Opened {
  if (!text.startsWith(PREFIX)) return { kind: 'foreign' }
  if (text.length > MAX_CHARACTERS) return { kind: 'forged' }
  try {
    const whole = Uint8Array.from(atob(text.slice(PREFIX.length)), (letter) => letter.charCodeAt(0))
    const [nonce, sealed] = [whole.subarray(0, NONCE_BYTES), whole.subarray(NONCE_BYTES)]
    const value = parseJson(new TextDecoder().decode(xchacha20poly1305(key, nonce).decrypt(sealed)))
    return { kind: 'ours', value }
  } catch {
    return { kind: 'forged' }
  }
}

/** `String.fromCharCode` takes only so many arguments. */
const SLICE_BYTES = 0x2000

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + SLICE_BYTES))
  }
  return btoa(binary)
}
