/** What a counting Worker has counted since it was started. */
export interface WorkerCounts {
  /** Calls of Durable Objects' methods, each of which is a billed request: `Health.report`, `Ledger.exchange`, … */
  readonly requests: Readonly<Record<string, number>>
  /** Rows that Durable Objects have written. */
  readonly rows: number
  readonly subrequests: number
}

/** Where it tells them. */
export const COUNTS_PATH = '/counts-of-the-run'

/**
 * A module around the bundled Worker that counts what Cloudflare would bill: it stands between Router9 and the runtime, and
 * changes nothing.
 */
export const COUNTING_WORKER = `
import router9, * as classes from './router9.js'

const counts = { requests: {}, rows: 0, subrequests: 0 }

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
      super(context, env)
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

const fetchForReal = globalThis.fetch
globalThis.fetch = (...args) => {
  counts.subrequests++
  return fetchForReal(...args)
}

export default {
  fetch(request, env, context) {
    if (new URL(request.url).pathname === '${COUNTS_PATH}') return Response.json(counts)
    return router9.fetch(request, env, context)
  },
}
`
