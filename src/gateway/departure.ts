/** Whether the client has left, and who is to know. One for each call: a listener of the platform's own costs more. */
export interface Departure {
  readonly hasLeft: () => boolean
  /** The client has left; more than once is as good. */
  readonly leave: () => void
  /** Calls `then` when the client leaves, at once where it has; until the function that it returns is called. */
  readonly listen: (then: () => void) => () => void
}

/** Follows a request's signal (flag `enable_request_signal`). */
export function departureOf(signal: AbortSignal): Departure {
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
    hasLeft: () => left,
    leave,
    listen: (then) => {
      if (left) then()
      else listeners.add(then)
      return () => {
        listeners.delete(then)
      }
    },
  }
}
