import { DurableObject } from 'cloudflare:workers'
import { sleep, TIMED_OUT, withTimeout } from '../platform/timeout.ts'
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

/** KV tells every place of a change within a minute, in the normal case. */
const RECENT_MS = 10 * 60_000
const ANSWER_MS = 24 * 3_600_000
const KV_TIMEOUT_MS = 5000
/** KV takes one write of a name a second. */
const RETRY_MS = 1100
const MAX_TRIES = 3
const MAX_WAITING = 50

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
    const [recent] = this.#sql<{ text: string } & Row>('SELECT text FROM recent WHERE name = ?', name)
    return laterOf(recent?.text ?? null, inKv)
  }

  /** Names of records that were written lately, which KV's lists may not have yet. */
  names(prefix: string): string[] {
    const end = `${prefix}\u{10ffff}`
    return this.#sql<{ name: string } & Row>(
      'SELECT name FROM recent WHERE name >= ? AND name < ? LIMIT 2',
      prefix,
      end,
    ).map(({ name }) => name)
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
    this.#remember(writes, answer, Date.now())
    return { kind: 'written' }
  }

  #remember(writes: readonly RecordWrite[], answer: KeptAnswer | undefined, now: number): void {
    this.ctx.storage.transactionSync(() => {
      this.#sql('DELETE FROM recent WHERE at < ?', now - RECENT_MS)
      this.#sql('DELETE FROM answers WHERE at < ?', now - ANSWER_MS)
      for (const { name, text } of writes) this.#sql('INSERT OR REPLACE INTO recent VALUES (?, ?, ?)', name, text, now)
      if (answer === undefined) return
      this.#sql('INSERT INTO answers VALUES (?, ?, ?, ?)', answer.id, answer.digest, answer.sealed, now)
    })
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
        'CREATE TABLE IF NOT EXISTS recent (name TEXT PRIMARY KEY, text TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID',
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
