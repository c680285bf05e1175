import { DurableObject } from 'cloudflare:workers'
import { usageDatabase } from '../usage/database.ts'
import type { Call } from '../usage/entry.ts'
import { type CallQuery, createUsageKeeper, type KeptUsage, type UsageKeeper } from '../usage/keeper.ts'
import { fieldsOf } from './amounts.ts'
import type { Limits, Spent } from './budget.ts'
import { type Answer, addReport, exchange, type LedgerState, type Report, type ReportId, readState } from './ledger.ts'

/** US dollars; the windows are those of UTC that are running. */
export interface LedgerUsage {
  readonly total: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
}

const STORAGE_KEY = 'spent'
const WRITE_SECONDS = 60
/** After the database has failed, it is tried again so much later each time, up to the longest wait. */
const BACKOFF = 2
const LONGEST_WAIT_MS = 300_000

interface LedgerEnv {
  readonly USAGE?: unknown
  readonly USAGE_WRITE_SECONDS?: unknown
}

/** Counts what one account has spent, over all isolates, and leases what is left. There is one object for each account (accounts 4). */
export class Ledger extends DurableObject<LedgerEnv> {
  #state: LedgerState | undefined
  #usage: UsageKeeper | undefined
  #failures = 0

  /**
   * Counts a report and leases what its isolate may spend next.
   * @throws TypeError if the report makes no sense, or if too many isolates hold something: nothing was counted.
   */
  exchange(report: Report, limits: Limits): Answer {
    const now = Date.now()
    const { state, answer, changed, usage } = exchange(this.#stored(), report, limits, now)
    if (answer === undefined) throw new TypeError('a report that cannot be counted')
    if (usage !== undefined) {
      this.#keeper().add(usage, now)
      this.#keeper().schedule(now, this.#writeEveryMs())
    }
    this.#keep(state, changed)
    return answer
  }

  /** Adds what an isolate of an older version has counted since its last report, and returns the total. */
  add(reported: Spent, id?: ReportId): Spent {
    const { state, changed } = addReport(this.#stored(), reported, id, Date.now())
    this.#keep(state, changed)
    const { minute, requests, tokens, dollars } = state
    return { minute, requests, tokens, dollars }
  }

  /** US dollars that were spent in all, and in the windows that are running. */
  usage(): LedgerUsage {
    const { dollars: total, windows } = readState(this.#stored(), Date.now())
    return { total, daily: windows.day.dollars, weekly: windows.week.dollars, monthly: windows.month.dollars }
  }

  /** Single calls that were made with the key, the newest first. */
  calls(query: CallQuery): readonly Call[] {
    return this.#keeper().calls(query)
  }

  /** Writes to the database what has changed. */
  override async alarm(): Promise<void> {
    const keeper = this.#keeper()
    keeper.alarmed()
    const database = usageDatabase(this.env)
    const save = () => this.#save()
    try {
      if (database === undefined) return save()
      await keeper.write(database, Date.now(), save)
      this.#failures = 0
    } catch (error) {
      this.#failures++
      // The text is the database's own about our statement, in which values are bound and not written.
      console.warn(JSON.stringify({ level: 'warn', event: 'usage-not-written', detail: String(error).slice(0, 500) }))
    }
    const waitMs = this.#writeEveryMs() * BACKOFF ** Math.min(this.#failures, 8)
    keeper.schedule(Date.now(), Math.min(waitMs, LONGEST_WAIT_MS))
    save()
  }

  #writeEveryMs(): number {
    const seconds = Number(this.env.USAGE_WRITE_SECONDS ?? WRITE_SECONDS)
    return (seconds >= 1 && seconds <= 300 ? seconds : WRITE_SECONDS) * 1000
  }

  #keeper(): UsageKeeper {
    this.#usage ??= createUsageKeeper(this.ctx.storage, this.ctx.id.name, this.#storedUsage())
    return this.#usage
  }

  #storedUsage(): Partial<KeptUsage> | undefined {
    return fieldsOf(this.ctx.storage.kv.get(STORAGE_KEY)).usage as Partial<KeptUsage> | undefined
  }

  #stored(): unknown {
    return this.#state ?? this.ctx.storage.kv.get(STORAGE_KEY)
  }

  #keep(state: LedgerState, changed: boolean): void {
    this.#state = state
    if (changed) this.#save()
  }

  /** One value for both, since each write of one costs. */
  #save(): void {
    const usage = this.#keeper().kept()
    this.ctx.storage.kv.put(STORAGE_KEY, { ...fieldsOf(this.#stored()), ...(usage && { usage }) })
  }
}
