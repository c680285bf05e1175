/** A place in the queue. */
export interface Turn {
  readonly at: number
  /** False where so many wait already that there is no place. */
  readonly granted: boolean
  /** Leaves the queue at once, before anybody else has come. */
  readonly giveBack: () => void
}

/** Lets requests go that wait for a short rate limit to end: one by one, or all of them would run into it again. */
export interface ReleaseQueue {
  /** @param chance in [0, 1): isolates that wait for the same moment do not go in step. */
  readonly queue: (deployment: string, until: number, now: number, chance: number) => Turn
}

const GAP_MS = 20
const MAX_MS = 2000
const MAX_DEPLOYMENTS = 64

/** An empty queue. One for each isolate. */
export function createReleaseQueue(): ReleaseQueue {
  const lastAt = new Map<string, number>()

  const forgetOver = (now: number) => {
    for (const [deployment, at] of lastAt) if (at < now) lastAt.delete(deployment)
  }

  return {
    queue(deployment, until, now, chance) {
      if (lastAt.size >= MAX_DEPLOYMENTS) forgetOver(now)
      const before = lastAt.get(deployment)
      const at = Math.max(until, now, before ?? 0) + GAP_MS * (0.5 + chance)
      const granted = at - Math.max(until, now) <= MAX_MS && (before !== undefined || lastAt.size < MAX_DEPLOYMENTS)
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
