import type { Part } from './normalize.ts'
import type { CompareRequest } from './request.ts'

/** One part that the two versions did differently. */
export interface Difference {
  readonly request: CompareRequest
  readonly part: string
  readonly before: string
  readonly after: string
}

/** Differences that look alike. */
export interface Group {
  readonly part: string
  readonly differences: Difference[]
}

/** Stands for what one side does not have. */
export const ABSENT = '(absent)'

/** Where two lists of parts differ. Parts of the same name are compared in their order. */
export function differencesOf(request: CompareRequest, before: readonly Part[], after: readonly Part[]): Difference[] {
  const [old, now] = [numbered(before), numbered(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((part) => {
    const [was = ABSENT, is = ABSENT] = [old.get(part), now.get(part)]
    return was === is ? [] : [{ request, part, before: was, after: is }]
  })
}

function numbered(parts: readonly Part[]): Map<string, string> {
  const counts = new Map<string, number>()
  return new Map(
    parts.map(([name, text]) => {
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      return [count === 1 ? name : `${name} (${count})`, text]
    }),
  )
}

/** Differences by where they are and what they look like, the most frequent first. */
export function groupDifferences(differences: readonly Difference[]): Group[] {
  const groups = new Map<string, Group>()
  for (const difference of differences) {
    const part = difference.part.replace(/ \(\d+\)$/, '')
    const key = `${part}\n${shapeOf(difference)}`
    const group = groups.get(key) ?? { part, differences: [] }
    group.differences.push(difference)
    groups.set(key, group)
  }
  return [...groups.values()].sort((a, b) => b.differences.length - a.differences.length)
}

const SHAPE_CHARACTERS = 24

/** What stands around the first difference, without what varies from request to request. */
function shapeOf({ before, after }: Difference): string {
  const at = firstDifference(before, after)
  const look = (text: string) =>
    text === ABSENT ? text : text.slice(Math.max(0, at - SHAPE_CHARACTERS), at + SHAPE_CHARACTERS)
  return `${look(before)}\n${look(after)}`.replace(/\d+/g, '0').replace(/[^\x20-\x7e\n]+/g, '?')
}

function firstDifference(before: string, after: string): number {
  let at = 0
  while (at < before.length && before[at] === after[at]) at++
  return at
}

const SHOWN_BEFORE = 100
const SHOWN_AFTER = 240

/** A difference as lines of a diff, as far as it can be read. */
export function showDifference({ request, part, before, after }: Difference): string[] {
  const at = firstDifference(before, after)
  const begin = Math.max(0, at - SHOWN_BEFORE)
  const look = (text: string) => {
    const end = at + SHOWN_AFTER
    return JSON.stringify(text.slice(begin, end)).slice(1, -1).replaceAll('\\"', '"') + (text.length > end ? '…' : '')
  }
  const dots = begin > 0 ? '…' : ''
  return [
    `${request.name}: ${part}, from character ${at} on`,
    `  request ${requestText(request)}`,
    `  - ${dots}${look(before)}`,
    `  + ${dots}${look(after)}`,
  ]
}

function requestText({ method, path, body }: CompareRequest): string {
  return `${method} ${path} ${String(body ?? '').slice(0, 400)}`
}
