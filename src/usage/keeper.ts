import { HOURS_KEPT, writeRows } from './database.ts'
import { type Call, type Entry, fewerLabels, HOUR_MS, isFailure, readEntries, rollUp, sumOf } from './entry.ts'

/** What a keeper has to be given again when its object starts anew: beside the object's own state, in one write. */
export interface KeptUsage {
  /** An alarm may wake an object without its name. */
  readonly account: string
  /** What was reported and is not in the tables yet. */
  readonly pending: readonly Entry[]
  /** The number of the last change of the tables, and that of the last one that is in D1. */
  readonly changes: number
  readonly written: number
  /** The hour of the oldest row that is not in D1; undefined if there is none. */
  readonly from?: number | undefined
  /** When the alarm is due; 0 where none is set. */
  readonly alarmAt: number
}

/** Which calls are asked for. */
export interface CallQuery {
  /** Milliseconds since 1970: calls from before. */
  readonly before?: number | undefined
  /** The id of a request or of its answer. */
  readonly id?: string | undefined
  readonly key?: string | undefined
  readonly model?: string | undefined
  /** A status, or a class of them: `429`, `4xx`. */
  readonly status?: string | undefined
  /** Only what the sums count as failures. */
  readonly failed?: boolean
  readonly limit: number
}

/** Keeps the usage of one account in its object's tables, and writes it to D1 (accounts 7). It waits for nothing but D1. */
export interface UsageKeeper {
  readonly kept: () => KeptUsage | undefined
  /** Takes what an isolate has reported; the caller stores `kept()` in the same turn. */
  readonly add: (reported: readonly unknown[], now: number) => void
  /** Writes what has changed to D1. `save` stores `kept()` before that; the caller stores it afterwards. @throws Error if D1 fails: nothing is lost. */
  readonly write: (database: D1Database, now: number, save: () => void) => Promise<void>
  /** Sets the next alarm, if something waits for it. */
  readonly schedule: (now: number, waitMs: number) => void
  /** The alarm has come. */
  readonly alarmed: () => void
  /** The newest first. */
  readonly calls: (query: CallQuery) => readonly Call[]
}

/** So many reported entries wait in one stored value: a write of a row costs the same, however long it is. */
const MAX_PENDING = 128
/** Somebody may send another session with every call. */
const MAX_ROWS_PER_HOUR = 300
const MAX_ROWS_PER_DAY = 3000
const MAX_CALLS = 1000
const CALLS_PER_ROW = 100
/** An alarm that is so late was lost. */
const ALARM_LOST_MS = 600_000
const DAY_HOURS = 24

type Row = Record<string, SqlStorageValue>

/** @param kept what `kept()` has given before. */
export function createUsageKeeper(
  storage: Pick<DurableObjectStorage, 'sql' | 'setAlarm'>,
  name: string | undefined,
  kept: Partial<KeptUsage> | undefined,
): UsageKeeper {
  const account = name ?? kept?.account ?? ''
  let pending = [...(kept?.pending ?? [])]
  let changes = kept?.changes ?? 0
  let written = kept?.written ?? 0
  let from = kept?.from
  let alarmAt = kept?.alarmAt ?? 0
  /** Where a write to D1 that is under way began. */
  let writingFrom: number | undefined
  let hasTables = false

  const sql = <T extends Row>(query: string, ...values: SqlStorageValue[]): T[] => {
    if (!hasTables) {
      // What has changed is found by the number of its change: an index would double the price of each write.
      storage.sql.exec(`CREATE TABLE IF NOT EXISTS usage (hour INTEGER, labels TEXT, counts TEXT, change INTEGER, PRIMARY KEY (hour, labels)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, count INTEGER, calls TEXT)`)
      hasTables = true
    }
    return storage.sql.exec<T>(query, ...values).toArray()
  }
  /** How many rows hours and days have: counted once for all that is added, since rows that are read cost too. */
  const rowCounts = new Map<string, number>()
  const nameOf = (hour: number, hours: number) => `${hour}+${hours}`
  const countRows = (hour: number, hours: number) => {
    const name = nameOf(hour, hours)
    const known = rowCounts.get(name)
    if (known !== undefined) return known
    const query = 'SELECT count(*) AS count FROM usage WHERE hour >= ? AND hour < ?'
    const [{ count } = { count: 0 }] = sql<{ count: number }>(query, hour, hour + hours)
    rowCounts.set(name, count)
    return count
  }
  const hasRoom = (hour: number, times: number) =>
    countRows(hour, 1) < times * MAX_ROWS_PER_HOUR && countRows(startOfDay(hour), DAY_HOURS) < times * MAX_ROWS_PER_DAY
  const addRow = ({ hour, labels, counts }: Entry) => {
    const find = (text: string) =>
      sql<{ counts: string }>('SELECT counts FROM usage WHERE hour = ? AND labels = ?', hour, text)[0]
    let text = JSON.stringify(labels)
    let before = find(text)
    for (const [keeps, most] of [
      ['models', 1],
      ['status', 2],
    ] as const) {
      if (before !== undefined) break
      if (hasRoom(hour, most)) break
      text = JSON.stringify(fewerLabels(labels, keeps))
      before = find(text)
    }
    if (before === undefined) {
      rowCounts.set(nameOf(hour, 1), countRows(hour, 1) + 1)
      rowCounts.set(nameOf(startOfDay(hour), DAY_HOURS), countRows(startOfDay(hour), DAY_HOURS) + 1)
    }
    const sum = before === undefined ? counts : sumOf(readNumbers(before.counts), counts)
    sql('INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?)', hour, text, JSON.stringify(sum), changes)
    from = Math.min(from ?? hour, hour)
  }
  const addCallRow = (calls: readonly Call[]) => {
    const [last] = sql<{ number: number; count: number; calls: string }>(
      'SELECT * FROM calls ORDER BY number DESC LIMIT 1',
    )
    const joins = last !== undefined && last.count + calls.length <= CALLS_PER_ROW
    const all = joins ? [...readCalls(last.calls), ...calls] : calls
    const number = joins ? last.number : (last?.number ?? 0) + 1
    sql('INSERT OR REPLACE INTO calls VALUES (?, ?, ?)', number, all.length, JSON.stringify(all))
  }
  const addCalls = (calls: readonly Call[]) => {
    for (let at = 0; at < calls.length; at += CALLS_PER_ROW) addCallRow(calls.slice(at, at + CALLS_PER_ROW))
    let count = 0
    for (const row of sql<{ number: number; count: number }>('SELECT number, count FROM calls ORDER BY number DESC')) {
      count += row.count
      if (count < MAX_CALLS) continue
      sql('DELETE FROM calls WHERE number < ?', row.number)
      return
    }
  }
  const settle = (now: number) => {
    if (pending.length === 0) return
    changes++
    rowCounts.clear()
    for (const entry of rollUp(pending)) addRow(entry)
    addCalls(pending.flatMap(({ call }) => call ?? []))
    pending = []
    const oldest = Math.min(
      Math.floor(now / HOUR_MS) - HOURS_KEPT,
      from ?? Number.POSITIVE_INFINITY,
      writingFrom ?? Number.POSITIVE_INFINITY,
    )
    // A day is the sum of its hours, so it goes as a whole.
    sql('DELETE FROM usage WHERE hour < ?', startOfDay(oldest))
  }
  const isNews = () => pending.length > 0 || from !== undefined
  const schedule = (now: number, waitMs: number) => {
    if (!isNews() || (alarmAt !== 0 && now - alarmAt < ALARM_LOST_MS && alarmAt - now < ALARM_LOST_MS)) return
    alarmAt = now + waitMs
    void storage.setAlarm(alarmAt)
  }
  /** What has changed in a day: its hours, and the sums of the day. */
  const changedIn = (day: number, after: number) => {
    const rows = sql<{ hour: number; labels: string; counts: string; change: number }>(
      'SELECT * FROM usage WHERE hour >= ? AND hour < ?',
      day,
      day + DAY_HOURS,
    )
    const changed = rows.filter(({ change }) => change > after)
    const names = new Set(changed.map(({ labels }) => labels))
    const toEntry = ({ hour, labels, counts }: (typeof rows)[number]): Entry => ({
      hour,
      labels: JSON.parse(labels),
      counts: readNumbers(counts),
    })
    const ofDay = rows.filter(({ labels }) => names.has(labels)).map((row) => ({ ...toEntry(row), hour: day }))
    return { hours: changed.map(toEntry), days: rollUp(ofDay) }
  }

  return {
    kept: () => {
      if (changes === 0 && pending.length === 0) return undefined
      return { account, pending, changes, written, from: earlier(from, writingFrom), alarmAt }
    },
    add: (reported, now) => {
      pending.push(...readEntries(reported, now))
      if (pending.length > MAX_PENDING) settle(now)
    },
    write: async (database, now, save) => {
      settle(now)
      writingFrom = earlier(from, writingFrom)
      from = undefined
      save()
      if (writingFrom === undefined) return
      const upTo = changes
      try {
        const last = Math.floor(now / HOUR_MS)
        for (let day = startOfDay(writingFrom); day <= last; day += DAY_HOURS) {
          const rows = changedIn(day, written)
          if (rows.hours.length > 0) await writeRows(database, account, rows, now)
          writingFrom = day + DAY_HOURS
        }
        written = upTo
        writingFrom = undefined
      } catch (error) {
        from = earlier(from, writingFrom)
        writingFrom = undefined
        throw error
      }
    },
    schedule,
    alarmed: () => {
      alarmAt = 0
    },
    calls: (query) => {
      const rows = sql<{ calls: string }>('SELECT calls FROM calls')
      const all = [...rows.flatMap((row) => readCalls(row.calls)), ...pending.flatMap(({ call }) => call ?? [])]
      return newestCalls(
        all.filter((call) => fits(call, query)),
        query.limit,
      )
    },
  }
}

/** The newest calls first; more than `limit` where several came in the same millisecond, so that none is between two pages. */
export function newestCalls(calls: readonly Call[], limit: number): readonly Call[] {
  const sorted = calls.toSorted((one, other) => other.at - one.at)
  const last = sorted[limit - 1]?.at ?? 0
  return sorted.filter(({ at }) => at >= last)
}

function fits(call: Call, { before, id, key, model, status, failed }: CallQuery): boolean {
  if (before !== undefined && call.at >= before) return false
  if (id !== undefined && call.request !== id && call.id !== id) return false
  if (key !== undefined && call.key !== key) return false
  if (model !== undefined && call.model !== model && call.model_asked !== model) return false
  if (failed && !isFailure(call)) return false
  return status === undefined || call.status === status || String(call.http_status) === status
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : Math.min(one, other ?? one)
}

function startOfDay(hour: number): number {
  return hour - (hour % DAY_HOURS)
}

function readNumbers(text: string): readonly number[] {
  return JSON.parse(text)
}

function readCalls(text: string): readonly Call[] {
  return JSON.parse(text)
}
