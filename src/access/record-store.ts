import { KEY_RECORDS } from './keys.ts'

/** A record in a list. Without metadata it has to be read. */
export interface ListedRecord {
  readonly name: string
  readonly metadata?: unknown
}

export interface RecordPage {
  readonly records: readonly ListedRecord[]
  /** Where the next page begins; undefined after the last one. */
  readonly cursor: string | undefined
}

/** One record that is to be written. */
export interface RecordWrite {
  readonly name: string
  readonly text: string
  /** What the record was when it was read; null where there was none. If it is another one by now, nothing is written. */
  readonly was: string | null
}

/** Where the records of keys and teams are: the KV namespace `KEYS`, and what has been written to it lately. */
export interface RecordStore {
  /** The text of a record; null where there is none. */
  readonly read: (name: string) => Promise<string | null>
  /** Writes records in their order, or none of them: then it returns false. `made` is what they make, where it is something new. */
  readonly write: (writes: readonly RecordWrite[], made?: object) => Promise<boolean>
  /** Up to 1,000 records whose names begin with a prefix, in the order of their names. */
  readonly list: (prefix: string, cursor?: string) => Promise<RecordPage>
}

/** KV's limit for the metadata of a value. KV lists metadata together with the names. */
const MAX_METADATA_BYTES = 1024

/** The record as KV metadata, so that a list needs no read for each key; undefined where the record is too large for it. */
export function metadataOf(text: string): unknown {
  return new TextEncoder().encode(text).length <= MAX_METADATA_BYTES ? JSON.parse(text) : undefined
}

type Namespace = Pick<KVNamespace, 'get' | 'put' | 'list'>

/** Records in KV alone, where nobody else changes them at the same time: for programs. */
export function kvRecords(namespace: Namespace): RecordStore {
  return {
    read: (name) => namespace.get(name, 'text'),
    write: async (writes) => {
      for (const { name, text } of writes) await putRecord(namespace, name, text)
      return true
    },
    list: (prefix, cursor) => listRecords(namespace, prefix, cursor),
  }
}

export async function putRecord(namespace: Namespace, name: string, text: string): Promise<void> {
  await namespace.put(name, text, { metadata: metadataOf(text) })
}

export async function listRecords(namespace: Namespace, prefix: string, cursor?: string): Promise<RecordPage> {
  const page = await namespace.list<unknown>({ prefix, ...(cursor === undefined ? {} : { cursor }) })
  return { records: page.keys, cursor: page.list_complete ? undefined : page.cursor }
}

/** Of two texts of a record the one that was written later. A place that has not heard of the last change yet has the earlier one. */
export function laterOf(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other
  return updatedIn(other) > updatedIn(one) ? other : one
}

function updatedIn(text: string): string {
  try {
    const { updated } = JSON.parse(text) as { updated?: unknown }
    return typeof updated === 'string' ? updated : ''
  } catch {
    return ''
  }
}

/** Whether a name is that of a key's record, whole. */
export function isKeyRecordName(name: string): boolean {
  return name.startsWith(KEY_RECORDS) && /^[0-9a-f]{64}$/.test(name.slice(KEY_RECORDS.length))
}
