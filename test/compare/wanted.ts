import type { Difference } from './differences.ts'

/** A change that was wanted. */
export interface Wanted {
  readonly reason: string
  readonly covers: (difference: Difference) => boolean
}

/** Every change of behaviour that is meant, with its reason. A difference that is not here is a fault. */
export const WANTED: readonly Wanted[] = [
  {
    reason: 'text completions are a new client format, at a path that was not there',
    covers: ({ request }) => /^(\/v1)?\/completions\/?(\?|$)/.test(request.path),
  },
]
