import type { Limits } from '../../src/access/budget.ts'
import type { Stage } from './stage.ts'

/** Clients come back so long when they are told to, as the official ones do at least. */
const PATIENCE_MS = 12_000
/** Who is told to come back later than this has met the end of a minute or a budget. */
const SOON_S = 2

/** A key, and the calls that are made with it. */
export interface Account {
  readonly id: string
  readonly key: string
}

/** What came of calls. */
export interface Outcome {
  /** Answered at the first attempt, and after coming back when told to. */
  readonly first: number
  readonly admitted: number
  /** By status and code. */
  readonly refused: Readonly<Record<string, number>>
}

let made = 0

/** A key of its own that all isolates can find. */
export async function newAccount(stage: Stage, limits: Limits): Promise<Account> {
  const id = `key_of_account_${++made}`
  const key = `sk-r9k-account-${made}`
  await stage.putKey(key, { id, limits: { ...limits } })
  return { id, key }
}

/** Makes a call in one isolate. */
export function call(url: string, { id, key }: Account, body: object = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'openai/gpt-4o',
      messages: [{ role: 'user', content: `${id}: Hello!` }],
      ...body,
    }),
    ...(signal === undefined ? {} : { signal }),
  })
}

/**
 * Makes so many calls over all isolates, all at once or at an even pace; with `comesBack` each comes again while it is told
 * that it may soon.
 */
export async function makeCalls(
  { urls, now, wait }: Pick<Stage, 'urls' | 'now' | 'wait'>,
  account: Account,
  calls: number,
  { body = {}, perSecond = 0, comesBack = false }: { body?: object; perSecond?: number; comesBack?: boolean } = {},
): Promise<Outcome> {
  const refused: Record<string, number> = {}
  let [first, admitted] = [0, 0]
  const startedAt = now()
  const one = async (at: number) => {
    if (perSecond > 0) await wait((at * 1000) / perSecond)
    for (let attempt = 0; ; attempt++) {
      const response = await call(urls[at % urls.length] ?? '', account, body).catch(() => undefined)
      const text = await response?.text()
      if (response?.status === 200) {
        if (attempt === 0) first++
        admitted++
        return
      }
      const soon = Number(response?.headers.get('retry-after') ?? Number.POSITIVE_INFINITY)
      if (comesBack && soon <= SOON_S && now() - startedAt < PATIENCE_MS) {
        await wait(soon * 1000)
        continue
      }
      const name = response === undefined ? 'broken off' : `${response.status} ${codeOf(text)}`
      refused[name] = (refused[name] ?? 0) + 1
      return
    }
  }
  await Promise.all(Array.from({ length: calls }, (_, at) => one(at)))
  return { first, admitted, refused }
}

/** The code of an error's body. */
export function codeOf(text = ''): string {
  try {
    return String(JSON.parse(text).error.code)
  } catch {
    return text.slice(0, 40)
  }
}

/** What the ledger of a key has counted, when it has heard everything: it must stay as it is for a while. */
export async function settledSums(stage: Stage, { id }: Account, expected?: number): Promise<number> {
  let [last, since] = [Number.NaN, 0]
  for (let tries = 0; tries < 60; tries++) {
    const { total } = await stage.sums(id)
    if (expected !== undefined && Math.abs(total - expected) < 1e-9) return total
    since = total === last ? since + 1 : 0
    if (since >= 12) return total
    last = total
    await stage.wait(500)
  }
  return last
}

/** Waits for a minute that has so long to go yet, so that a minute's limit is one limit. */
export async function inOneMinute({ now, wait }: Pick<Stage, 'now' | 'wait'>, leastMs = 15_000): Promise<void> {
  const leftMs = 60_000 - (now() % 60_000)
  if (leftMs < leastMs) await wait(leftMs + 100)
}
