import type { Difference } from './differences.ts'

/** A change that was wanted. */
interface Wanted {
  readonly reason: string
  readonly covers: (difference: Difference) => boolean
}

const OUTCOMES: Readonly<Record<string, string>> = { pre: 'failed-before-first-token', post: 'failed-mid-stream' }

/** Every change of behaviour that is meant, with its reason. A difference that is not here is a fault. */
const WANTED: readonly Wanted[] = [
  {
    reason: 'text completions are a new client format, at a path that was not there',
    covers: ({ request }) => /^(\/v1)?\/completions\/?(\?|$)/.test(request.path),
  },
  {
    reason: 'why a deployment is out is told in plain words by what explains routes and providers',
    covers: ({ request, part, before, after }) =>
      /^\/v1\/(route|providers)$/.test(request.path) &&
      part === 'body' &&
      before.replace(/"reason":"(pre|post)"/g, (_, name) => `"reason":"${OUTCOMES[name]}"`) === after,
  },
]

/** Takes out what is meant, and counts it by its reason. */
export function withoutWanted(differences: readonly Difference[]): {
  unwanted: Difference[]
  wanted: Record<string, number>
} {
  const unwanted: Difference[] = []
  const wanted: Record<string, number> = {}
  for (const difference of differences) {
    const reason = WANTED.find(({ covers }) => covers(difference))?.reason
    if (reason === undefined) unwanted.push(difference)
    else wanted[reason] = (wanted[reason] ?? 0) + 1
  }
  return { unwanted, wanted }
}
