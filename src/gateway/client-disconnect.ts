/** Whether the client has left, and who is to know. One for each call: a listener of the platform's own costs more. */
export interface ClientDisconnect {
  readonly hasHappened: () => boolean
  /** The client has left; more than once is as good. */
  readonly report: () => void
  /** Calls `then` when the client leaves, at once where it has; until the function that it returns is called. */
  readonly onDisconnect: (then: () => void) => () => void
}

/** Follows a request's signal (flag `enable_request_signal`). */
export function watchClientDisconnect(signal: AbortSignal): ClientDisconnect {
  const listeners = new Set<() => void>()
  let left = false
  const leave = () => {
    if (left) return
    left = true
    for (const then of listeners) then()
    listeners.clear()
  }
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave)
  return {
    hasHappened: () => left,
    report: leave,
    onDisconnect: (then) => {
      if (left) then()
      else listeners.add(then)
      return () => {
        listeners.delete(then)
      }
    },
  }
}
