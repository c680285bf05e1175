import * as z from 'zod/mini'

/** The record of a key in KV. The key itself is stored nowhere (contract 2). Times are ISO 8601. */
export const keyRecord = z.object({
  id: z.string(),
  name: z.string(),
  /** The id of the key whose limits this one shares: a key that was rotated keeps the account of the first one. */
  account: z.optional(z.string()),
  created: z.string(),
  // Without this check, a key with an unreadable date would never expire.
  expires: z.optional(z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text))))),
  disabled: z.optional(z.boolean()),
  /** The models that the key may use; all if absent. */
  models: z.optional(z.array(z.string())),
  /** `openai`: whole answers have OpenAI's own `object`, on every path (contract 3). */
  object: z.optional(z.string()),
  limits: z.optional(
    z.object({
      /** Requests a minute, and tokens a minute. */
      rpm: z.optional(z.number()),
      tpm: z.optional(z.number()),
      /** Calls at once. */
      concurrent: z.optional(z.number()),
      /** US dollars, in all or in each window. */
      budget: z.optional(z.number()),
      window: z.optional(z.enum(['day', 'week', 'month', 'total'])),
    }),
  ),
})
export type KeyRecord = z.infer<typeof keyRecord>

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
