import { afterEach, beforeEach, vi } from 'vitest'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'

export type Authenticate = typeof import('../../src/access/auth.ts')['authenticate']

export let authenticate: Authenticate
export let store: MemoryStore
export let background: Promise<unknown>[]
let keysMade = 0

/** Before each test of a file: a fresh isolate, an empty store, and a clock that stands still. */
export function useFreshIsolate(): void {
  beforeEach(async () => {
    // A fresh module has empty caches, as a fresh isolate has.
    vi.resetModules()
    ;({ authenticate } = await import('../../src/access/auth.ts'))
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: new Date('2026-06-01T00:00:00Z') })
    store = createMemoryStore()
    background = []
  })
  afterEach(() => {
    store.release()
    vi.useRealTimers()
  })
}

export function newKey(): string {
  return `sk-r9k-key${++keysMade}`
}

export function callsBy(key: string) {
  const kept = store as unknown as Parameters<Authenticate>[1]
  return authenticate(key, kept, (work) => background.push(work))
}

/** How a call is refused, or nothing where it is let in. */
export function refusal(call: Promise<unknown>): Promise<{ status: number; code: string | null } | undefined> {
  return call.then(
    () => undefined,
    (error) => ({ status: error.status, code: error.toError().code }),
  )
}

export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

export const UNKNOWN = { status: 401, code: 'invalid_api_key' }
export const UNAVAILABLE = { status: 503, code: 'key_store_unavailable' }
