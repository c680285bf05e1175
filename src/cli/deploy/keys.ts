import { type KeyStore, metadataOf, PREFIX, readable, readText } from '../keys/store.ts'
import { runWrangler } from './wrangler.ts'

/** The store of the deployed Worker, by wrangler's own login; `namespaceId` where `wrangler.toml` has none. */
export function openRemoteStore(namespaceId?: string): KeyStore {
  const where = ['--remote', ...(namespaceId === undefined ? ['--binding', 'KEYS'] : ['--namespace-id', namespaceId])]
  const ask = async (...args: readonly string[]) => (await runWrangler(['kv', 'key', ...args, ...where])).text
  return {
    put: async (name, record) => {
      const metadata = metadataOf(record)
      const beside = metadata === undefined ? [] : ['--metadata', JSON.stringify(metadata)]
      await ask('put', name, JSON.stringify(record), ...beside)
    },
    list: async () => {
      const keys: readonly { name: string; metadata?: unknown }[] = JSON.parse(await ask('list', '--prefix', PREFIX))
      return Promise.all(
        keys.map(async ({ name, metadata }) => ({
          name,
          record: metadata ? readable(metadata) : readText(await ask('get', name, '--text')),
        })),
      )
    },
    close: async () => {},
  }
}
