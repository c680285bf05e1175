import { DurableObject } from 'cloudflare:workers'
import {
  type Found,
  MAX_RECORD_BYTES,
  PARTS,
  type Part,
  type RecordBounds,
  type SealedRecord,
  type Wanted,
} from './records.ts'

/** A table's row may have 2 MB. What is larger lies in pieces beside it. */
const MAX_INLINE_BYTES = 600 * 1024
const PIECE_BYTES = 1536 * 1024
/** When there is too much, this share of the bounds stays, so that not every new record looks for the oldest ones. */
const SHARE_LEFT = 0.95

/** Each record has an item of input at least, and one of output; a request may have 10,000 in all. */
const MAX_WALKED = 5000

/** What is wanted of the records before one that is continued. */
const BEFORE: readonly Part[] = ['input', 'output']

interface Size {
  records: number
  bytes: number
}

interface SizeRow extends Record<string, SqlStorageValue> {
  parent: string | null
  input: number | null
  output: number | null
  response: number | null
}

interface Row extends Record<string, SqlStorageValue> {
  parent: string | null
  expires: number
}

/**
 * Keeps what was answered to one key, encrypted, until it expires. The names of its methods are spoken between versions. Tables
 * have no rowid and no further index: each row is written once, and a row costs as much as three calls of an object.
 */
export class Conversations extends DurableObject {
  protected readonly bounds: RecordBounds = { records: 20_000, bytes: 1024 * 1024 * 1024 }
  /** What has expired is not found any more; it is deleted at most this often, because each alarm costs a request. */
  protected readonly alarmIntervalMs: number = 10 * 60_000
  #hasTables = false
  #size: Size | undefined
  /** When the next alarm comes; undefined where that is not known, infinite where there is none. */
  #alarmAt: number | undefined

  /** Keeps records, each in the place of one with the same id. Returns for each whether it was: too large a one is not. */
  async put(records: readonly SealedRecord[]): Promise<boolean[]> {
    const now = Date.now()
    this.#createTables()
    const kept = this.#change(() => {
      const results = records.map((record) => this.#insert(record, now))
      this.#removeOldest()
      return results
    })
    await this.#setAlarm(Math.min(...records.map(({ expires }) => expires)), now)
    return kept
  }

  /**
   * Finds records, by their ids or aliases, in one pass over the conversations that they belong to. Reads at most so many bytes:
   * what is read lies in the caller's memory, and the caller may want to know its size before.
   */
  find(wanted: readonly Wanted[], maxBytes: number): Found {
    this.#createTables()
    const now = Date.now()
    const recordOf = this.#resolve(wanted)
    const size = this.#sizeOf(wanted, recordOf, now)
    if (size > maxBytes) return { ids: [], records: [], excess: size }
    const records = new Map<string, { parent?: string; parts: Partial<Record<Part, ArrayBuffer>> }>()
    const add = (id: string, parts: readonly Part[]): { parent?: string } | undefined => {
      const known = records.get(id)
      const missing = parts.filter((part) => known?.parts[part] === undefined)
      if (known !== undefined && missing.length === 0) return known
      const row = this.#row(id, missing, now)
      if (row === undefined) return undefined
      const record = known ?? { ...(row.parent === null ? {} : { parent: row.parent }), parts: {} }
      for (const part of missing) {
        record.parts[part] = row[part] instanceof ArrayBuffer ? row[part] : this.#pieces(id, part)
      }
      records.set(id, record)
      return record
    }
    const ids: (string | null)[] = []
    for (const { id: asked, parts, isContinued } of wanted) {
      const id = recordOf.get(asked)
      let record = id === undefined ? undefined : add(id, parts)
      ids.push(id === undefined || record === undefined ? null : id)
      // A record is younger than its parent, so this ends.
      while (isContinued === true && record?.parent !== undefined) record = add(record.parent, BEFORE)
    }
    return { ids, records: [...records].map(([id, record]) => ({ id, ...record })) }
  }

  /** Deletes a record; returns whether there was one. */
  remove(id: string): boolean {
    this.#createTables()
    const wasThere = this.#row(id, [], Date.now()) !== undefined
    this.#change(() => this.#delete(id))
    return wasThere
  }

  override async alarm(): Promise<void> {
    this.#createTables()
    const { sql } = this.ctx.storage
    const now = Date.now()
    this.#change(() => {
      const expired = sql.exec<{ id: string }>('SELECT id FROM records WHERE expires <= ?', now).toArray()
      for (const { id } of expired) this.#delete(id)
    })
    const { next } = sql.exec<{ next: number | null }>('SELECT min(expires) AS next FROM records').one()
    this.#alarmAt = next === null ? Number.POSITIVE_INFINITY : Math.max(next, now + this.alarmIntervalMs)
    if (next !== null) await this.ctx.storage.setAlarm(this.#alarmAt)
  }

  /** All of a change is done, or nothing of it. */
  #change<T>(change: () => T): T {
    try {
      return this.ctx.storage.transactionSync(change)
    } catch (error) {
      this.#size = undefined
      throw error
    }
  }

  #createTables(): void {
    if (this.#hasTables) return
    const { sql } = this.ctx.storage
    sql.exec(`CREATE TABLE IF NOT EXISTS records (
      id TEXT PRIMARY KEY, parent TEXT, created INTEGER NOT NULL, expires INTEGER NOT NULL, bytes INTEGER NOT NULL,
      aliases TEXT, input BLOB, output BLOB, response BLOB
    ) WITHOUT ROWID`)
    sql.exec(`CREATE TABLE IF NOT EXISTS pieces (
      record TEXT, part TEXT, number INTEGER, sealed BLOB NOT NULL, PRIMARY KEY (record, part, number)
    ) WITHOUT ROWID`)
    sql.exec('CREATE TABLE IF NOT EXISTS aliases (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID')
    this.#hasTables = true
  }

  #insert({ id, parent, aliases = [], expires, parts }: SealedRecord, now: number): boolean {
    const { sql } = this.ctx.storage
    const sizes = PARTS.map((part) => parts[part]?.byteLength ?? 0)
    const names = aliases.length === 0 ? null : JSON.stringify(aliases)
    // Each alias is written three times, and has a row.
    const bytes = sizes.reduce((sum, size) => sum + size, 3 * (names ?? '').length)
    if (bytes > MAX_RECORD_BYTES) return false
    this.#delete(id)
    const inline = PARTS.map((part) => {
      const sealed = parts[part]
      if (sealed === undefined || sealed.byteLength <= MAX_INLINE_BYTES) return sealed ?? null
      for (let number = 0; number * PIECE_BYTES < sealed.byteLength; number++) {
        const piece = sealed.slice(number * PIECE_BYTES, (number + 1) * PIECE_BYTES)
        sql.exec('INSERT INTO pieces VALUES (?, ?, ?, ?)', id, part, number, piece)
      }
      return null
    })
    sql.exec(
      'INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[id, parent ?? null, now, expires, bytes, names, ...inline],
    )
    for (const alias of aliases) sql.exec('INSERT OR REPLACE INTO aliases VALUES (?, ?)', alias, id)
    const size = this.#currentSize()
    size.records++
    size.bytes += bytes
    return true
  }

  #delete(id: string): void {
    const { sql } = this.ctx.storage
    const size = this.#currentSize()
    const [row] = sql
      .exec<{ bytes: number; aliases: string | null }>('SELECT bytes, aliases FROM records WHERE id = ?', id)
      .toArray()
    if (row === undefined) return
    for (const alias of JSON.parse(row.aliases ?? '[]') as string[]) {
      sql.exec('DELETE FROM aliases WHERE id = ? AND record = ?', alias, id)
    }
    if (row.bytes > MAX_INLINE_BYTES) sql.exec('DELETE FROM pieces WHERE record = ?', id)
    sql.exec('DELETE FROM records WHERE id = ?', id)
    size.records--
    size.bytes -= row.bytes
  }

  #removeOldest(): void {
    const size = this.#currentSize()
    const { records, bytes } = this.bounds
    if (size.records <= records && size.bytes <= bytes) return
    const oldest = this.ctx.storage.sql.exec<{ id: string }>('SELECT id FROM records ORDER BY created').toArray()
    for (const { id } of oldest) {
      if (size.records <= records * SHARE_LEFT && size.bytes <= bytes * SHARE_LEFT) return
      this.#delete(id)
    }
  }

  #currentSize(): Size {
    if (this.#size === undefined) {
      const query = 'SELECT count(*) AS records, coalesce(sum(bytes), 0) AS bytes FROM records'
      this.#size = { ...this.ctx.storage.sql.exec<{ records: number; bytes: number }>(query).one() }
    }
    return this.#size
  }

  /** The records that these ids or aliases are of. One statement asks for all: each costs more than a row. */
  #resolve(wanted: readonly Wanted[]): ReadonlyMap<string, string> {
    const { sql } = this.ctx.storage
    const asked = JSON.stringify(wanted.map(({ id }) => id))
    const among = 'id IN (SELECT value FROM json_each(?))'
    const own = sql.exec<{ id: string }>(`SELECT id FROM records WHERE ${among}`, asked).toArray()
    const found = new Map(own.map(({ id }) => [id, id]))
    if (found.size === wanted.length) return found
    const aliases = sql.exec<{ id: string; record: string }>(`SELECT id, record FROM aliases WHERE ${among}`, asked)
    for (const { id, record } of aliases) if (!found.has(id)) found.set(id, record)
    return found
  }

  /** The bytes of all that is wanted. */
  #sizeOf(wanted: readonly Wanted[], recordOf: ReadonlyMap<string, string>, now: number): number {
    const { sql } = this.ctx.storage
    // The length of a value is known without reading it.
    const lengths = PARTS.map((part) => `length(${part}) AS ${part}`).join()
    const query = `SELECT parent, ${lengths} FROM records WHERE id = ? AND expires > ?`
    const ofPieces = 'SELECT coalesce(sum(length(sealed)), 0) AS bytes FROM pieces WHERE record = ? AND part = ?'
    const seen = new Set<string>()
    let size = 0
    for (const { id: asked, parts: first, isContinued } of wanted) {
      let parts = first
      let id: string | null | undefined = recordOf.get(asked)
      for (let walked = 0; typeof id === 'string'; walked++) {
        if (walked > MAX_WALKED) return Number.POSITIVE_INFINITY
        const [row]: SizeRow[] = sql.exec<SizeRow>(query, id, now).toArray()
        for (const part of row === undefined ? [] : parts) {
          const name = `${part} ${id}`
          if (seen.has(name)) continue
          seen.add(name)
          size += row?.[part] ?? sql.exec<{ bytes: number }>(ofPieces, id, part).one().bytes
        }
        id = isContinued === true ? (row?.parent ?? null) : null
        parts = BEFORE
      }
    }
    return size
  }

  #row(id: string, parts: readonly Part[], now: number): Row | undefined {
    const columns = ['parent', 'expires', ...PARTS.filter((part) => parts.includes(part))].join()
    const [row] = this.ctx.storage.sql.exec<Row>(`SELECT ${columns} FROM records WHERE id = ?`, id).toArray()
    return row === undefined || row.expires <= now ? undefined : row
  }

  #pieces(id: string, part: Part): ArrayBuffer {
    const query = 'SELECT sealed FROM pieces WHERE record = ? AND part = ? ORDER BY number'
    const rows = this.ctx.storage.sql.exec<{ sealed: ArrayBuffer }>(query, id, part).toArray()
    const whole = new Uint8Array(rows.reduce((sum, { sealed }) => sum + sealed.byteLength, 0))
    let at = 0
    for (const { sealed } of rows) {
      whole.set(new Uint8Array(sealed), at)
      at += sealed.byteLength
    }
    return whole.buffer
  }

  async #setAlarm(expires: number, now: number): Promise<void> {
    this.#alarmAt ??= (await this.ctx.storage.getAlarm()) ?? Number.POSITIVE_INFINITY
    const due = Math.max(expires, now + this.alarmIntervalMs)
    if (this.#alarmAt <= due) return
    this.#alarmAt = due
    await this.ctx.storage.setAlarm(due)
  }
}
