import type { Found, SealedRecord, Wanted } from '../../src/conversations/records.ts'
import type { StoreOwner } from '../../src/gateway/conversation-store.ts'

/** One object of conversations in memory, which a test can slow down. It knows neither bounds nor aliases. */
export interface MemoryConversations {
  readonly objects: StoreOwner['objects']
  readonly records: Map<string, SealedRecord>
  /** Answers come after so many milliseconds from now on. */
  readonly answerAfter: (ms: number) => void
}

export function createMemoryConversations(): MemoryConversations {
  const records = new Map<string, SealedRecord>()
  let waitMs = 0
  const wait = () => (waitMs === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, waitMs).unref()))
  const stub = {
    put: async (given: readonly SealedRecord[]): Promise<boolean[]> => {
      await wait()
      return given.map((record) => records.set(record.id, record) !== undefined)
    },
    find: async (wanted: readonly Wanted[]): Promise<Found> => {
      await wait()
      return {
        ids: wanted.map(({ id }) => (records.has(id) ? id : null)),
        records: wanted.flatMap(({ id }) => records.get(id) ?? []),
      }
    },
  }
  const Conversations = { idFromName: (name: string) => name, get: () => stub }
  return {
    objects: () => ({ Conversations }) as unknown as ReturnType<StoreOwner['objects']>,
    records,
    answerAfter: (ms) => {
      waitMs = ms
    },
  }
}
