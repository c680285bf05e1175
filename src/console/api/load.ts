import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { ApiError } from './request.ts'

/** What a page knows of what it has asked for. What came before stays while it asks again, also when that fails. */
export interface Loaded<Value> {
  readonly value: Value | undefined
  readonly error: ApiError | undefined
  readonly isLoading: boolean
  /** When `value` came, in milliseconds since 1970. */
  readonly at: number
  readonly reload: () => void
}

/**
 * Asks when the page is shown, again when `dependencies` change, and every `everyMs` while the page can be seen, as long as the
 * key is not refused. A newer question aborts the older one.
 */
export function useLoaded<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  dependencies: readonly unknown[],
  everyMs?: number,
): Loaded<Value> {
  const state = useMemo(
    () => signal<Omit<Loaded<Value>, 'reload'>>({ value: undefined, error: undefined, isLoading: true, at: 0 }),
    [],
  )
  const asker = useMemo(() => ({ ask: () => {} }), [])
  useEffect(() => {
    let current: AbortController | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    async function askNow(): Promise<void> {
      clearTimeout(timer)
      current?.abort()
      const mine = new AbortController()
      current = mine
      state.value = { ...state.peek(), isLoading: true }
      try {
        const value = await load(mine.signal)
        if (!mine.signal.aborted) state.value = { value, error: undefined, isLoading: false, at: Date.now() }
      } catch (error) {
        const known = error instanceof ApiError ? error : new ApiError(0, { message: String(error) })
        if (!mine.signal.aborted) state.value = { ...state.peek(), error: known, isLoading: false }
      }
      const isRefused = state.peek().error?.status === 401
      if (everyMs !== undefined && current === mine && !isRefused) timer = setTimeout(askWhenSeen, everyMs)
    }
    function askWhenSeen(): void {
      if (document.visibilityState === 'visible') void askNow()
    }
    asker.ask = () => void askNow()
    void askNow()
    if (everyMs !== undefined) document.addEventListener('visibilitychange', askWhenSeen)
    return () => {
      clearTimeout(timer)
      current?.abort()
      current = undefined
      document.removeEventListener('visibilitychange', askWhenSeen)
    }
  }, dependencies)
  return { ...state.value, reload: () => asker.ask() }
}
