import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { getPlatformProxy, unstable_readConfig } from 'wrangler'
import { type KeyRecord, keyRecord } from '../../access/keys.ts'

const require = createRequire(import.meta.url)

/** A key's record and its name in KV. */
export interface StoredKey {
  readonly name: string
  readonly record: KeyRecord
}

/** A key as it was found: one whose record is broken must not hide the others. */
export interface FoundKey {
  readonly name: string
  readonly record: KeyRecord | undefined
}

/** Where keys are kept: the namespace `KEYS`, of `wrangler dev` or of the deployed Worker. */
export interface KeyStore {
  readonly put: (name: string, record: KeyRecord) => Promise<void>
  readonly list: () => Promise<readonly FoundKey[]>
  readonly close: () => Promise<void>
}

/** The store of this machine. */
export interface LocalStore extends KeyStore {
  readonly remove: (name: string) => Promise<void>
}

const ROOT = path.resolve(import.meta.dirname, '../../..')
/** What a key's name in KV begins with. */
export const PREFIX = 'key:'
/** KV keeps this much beside a value, and lists it along with the name. */
const METADATA_BYTES = 1024

/** What lists show without a read for each key: the record where it is small enough, nothing otherwise. */
export function metadataOf(record: KeyRecord): KeyRecord | undefined {
  return new TextEncoder().encode(JSON.stringify(record)).length <= METADATA_BYTES ? record : undefined
}

/** A record out of its text; undefined where it is broken. */
export function readText(text: string | null): KeyRecord | undefined {
  try {
    return readable(JSON.parse(text ?? ''))
  } catch {
    return undefined
  }
}

/** A record as it was listed; undefined where it is broken. */
export function readable(value: unknown): KeyRecord | undefined {
  return keyRecord.safeParse(value).data
}

/** Where `wrangler dev` keeps its state; `persistTo` as its option `--persist-to`. */
export function stateFolder(persistTo?: string): string {
  return persistTo ?? path.join(ROOT, '.wrangler/state')
}

/** The store that `wrangler dev` uses. */
export async function openLocalStore(persistTo?: string): Promise<LocalStore> {
  const state = path.join(stateFolder(persistTo), 'v3')
  const { configPath, remove } = await keysOnlyConfig()
  const { env, dispose } = await getPlatformProxy<{ KEYS: KVNamespace }>({
    configPath,
    persist: { path: state },
    envFiles: [],
  })
  const { KEYS } = env
  return {
    put: (name, record) => KEYS.put(name, JSON.stringify(record), { metadata: metadataOf(record) }),
    list: async () => {
      const found: FoundKey[] = []
      let cursor: string | undefined
      do {
        const page = await KEYS.list<unknown>({ prefix: PREFIX, ...(cursor === undefined ? {} : { cursor }) })
        for (const { name, metadata } of page.keys) {
          found.push({ name, record: metadata ? readable(metadata) : readText(await KEYS.get(name, 'text')) })
        }
        cursor = page.list_complete ? undefined : page.cursor
      } while (cursor !== undefined)
      return found
    },
    remove: (name) => KEYS.delete(name),
    close: async () => {
      await dispose()
      await remove()
    },
  }
}

/** Wrangler's platform serves a whole configuration; of ours only the keys are wanted, without the classes they come with. */
async function keysOnlyConfig(): Promise<{ configPath: string; remove: () => Promise<void> }> {
  const { kv_namespaces, compatibility_date } = unstable_readConfig({ config: path.join(ROOT, 'wrangler.toml') })
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-keys-'))
  const configPath = path.join(directory, 'wrangler.json')
  await writeFile(configPath, JSON.stringify({ name: 'router9-keys', compatibility_date, kv_namespaces }))
  return { configPath, remove: () => rm(directory, { recursive: true, force: true }) }
}

/** The program `wrangler`, as a path that Node can run on every system. */
export function wranglerProgram(): string {
  return path.join(path.dirname(require.resolve('wrangler/package.json')), 'bin/wrangler.js')
}
