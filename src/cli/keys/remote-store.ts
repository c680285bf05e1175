import { type ListedRecord, metadataOf } from '../../access/record-store.ts'
import type { KeyStore } from '../shared/key-store.ts'
import { runWrangler } from '../shared/wrangler.ts'

/** Opens the records of the deployed Worker, with wrangler's own login. `namespaceId` is for a wrangler.toml that has none. */
export function openRemoteStore(namespaceId?: string): KeyStore {
  const where = ['--remote', ...(namespaceId === undefined ? ['--binding', 'KEYS'] : ['--namespace-id', namespaceId])]
  const kvKey = async (...args: readonly string[]) => (await runWrangler(['kv', 'key', ...args, ...where])).text
  const list = async (prefix: string): Promise<readonly ListedRecord[]> =>
    JSON.parse(await kvKey('list', '--prefix', prefix))
  return {
    // Of what is not there, wrangler's answer could be a value too.
    read: async (name) => {
      const isThere = (await list(name)).some((listed) => listed.name === name)
      return isThere ? kvKey('get', name, '--text') : null
    },
    write: async (writes) => {
      for (const { name, text } of writes) {
        const metadata = metadataOf(text)
        await kvKey('put', name, text, ...(metadata === undefined ? [] : ['--metadata', JSON.stringify(metadata)]))
      }
      return true
    },
    list: async (prefix) => ({ records: await list(prefix), cursor: undefined }),
    close: async () => {},
  }
}
