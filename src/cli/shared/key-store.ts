import { type KeyRecord, keyRecord } from '../../access/keys.ts'

/** A key's record and its name in KV. */
export interface StoredKey {
  readonly name: string
  readonly record: KeyRecord
}

/** A key in a list. Its record is undefined where it cannot be read: it must not hide the others. */
export interface ListedKey {
  readonly name: string
  readonly record: KeyRecord | undefined
}

/** Where keys are kept: the KV namespace `KEYS`, of `wrangler dev` or of the deployed Worker. */
export interface KeyStore {
  readonly put: (name: string, record: KeyRecord) => Promise<void>
  readonly list: () => Promise<readonly ListedKey[]>
  readonly close: () => Promise<void>
}

/** What the name of every key begins with in KV. */
export const NAME_PREFIX = 'key:'
/** KV's limit for the metadata of a value. KV lists metadata together with the names. */
const MAX_METADATA_BYTES = 1024

/** The record as KV metadata, so that a list needs no read for each key; undefined where the record is too large for it. */
export function metadataOf(record: KeyRecord): KeyRecord | undefined {
  return new TextEncoder().encode(JSON.stringify(record)).length <= MAX_METADATA_BYTES ? record : undefined
}

/** Reads a record from a KV value; undefined where it is broken. */
export function readRecordText(text: string | null): KeyRecord | undefined {
  try {
    return readRecord(JSON.parse(text ?? ''))
  } catch {
    return undefined
  }
}

/** Reads a record from KV metadata; undefined where it is broken. */
export function readRecord(value: unknown): KeyRecord | undefined {
  return keyRecord.safeParse(value).data
}
