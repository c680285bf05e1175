/** How the wrapped Durable Object behaves. `shiftMs` sets its clock wrong. */
export interface Behaviour {
  readonly mode?: 'well' | 'throw' | 'throw-late' | 'hang' | 'garbage' | 'older' | 'newer' | 'reset'
  readonly shiftMs?: number
  /** How the hub behaves, which regions consult. */
  readonly hub?: 'well' | 'throw' | 'hang' | 'garbage' | 'newer'
}

/** What the wrapped Durable Object has seen since the last question. */
export interface Seen {
  /** Calls to `report`. */
  readonly reports: number
  /** Calls to the hub. */
  readonly consultations: number
  /** The versions that reports carried. */
  readonly versions: readonly unknown[]
  /** The isolates that reported. */
  readonly isolates: readonly string[]
  /** The regions that were reported to. */
  readonly regions: readonly string[]
}

/** Where a wrapped Worker is told how to behave: a POST of a `Behaviour`, answered with what was `Seen`. */
export const CONTROL_PATH = '/wrapped/health'
/** Where a wrapped Worker passes a POST's body to its object as a report, and answers with what came back. */
export const REPORT_PATH = '/wrapped/report'

/**
 * A module in the Worker's place whose Health fails as it is told, before or instead of the real one's answer. Every other thing
 * is the bundle's. The object shares the Worker's isolate under workerd, so a variable is enough to tell it.
 */
export function wrappedHealth(start: Behaviour = {}): string {
  return `import router9, { Health as Inner } from './router9.js'
export * from './router9.js'

const how = { mode: 'well', shiftMs: 0, hub: 'well', ...${JSON.stringify(start)} }
let reports = 0
let consultations = 0
const versions = new Set(), isolates = new Set(), regions = new Set()

// Each would take the first provider out for an hour, if it were believed, or break whoever looks into it.
const outFor = (v) => ({
  v,
  now: Date.now(),
  leases: [],
  deployments: { 'openai/gpt-4o': { open: true, until: Date.now() + 3_600_000, at: Date.now(), reason: 'pre', opens: 9 } },
})
const GARBAGE = [
  null, undefined, 'no', 42, [], [[]], { v: 1 }, { v: 1, now: 'soon', deployments: 7, leases: {} },
  { v: 1, now: Number.NaN, deployments: outFor(1).deployments, leases: [] },
  { v: 1, now: 0, deployments: { 'openai/gpt-4o': null, a: 1, b: 'x', c: [] }, leases: [null, 1, { deployment: 3 }] },
  { v: '1', now: Date.now(), deployments: [], leases: [] },
]

const limits = (v) => ({ v, rows: [{ deployment: 'openai/gpt-4o', ok: 0, failed: 99, open: true, limitMs: 90_000 }] })
const HUB_GARBAGE = [null, undefined, 'no', [], { v: 1 }, { v: 1, rows: 'all' }, { v: 1, rows: [null, 7, {}, { deployment: 3 }] }]

export class Health extends Inner {
  async exchange(region, digest) {
    consultations++
    switch (how.hub) {
      case 'throw':
        throw new Error('made to fail')
      case 'hang':
        await new Promise((resolve) => setTimeout(resolve, 60_000))
        break
      case 'garbage':
        return HUB_GARBAGE[consultations % HUB_GARBAGE.length]
      case 'newer':
        return limits(2)
    }
    return super.exchange(region, digest)
  }

  async report(region, report) {
    reports++
    regions.add(region)
    versions.add(report?.v)
    isolates.add(report?.isolate)
    switch (how.mode) {
      case 'throw':
        throw new Error('made to fail')
      case 'throw-late':
        await new Promise((resolve) => setTimeout(resolve, 300))
        throw new Error('made to fail late')
      case 'hang':
        await new Promise((resolve) => setTimeout(resolve, 60_000))
        break
      case 'garbage':
        return GARBAGE[reports % GARBAGE.length]
      case 'older':
        return outFor(0)
      case 'newer':
        return { ...outFor(2), regions: {}, verdicts: [] }
      case 'reset':
        this.ctx.abort('made to start anew')
    }
    const now = Date.now
    Date.now = () => now() + how.shiftMs
    try {
      return super.report(region, report)
    } finally {
      Date.now = now
    }
  }
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '${CONTROL_PATH}') {
      Object.assign(how, await request.json())
      const seen = { reports, consultations, versions: [...versions], isolates: [...isolates], regions: [...regions] }
      reports = consultations = 0
      for (const set of [versions, isolates, regions]) set.clear()
      return Response.json(seen)
    }
    if (pathname === '${REPORT_PATH}') {
      const { Health: healths } = ctx.exports
      const health = healths.get(healths.idFromName('health:v1:enam'))
      return Response.json(await health.report('enam', await request.json()))
    }
    return router9.fetch(request, env, ctx)
  },
}
`
}
