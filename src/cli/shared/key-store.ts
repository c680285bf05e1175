import type { KeyRecord } from '../../access/keys.ts'
import type { RecordStore } from '../../access/record-store.ts'

/** Where records are kept: the KV namespace `KEYS`, of `wrangler dev` or of the deployed Worker. */
export interface KeyStore extends RecordStore {
  readonly close: () => Promise<void>
}

/** Puts a record, whatever was there before. */
export async function putRecord(store: RecordStore, name: string, record: KeyRecord): Promise<void> {
  await store.write([{ name, text: JSON.stringify(record), was: null }])
}
