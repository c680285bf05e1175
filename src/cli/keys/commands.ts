import { type KeyRecord, keyName, looksLikeKey } from '../../access/keys.ts'
import { UsageError } from '../arguments.ts'
import type { KeyStore, StoredKey } from '../shared/key-store.ts'
import { newKey, newKeyId } from '../shared/new-key.ts'
import { keyState } from './print.ts'

/** The record of a key that is about to be made. */
export function newRecord(
  name: string,
  now: number,
  rights: Pick<KeyRecord, 'expires' | 'models' | 'object' | 'limits'>,
): KeyRecord {
  return { id: newKeyId(), name, created: new Date(now).toISOString(), ...rights }
}

/**
 * Makes a key and returns what to print. The key is in the store before anybody sees it: KV remembers for a minute that a name
 * was missing, so a key that is tried too early would be refused for that time.
 */
export async function createKey(store: KeyStore, record: KeyRecord, json: boolean): Promise<string> {
  const key = newKey()
  await store.put(await keyName(key), record)
  if (json) return JSON.stringify({ key, ...record })
  return `${key}\n\nThis is ${record.id} (${record.name}). The key is not shown again: keep it safe.`
}

/** Marks a key as revoked. The record stays, so that lists show it. */
export async function revokeKey(store: KeyStore, { name, record }: StoredKey, json: boolean): Promise<string> {
  await store.put(name, { ...record, disabled: true })
  return json ? JSON.stringify({ id: record.id, disabled: true }) : `Revoked ${record.id} (${record.name}).`
}

export interface Rotation {
  /** How long the old key stays good; undefined where it ends at once. */
  readonly graceMs: number | undefined
  readonly now: number
  readonly json: boolean
}

/** Makes a key with the rights of an old one, which ends. Both share limits: they are one account. */
export async function rotateKey(store: KeyStore, old: StoredKey, { graceMs, now, json }: Rotation): Promise<string> {
  const state = keyState(old.record, now)
  if (state !== 'active') throw new UsageError(`${old.record.id} is ${state}: create a new key instead`)
  const { id, account = id, expires } = old.record
  const created = new Date(now).toISOString()
  const text = await createKey(store, { ...old.record, id: newKeyId(), account, created }, json)
  if (graceMs === undefined) await store.put(old.name, { ...old.record, disabled: true })
  else {
    const endsAt = Math.min(now + graceMs, expires === undefined ? Infinity : Date.parse(expires))
    await store.put(old.name, { ...old.record, expires: new Date(endsAt).toISOString() })
  }
  return text
}

/** Finds a key by its id, or by the key itself. @throws UsageError where there is none, or its record is broken. */
export async function findKey(store: KeyStore, subject: string): Promise<StoredKey> {
  const name = looksLikeKey(subject) ? await keyName(subject) : undefined
  const found = (await store.list()).find((stored) => stored.name === name || stored.record?.id === subject)
  if (found === undefined) throw new UsageError(`there is no key ${name === undefined ? `'${subject}'` : 'like that'}`)
  const { record } = found
  if (record === undefined) throw new UsageError(`the record of that key cannot be read: delete ${found.name} from KV`)
  return { name: found.name, record }
}
