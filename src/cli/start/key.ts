import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type KeyRecord, keyName, looksLikeKey, newKey } from '../../access/keys.ts'
import { keyState, listKeys } from '../../access/manage-records.ts'
import { putRecord } from '../shared/key-store.ts'
import { type LocalStore, openLocalStore, stateFolder } from '../shared/local-store.ts'
import { DEMO_KEY } from '../shared/new-key.ts'

/** The keys that `npm start` prints: one for models, and one that manages keys. */
export interface StartKeys {
  readonly key: string
  readonly managementKey: string
}

/**
 * Returns the keys that `npm start` prints, after putting them where this machine's Worker looks for keys. With the simulator
 * the first is the demo key, which everybody knows. With real provider keys the demo key is removed, since any web page could
 * use it and spend money. Then there is a random key, as the management key always is. Both stay the same from start to start,
 * so that clients need no new ones. Their files can be read by whoever can read .dev.vars.
 */
export async function startKeys(isSimulated: boolean, persistTo: string | undefined): Promise<StartKeys> {
  const store = await openLocalStore(persistTo)
  const inFolder = (name: string) => path.join(stateFolder(persistTo), name)
  const created = new Date().toISOString()
  const local = { id: 'key_local', name: 'npm start', created }
  const manager = { id: 'key_local_management', name: 'npm start', created, role: 'management' } as const
  try {
    const managementKey = await savedKey(store, inFolder('router9-management-key'), manager)
    if (isSimulated) {
      await putRecord(store, await keyName(DEMO_KEY), { id: 'key_demo', name: 'demo', created })
      return { key: DEMO_KEY, managementKey }
    }
    await store.remove(await keyName(DEMO_KEY))
    return { key: await savedKey(store, inFolder('router9-key'), local), managementKey }
  } finally {
    await store.close()
  }
}

/** The key in `file`, as long as the store accepts it; otherwise a new one in its place, with this record. */
async function savedKey(store: LocalStore, file: string, record: KeyRecord): Promise<string> {
  const saved = (await readFile(file, 'utf8').catch(() => '')).trim()
  const savedName = looksLikeKey(saved) ? await keyName(saved) : undefined
  const accepts = ({ id }: KeyRecord) => id === record.id
  const { records } = await listKeys(store, { accepts, offset: 0, cursor: undefined })
  const before = records.find(({ name }) => name === savedName)?.record
  // Whoever revoked it wants another one.
  if (before !== undefined && keyState(before, Date.now()) === 'active' && saved !== DEMO_KEY) return saved
  for (const { name } of records) await store.remove(name)
  const key = newKey()
  await mkdir(path.dirname(file), { recursive: true })
  await rm(file, { force: true })
  await writeFile(file, `${key}\n`, { mode: 0o600 })
  await putRecord(store, await keyName(key), record)
  return key
}
