import { Failure } from '../chat/failure.ts'

const RETRY_MS = 60_000

/**
 * Refuses an address that keeps calling with keys that are not known here: each such call would cost a read of KV. The count is
 * the platform's, for each of its data centres; where it fails, nobody is refused.
 * @throws Failure 429 `address-rate`.
 */
export async function refuseBusyAddress(limit: RateLimit, address: string | undefined): Promise<void> {
  if (address === undefined) return
  const { success } = await limit.limit({ key: networkOf(address) }).catch(() => ({ success: true }))
  if (success) return
  const text = 'Too many calls with unknown keys come from this address. Try again in a minute.'
  throw new Failure('address-rate', text, { retryAfterMs: RETRY_MS })
}

/** An IPv6 address is one of 2^64 that its owner has: what counts is its network. */
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
