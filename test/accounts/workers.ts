/** How long the ledger stays away, or what happens to messages, from now on (`/control/fault` of the ledgers' process). */
export type LedgerFault = 'none' | 'lost-requests' | 'lost-replies' | 'repeats' | 'hangs' | 'evictions'

/** What a ledger says that it has counted. Windows are those that are running. */
export interface LedgerSums {
  readonly total: number
  readonly daily?: number
  readonly weekly?: number
  readonly monthly?: number
}

/** A call as its isolate saw it, from its arrival to the request to its provider. */
export interface Wait {
  readonly ms: number
  /** Answers of ledgers that came meanwhile. */
  readonly answers: number
  /** Answers of other objects: who is held up by one of them waits for no ledger. */
  readonly others: number
}

/**
 * In the Workers' processes time goes so many times more slowly, timers and clocks alike: a machine of few cores plays dozens of
 * isolates, of which each has one of its own on the platform. All processes agree about the time.
 */
function slowTime(slow: number, startedAt: number): string {
  return `const real = () => ${minuteAt(startedAt)} + Math.floor((trueNow() - ${startedAt}) / ${slow})
const trueNow = Date.now
const timer = globalThis.setTimeout
globalThis.setTimeout = (work, ms = 0, ...given) => timer(work, ms * ${slow}, ...given)
let offset = 0
Date.now = () => real() + offset
`
}

/** The time there begins with a minute, so that the limits of one are not met twice. */
export function minuteAt(startedAt: number): number {
  return startedAt - (startedAt % 60_000)
}

/** The process that holds the ledgers, as one machine of the platform does: its clock can be set, and its messages be lost. */
export const objectsWorker = (slow: number, startedAt: number) => `import * as bundle from './router9.js'
export * from './router9.js'
${slowTime(slow, startedAt)}let fault = 'none'
let exchanges = 0
let earlier
const never = () => new Promise(() => {})
export class Ledger extends bundle.Ledger {
  evict() {
    this.ctx.abort('evicted')
  }
  async sums() {
    if (this.usage !== undefined) return this.usage()
    return { total: this.add({ minute: 0, requests: 0, tokens: 0, dollars: 0 }).dollars }
  }
}
async function call(objects, { object, name, method, args }) {
  const stub = () => objects[object].get(objects[object].idFromName(name))
  const invoke = () => stub()[method](...args)
  if (object !== 'Ledger' || (method !== 'exchange' && method !== 'add')) return invoke()
  exchanges++
  // Half of all messages, in an order that no isolate's own falls in with.
  const isStruck = (exchanges * 7919) % 4 < 2
  if (fault === 'none' || !isStruck) return invoke()
  if (fault === 'hangs' || fault === 'lost-requests') {
    if (fault === 'hangs') await never()
    throw new Error('lost')
  }
  const answer = await invoke()
  if (fault === 'lost-replies') throw new Error('lost')
  if (fault === 'evictions') await stub().evict().catch(() => {})
  if (fault === 'repeats') {
    // This one again, and one that is long over.
    await invoke()
    if (earlier !== undefined) await earlier()
    earlier = invoke
  }
  return answer
}
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '/health') return new Response('ok')
    const body = await request.json()
    if (pathname === '/control/clock') offset = body.now - real()
    else if (pathname === '/control/fault') fault = body.fault
    else if (pathname === '/control/count') return Response.json(exchanges)
    else {
      try {
        return Response.json((await call(ctx.exports, body)) ?? null)
      } catch (error) {
        return Response.json(String(error), { status: 500 })
      }
    }
    return Response.json(null)
  },
}
`

/** An isolate of a region: the bundle, whose objects are in another process and so far away as its region is. */
export const isolateWorker = (slow: number, startedAt: number) => `import { AsyncLocalStorage } from 'node:async_hooks'
import router9 from './router9.js'
// Each region has an object of health of its own.
const NEAR_MS = 5
const calls = new AsyncLocalStorage()
const outgoing = globalThis.fetch
${slowTime(slow, startedAt)}let waits = []
let answers = 0
let others = 0
globalThis.fetch = (...given) => {
  const call = calls.getStore()
  if (call !== undefined && call.isWaiting) {
    call.isWaiting = false
    waits.push({ ms: real() - call.at, answers: answers - call.answers, others: others - call.others })
  }
  return outgoing(...given)
}
function namespaceOf(object, env) {
  const get = (name) =>
    new Proxy({}, { get: (_, method) => (method === 'then' ? undefined : (...args) => ask(env, { object, name, method, args })) })
  return { idFromName: (name) => name, idFromString: (name) => name, get, getByName: get }
}
async function ask(env, message) {
  await new Promise((resolve) => setTimeout(resolve, message.object === 'Health' ? NEAR_MS : Number(env.AWAY_MS)))
  const response = await outgoing(env.OBJECTS_URL + '/call', { method: 'POST', body: JSON.stringify(message) })
  const answer = await response.json()
  if (message.object === 'Ledger') answers++
  else others++
  if (!response.ok) throw new Error(answer)
  return answer
}
export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '/control/waits') {
      const seen = waits
      waits = []
      return Response.json(seen)
    }
    if (pathname === '/control/clock') {
      offset = (await request.json()).offset
      return Response.json(null)
    }
    const exports = new Proxy({}, { get: (_, object) => namespaceOf(object, env) })
    const context = { waitUntil: (work) => ctx.waitUntil(work), passThroughOnException() {}, exports }
    return calls.run({ at: real(), answers, others, isWaiting: true }, () => router9.fetch(request, env, context))
  },
}
`
