import { useLoaded } from './load.ts'
import { ask } from './request.ts'
import { session, viewingKey } from './session.ts'

/** Names of keys and teams by their ids, as far as the viewer may know them. */
export interface Names {
  readonly keys: ReadonlyMap<string, string>
  readonly teams: ReadonlyMap<string, string>
}

interface Named {
  readonly id: string
  readonly name: string
}

const NONE: Names = { keys: new Map(), teams: new Map() }
const MAX_PAGES = 5

/** Nobody waits for names: until they are there, and where they cannot be read, lists show ids. */
export function useNames(): Names {
  const { value } = useLoaded(loadNames, [viewingKey.value])
  return value ?? NONE
}

async function loadNames(signal: AbortSignal): Promise<Names> {
  if (session.peek().managementKey === undefined) {
    const { data } = await ask<{ data: Named }>('/v1/key', { signal })
    return { keys: new Map([[data.id, data.name]]), teams: new Map() }
  }
  const [keys, teams] = await Promise.all([allOf('/v1/keys', signal), allOf('/v1/teams', signal)])
  return { keys, teams }
}

async function allOf(path: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  let next: string | null = ''
  for (let page = 0; page < MAX_PAGES && next !== null; page++) {
    const query: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const answer: { data: readonly Named[]; cursor: string | null } = await ask(
      `${path}?include_disabled=true${query}`,
      { signal },
    )
    for (const { id, name } of answer.data) names.set(id, name)
    next = answer.cursor
  }
  return names
}
