import { keyName } from '../../src/access/keys.ts'

/** A key store in memory, whose answers a test can hold back or spoil. */
export interface MemoryStore {
  readonly get: (name: string) => Promise<string | null>
  readonly put: (key: string, record: Readonly<Record<string, unknown>> | string) => Promise<void>
  readonly remove: (key: string) => Promise<void>
  readonly reads: () => number
  readonly behave: (how: 'well' | 'fail' | 'hang') => void
  /** Resolves when it has been read from so many times. */
  readonly untilRead: (times: number) => Promise<void>
  /** Lets the reads that hang go on. */
  readonly release: () => void
}

export function createMemoryStore(): MemoryStore {
  const values = new Map<string, string>()
  let reads = 0
  let how: 'well' | 'fail' | 'hang' = 'well'
  let held: (() => void)[] = []
  let watchers: { times: number; resolve: () => void }[] = []
  return {
    get: async (name) => {
      reads++
      for (const watcher of watchers) if (reads >= watcher.times) watcher.resolve()
      watchers = watchers.filter(({ times }) => reads < times)
      if (how === 'fail') throw new Error('KV GET failed: 500 Internal Server Error')
      if (how === 'hang') await new Promise<void>((resolve) => held.push(resolve))
      return values.get(name) ?? null
    },
    put: async (key, record) => {
      const whole = { id: `key_${key.slice(-4)}`, name: 'test', created: '2026-01-01T00:00:00Z' }
      values.set(await keyName(key), typeof record === 'string' ? record : JSON.stringify({ ...whole, ...record }))
    },
    remove: async (key) => {
      values.delete(await keyName(key))
    },
    reads: () => reads,
    behave: (next) => {
      how = next
    },
    untilRead: (times) =>
      reads >= times ? Promise.resolve() : new Promise((resolve) => watchers.push({ times, resolve })),
    release: () => {
      for (const resolve of held) resolve()
      held = []
    },
  }
}
