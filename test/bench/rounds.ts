/**
 * The order of the lanes in each round: another one begins each time, and every second round runs backwards, so that neither
 * a slow drift of the machine nor what ran just before favours anybody.
 */
export function ordersOf(lanes: number, rounds: number): number[][] {
  return Array.from({ length: rounds }, (_, round) =>
    Array.from({ length: lanes }, (_, at) => {
      const step = round % 2 === 0 ? at : lanes - at
      return (round + step) % lanes
    }),
  )
}
