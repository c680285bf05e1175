import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { parseJson } from '../chat/exact-json.ts'
import { Failure } from '../chat/failure.ts'
import type { Opened, Sealer } from '../formats/format.ts'

/** What every sealed text begins with. The digit is the version of what follows. */
const PREFIX = 'r9s1.'
const NONCE_BYTES = 24
/** Of one request: no conversation has more. Opening that much takes a tenth of a second, in which others wait. */
const MAX_CHARACTERS = 8 * 1024 * 1024

/**
 * Seals with a key made from the caller's own, so that one caller's texts are of no use to another. A library does it, and not
 * WebCrypto, because formats read and write without waiting. One sealer is for one request. Its `open` throws a Failure where
 * there is more than any conversation has.
 */
export async function createSealer(callerKey: string): Promise<Sealer> {
  const material = new TextEncoder().encode(JSON.stringify(['sealed content', callerKey]))
  const key = new Uint8Array(await crypto.subtle.digest('SHA-256', material))
  let opened = 0
  return {
    seal: (value) => seal(key, value),
    open: (text) => {
      if (!text.startsWith(PREFIX)) return { kind: 'foreign' }
      opened += text.length
      if (opened > MAX_CHARACTERS) throw new Failure('invalid-value', TOO_MUCH)
      return open(key, text)
    },
  }
}

const TOO_MUCH = 'The sealed reasoning of a request may have 8 MiB in all. Leave out what belongs to the oldest turns.'

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
  try {
    const whole = fromBase64(text.slice(PREFIX.length))
    const [nonce, sealed] = [whole.subarray(0, NONCE_BYTES), whole.subarray(NONCE_BYTES)]
    const value = parseJson(new TextDecoder().decode(xchacha20poly1305(key, nonce).decrypt(sealed)))
    return { kind: 'ours', value }
  } catch {
    return { kind: 'forged' }
  }
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  // `Uint8Array.from` takes twenty times as long.
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
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
