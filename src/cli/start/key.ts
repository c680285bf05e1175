import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { KEY_PREFIX, keyName, looksLikeKey } from '../../access/keys.ts'
import { randomText } from '../../platform/random.ts'
import { openLocalStore, stateFolder } from '../keys/store.ts'

export const DEMO_KEY = `${KEY_PREFIX}demo`
const KEY_CHARACTERS = 40
const LOCAL_ID = 'key_local'

/**
 * The key that `npm start` prints, put where this machine's Worker looks for it. The simulator has one that everybody knows.
 * With providers' real keys that one is taken away, since any web page could spend money by it: there is a random one, which
 * stays the same from start to start, so that clients need not be told anew. It is kept as readable as .dev.vars is.
 */
export async function startKey(simulated: boolean, persistTo: string | undefined): Promise<string> {
  const store = await openLocalStore(persistTo)
  const created = new Date().toISOString()
  try {
    if (simulated) {
      await store.put(await keyName(DEMO_KEY), { id: 'key_demo', name: 'demo', created })
      return DEMO_KEY
    }
    await store.remove(await keyName(DEMO_KEY))
    const file = path.join(stateFolder(persistTo), 'router9-key')
    const before = (await readFile(file, 'utf8').catch(() => '')).trim()
    const nameBefore = looksLikeKey(before) ? await keyName(before) : undefined
    const locals = (await store.list()).filter(({ record }) => record?.id === LOCAL_ID)
    const kept = locals.find(({ name }) => name === nameBefore)?.record
    // Whoever revoked it wants another.
    const isGood = kept !== undefined && kept.disabled !== true && !(Date.parse(kept.expires ?? '') <= Date.now())
    if (isGood && before !== DEMO_KEY) return before
    for (const { name } of locals) await store.remove(name)
    const key = `${KEY_PREFIX}${randomText(KEY_CHARACTERS)}`
    await mkdir(path.dirname(file), { recursive: true })
    await rm(file, { force: true })
    await writeFile(file, `${key}\n`, { mode: 0o600 })
    await store.put(await keyName(key), { id: LOCAL_ID, name: 'npm start', created })
    return key
  } finally {
    await store.close()
  }
}
