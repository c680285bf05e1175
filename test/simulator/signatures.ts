import { createHash, createHmac } from 'node:crypto'
import { parseJson } from './json.ts'

/** Whose signatures: one family refuses those of another. */
export type Family = 'anthropic' | 'gemini'

// As Fernet's tokens begin.
const SEALED_START = 'gAAAAAB'

const SALT = 'provider simulator'
const NONCE_BYTES = 12
const SEAL_BYTES = 24
const DIGEST_BYTES = 12
// Real signatures are hundreds of bytes long.
const FILLER_BYTES = 180

/** A signature over a thinking text that this simulator can recognise later, also in another process. */
export function sign(family: Family, text: string): string {
  const nonce = createHash('sha256').update(`${family}:${text}`).digest().subarray(0, NONCE_BYTES)
  const filler = createHmac('sha512', nonce).update('filler').digest()
  const parts = [nonce, seal(family, nonce), digest(text)]
  while (Buffer.concat(parts).length < FILLER_BYTES) parts.push(filler)
  return Buffer.concat(parts).toString('base64')
}

/** Whether the signature was made here for this text; an empty text stands for one that was not shown. */
export function isSigned(family: Family, text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64')
  if (bytes.length < FILLER_BYTES) return false
  const nonce = bytes.subarray(0, NONCE_BYTES)
  const sealed = bytes.subarray(NONCE_BYTES, NONCE_BYTES + SEAL_BYTES)
  const told = bytes.subarray(NONCE_BYTES + SEAL_BYTES, NONCE_BYTES + SEAL_BYTES + DIGEST_BYTES)
  return sealed.equals(seal(family, nonce)) && (text === '' || told.equals(digest(text)))
}

function seal(family: Family, nonce: Buffer): Buffer {
  return createHmac('sha256', SALT).update(family).update(nonce).digest().subarray(0, SEAL_BYTES)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, DIGEST_BYTES)
}

/** Something that only this simulator can read again, and only for the same slot. */
export function sealed(slot: string, value: unknown): string {
  const text = Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${SEALED_START}${text}.${sealOf(slot, text)}`
}

/** What was sealed for this slot; nothing when it was changed or is another's. */
export function opened(slot: string, text: string): unknown {
  const [body = '', seal = ''] = text.slice(SEALED_START.length).split('.')
  if (!text.startsWith(SEALED_START) || seal !== sealOf(slot, body)) return undefined
  return parseJson(Buffer.from(body, 'base64url').toString('utf8'))
}

function sealOf(slot: string, text: string): string {
  return createHmac('sha256', SALT).update(`${slot}:${text}`).digest('base64url')
}
