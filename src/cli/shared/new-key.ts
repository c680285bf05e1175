import { KEY_PREFIX } from '../../access/keys.ts'

/** The key that the simulator's Worker accepts. Everybody knows it, so no deployed Worker may accept it. */
export const DEMO_KEY = `${KEY_PREFIX}demo`
