import { access, constants, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { kvRecords } from '../../access/record-store.ts'
import { CliError } from '../arguments.ts'
import type { KeyStore } from './key-store.ts'
import { ROOT } from './root.ts'
import { readWranglerConfig } from './wrangler-config.ts'

/** The keys on this machine. */
export interface LocalStore extends KeyStore {
  readonly remove: (name: string) => Promise<void>
}

/** Where `wrangler dev` keeps its state. `persistTo` is the value of its option `--persist-to`. */
export function stateFolder(persistTo?: string): string {
  return persistTo ?? path.join(ROOT, '.wrangler/state')
}

/** Makes that folder, where it is not there. @throws CliError where it cannot be made, or not be written to. */
export async function makeStateFolder(persistTo?: string): Promise<void> {
  const folder = stateFolder(persistTo)
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (error) {
    throw new CliError(`Keys and usage cannot be kept in ${folder}: ${(error as Error).message}`)
  }
}

/**
 * Opens the KV namespace that `wrangler dev` uses. By wrangler's API, not by `wrangler kv key … --local`: that starts wrangler
 * anew for each read and write, which takes a second or more each time.
 */
export async function openLocalStore(persistTo?: string): Promise<LocalStore> {
  await makeStateFolder(persistTo)
  const state = path.join(stateFolder(persistTo), 'v3')
  const { getPlatformProxy } = await import('wrangler')
  const { configPath, remove } = await writeKeysOnlyConfig()
  const { env, dispose } = await getPlatformProxy<{ KEYS: KVNamespace }>({
    configPath,
    persist: { path: state },
    envFiles: [],
  })
  const { KEYS } = env
  return {
    ...kvRecords(KEYS),
    remove: (name) => KEYS.delete(name),
    close: async () => {
      await dispose()
      await remove()
    },
  }
}

/** A configuration with the keys alone: with the whole one, wrangler would want the code of the Durable Objects too. */
async function writeKeysOnlyConfig(): Promise<{ configPath: string; remove: () => Promise<void> }> {
  const { kv_namespaces, compatibility_date } = await readWranglerConfig()
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-keys-'))
  const configPath = path.join(directory, 'wrangler.json')
  await writeFile(configPath, JSON.stringify({ name: 'router9-keys', compatibility_date, kv_namespaces }))
  return { configPath, remove: () => rm(directory, { recursive: true, force: true }) }
}
