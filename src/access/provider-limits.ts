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
/** After a failure KV is not asked again for so long, once the limits are known. */
const FAILED_MS = 5000

let accounts: ReadonlyMap<string, LimitedAccount> = new Map()
/** 0 until this isolate has read them once. */
let readAt = 0
let askAgainAt = 0

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
 * @param newsOf the text that a record was given lately, as the isolate has heard it.
 * @throws Failure 503 if they cannot be read for the first time: nobody may spend past a budget that is not known.
 */
export function readProviderLimits(
  store: Store,
  waitUntil: (work: Promise<unknown>) => void,
  newsOf: (name: string) => string | null,
): Promise<void> | undefined {
  const now = Date.now()
  if (readAt !== 0 && now < askAgainAt) return undefined
  askAgainAt = now + FAILED_MS
  const reading = read(store, newsOf)
  if (readAt === 0) return reading
  waitUntil(reading.catch(() => undefined))
  return undefined
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
  readAt = Date.now()
  askAgainAt = readAt + REFRESH_AFTER_MS
  const limits = text === null ? {} : providerLimitsIn(text)
  accounts = new Map(
    Object.entries(limits).map(([provider, own]) => [
      provider,
      { id: providerAccountId(provider), owner: `The provider ${provider}`, limits: own },
    ]),
  )
}
