import { Failure } from '../chat/failure.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import type { KeyChange } from './key-changes.ts'
import { PROVIDER_RECORD, providerLimitsIn } from './keys.ts'
import type { LimitedAccount } from './limits.ts'
import { laterOf } from './record-store.ts'

/** Changes are told within seconds (accounts 6); KV is read so often for those that are not. */
const REFRESH_AFTER_MS = 60_000
const KV_CACHE_SECONDS = 30
const KV_TIMEOUT_MS = 1000
/** After a failure KV is not asked again for so long: once the limits are known, and before. */
const FAILED_MS = 5000
const UNKNOWN_FAILED_MS = 1000
/** Who waits for the read of another call starts its own after this time: the platform may have ended the other. */
const FOLLOW_MS = 500

let accounts: ReadonlyMap<string, LimitedAccount> = new Map()
/** 0 until this isolate has read them once. */
let readAt = 0
let askAgainAt = 0
/** Why they are not known: the last read, while `readAt` is 0. */
let first: Promise<Failure | undefined> | undefined

/** What limits the calls to a provider: the operator's own limits, for all keys together. Undefined for most. */
export function providerAccount(provider: string): LimitedAccount | undefined {
  return accounts.get(provider)
}

/** Whether any provider has such limits. */
export function hasProviderLimits(): boolean {
  return accounts.size > 0
}

/** The name of the ledger of a provider. */
export function providerAccountId(provider: string): string {
  return `provider:${provider}`
}

type Store = Pick<KVNamespace, 'get'>

/**
 * Sees to it that the limits of providers are known. Undefined where nobody has to wait, which is so after the first time.
 * Never rejects: resolves with 503 if they cannot be read for the first time. That is for who has a budget; all others may go
 * on, since what KV has on providers must not end the calls of everybody.
 * @param newsOf the text that a record was given lately, as the isolate has heard it.
 */
export function readProviderLimits(
  store: Store,
  waitUntil: (work: Promise<unknown>) => void,
  newsOf: (name: string) => string | null,
): Promise<Failure | undefined> | undefined {
  const now = Date.now()
  const isKnown = readAt !== 0
  if (now < askAgainAt) return isKnown ? undefined : follow(() => start(store, newsOf))
  askAgainAt = now + (isKnown ? FAILED_MS : UNKNOWN_FAILED_MS)
  const reading = start(store, newsOf)
  waitUntil(reading)
  return isKnown ? undefined : reading
}

function start(store: Store, newsOf: (name: string) => string | null): Promise<Failure | undefined> {
  const reading = read(store, newsOf).then(
    () => undefined,
    (error: unknown) => (error instanceof Failure && readAt === 0 ? error : undefined),
  )
  if (readAt === 0) first = reading
  return reading
}

async function follow(startOwn: () => Promise<Failure | undefined>): Promise<Failure | undefined> {
  const result = first && (await withTimeout(first, FOLLOW_MS))
  return result === TIMED_OUT ? startOwn() : result
}

async function read(store: Store, newsOf: (name: string) => string | null): Promise<void> {
  let detail = 'KV did not answer in time'
  try {
    const asked = store.get(PROVIDER_RECORD, { type: 'text', cacheTtl: KV_CACHE_SECONDS })
    const text = await withTimeout(asked, KV_TIMEOUT_MS)
    if (text !== TIMED_OUT) return learn(laterOf(newsOf(PROVIDER_RECORD), text))
  } catch (error) {
    detail = error instanceof Error ? error.message : String(error)
  }
  const text = 'The limits of providers cannot be read right now. Try again in a moment.'
  throw new Failure('key-store-unavailable', text, { retryAfterMs: 1000, detail })
}

/** Takes in changed records, as far as they are about providers; `missed` says that there were more. */
export function learnProviderLimits(changes: readonly KeyChange[], missed: boolean): void {
  if (missed) askAgainAt = 0
  const change = changes.findLast(({ name }) => name === PROVIDER_RECORD)
  if (change === undefined) return
  try {
    learn(change.text)
  } catch {
    // What was known before counts, until KV has something that can be read.
    askAgainAt = 0
  }
}

function learn(text: string | null): void {
  const limits = text === null ? {} : providerLimitsIn(text)
  readAt = Date.now()
  askAgainAt = readAt + REFRESH_AFTER_MS
  accounts = new Map(
    Object.entries(limits).map(([provider, own]) => [
      provider,
      { id: providerAccountId(provider), owner: `The provider ${provider}`, limits: own },
    ]),
  )
}
