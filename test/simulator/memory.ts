import type { Fields } from './json.ts'

const MOST_ITEMS = 20_000
/** How many conversations are kept. */
export const MOST_CONVERSATIONS = 1000

/** An item that a response brought. */
export interface KnownItem {
  slot: string
  item: Fields
  /** The reasoning item that it came with. */
  reasoning?: string
  /** The calls that a reasoning item came before. */
  calls?: unknown[]
  /** Whether it can be referred to by its id. */
  stored: boolean
}

/** What the providers keep between requests. */
export interface Memory {
  /** Whole conversations by the id of the last response in them. */
  conversations: Map<string, { slot: string; items: Fields[] }>
  items: Map<string, KnownItem>
  /** Beginnings of prompts that are cached; a simulator that repeats itself has none. */
  prefixes: Map<string, true> | undefined
}

/** A memory that knows nothing yet. */
export function createMemory(caches: boolean): Memory {
  return { conversations: new Map(), items: new Map(), prefixes: caches ? new Map() : undefined }
}

/** Adds an entry, and forgets the oldest when there are too many. */
export function remember<Value>(map: Map<string, Value>, key: string, value: Value, most = MOST_ITEMS): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= most) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
