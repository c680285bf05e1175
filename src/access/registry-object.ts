import { DurableObject } from 'cloudflare:workers'
import { REGIONS, regionObjectName } from '../platform/regions.ts'
import { sleep, TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { type KeyChange, type KeyChanges, MAX_TOLD, TOLD_MS } from './key-changes.ts'
import { laterOf, putRecord, type RecordWrite } from './record-store.ts'

/** What was answered to a request that may come again: sealed, since it holds a key. */
export interface KeptAnswer {
  readonly id: string
  /** A hash of the request's body. */
  readonly digest: string
  readonly sealed: ArrayBuffer
}

/** `changed`: a record is not any more what it was when it was read. With `answer`: the request was answered before. */
export interface WriteResult {
  readonly kind: 'written' | 'changed' | 'answered'
  readonly answer?: KeptAnswer
}

/** One object changes all records, so that no change undoes another one. */
export const REGISTRY_NAME = 'keys'
/** KV tells every place of a change within a minute, in the normal case. */
const RECENT_MS = 10 * 60_000
const ANSWER_MS = 24 * 3_600_000
const KV_TIMEOUT_MS = 5000
/** KV takes one write of a name a second. */
const RETRY_MS = 1100
const MAX_TRIES = 3
const MAX_WAITING = 50
const TELL_TIMEOUT_MS = 2000

/** The regions' objects, as far as they are told of changes. */
interface Exports {
  readonly Health: DurableObjectNamespace<
    Rpc.DurableObjectBranded & { readonly hearKeyChanges: (told: KeyChanges) => void }
  >
}

type Row = Record<string, SqlStorageValue>

/**
 * Changes the records of keys and teams, one change after the other. KV alone could lose changes: it may show a record as it
 * was a minute ago, and whoever writes that back undoes what came between, even a revocation. There is one object (accounts 6).
 * The names of its methods are spoken between versions.
 */
export class Registry extends DurableObject<{ readonly KEYS: KVNamespace }> {
  #hasTables = false
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** The newest text of a record: as it was written here lately, or as KV has it. */
  async read(name: string): Promise<string | null> {
    const inKv = await inTime(this.env.KEYS.get(name, 'text'))
    const [recent] = this.#sql<{ text: string } & Row>('SELECT text FROM changes WHERE name = ?', name)
    return laterOf(recent?.text ?? null, inKv)
  }

  /** Names of records that were written lately, which KV's lists may not have yet. */
  names(prefix: string): string[] {
    const end = `${prefix}\u{10ffff}`
    return this.#sql<{ name: string } & Row>(
      'SELECT name FROM changes WHERE name >= ? AND name < ? LIMIT 2',
      prefix,
      end,
    ).map(({ name }) => name)
  }

  /** The changes of the last minutes after the one with this number (accounts 6). */
  changes(since: number): KeyChanges {
    const rows = this.#sql<{ number: number; name: string; text: string } & Row>(
      'SELECT number, name, text FROM changes WHERE number > ? AND at > ? ORDER BY number LIMIT ?',
      since,
      Date.now() - TOLD_MS,
      MAX_TOLD + 1,
    )
    const hasMore = rows.length > MAX_TOLD
    const changes = rows.slice(0, MAX_TOLD)
    const [{ last } = { last: 0 }] = this.#sql<{ last: number } & Row>(
      'SELECT COALESCE(MAX(number), 0) AS last FROM changes',
    )
    return { count: hasMore ? (changes.at(-1)?.number ?? since) : last, changes, hasMore, isPartial: false }
  }

  /** What was answered to a request with this id, within a day; null if nothing was. */
  answer(id: string): KeptAnswer | null {
    const [row] = this.#sql<{ digest: string; sealed: ArrayBuffer } & Row>(
      'SELECT digest, sealed FROM answers WHERE id = ? AND at > ?',
      id,
      Date.now() - ANSWER_MS,
    )
    return row === undefined ? null : { id, digest: row.digest, sealed: row.sealed }
  }

  /** Writes all of the records or none, and keeps the answer with them. */
  write(writes: readonly RecordWrite[], answer?: KeptAnswer): Promise<WriteResult> {
    if (this.#waiting >= MAX_WAITING) throw new Error('too many changes are waiting')
    this.#waiting++
    const result = this.#last.then(() => this.#write(writes, answer))
    this.#last = result
      .catch(() => undefined)
      .finally(() => {
        this.#waiting--
      })
    return result
  }

  async #write(writes: readonly RecordWrite[], answer: KeptAnswer | undefined): Promise<WriteResult> {
    const before = answer === undefined ? null : this.answer(answer.id)
    if (before !== null) return { kind: 'answered', answer: before }
    for (const { name, was } of writes) if ((await this.read(name)) !== was) return { kind: 'changed' }
    const written: RecordWrite[] = []
    try {
      for (const write of writes) {
        written.push(write)
        await this.#put(write.name, write.text)
      }
    } catch (error) {
      // What a failed write has done is not known either.
      await Promise.allSettled(
        written.map(({ name, was }) => (was === null ? this.env.KEYS.delete(name) : this.#put(name, was))),
      )
      throw error
    }
    const changes = this.#remember(writes, answer, Date.now())
    for (const region of REGIONS) this.ctx.waitUntil(this.#tell(region, changes))
    return { kind: 'written' }
  }

  #remember(writes: readonly RecordWrite[], answer: KeptAnswer | undefined, now: number): KeyChange[] {
    return this.ctx.storage.transactionSync(() => {
      // The newest one holds the number that the next one is counted from.
      this.#sql('DELETE FROM changes WHERE at < ? AND number < (SELECT MAX(number) FROM changes)', now - RECENT_MS)
      this.#sql('DELETE FROM answers WHERE at < ?', now - ANSWER_MS)
      const changes = writes.map(({ name, text }) => {
        const [row] = this.#sql<{ number: number } & Row>(
          'INSERT OR REPLACE INTO changes (name, text, at) VALUES (?, ?, ?) RETURNING number',
          name,
          text,
          now,
        )
        return { number: row?.number ?? 0, name, text }
      })
      if (answer !== undefined) {
        this.#sql('INSERT INTO answers VALUES (?, ?, ?, ?)', answer.id, answer.digest, answer.sealed, now)
      }
      return changes
    })
  }

  /** A region that does not hear of it asks within half a minute. */
  async #tell(region: (typeof REGIONS)[number], changes: readonly KeyChange[]): Promise<void> {
    const told = { count: changes.at(-1)?.number ?? 0, changes, hasMore: false, isPartial: false }
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      try {
        const { Health: healths } = this.ctx.exports as unknown as Exports
        const object = healths.get(healths.idFromName(regionObjectName(region)), { locationHint: region })
        if ((await withTimeout(Promise.resolve(object.hearKeyChanges(told)), TELL_TIMEOUT_MS)) !== TIMED_OUT) return
      } catch {
        // It is told again.
      }
      if (tries < MAX_TRIES) await sleep(RETRY_MS)
    }
  }

  async #put(name: string, text: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await inTime(putRecord(this.env.KEYS, name, text))
      } catch (error) {
        if (tries === MAX_TRIES || !/\b429\b/.test(String(error))) throw error
      }
      await sleep(RETRY_MS)
    }
  }

  #sql<T extends Row>(query: string, ...values: SqlStorageValue[]): T[] {
    const { sql } = this.ctx.storage
    if (!this.#hasTables) {
      sql.exec(
        'CREATE TABLE IF NOT EXISTS changes (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL)',
      )
      sql.exec(
        'CREATE TABLE IF NOT EXISTS answers (id TEXT PRIMARY KEY, digest TEXT NOT NULL, sealed BLOB NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID',
      )
      this.#hasTables = true
    }
    return sql.exec<T>(query, ...values).toArray()
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const result = await withTimeout(work, KV_TIMEOUT_MS)
  if (result === TIMED_OUT) throw new Error('KV did not answer in time')
  return result
}
