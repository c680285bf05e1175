/** As much as a call may use: tokens, and US dollars. */
export interface Reservation {
  readonly tokens: number
  readonly dollars: number
}

/** What is held for calls under way, until each is settled; a hold that is never settled ends by itself. */
export interface Reservations {
  /** Keeps so much, until the function that it returns is called; more than once is as good. */
  readonly keep: (hold: Reservation, now: number) => () => void
  /** All that is held now. */
  readonly sum: (now: number) => Reservation
}

export const NO_RESERVATION: Reservation = { tokens: 0, dollars: 0 }

interface Kept extends Reservation {
  readonly until: number
}

/** @param longestMs no call is believed to be under way for longer: the platform may have ended it without a word. */
export function createReservations(longestMs: number): Reservations {
  // In the order in which they end.
  const kept = new Set<Kept>()
  let tokens = 0
  let dollars = 0

  const drop = (one: Kept) => {
    if (!kept.delete(one)) return
    // Where none is left, nor is anything of what adding and subtracting fractions leaves behind.
    tokens = kept.size === 0 ? 0 : tokens - one.tokens
    dollars = kept.size === 0 ? 0 : Math.max(dollars - one.dollars, 0)
  }
  const dropEnded = (now: number) => {
    for (const one of kept) {
      if (one.until > now) return
      drop(one)
    }
  }

  return {
    keep: (hold, now) => {
      const one = { ...hold, until: now + longestMs }
      kept.add(one)
      tokens += one.tokens
      dollars += one.dollars
      return () => drop(one)
    },
    sum: (now) => {
      dropEnded(now)
      return { tokens, dollars }
    },
  }
}
