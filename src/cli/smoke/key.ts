import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { KEY_RECORDS, type KeyRecord, keyIdOf, keyName, newKey } from '../../access/keys.ts'
import { withPrivateFolder } from '../shared/private-folder.ts'
import { runWrangler } from '../shared/wrangler.ts'

/** Longer than the slowest provider may take, and too short for a thief to make use of it. */
const KEY_SECONDS = 3600

/** What a smoke test of a deployed Worker works with. */
export interface SmokeKeys {
  readonly key: string
  readonly managementKey: string
  /** To be told of further keys, which go together with these. */
  readonly onKey: (hash: string) => void
}

/**
 * Runs `work` with two keys that a deployed Worker accepts, in the KV namespace of that Worker: one for models, good for an hour
 * and a dollar, and one that manages keys, good for an hour. Both are deleted afterwards; where that fails, KV forgets them by
 * itself.
 */
export async function withSmokeKeys<T>(namespaceId: string, work: (keys: SmokeKeys) => Promise<T>): Promise<T> {
  // With limits, a request also passes the Durable Object that counts them, so the smoke test checks that too.
  const model = await newEntry({ limits: { rpm: 60, budget: 1 } })
  const manager = await newEntry({ role: 'management' })
  const entries = [model.entry, manager.entry]
  await bulk(namespaceId, ['put'], entries)
  const names = entries.map(({ key }) => key)
  const onKey = (hash: string) => {
    names.push(KEY_RECORDS + hash)
  }
  try {
    return await work({ key: model.key, managementKey: manager.key, onKey })
  } finally {
    await bulk(namespaceId, ['delete', '--force'], names).catch(() => {
      console.log('The smoke test’s keys could not be deleted; they end by themselves within the hour.')
    })
  }
}

/** A new key, and its record as wrangler takes it. */
async function newEntry(rights: Pick<KeyRecord, 'limits' | 'role'>) {
  const key = newKey()
  const name = await keyName(key)
  const now = Date.now()
  const record: KeyRecord = {
    id: keyIdOf(name),
    name: 'smoke test',
    created: new Date(now).toISOString(),
    expires: new Date(now + KEY_SECONDS * 1000).toISOString(),
    ...rights,
  }
  const entry = { key: name, value: JSON.stringify(record), metadata: record, expiration_ttl: KEY_SECONDS }
  return { key, entry }
}

/** One call of wrangler for all keys: each takes a second or more. */
async function bulk(namespaceId: string, command: readonly string[], content: readonly unknown[]): Promise<void> {
  const [verb = '', ...options] = command
  await withPrivateFolder(async (folder) => {
    const file = path.join(folder, 'keys.json')
    await writeFile(file, JSON.stringify(content), { mode: 0o600 })
    await runWrangler(['kv', 'bulk', verb, file, ...options, '--remote', '--namespace-id', namespaceId])
  })
}
