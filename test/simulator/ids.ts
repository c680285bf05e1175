const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Chance with a seed: the same seed gives the same numbers in 0..1. */
export function seededChance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Makes ids that look like a provider's and never repeat within a run. */
export interface Ids {
  letters(length: number): string
  hex(length: number): string
  uuid(): string
}

/** Ids from a seeded chance. */
export function seededIds(chance: () => number): Ids {
  const draw = (length: number, alphabet: string): string => {
    let id = ''
    for (let index = 0; index < length; index += 1) id += alphabet[Math.floor(chance() * alphabet.length)]
    return id
  }
  const hex = (length: number): string => draw(length, '0123456789abcdef')
  return {
    letters: (length) => draw(length, LETTERS),
    hex,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
  }
}
