import { wrongCursor } from '../access/manage-records.ts'
import { listRecords, type RecordStore, type RecordWrite } from '../access/record-store.ts'
import { type KeptAnswer, REGISTRY_NAME, type WriteResult } from '../access/registry-object.ts'
import { Failure } from '../chat/failure.ts'
import type { ObjectsOf } from '../env.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'

/** Longer than the object waits for KV, several times. */
const WAIT_MS = 20_000
const NEWEST = 2

/** The records as the Worker reads and changes them: through the object that orders all changes. */
export interface Registry extends RecordStore {
  readonly answer: (id: string) => Promise<KeptAnswer | null>
  readonly writeWithAnswer: (writes: readonly RecordWrite[], answer: KeptAnswer) => Promise<WriteResult>
}

/** All of its methods throw a Failure 503 where KV or the object fails. */
export function openRegistry(
  objects: ObjectsOf<'Registry'>,
  namespace: Pick<KVNamespace, 'get' | 'put' | 'list'>,
): Registry {
  const { Registry: registries } = objects()
  const object = registries.get(registries.idFromName(REGISTRY_NAME))
  return {
    read: (name) => available(object.read(name)),
    write: async (writes) => (await available(object.write(writes))).kind === 'written',
    list: async (prefix, cursor) => {
      // What is found by a whole id is one record, which KV's list may not have yet.
      const [page, names] = await Promise.all([
        available(listRecords(namespace, prefix, cursor).catch(refuseCursor)),
        prefix.endsWith(':') ? [] : available(object.names(prefix)),
      ])
      const known = new Set(page.records.map(({ name }) => name))
      const recent = names.slice(0, NEWEST).filter((name) => !known.has(name))
      return { ...page, records: [...page.records, ...recent.map((name) => ({ name }))] }
    },
    answer: (id) => available(object.answer(id)),
    writeWithAnswer: (writes, answer) => available(object.write(writes, answer)),
  }
}

/** KV's answer to a cursor that it has not given. */
function refuseCursor(error: unknown): never {
  if (/\b400\b/.test(String(error))) throw wrongCursor()
  throw error
}

/** @throws Failure 503, or the one that the work throws. */
async function available<T>(work: PromiseLike<T>): Promise<T> {
  let detail = 'no answer in time'
  try {
    const result = await withTimeout(Promise.resolve(work), WAIT_MS)
    if (result !== TIMED_OUT) return result
  } catch (error) {
    if (error instanceof Failure) throw error
    detail = error instanceof Error ? error.message : String(error)
  }
  const text = 'Keys cannot be read or changed right now. Look whether the change was made before you try again.'
  throw new Failure('key-store-unavailable', text, { retryAfterMs: 1000, detail })
}
