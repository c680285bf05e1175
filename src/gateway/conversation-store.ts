import { createCipher } from '../conversations/cipher.ts'
import { type Found, PARTS, type Part, type SealedRecord, type Wanted } from '../conversations/records.ts'
import type { Objects, ObjectsOf } from '../env.ts'
import { sleep, TIMED_OUT, withTimeout } from '../platform/timeout.ts'

/** Two objects a key, so that neither use takes the other's place: answers that clients refer to, and reasoning of tool rounds. */
export type Purpose = 'responses' | 'reasoning'

/** A record as its caller may read it; its parts are JSON or other text. */
export interface PlainRecord extends Pick<SealedRecord, 'id' | 'parent' | 'aliases' | 'expires'> {
  readonly parts: Partial<Readonly<Record<Part, string>>>
}

/** What was found of all that was wanted. */
export interface FoundRecords {
  /** For each that was wanted, the id of its record; null where there is none. */
  readonly ids: readonly (string | null)[]
  readonly records: ReadonlyMap<string, Pick<PlainRecord, 'parent' | 'parts'>>
}

/** What one caller has in the objects of conversations. Its methods reject where the object fails, or takes longer than that. */
export interface ConversationStore {
  /** Returns for each record whether it is kept. */
  readonly put: (records: readonly PlainRecord[], timeoutMs: number) => Promise<readonly boolean[]>
  /**
   * Returns undefined where there is more than one request may bring in.
   * @param claim is told how many bytes are read, before many are; what it throws is passed on.
   */
  readonly find: (
    wanted: readonly Wanted[],
    timeoutMs: number,
    claim?: (bytes: number) => void,
  ) => Promise<FoundRecords | undefined>
  readonly remove: (id: string, timeoutMs: number) => Promise<boolean>
}

/** Whose store it is. */
export interface StoreOwner {
  readonly objects: ObjectsOf<'Conversations'>
  /** The id of the caller's key, and the key itself. */
  readonly keyId: string
  readonly key: string
}

/** The most that is read for one request: as much as a body may have (contract 5). */
const MAX_FOUND_BYTES = 20 * 1024 * 1024
/** So much is read before memory for it is claimed. More takes a second call, which costs little beside the rest. */
const UNCLAIMED_BYTES = 1024 * 1024
/** An object that restarts or moves fails once, and then works. */
const RETRY_AFTER_MS = 20

/** Opens the store of a caller. Nothing is asked yet, and nobody else can read what is put there. */
export function openConversationStore({ objects, keyId, key }: StoreOwner, purpose: Purpose): ConversationStore {
  let cipher: ReturnType<typeof createCipher> | undefined
  const cipherOnce = () => {
    cipher ??= createCipher(key, purpose)
    return cipher
  }
  const ask = <T>(call: (object: ObjectStub) => Promise<T>, timeoutMs: number) =>
    withinTime(
      twice(() => call(objectOf(objects(), `${purpose}:${keyId}`))),
      timeoutMs,
    )
  return {
    put: async (records, timeoutMs) => {
      const { encrypt } = await cipherOnce()
      const sealed = await Promise.all(
        records.map(async (record) => ({
          ...record,
          parts: await mapParts(record.parts, (text, part) => encrypt(text, placeOf(record.id, part))),
        })),
      )
      return ask((object) => object.put(sealed), timeoutMs)
    },
    find: async (wanted, timeoutMs, claim) => {
      let found: Found = await ask((object) => object.find(wanted, UNCLAIMED_BYTES), timeoutMs)
      const { excess } = found
      claim?.(excess ?? found.records.reduce((sum, { parts }) => sum + sizeOf(parts), 0))
      if (excess !== undefined && excess <= MAX_FOUND_BYTES) {
        found = await ask((object) => object.find(wanted, MAX_FOUND_BYTES), timeoutMs)
      }
      if (found.excess !== undefined) return undefined
      const { decrypt } = await cipherOnce()
      const records = await Promise.all(
        found.records.map(async ({ id, parts, ...others }) => {
          try {
            const plain = await mapParts(parts, (sealed, part) => decrypt(sealed, placeOf(id, part)))
            return [[id, { ...others, parts: plain }] as const]
          } catch {
            // It was made for a key that had the same id, or somebody has changed it.
            return []
          }
        }),
      )
      return { ids: found.ids, records: new Map(records.flat()) }
    },
    remove: async (id, timeoutMs) => {
      let calls = 0
      const wasThere = await ask((object) => {
        calls++
        return object.remove(id)
      }, timeoutMs)
      // The call whose reply was lost may be the one that removed it.
      return wasThere || calls > 1
    },
  }
}

type ObjectStub = ReturnType<Objects['Conversations']['get']>

function objectOf({ Conversations }: Pick<Objects, 'Conversations'>, name: string): ObjectStub {
  return Conversations.get(Conversations.idFromName(name))
}

/** Every method of the object may be called twice with the same effect. */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if ((error as { overloaded?: unknown }).overloaded === true) throw error
    await sleep(RETRY_AFTER_MS)
    return await call()
  }
}

async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const result = await withTimeout(work, timeoutMs)
  if (result !== TIMED_OUT) return result
  // Nobody waits for it any more.
  work.catch(() => {})
  throw new Error(`no answer within ${timeoutMs} ms`)
}

function sizeOf(parts: SealedRecord['parts']): number {
  return PARTS.reduce((sum, part) => sum + (parts[part]?.byteLength ?? 0), 0)
}

function placeOf(id: string, part: Part): string {
  return `${id}/${part}`
}

async function mapParts<From, To>(
  parts: Partial<Readonly<Record<Part, From>>>,
  map: (value: From, part: Part) => Promise<To>,
): Promise<Partial<Record<Part, To>>> {
  const mapped: Partial<Record<Part, To>> = {}
  const mapOne = async (part: Part) => {
    const value = parts[part]
    if (value !== undefined) mapped[part] = await map(value, part)
  }
  await Promise.all(PARTS.map(mapOne))
  return mapped
}
