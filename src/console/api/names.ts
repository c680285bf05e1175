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
const KEPT_MS = 60_000

/** Nobody waits for names: until they are there, and where they cannot be read, lists show ids. */
export function useNames(): Names {
  const { value } = useLoaded(knownNames, [viewingKey.value])
  return value ?? NONE
}

/** Several parts of a page want them at once, and each list that is shown again. */
let known: { readonly key: string | undefined; readonly at: number; readonly names: Promise<Names> } | undefined

function knownNames(): Promise<Names> {
  const key = viewingKey.peek()
  if (known !== undefined && known.key === key && Date.now() - known.at < KEPT_MS) return known.names
  const mine = { key, at: Date.now(), names: loadNames() }
  known = mine
  mine.names.catch(() => {
    if (known === mine) known = undefined
  })
  return mine.names
}

async function loadNames(): Promise<Names> {
  if (session.peek().managementKey === undefined) {
    const { data } = await ask<{ data: Named }>('/v1/key')
    return { keys: new Map([[data.id, data.name]]), teams: new Map() }
  }
  const [keys, teams] = await Promise.all([allOf('/v1/keys'), allOf('/v1/teams')])
  return { keys, teams }
}

async function allOf(path: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  let next: string | null = ''
  for (let page = 0; page < MAX_PAGES && next !== null; page++) {
    const query: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const answer: { data: readonly Named[]; cursor: string | null } = await ask(
      `${path}?include_disabled=true&without_usage=true${query}`,
    )
    for (const { id, name } of answer.data) names.set(id, name)
    next = answer.cursor
  }
  return names
}
