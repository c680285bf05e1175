import { KEY_PREFIX } from '../../access/keys.ts'
import { randomText } from '../../platform/random.ts'

/** 40 characters of base62 are 238 random bits: nobody guesses them. */
const RANDOM_CHARACTERS = 40

/** The key that the simulator's Worker accepts. Everybody knows it, so no deployed Worker may accept it. */
export const DEMO_KEY = `${KEY_PREFIX}demo`

/** A key that nobody has seen yet. */
export function newKey(): string {
  return `${KEY_PREFIX}${randomText(RANDOM_CHARACTERS)}`
}

/** An id for a key's record; it is no secret. */
export function newKeyId(): string {
  return `key_${randomText(12)}`
}
