import { type KeyRecord, keyIdOf, keyName, newKey } from '../../access/keys.ts'
import { runWrangler } from '../shared/wrangler.ts'

/** Longer than the slowest provider may take, and too short for a thief to make use of it. */
const KEY_SECONDS = 3600

/**
 * Runs `work` with a key that a deployed Worker accepts: good for an hour and a dollar, in the KV namespace of that Worker. The
 * key is deleted afterwards; where that fails, KV forgets it by itself.
 */
export async function withSmokeKey<T>(namespaceId: string, work: (key: string) => Promise<T>): Promise<T> {
  const key = newKey()
  const name = await keyName(key)
  const now = Date.now()
  const record: KeyRecord = {
    id: keyIdOf(name),
    name: 'smoke test',
    created: new Date(now).toISOString(),
    expires: new Date(now + KEY_SECONDS * 1000).toISOString(),
    // With limits, a request also passes the Durable Object that counts them, so the smoke test checks that too.
    limits: { rpm: 60, budget: 1 },
  }
  const text = JSON.stringify(record)
  const where = ['--remote', '--namespace-id', namespaceId]
  await runWrangler(['kv', 'key', 'put', name, text, '--metadata', text, '--ttl', String(KEY_SECONDS), ...where])
  try {
    return await work(key)
  } finally {
    await runWrangler(['kv', 'key', 'delete', name, ...where]).catch(() => {
      console.log('The smoke test’s key could not be deleted; it ends by itself within the hour.')
    })
  }
}
