import { afterAll, beforeAll } from 'vitest'

/** What a test file works with: started before its first test, and stopped after its last one. @param withinMs its bound, where not the usual one. */
export function useStarted<T extends { readonly stop: () => Promise<unknown> }>(
  start: () => Promise<T>,
  withinMs?: number,
): T {
  const started = {} as T
  beforeAll(async () => {
    Object.assign(started, await start())
  }, withinMs)
  // It is not there where it could not be started.
  afterAll(() => started.stop?.())
  return started
}
