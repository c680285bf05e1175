import { setTimeout as sleep } from 'node:timers/promises'
import { DOUBLES } from '../../src/telemetry/analytics.ts'
import { ABSENT, type Difference, differencesOf } from './differences.ts'
import { createNormalizer, normalizeLogLine, type Part, partsOf } from './normalize.ts'
import type { CompareRequest } from './request.ts'
import { type Setting, type Side, startSide } from './side.ts'

/** The bundles of the two versions. */
export interface Bundles {
  readonly before: string
  readonly after: string
}

/** How much there was to compare. */
export interface Tally {
  /** How many answers there were of each status. */
  readonly statuses: Readonly<Record<string, number>>
  readonly upstreamRequests: number
  readonly logLines: number
}

/** Both versions side by side, which get one request after the other. */
export interface Lane {
  /** Asks both, and tells where they differ. */
  readonly compare: (request: CompareRequest) => Promise<void>
  /** The differences since the last time, those in the logs among them. */
  readonly finish: () => Promise<Difference[]>
  /** Of the version before, from the start on. */
  readonly tally: () => Tally
  readonly stop: () => Promise<void>
}

interface Asked {
  readonly request: CompareRequest
  readonly ids: readonly [before: string, after: string]
}

export async function startLane({ before, after }: Bundles, setting: Setting): Promise<Lane> {
  const sides = [await startSide(before, setting), await startSide(after, setting)] as const
  let differences: Difference[] = []
  let asked: Asked[] = []
  const statuses: Record<string, number> = {}
  let upstreamRequests = 0
  let logLines = 0
  return {
    compare: async (request) => {
      const doings = await Promise.all(sides.map((side) => side.ask(request)))
      const [old = [], now = []] = doings.map((doing, at) => partsOf(doing, createNormalizer(sides[at]?.ports ?? [])))
      differences.push(...differencesOf(request, old, now))
      const [oldId = '', newId = ''] = doings.map(
        ({ answer }) => answer.headers.find(([name]) => name === 'x-request-id')?.[1] ?? '',
      )
      const status = doings[0]?.answer.status ?? 0
      statuses[status] = (statuses[status] ?? 0) + 1
      upstreamRequests += doings[0]?.sent.length ?? 0
      asked.push({ request, ids: [oldId, newId] })
    },
    finish: async () => {
      const logged = await logDifferences(sides, asked)
      logLines += logged.lines
      const found = [...differences, ...logged.differences]
      differences = []
      asked = []
      return found
    },
    tally: () => ({ statuses, upstreamRequests, logLines }),
    stop: async () => {
      await Promise.all(sides.map((side) => side.stop()))
    },
  }
}

/** The last lines may still be in the pipe. */
const LOG_MS = 300

async function logDifferences(
  sides: readonly [Side, Side],
  asked: readonly Asked[],
): Promise<{ differences: Difference[]; lines: number }> {
  await sleep(LOG_MS)
  const logs = sides.map((side) => readLog(side.takeLog())) as [Log, Log]
  const found = asked.flatMap(({ request, ids }) => {
    const [before = [], after = []] = ids.map((id, at) => logPartsOf(logs[at]?.lines.get(id) ?? [], sides[at]))
    return differencesOf(request, before, after)
  })
  const known = sides.map((_, at) => new Set(asked.map(({ ids }) => ids[at])))
  const [before = [], after = []] = logs.map(({ lines, others }, at) => {
    // Of a client that left before there were headers the id is not known.
    const strays = [...lines].flatMap(([id, own]) => (known[at]?.has(id) ? [] : own))
    const points = sides[at]?.takeDataPoints().map((point): Part => ['data point', readDataPoint(point)]) ?? []
    return [...logPartsOf([...others, ...strays.map(withoutId)], sides[at]), ...points]
  })
  const whole: CompareRequest = { name: 'all of the log', method: '', path: '', headers: {} }
  return { differences: [...found, ...missing(whole, before, after)], lines: logs[0].lines.size }
}

/** What only one side wrote; the order is left out, since lines of different calls have none. */
function missing(request: CompareRequest, before: readonly Part[], after: readonly Part[]): Difference[] {
  const left = new Map<string, number>()
  for (const [name, text] of after) left.set(`${name}\n${text}`, (left.get(`${name}\n${text}`) ?? 0) + 1)
  const gone = before.filter(([name, text]) => {
    const count = left.get(`${name}\n${text}`) ?? 0
    left.set(`${name}\n${text}`, count - 1)
    return count <= 0
  })
  const fresh = [...left].flatMap(([key, count]) => Array.from({ length: Math.max(0, count) }, () => key))
  return [
    ...gone.map(([part, before]) => ({ request, part, before, after: ABSENT })),
    ...fresh.map((key) => {
      const end = key.indexOf('\n')
      return { request, part: key.slice(0, end), before: ABSENT, after: key.slice(end + 1) }
    }),
  ]
}

function withoutId(line: string): string {
  return line.replace(/"request":"\w+"/, '"request":"…"')
}

interface Log {
  /** The lines of each request. */
  readonly lines: ReadonlyMap<string, readonly string[]>
  /** Lines that name no request. */
  readonly others: readonly string[]
}

function readLog(log: string): Log {
  const lines = new Map<string, string[]>()
  const others: string[] = []
  for (const line of log.split('\n')) {
    const id = /"request":"(\w+)"/.exec(line)?.[1]
    if (id !== undefined) lines.set(id, [...(lines.get(id) ?? []), line])
    else if (line.trim() !== '') others.push(line)
  }
  return { lines, others }
}

/** A data point in words, without its times. Texts are lists of bytes on the wire. */
function readDataPoint(point: string): string {
  const { timestamp: _, ...columns } = JSON.parse(point) as Record<string, unknown>
  const fields = Object.entries(columns).map(([name, value]) => {
    if (Array.isArray(value)) return `${name}=${Buffer.from(value).toString()}`
    const column = /^double(\d+)$/.exec(name)?.[1]
    return `${name}=${column !== undefined && DOUBLES[Number(column) - 1]?.endsWith('_ms') ? '…' : value}`
  })
  return fields.join(' ')
}

function logPartsOf(lines: readonly string[], side: Side | undefined): Part[] {
  const normalize = createNormalizer(side?.ports ?? [])
  return lines.map((line) => ['log', normalize(normalizeLogLine(line))])
}
