/** A stream of chance that depends on nothing but its seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A chance of its own for each set of numbers. What a deployment does with a request depends on nothing else, so every
 * policy meets the same luck.
 */
export function chanceOf(...numbers: readonly number[]): () => number {
  let seed = 0x9e3779b9
  for (const number of numbers) seed = Math.imul(seed ^ (number + 0x7f4a7c15), 0x85ebca6b) ^ (seed >>> 15)
  return createRandom(seed)
}

/** A standard normal number (Box-Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
