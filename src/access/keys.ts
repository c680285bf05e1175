import { boolean, list, mustBe, number, object, optional, type Schema, text } from '../chat/schema.ts'
import type { Limits } from './budget.ts'

/** The record of a key in KV. The key itself is stored nowhere (contract 2). Times are ISO 8601. */
export interface KeyRecord {
  id: string
  name: string
  /** The id of the key whose limits this one shares: a key that was rotated keeps the account of the first one. */
  account?: string | undefined
  created: string
  expires?: string | undefined
  disabled?: boolean | undefined
  /** The models that the key may use; all if absent. */
  models?: string[] | undefined
  limits?: Limits | undefined
}

// Without this check, a key with an unreadable date would never expire.
const date: Schema<string> = (value) =>
  text(value) ?? (Number.isNaN(Date.parse(String(value))) ? mustBe('a date') : undefined)

export const keyRecord: Schema<KeyRecord> = object({
  id: text,
  name: text,
  account: optional(text),
  created: text,
  expires: optional(date),
  disabled: optional(boolean),
  models: optional(list(text)),
  limits: optional(object({ rpm: optional(number()), tpm: optional(number()), budget: optional(number()) })),
})

export const KEY_PREFIX = 'sk-r9k-'
/** Only a text of this form is looked up. */
const KEY_FORM = /^sk-r9k-[A-Za-z0-9_-]{4,120}$/

export function looksLikeKey(text: string): boolean {
  return KEY_FORM.test(text)
}

const UTF8 = new TextEncoder()
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The name in KV of a key's record: a hash of the whole key, so that somebody who can read KV has no key. */
export async function keyName(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', UTF8.encode(key))
  let hex = ''
  for (const byte of new Uint8Array(digest)) hex += HEX[byte]
  return `key:${hex}`
}
