import { Failure } from '../chat/failure.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { type KeyRecord, keyName, keyRecord, looksLikeKey } from './keys.ts'

/** An isolate believes a key it knows for this long, and asks again in the background before that runs out. */
const POSITIVE_MS = 30_000
const REFRESH_AFTER_MS = 20_000
const NEGATIVE_MS = 10_000
/** While KV fails, a key known before serves on for this long. */
const STALE_MS = 600_000
/** And a key known before waits this long for KV, which mostly takes a few milliseconds. */
const STALE_WAIT_MS = 250
const MAX_POSITIVES = 5000
/** Kept apart, so that guesses cannot push out keys that are in use. */
const MAX_NEGATIVES = 2000
const KV_CACHE_SECONDS = 30
const KV_TIMEOUT_MS = 3000
/** Nobody waits longer for KV. A read that takes longer goes on, and its word is there for the next call. */
const WAIT_MS = 1000
/** A request that waits for another one's look-up does its own after this long: that other may have been ended. */
const FOLLOW_MS = 500

interface Known {
  readonly record: KeyRecord
  readonly at: number
}

const positives = new Map<string, Known>()
const negatives = new Map<string, number>()
/** Of keys that were good, so that the next call need not hash them: they are in this isolate's memory only. */
const names = new Map<string, string>()
const MAX_NAMES = 1000
const underWay = new Map<string, Promise<KeyRecord | null>>()

type Store = Pick<KVNamespace, 'get'>
type WaitUntil = (work: Promise<unknown>) => void
type BeforeLookUp = () => Promise<void>

/**
 * Finds out who calls, from the bearer key (contract 2). `beforeLookUp` may refuse a call whose key is not known here, before
 * that costs a read of KV.
 * @throws Failure 401 for a key that is missing, malformed, unknown, disabled or expired; 503 where KV cannot say.
 */
export async function authenticate(
  header: string | null,
  store: Store,
  waitUntil: WaitUntil,
  beforeLookUp?: BeforeLookUp,
): Promise<KeyRecord> {
  const key = bearer(header)
  if (!looksLikeKey(key)) throw invalidKey()
  const name = names.get(key) ?? (await keyName(key))
  const now = Date.now()
  const record = await find(name, { store, now, waitUntil, beforeLookUp })
  if (record === null || record.disabled === true) throw invalidKey()
  if (!names.has(key)) keep(names, key, name, MAX_NAMES)
  if (record.expires !== undefined && Date.parse(record.expires) <= now) {
    throw new Failure('expired-key', 'This API key has expired. Ask for a new one.')
  }
  return record
}

function bearer(header: string | null): string {
  const match = /^bearer +(\S+) *$/i.exec(header ?? '')
  if (match?.[1] !== undefined) return match[1]
  if (/^bearer\b/i.test(header ?? '')) throw invalidKey()
  const text = "You didn't provide an API key. Send it in the header 'Authorization: Bearer sk-r9k-…'."
  throw new Failure('missing-key', text)
}

function invalidKey(): Failure {
  return new Failure('invalid-key', 'Incorrect API key provided. Keys begin with sk-r9k-.')
}

interface Finding {
  readonly store: Store
  readonly now: number
  readonly waitUntil: WaitUntil
  readonly beforeLookUp: BeforeLookUp | undefined
}

async function find(name: string, { store, now, waitUntil, beforeLookUp }: Finding): Promise<KeyRecord | null> {
  const known = positives.get(name)
  if (known !== undefined && now - known.at < POSITIVE_MS) {
    if (now - known.at >= REFRESH_AFTER_MS && !underWay.has(name)) waitUntil(lookUp(name, store, now).catch(() => null))
    return known.record
  }
  const refused = negatives.get(name)
  if (refused !== undefined && now - refused < NEGATIVE_MS) return null
  const stale = known !== undefined && now - known.at < STALE_MS ? known.record : undefined
  if (stale === undefined) await beforeLookUp?.()
  try {
    // While KV hangs, who was known before is hardly made to wait for it.
    const soon = await withTimeout(single(name, store, now, waitUntil), stale === undefined ? WAIT_MS : STALE_WAIT_MS)
    if (soon !== TIMED_OUT) return soon
  } catch (error) {
    if (stale === undefined) throw unavailable(error instanceof Error ? error.message : String(error))
  }
  if (stale === undefined) throw unavailable(KV_LATE)
  return stale
}

const KV_LATE = 'KV did not answer in time'

function unavailable(detail: string): Failure {
  return new Failure('key-store-unavailable', 'API keys cannot be checked right now. Try again in a moment.', {
    retryAfterMs: 1000,
    detail,
  })
}

/** One look-up for each key at a time, however many requests wait for it. */
function single(name: string, store: Store, now: number, waitUntil: WaitUntil): Promise<KeyRecord | null> {
  const other = underWay.get(name)
  if (other !== undefined) return follow(other, () => lookUp(name, store, now))
  const own = lookUp(name, store, now)
  // The look-up outlives a client that leaves, since others may be waiting for it.
  waitUntil(own.catch(() => null))
  return own
}

async function follow<T>(other: Promise<T>, own: () => Promise<T>): Promise<T> {
  const first = await withTimeout(other, FOLLOW_MS)
  return first === TIMED_OUT ? own() : first
}

function lookUp(name: string, store: Store, now: number): Promise<KeyRecord | null> {
  const work = read(name, store, now).finally(() => {
    if (underWay.get(name) === work) underWay.delete(name)
  })
  underWay.set(name, work)
  return work
}

async function read(name: string, store: Store, now: number): Promise<KeyRecord | null> {
  const text = await inTime(store.get(name, { type: 'text', cacheTtl: KV_CACHE_SECONDS }))
  if (text === null) {
    positives.delete(name)
    keep(negatives, name, now, MAX_NEGATIVES)
    return null
  }
  const record = keyRecord.parse(JSON.parse(text))
  negatives.delete(name)
  keep(positives, name, { record, at: now }, MAX_POSITIVES)
  return record
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const found = await withTimeout(work, KV_TIMEOUT_MS)
  if (found === TIMED_OUT) throw new Error(KV_LATE)
  return found
}

/** A Map keeps the order of insertion: the first is the oldest. */
function keep<T>(map: Map<string, T>, name: string, value: T, most: number): void {
  map.delete(name)
  map.set(name, value)
  if (map.size <= most) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}
