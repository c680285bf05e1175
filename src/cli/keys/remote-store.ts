import { type KeyStore, metadataOf, NAME_PREFIX, readRecord, readRecordText } from '../shared/key-store.ts'
import { runWrangler } from '../shared/wrangler.ts'

/** Opens the keys of the deployed Worker, with wrangler's own login. `namespaceId` is for a wrangler.toml that has none. */
export function openRemoteStore(namespaceId?: string): KeyStore {
  const where = ['--remote', ...(namespaceId === undefined ? ['--binding', 'KEYS'] : ['--namespace-id', namespaceId])]
  const kvKey = async (...args: readonly string[]) => (await runWrangler(['kv', 'key', ...args, ...where])).text
  return {
    put: async (name, record) => {
      const metadata = metadataOf(record)
      const metadataOptions = metadata === undefined ? [] : ['--metadata', JSON.stringify(metadata)]
      await kvKey('put', name, JSON.stringify(record), ...metadataOptions)
    },
    list: async () => {
      const keys: readonly { name: string; metadata?: unknown }[] = JSON.parse(
        await kvKey('list', '--prefix', NAME_PREFIX),
      )
      return Promise.all(
        keys.map(async ({ name, metadata }) => ({
          name,
          record: metadata ? readRecord(metadata) : readRecordText(await kvKey('get', name, '--text')),
        })),
      )
    },
    close: async () => {},
  }
}
