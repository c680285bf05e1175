import * as z from 'zod/mini'

/** What KV holds of a key; the key itself is nowhere (contract 2). Times are ISO 8601. */
export const keyRecord = z.object({
  id: z.string(),
  name: z.string(),
  /** Whose limits it shares: the key that it was rotated from, and its predecessors. */
  account: z.optional(z.string()),
  created: z.string(),
  // A date that cannot be read must not mean that the key lasts for ever.
  expires: z.optional(z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text))))),
  disabled: z.optional(z.boolean()),
  /** The models that it may use; all where absent. */
  models: z.optional(z.array(z.string())),
  limits: z.optional(
    z.object({
      /** Requests and tokens a minute. */
      rpm: z.optional(z.number()),
      tpm: z.optional(z.number()),
      /** US dollars in all. */
      budget: z.optional(z.number()),
    }),
  ),
})
export type KeyRecord = z.infer<typeof keyRecord>

export const KEY_PREFIX = 'sk-r9k-'
/** How a key may look that is worth looking up. */
const KEY_FORM = /^sk-r9k-[A-Za-z0-9_-]{4,120}$/

export function looksLikeKey(text: string): boolean {
  return KEY_FORM.test(text)
}

const UTF8 = new TextEncoder()
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The name in KV of a key's record: the hash of the whole key, so that who reads the store holds no key. */
export async function keyName(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', UTF8.encode(key))
  let hex = ''
  for (const byte of new Uint8Array(digest)) hex += HEX[byte]
  return `key:${hex}`
}
