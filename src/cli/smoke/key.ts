import { KEY_PREFIX, type KeyRecord, keyName } from '../../access/keys.ts'
import { randomText } from '../../platform/random.ts'

/** A key for one smoke test: the store forgets it by itself, should nobody come to delete it. */
export interface SmokeKey {
  readonly key: string
  /** Its name in KV. */
  readonly name: string
  readonly record: KeyRecord
}

const KEY_CHARACTERS = 40
/** As long as the slowest provider may take, and no longer than somebody could make use of it. */
export const SMOKE_KEY_SECONDS = 3600

/** Makes a key that is good for an hour and a dollar. */
export async function makeSmokeKey(now: number): Promise<SmokeKey> {
  const key = `${KEY_PREFIX}${randomText(KEY_CHARACTERS)}`
  const record: KeyRecord = {
    id: `key_${randomText(12)}`,
    name: 'smoke test',
    created: new Date(now).toISOString(),
    expires: new Date(now + SMOKE_KEY_SECONDS * 1000).toISOString(),
    // Limits make the request pass by the Durable Object that counts them.
    limits: { rpm: 60, budget: 1 },
  }
  return { key, name: await keyName(key), record }
}
