import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'

/** A change of a record, as it is told from object to object and to isolates. The names in it are spoken between versions. */
export interface KeyChange {
  /** Its place in the order of all changes. */
  readonly number: number
  /** The name of the record, and its text since then. */
  readonly name: string
  readonly text: string
}

export interface KeyChanges {
  /** The number of the last change that is told. */
  readonly count: number
  readonly changes: readonly KeyChange[]
  /** There are more after these. */
  readonly hasMore: boolean
  /** Some of those that were asked for are not known any more. */
  readonly isPartial: boolean
}

/** KV tells every place of a change within a minute, in the normal case: after that nobody needs to be told. */
export const TOLD_MS = 120_000
export const MAX_TOLD = 200
const MAX_KEPT = 2000
const MAX_ROUNDS = 20

interface Kept extends KeyChange {
  readonly at: number
}

/** The changes of the last minutes, the last one of each record. */
export interface ChangeLog {
  /** The number of the last change; undefined while nothing was heard. */
  readonly count: () => number | undefined
  /** The text that a record was given lately. */
  readonly textOf: (name: string, now: number) => string | null
  /** Takes in an answer to what was asked for. It is not trusted: what makes no sense is ignored. @returns what is new. */
  readonly absorb: (told: unknown, now: number) => readonly KeyChange[]
  /** Whether changes are missing between those that are known and what somebody tells unasked. */
  readonly hasGap: (told: unknown) => boolean
  /** What came after a change. */
  readonly since: (number: number, now: number) => KeyChanges
}

export function createChangeLog(): ChangeLog {
  let count: number | undefined
  let forgotten = 0
  const kept = new Map<string, Kept>()
  const forget = (now: number) => {
    // A Map keeps the order of insertion, which is that of the changes.
    for (const [name, { at, number }] of kept) {
      const isOld = now - at > TOLD_MS
      if (!isOld && kept.size <= MAX_KEPT) return
      if (!isOld) forgotten = number
      kept.delete(name)
    }
  }
  return {
    count: () => count,
    textOf(name, now) {
      const found = kept.get(name)
      return found !== undefined && now - found.at <= TOLD_MS ? found.text : null
    },
    absorb(told, now) {
      const { count: newest, changes } = Object(told) as Partial<KeyChanges>
      if (newest === undefined || !Number.isSafeInteger(newest) || !Array.isArray(changes)) return []
      const fresh = changes.filter(isChange).filter(({ number }) => count === undefined || number > count)
      for (const change of fresh) {
        kept.delete(change.name)
        kept.set(change.name, { ...change, at: now })
      }
      count = Math.max(count ?? 0, newest)
      forget(now)
      return fresh
    },
    hasGap(told) {
      const { changes } = Object(told) as Partial<KeyChanges>
      const first = Array.isArray(changes) ? changes.find(isChange)?.number : undefined
      return count === undefined || (first !== undefined && first > count + 1)
    },
    since(number, now) {
      forget(now)
      const newer = [...kept.values()].filter((change) => change.number > number)
      const changes = newer.slice(0, MAX_TOLD).map(({ at: _, ...change }) => change)
      const hasMore = newer.length > changes.length
      const last = hasMore ? changes.at(-1)?.number : count
      return { count: last ?? 0, changes, hasMore, isPartial: number > 0 && number < forgotten }
    },
  }
}

function isChange(value: unknown): value is KeyChange {
  const { number, name, text } = Object(value) as Record<string, unknown>
  return Number.isSafeInteger(number) && typeof name === 'string' && typeof text === 'string'
}

/** Takes in what was heard; `missed` says that there was more, which nobody tells any more. */
type Learn = (changes: readonly KeyChange[], missed: boolean) => void

/**
 * Asks for the changes after the last one that is known, until there are no more. What came is learned at once: a later
 * question may fail. @throws what asking throws, or where the other does not know them
 */
export async function catchUp(log: ChangeLog, ask: Ask, learn: Learn = () => {}): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const told = await ask(log.count() ?? 0)
    if (told === null) throw new Error('changes are not known there')
    const { isPartial, hasMore } = Object(told) as Partial<KeyChanges>
    const changes = log.absorb(told, Date.now())
    if (changes.length > 0 || isPartial === true) learn(changes, isPartial === true)
    if (hasMore !== true) return
  }
  learn([], true)
}

/** An isolate that has not heard for so long asks, and does not wait. */
const ASK_AFTER_MS = 3000
/** One that has not heard for so long waits for the answer, a moment: a change is to be known everywhere within 5 s. */
const WAIT_AFTER_MS = 4000
const WAIT_MS = 150
const ASK_TIMEOUT_MS = 2000
/** After a failure nobody asks for so long, and KV alone tells of changes. */
const FAILED_MS = 5000

type Ask = (since: number) => PromiseLike<unknown>
type WaitUntil = (work: Promise<unknown>) => void

/** What an isolate hears of changes of keys (accounts 6). */
export interface KeyNews {
  readonly textOf: (name: string) => string | null
  /** How many changes there were when an object was asked something else; it asks for those that it does not know. */
  readonly hearCount: (count: unknown, askedAt: number, ask: Ask, waitUntil: WaitUntil) => void
  /** Asks where nothing was heard for a while. Undefined where nobody has to wait for that. */
  readonly listen: (ask: Ask, waitUntil: WaitUntil) => Promise<unknown> | undefined
}

export function createKeyNews(learn: Learn): KeyNews {
  const log = createChangeLog()
  let heardAt = Number.NEGATIVE_INFINITY
  let silentUntil = 0
  let asking: { readonly at: number; readonly answer: Promise<void> } | undefined

  const askNow = (ask: Ask, waitUntil: WaitUntil): Promise<void> => {
    const at = Date.now()
    // The platform may have ended the request that asked.
    if (asking !== undefined && at - asking.at < ASK_TIMEOUT_MS) return asking.answer
    const answer = (async () => {
      try {
        const outcome = await withTimeout(catchUp(log, ask, learn), ASK_TIMEOUT_MS)
        if (outcome === TIMED_OUT) throw new Error('no answer in time')
        heardAt = Math.max(heardAt, at)
      } catch {
        silentUntil = Date.now() + FAILED_MS
      }
      if (asking?.at === at) asking = undefined
    })()
    asking = { at, answer }
    waitUntil(answer)
    return answer
  }

  return {
    textOf: (name) => log.textOf(name, Date.now()),
    hearCount(count, askedAt, ask, waitUntil) {
      if (typeof count !== 'number') return
      if (count <= (log.count() ?? -1)) heardAt = Math.max(heardAt, askedAt)
      else askNow(ask, waitUntil)
    },
    listen(ask, waitUntil) {
      const now = Date.now()
      const silentMs = now - heardAt
      if (silentMs < ASK_AFTER_MS || now < silentUntil) return undefined
      const answer = askNow(ask, waitUntil)
      if (silentMs < WAIT_AFTER_MS) return undefined
      return withTimeout(answer, WAIT_MS).then((outcome) => {
        if (outcome === TIMED_OUT) silentUntil = now + FAILED_MS
      })
    },
  }
}
