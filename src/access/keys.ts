import * as z from 'zod/mini'
import { sha256 } from '../platform/hex.ts'
import { randomText } from '../platform/random.ts'

/** What a key can do: answer calls of models, or manage keys and teams. Neither can do what the other can. */
const KEY_ROLES = ['inference', 'management'] as const
/** The times after which a budget begins anew, in UTC: at midnight, on Monday, on the first; `total` is never. */
export const BUDGET_WINDOWS = ['day', 'week', 'month', 'total'] as const
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number]

/** The limits of a key or a team (accounts 2). Members that this version does not know are kept. */
const limits = z.looseObject({
  /** Requests and tokens a minute, and requests at a time. */
  rpm: z.optional(z.number()),
  tpm: z.optional(z.number()),
  concurrent: z.optional(z.number()),
  /** US dollars in each window. */
  budget: z.optional(z.number()),
  window: z.optional(z.enum(BUDGET_WINDOWS)),
})
export type RecordLimits = z.infer<typeof limits>

// Without this check, a key with an unreadable date would never expire.
const time = z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text))))

/** What a key and a team have in common. Times are ISO 8601. */
const COMMON = {
  id: z.string(),
  name: z.string(),
  created: z.string(),
  /** When the record was changed last; absent in records that were never changed. */
  updated: z.optional(time),
  disabled: z.optional(z.boolean()),
  /** When it was revoked, which is for ever. A record that is `disabled` alone can be enabled again. */
  revoked: z.optional(time),
  limits: z.optional(limits),
  /** The operator's own notes. */
  metadata: z.optional(z.record(z.string(), z.unknown())),
}

/** The record of a key in KV. The key itself is stored nowhere (contract 2). Members that this version does not know are kept. */
export const keyRecord = z.looseObject({
  ...COMMON,
  /** The id of the key whose limits this one shares: a key that was rotated keeps the account of the first one. */
  account: z.optional(z.string()),
  /** The id of the key that took the place of this one. */
  successor: z.optional(z.string()),
  /** A few characters of the key, by which people know it again. */
  label: z.optional(z.string()),
  /** `inference` if absent. */
  role: z.optional(z.enum(KEY_ROLES)),
  /** The id of the team whose limits count too. */
  team: z.optional(z.string()),
  expires: z.optional(time),
  /** The models and the providers that the key may use; all if absent. */
  models: z.optional(z.array(z.string())),
  providers: z.optional(z.array(z.string())),
  policy: z.optional(
    z.looseObject({
      builtinTools: z.optional(z.boolean()),
      accountFields: z.optional(z.boolean()),
      dataCollection: z.optional(z.enum(['allow', 'deny'])),
      regions: z.optional(z.array(z.string())),
    }),
  ),
  /** `openai`: whole answers have OpenAI's own `object`, on every path (contract 3). */
  object: z.optional(z.string()),
})
export type KeyRecord = z.infer<typeof keyRecord>

/** The record of a team in KV: limits that its keys share, beside their own. */
export const teamRecord = z.looseObject(COMMON)
export type TeamRecord = z.infer<typeof teamRecord>

/** The record of the operator's own limits for providers, one for all of them: an isolate reads it once and not for each. */
export const providersRecord = z.looseObject({
  updated: z.optional(time),
  providers: z.record(z.string(), limits),
})
export type ProvidersRecord = z.infer<typeof providersRecord>
/** Its name in KV. */
export const PROVIDER_RECORD = 'provider:all'

/** @throws where the record cannot be read. */
export function providerLimitsIn(text: string): ProvidersRecord['providers'] {
  return providersRecord.parse(JSON.parse(text)).providers
}

export const KEY_PREFIX = 'sk-r9k-'
/** Only a text of this form is looked up. */
const KEY_FORM = /^sk-r9k-[A-Za-z0-9_-]{4,120}$/

export function looksLikeKey(text: string): boolean {
  return KEY_FORM.test(text)
}

/** 40 characters of base62 are 238 random bits: nobody guesses them. */
const RANDOM_CHARACTERS = 40

/** A key that nobody has seen yet. */
export function newKey(): string {
  return `${KEY_PREFIX}${randomText(RANDOM_CHARACTERS)}`
}

/** What the names of records begin with in KV. */
export const KEY_RECORDS = 'key:'
export const TEAM_RECORDS = 'team:'
const ID_DIGITS = 16

/** The id of the key whose record has this name. A part of the hash, so that the record is found by it. */
export function keyIdOf(name: string): string {
  return `key_${name.slice(KEY_RECORDS.length, KEY_RECORDS.length + ID_DIGITS)}`
}

/** The beginning of the name of the record with this id; undefined for ids that say nothing about it, as older ones. */
export function namePrefixOf(id: string): string | undefined {
  const [, digits] = /^key_([0-9a-f]{16})$/.exec(id) ?? []
  return digits === undefined ? undefined : KEY_RECORDS + digits
}

/** What is shown of a key, so that people know it again. */
export function labelOf(key: string): string {
  return `${key.slice(0, KEY_PREFIX.length + 3)}...${key.slice(-3)}`
}

/** The name in KV of a key's record: a hash of the whole key, so that somebody who can read KV has no key. */
export async function keyName(key: string): Promise<string> {
  return KEY_RECORDS + (await sha256(key))
}
