/** What a counting Worker has counted since it was started. */
export interface WorkerCounts {
  /** Calls of Durable Objects' methods, each of which is a billed request: `Health.report`, `Ledger.exchange`, … */
  readonly requests: Readonly<Record<string, number>>
  /** Rows that Durable Objects have written. */
  readonly rows: number
  /** Rows that were written to the database of usage. */
  readonly databaseRows: number
  readonly subrequests: number
}

/** Where it tells them. */
export const COUNTS_PATH = '/counts-of-the-run'

/** The object that plays the database of usage: plain workerd has no D1, whose rows SQLite counts likewise. */
export const DATABASE_CLASS = 'Database'

/**
 * A module around the bundled Worker that counts what Cloudflare would bill: it stands between Router9 and the runtime, and
 * changes nothing. @param tables the statements that make the tables of usage.
 */
export function countingWorker(tables: string): string {
  return `const TABLES = ${JSON.stringify(tables)}\n${COUNTING_WORKER}`
}

const COUNTING_WORKER = `
import { DurableObject } from 'cloudflare:workers'
import router9, * as classes from './router9.js'

const counts = { requests: {}, rows: 0, databaseRows: 0, subrequests: 0 }

/** The same thing, but for what is given. */
function instead(thing, own) {
  return new Proxy(thing, {
    get(_, name) {
      if (name in own) return own[name]
      const value = thing[name]
      return typeof value === 'function' ? value.bind(thing) : value
    },
  })
}

function countingRows(context) {
  const { storage } = context
  const put = (...args) => {
    counts.rows++
    storage.kv.put(...args)
  }
  const exec = (...args) => {
    const cursor = storage.sql.exec(...args)
    counts.rows += cursor.rowsWritten
    return cursor
  }
  const setAlarm = (time) => {
    counts.rows++
    return storage.setAlarm(time)
  }
  const [kv, sql] = [instead(storage.kv, { put }), instead(storage.sql, { exec })]
  return instead(context, { storage: instead(storage, { kv, sql, setAlarm }) })
}

function counted(name) {
  const Class = classes[name]
  class Counted extends Class {
    constructor(context, env) {
      super(context, withUsage(env, context))
      Object.defineProperty(this, 'ctx', { value: countingRows(context) })
    }
  }
  for (const method of Object.getOwnPropertyNames(Class.prototype)) {
    if (method === 'constructor') continue
    Counted.prototype[method] = function (...args) {
      const whole = name + '.' + method
      counts.requests[whole] = (counts.requests[whole] ?? 0) + 1
      return Class.prototype[method].apply(this, args)
    }
  }
  return Counted
}

export const Conversations = counted('Conversations')
export const Health = counted('Health')
export const Ledger = counted('Ledger')
export const Registry = counted('Registry')

export class ${DATABASE_CLASS} extends DurableObject {
  constructor(context, env) {
    super(context, env)
    context.storage.sql.exec(TABLES)
  }
  run(statements) {
    return statements.map(({ sql, values }) => {
      const cursor = this.ctx.storage.sql.exec(sql, ...values)
      const results = cursor.toArray()
      counts.databaseRows += cursor.rowsWritten
      return { results }
    })
  }
}

const envs = new WeakMap()

function withUsage(env, context) {
  if (!envs.has(env)) envs.set(env, { ...env, USAGE: usage(context) })
  return envs.get(env)
}

function usage(context) {
  const prepare = (sql) => ({ sql, values: [], bind: (...values) => ({ sql, values }) })
  const batch = (statements) => {
    const { ${DATABASE_CLASS}: databases } = context.exports
    return databases.get(databases.idFromName('usage')).run(statements.map(({ sql, values }) => ({ sql, values })))
  }
  return { prepare, batch }
}

const fetchForReal = globalThis.fetch
globalThis.fetch = (...args) => {
  counts.subrequests++
  return fetchForReal(...args)
}

export default {
  fetch(request, env, context) {
    if (new URL(request.url).pathname === '${COUNTS_PATH}') return Response.json(counts)
    return router9.fetch(request, withUsage(env, context), context)
  },
}
`
