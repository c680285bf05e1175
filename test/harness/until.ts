import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 10

/**
 * Looks again and again until what is seen is as wanted, and returns it.
 * @param withinMs the bound; generous, as only a failing test waits for so long.
 * @throws Error that says what was seen in the end.
 */
export async function until<T>(
  look: () => Promise<T> | T,
  isWanted: (seen: T) => boolean = Boolean,
  withinMs = 15_000,
): Promise<T> {
  const startedAt = Date.now()
  for (;;) {
    const seen = await look()
    if (isWanted(seen)) return seen
    if (Date.now() - startedAt > withinMs) throw new Error(`not within ${withinMs} ms; in the end: ${textOf(seen)}`)
    await sleep(LOOK_EVERY_MS)
  }
}

function textOf(seen: unknown): string {
  return JSON.stringify(seen)?.slice(0, 600) ?? 'nothing'
}
