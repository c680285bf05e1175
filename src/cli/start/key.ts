import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { keyName, looksLikeKey } from '../../access/keys.ts'
import { type LocalStore, openLocalStore, stateFolder } from '../shared/local-store.ts'
import { DEMO_KEY, newKey } from '../shared/new-key.ts'

const LOCAL_ID = 'key_local'

/**
 * Returns the key that `npm start` prints, after putting it where this machine's Worker looks for keys. With the simulator it
 * is the demo key, which everybody knows. With real provider keys the demo key is removed, since any web page could use it and
 * spend money. Then there is a random key, which stays the same from start to start, so that clients need no new one. Its file
 * can be read by whoever can read .dev.vars.
 */
export async function startKey(isSimulated: boolean, persistTo: string | undefined): Promise<string> {
  const store = await openLocalStore(persistTo)
  try {
    if (isSimulated) {
      await store.put(await keyName(DEMO_KEY), { id: 'key_demo', name: 'demo', created: new Date().toISOString() })
      return DEMO_KEY
    }
    await store.remove(await keyName(DEMO_KEY))
    return await localKey(store, path.join(stateFolder(persistTo), 'router9-key'))
  } finally {
    await store.close()
  }
}

/** The key in `file`, as long as the store accepts it; otherwise a new one in its place. */
async function localKey(store: LocalStore, file: string): Promise<string> {
  const savedKey = (await readFile(file, 'utf8').catch(() => '')).trim()
  const savedName = looksLikeKey(savedKey) ? await keyName(savedKey) : undefined
  const localKeys = (await store.list()).filter(({ record }) => record?.id === LOCAL_ID)
  const record = localKeys.find(({ name }) => name === savedName)?.record
  // Whoever revoked it wants another one.
  const isAccepted =
    record !== undefined && record.disabled !== true && !(Date.parse(record.expires ?? '') <= Date.now())
  if (isAccepted && savedKey !== DEMO_KEY) return savedKey
  for (const { name } of localKeys) await store.remove(name)
  const key = newKey()
  await mkdir(path.dirname(file), { recursive: true })
  await rm(file, { force: true })
  await writeFile(file, `${key}\n`, { mode: 0o600 })
  await store.put(await keyName(key), { id: LOCAL_ID, name: 'npm start', created: new Date().toISOString() })
  return key
}
