/** A place in the queue. */
export interface Turn {
  readonly at: number
  /** False where too many wait already. */
  readonly granted: boolean
  /** Leaves the queue, as if it had not been entered; at once, before another one enters. */
  readonly giveBack: () => void
}

/** Lets requests that wait for a short rate limit go one by one: together they would run into it again. */
export interface ReleaseQueue {
  /** @param chance in [0, 1): spreads isolates that wait for the same moment. */
  readonly queue: (deployment: string, until: number, now: number, chance: number) => Turn
}

const INTERVAL_MS = 20
const MAX_WAIT_MS = 2000
const MAX_DEPLOYMENTS = 64

/** An empty queue. One for each isolate. */
export function createReleaseQueue(): ReleaseQueue {
  const lastAt = new Map<string, number>()

  const forgetPast = (now: number) => {
    for (const [deployment, at] of lastAt) if (at < now) lastAt.delete(deployment)
  }

  return {
    queue(deployment, until, now, chance) {
      if (lastAt.size >= MAX_DEPLOYMENTS) forgetPast(now)
      const before = lastAt.get(deployment)
      const at = Math.max(until, now, before ?? 0) + INTERVAL_MS * (0.5 + chance)
      const granted =
        at - Math.max(until, now) <= MAX_WAIT_MS && (before !== undefined || lastAt.size < MAX_DEPLOYMENTS)
      if (granted) lastAt.set(deployment, at)
      const giveBack = () => {
        if (!granted || lastAt.get(deployment) !== at) return
        if (before === undefined) lastAt.delete(deployment)
        else lastAt.set(deployment, before)
      }
      return { at, granted, giveBack }
    },
  }
}
