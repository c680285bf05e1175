/** As much as a call may use: tokens, and US dollars. */
export interface Reservation {
  readonly tokens: number
  readonly dollars: number
}

/** What is reserved for the calls of a key that are running (accounts 3). */
export interface Reservations {
  /** Reserves an amount until the returned function is called. Calling it again changes nothing. */
  readonly reserve: (amount: Reservation, now: number) => () => void
  /** The sum of all reservations. */
  readonly total: (now: number) => Reservation
}

export const NO_RESERVATION: Reservation = { tokens: 0, dollars: 0 }

interface ActiveReservation extends Reservation {
  readonly until: number
}

/** @param maxMs a reservation ends by itself after this time: the platform may have ended its call without notice. */
export function createReservations(maxMs: number): Reservations {
  // The first one is the first to expire.
  const active = new Set<ActiveReservation>()
  let tokens = 0
  let dollars = 0

  const release = (reservation: ActiveReservation) => {
    if (!active.delete(reservation)) return
    // An empty set has exactly 0: sums of fractions leave rounding errors behind.
    tokens = active.size === 0 ? 0 : tokens - reservation.tokens
    dollars = active.size === 0 ? 0 : Math.max(dollars - reservation.dollars, 0)
  }
  const releaseExpired = (now: number) => {
    for (const reservation of active) {
      if (reservation.until > now) return
      release(reservation)
    }
  }

  return {
    reserve: (amount, now) => {
      const reservation = { ...amount, until: now + maxMs }
      active.add(reservation)
      tokens += amount.tokens
      dollars += amount.dollars
      return () => release(reservation)
    },
    total: (now) => {
      releaseExpired(now)
      return { tokens, dollars }
    },
  }
}
