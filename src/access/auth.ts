import { Failure } from '../chat/failure.ts'
import type { HeaderReader } from '../formats/format.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import type { Limits } from './budget.ts'
import { createKeyNews, type KeyChange } from './key-changes.ts'
import { type KeyRecord, keyName, keyRecord, looksLikeKey, TEAM_RECORDS } from './keys.ts'
import type { Caller } from './limits.ts'
import { learnProviderLimits } from './provider-limits.ts'
import { laterOf } from './record-store.ts'

/** An isolate trusts a known key for this long. It reads the key again in the background before that time is over. */
const TRUST_KNOWN_MS = 30_000
const REFRESH_AFTER_MS = 20_000
const TRUST_UNKNOWN_MS = 10_000
/** While KV fails, a key that was known before goes on working for this long. */
const TRUST_STALE_MS = 600_000
/** KV mostly answers in a few milliseconds, so a key that was known before waits only this long for it. */
const STALE_WAIT_MS = 250
const MAX_KNOWN_KEYS = 5000
/** Unknown keys have a map of their own, so that guesses cannot push out keys that are in use. */
const MAX_UNKNOWN_KEYS = 2000
const KV_CACHE_SECONDS = 30
const KV_TIMEOUT_MS = 3000
/** A request waits no longer than this for KV. A slower read goes on, for the next request. */
const WAIT_MS = 1000
/** A request that waits for the look-up of another one starts its own after this time: the platform may have ended the other. */
const FOLLOW_MS = 500

interface CachedRecord {
  readonly record: KeyRecord
  readonly readAt: number
}

const knownKeys = new Map<string, CachedRecord>()
/** When a key was looked up that does not exist. */
const unknownKeys = new Map<string, number>()
/** The names of valid keys by the keys themselves, so that the next request need not hash its key. They never leave this memory. */
const keyNames = new Map<string, string>()
const MAX_KEY_NAMES = 1000
const pendingLookUps = new Map<string, Promise<KeyRecord | null>>()

/** What this isolate hears of changes, which KV tells later. */
export const keyNews = createKeyNews(learnChanges)

type Store = Pick<KVNamespace, 'get'>
type WaitUntil = (work: Promise<unknown>) => void
type BeforeLookUp = () => Promise<void>

/** Where the clients of other APIs send their key, beside `authorization`. */
export const KEY_HEADERS: readonly string[] = ['x-api-key', 'api-key', 'x-goog-api-key']

/**
 * The key of a request, from any header in which a known API carries one (contract 2).
 * @throws Failure 401 where there is none, or more than one.
 */
export function readKey(header: HeaderReader): string {
  const authorization = header('authorization')
  let key: string | undefined
  for (let at = 0; at < KEY_HEADERS.length; at++) {
    const value = header(KEY_HEADERS[at] ?? '')?.trim()
    if (!value) continue
    if (key !== undefined && key !== value) throw twoKeys()
    key = value
  }
  if (key === undefined) return readBearer(authorization)
  if (authorization !== null && /^bearer\b/i.test(authorization) && readBearer(authorization) !== key) throw twoKeys()
  return key
}

/** Google's clients may send their key like this (contract 2). @throws Failure 401 */
export function refuseKeyInAddress(url: string): void {
  const start = url.indexOf('?')
  if (start < 0 || !/[?&]key=/i.test(url.slice(start))) return
  const text =
    "An API key must not stand in the address ('?key='), because addresses are logged on their way. Send it in the header 'Authorization: Bearer sk-r9k-…', and replace the key that was in the address."
  throw new Failure('invalid-key', text)
}

/**
 * Finds the record of a key (contract 2, accounts 1). `beforeLookUp` may refuse a request whose key is not known in this
 * isolate, before that request costs a read of KV.
 * @throws Failure 401 for a key that is malformed, unknown, disabled or expired, or whose team is; 503 if KV cannot answer.
 */
export async function authenticate(
  key: string,
  store: Store,
  waitUntil: WaitUntil,
  beforeLookUp?: BeforeLookUp,
): Promise<Caller> {
  const knownName = keyNames.get(key)
  if (knownName === undefined && !looksLikeKey(key)) throw invalidKey()
  const name = knownName ?? (await keyName(key))
  const now = Date.now()
  const context = { store, now, waitUntil, beforeLookUp }
  const record = knownRecord(name, context) ?? (await lookFor(name, context))
  if (record === null || record.disabled === true) throw invalidKey()
  if (knownName === undefined) setBounded(keyNames, key, name, MAX_KEY_NAMES)
  if (record.expires !== undefined && Date.parse(record.expires) <= now) {
    throw new Failure('expired-key', 'This API key has expired. Ask for a new one.')
  }
  if (record.team === undefined) return record
  // A team is found as a key is, and trusted for as long. The record of a key can have all that a team's has.
  const id = TEAM_RECORDS + record.team
  const team = knownRecord(id, context) ?? (await lookFor(id, { ...context, beforeLookUp: undefined }))
  if (team === null || team.disabled === true) {
    throw new Failure('invalid-key', 'The team of this API key has ended. Ask for another key.')
  }
  return team.limits === undefined ? record : memberOf(record, id, team.limits)
}

/** By their records. */
const members = new WeakMap<KeyRecord, Caller>()

/** One caller for a record, as long as the limits of its team stay. */
function memberOf(record: KeyRecord, id: string, limits: Limits): Caller {
  const known = members.get(record)
  if (known?.accounts?.[0]?.limits === limits) return known
  const caller = { ...record, accounts: [{ id, owner: "This key's team", limits }] }
  members.set(record, caller)
  return caller
}

function readBearer(header: string | null): string {
  const match = /^bearer +(\S+) *$/i.exec(header ?? '')
  if (match?.[1] !== undefined) return match[1]
  if (/^bearer\b/i.test(header ?? '')) throw invalidKey()
  const text = "You didn't provide an API key. Send it in the header 'Authorization: Bearer sk-r9k-…'."
  throw new Failure('missing-key', text)
}

function twoKeys(): Failure {
  return new Failure('invalid-key', 'The request has two different API keys in its headers. Send one of them.')
}

function invalidKey(): Failure {
  return new Failure('invalid-key', 'Incorrect API key provided. Keys begin with sk-r9k-.')
}

interface LookUpContext {
  readonly store: Store
  readonly now: number
  readonly waitUntil: WaitUntil
  readonly beforeLookUp: BeforeLookUp | undefined
}

/** A record that is trusted. It is read again in the background before that time is over. */
function knownRecord(name: string, { store, now, waitUntil }: LookUpContext): KeyRecord | undefined {
  const known = knownKeys.get(name)
  if (known === undefined || now - known.readAt >= TRUST_KNOWN_MS) return undefined
  if (now - known.readAt >= REFRESH_AFTER_MS && !pendingLookUps.has(name)) {
    waitUntil(lookUp(name, store, now).catch(() => null))
  }
  return known.record
}

async function lookFor(
  name: string,
  { store, now, waitUntil, beforeLookUp }: LookUpContext,
): Promise<KeyRecord | null> {
  const known = knownKeys.get(name)
  const unknownSince = unknownKeys.get(name)
  if (unknownSince !== undefined && now - unknownSince < TRUST_UNKNOWN_MS) return null
  const stale = known !== undefined && now - known.readAt < TRUST_STALE_MS ? known.record : undefined
  if (stale === undefined) await beforeLookUp?.()
  try {
    const waitMs = stale === undefined ? WAIT_MS : STALE_WAIT_MS
    const found = await withTimeout(sharedLookUp(name, store, now, waitUntil), waitMs)
    if (found !== TIMED_OUT) return found
  } catch (error) {
    if (stale === undefined) throw unavailable(error instanceof Error ? error.message : String(error))
  }
  if (stale === undefined) throw unavailable(KV_TIMED_OUT)
  return stale
}

const KV_TIMED_OUT = 'KV did not answer in time'

function unavailable(detail: string): Failure {
  return new Failure('key-store-unavailable', 'API keys cannot be checked right now. Try again in a moment.', {
    retryAfterMs: 1000,
    detail,
  })
}

/** Makes one look-up at a time for each key, however many requests wait for it. */
function sharedLookUp(name: string, store: Store, now: number, waitUntil: WaitUntil): Promise<KeyRecord | null> {
  const pending = pendingLookUps.get(name)
  if (pending !== undefined) return follow(pending, () => lookUp(name, store, now))
  const own = lookUp(name, store, now)
  // The look-up goes on when its client disconnects, because other requests may wait for it.
  waitUntil(own.catch(() => null))
  return own
}

async function follow<T>(pending: Promise<T>, startOwn: () => Promise<T>): Promise<T> {
  const result = await withTimeout(pending, FOLLOW_MS)
  return result === TIMED_OUT ? startOwn() : result
}

function lookUp(name: string, store: Store, now: number): Promise<KeyRecord | null> {
  const work = readRecord(name, store, now).finally(() => {
    if (pendingLookUps.get(name) === work) pendingLookUps.delete(name)
  })
  pendingLookUps.set(name, work)
  return work
}

/** Takes in changed records. Those of them that this isolate has never asked for are found when somebody asks. */
function learnChanges(changes: readonly KeyChange[], missed: boolean): void {
  learnProviderLimits(changes, missed)
  const now = Date.now()
  // Each is asked for again when it is used next, so never all at once; until then nobody waits.
  if (missed)
    for (const [name, { record }] of knownKeys) knownKeys.set(name, { record, readAt: now - REFRESH_AFTER_MS })
  for (const { name, text } of changes) {
    unknownKeys.delete(name)
    if (!knownKeys.has(name)) continue
    const record = readText(text)
    if (record === undefined) knownKeys.delete(name)
    else knownKeys.set(name, { record, readAt: now })
  }
}

function readText(text: string): KeyRecord | undefined {
  try {
    return keyRecord.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

async function readRecord(name: string, store: Store, now: number): Promise<KeyRecord | null> {
  const inKv = await withKvTimeout(store.get(name, { type: 'text', cacheTtl: KV_CACHE_SECONDS }))
  const text = laterOf(keyNews.textOf(name), inKv)
  if (text === null) {
    knownKeys.delete(name)
    setBounded(unknownKeys, name, now, MAX_UNKNOWN_KEYS)
    return null
  }
  const record = keyRecord.parse(JSON.parse(text))
  unknownKeys.delete(name)
  setBounded(knownKeys, name, { record, readAt: now }, MAX_KNOWN_KEYS)
  return record
}

async function withKvTimeout<T>(work: Promise<T>): Promise<T> {
  const result = await withTimeout(work, KV_TIMEOUT_MS)
  if (result === TIMED_OUT) throw new Error(KV_TIMED_OUT)
  return result
}

/** Sets an entry, and deletes the oldest one if there are too many: a Map keeps the order of insertion. */
function setBounded<T>(map: Map<string, T>, name: string, value: T, maxSize: number): void {
  map.delete(name)
  map.set(name, value)
  if (map.size <= maxSize) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}
