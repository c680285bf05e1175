/** Where the wrapped Worker tells what the ledger of a key holds, and how many reports were told and not answered: `?key=` its id. */
export const LEDGER_PATH = '/wrapped/ledger'

/**
 * A module in the Worker's place whose ledgers are the bundle's, but for keys whose ids say otherwise: the answer to every
 * second report of a `lossy` one is lost after it was counted, a `garbage` one answers with something else, a `hanging` one
 * never. Its database, where there is one, is slow for a `slow` one; for a `doubtful` one its first two writes are made and fail
 * all the same.
 */
export const WRAPPED_LEDGER = `import router9, { Ledger as Inner } from './router9.js'
export * from './router9.js'

const seen = new Map()
const lost = new Map()
const told = new Set()
const sums = new Map()

function wrapped(database, name) {
  let writes = 0
  const batch = async (statements) => {
    if (name.includes('slow')) await new Promise((resolve) => setTimeout(resolve, 1000))
    const results = await database.batch(statements)
    if (name.includes('doubtful') && ++writes <= 2) throw new Error('D1_ERROR: Network connection lost.')
    return results
  }
  return database && { prepare: (sql) => database.prepare(sql), batch }
}

export class Ledger extends Inner {
  constructor(context, env) {
    super(context, { ...env, USAGE: wrapped(env.USAGE, context.id.name) })
  }
  exchange(report, limits) {
    const { name } = this.ctx.id
    const calls = (seen.get(name) ?? 0) + 1
    seen.set(name, calls)
    if (name.includes('hanging')) return new Promise(() => {})
    const answer = super.exchange(report, limits)
    // A ledger forgets the requests and tokens of a minute with the minute, which may end while a test waits.
    if (!told.has(report.by + report.number)) {
      told.add(report.by + report.number)
      const before = sums.get(name) ?? { requests: 0, tokens: 0 }
      for (const { requests, tokens } of report.used) {
        before.requests += requests
        before.tokens += tokens
      }
      sums.set(name, before)
    }
    if (name.includes('lossy') && report.used.length > 0) {
      if (calls % 2 === 0) {
        lost.set(name, (lost.get(name) ?? new Set()).add(report.number))
        throw new Error('Network connection lost.')
      }
      lost.get(name)?.delete(report.number)
    }
    if (name.includes('garbage')) return { ...answer, number: 'none', inWindow: Number.NaN, dollars: -Infinity }
    return answer
  }
  usage() {
    return this.ctx.id.name.includes('hanging') ? new Promise(() => {}) : super.usage()
  }
  sum() {
    const { dollars } = super.add({ minute: 0, requests: 0, tokens: 0, dollars: 0 })
    return { requests: 0, tokens: 0, ...sums.get(this.ctx.id.name), dollars, unanswered: lost.get(this.ctx.id.name)?.size ?? 0, calls: seen.get(this.ctx.id.name) ?? 0 }
  }
}

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url)
    if (url.pathname !== '${LEDGER_PATH}') return router9.fetch(request, env, ctx)
    const { Ledger: ledgers } = ctx.exports
    return Response.json(await ledgers.get(ledgers.idFromName('key:' + url.searchParams.get('key'))).sum())
  },
}
`
