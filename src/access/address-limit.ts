import { Failure } from '../chat/failure.ts'

const RETRY_MS = 60_000

/**
 * Refuses an address that sends too many keys that this isolate does not know: each of them would cost a read of KV
 * (accounts 1). The platform counts, separately in each of its data centres. If its counter fails, nobody is refused.
 * @throws Failure 429 `address-rate`.
 */
export async function refuseBusyAddress(limit: RateLimit, address: string | undefined): Promise<void> {
  if (address === undefined) return
  const { success } = await limit.limit({ key: networkOf(address) }).catch(() => ({ success: true }))
  if (success) return
  const text = 'Too many calls with unknown keys come from this address. Try again in a minute.'
  throw new Failure('address-rate', text, { retryAfterMs: RETRY_MS })
}

/** The address, or the /64 network of an IPv6 address: its owner has 2^64 of them. */
export function networkOf(address: string): string {
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1)
  const [before = '', after] = address.split('::')
  const groups = before.split(':')
  const missing = after === undefined ? 0 : 8 - groups.length - after.split(':').length
  const all = [...groups, ...Array<string>(Math.max(missing, 0)).fill('0'), ...(after ?? '').split(':')]
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '') || '0')
    .join(':')
}
