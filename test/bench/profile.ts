import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Cores } from './cores.ts'
import { connectInspector, type Inspector } from './inspector.ts'
import { load, shotAt } from './load.ts'
import { SCENARIOS } from './scenarios.ts'
import { type HeapNode, selfBytes } from './self-bytes.ts'
import { type CpuProfile, selfTimes } from './self-times.ts'
import { ROOT } from './serve.ts'
import { BENCH_KEY, setStage } from './stage.ts'

const require = createRequire(import.meta.url)

const SAMPLE_US = 100
const SAMPLE_BYTES = 4096
const WARM_MS = 2000
const PROFILED_MS = 5000
const SHOWN = 45

/** What was profiled: so many requests, through a bundle with these lines. */
interface Profiled {
  readonly name: string
  readonly requests: number
  /** In each answer; 0 where it is no stream. */
  readonly events: number
  readonly code: readonly string[]
}

/**
 * Prints where Router9's time goes in a scenario, or what it allocates there, by function, from the bundle before it is
 * minified.
 */
export async function profile(name: string, cores: Cores | undefined, ofAllocations: boolean): Promise<number> {
  const scenario = SCENARIOS.find((one) => one.name === name)
  const lane = scenario?.lanes.find(({ gateway }) => gateway === 'router9')
  if (scenario === undefined || lane === undefined) {
    console.error(`--profile takes one of ${SCENARIOS.map((one) => one.name).join(', ')}`)
    return 2
  }
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-profile-'))
  try {
    const file = await bundleReadably(directory)
    const code = (await readFile(file, 'utf8')).split('\n')
    const stage = await setStage({ file }, cores)
    const served = await stage.startRouter9({ inspect: true })
    try {
      const shot = shotAt(new URL(lane.path, served.url), lane.body, { authorization: `Bearer ${BENCH_KEY}` })
      const run = async (forMs: number) => (await load(shot, scenario.concurrency, forMs)).length
      await run(WARM_MS)
      const inspector = await connectInspector(served.inspector ?? '')
      const linesOf = ofAllocations ? allocationLines : timeLines
      const lines = await linesOf(inspector, async () => {
        const requests = await run(PROFILED_MS)
        return { name, requests, events: lane.events, code }
      })
      inspector.close()
      for (const line of lines) console.log(line)
    } finally {
      await served.stop()
      await stage.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  return 0
}

async function bundleReadably(directory: string): Promise<string> {
  const wrangler = path.join(path.dirname(require.resolve('wrangler/package.json')), 'bin/wrangler.js')
  const args = [wrangler, 'deploy', '--dry-run', '--no-minify', '--outdir', directory]
  const env = { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' }
  await promisify(execFile)(process.execPath, args, { cwd: ROOT, env })
  return path.join(directory, 'index.js')
}

async function timeLines(inspector: Inspector, run: () => Promise<Profiled>): Promise<string[]> {
  await inspector.call('Profiler.enable')
  await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLE_US })
  await inspector.call('Profiler.start')
  const profiled = await run()
  const { profile: cpu } = await inspector.call<{ profile: CpuProfile }>('Profiler.stop')
  const times = selfTimes(cpu).filter(({ name }) => name !== '(idle)')
  const busy = times.reduce((sum, { us }) => sum + us, 0)
  const cell = (us: number) => (us / profiled.requests).toFixed(2)
  return [
    `${titleOf(profiled)}; self time in µs per request`,
    row([cell(busy)], 1, 'all but idle'),
    ...times
      .slice(0, SHOWN)
      .flatMap(({ name, line, us, hottest }) => [
        row([cell(us)], us / busy, `${name}  ${moduleAt(profiled.code, line)}`),
        ...(us / busy > 0.02 ? hottest : []).map(
          ({ line: at, share }) =>
            `${' '.repeat(22)}${Math.round(100 * share)}% ${profiled.code[at - 1]?.trim().slice(0, 110)}`,
        ),
      ]),
  ]
}

async function allocationLines(inspector: Inspector, run: () => Promise<Profiled>): Promise<string[]> {
  await inspector.call('HeapProfiler.startSampling', {
    samplingInterval: SAMPLE_BYTES,
    // Else only what is still there at the end would be told, and what is made for a request is gone by then.
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  const profiled = await run()
  const { profile: heap } = await inspector.call<{ profile: { head: HeapNode } }>('HeapProfiler.stopSampling')
  const { requests, events, code } = profiled
  const functions = selfBytes(heap.head)
  const all = functions.reduce((sum, { bytes }) => sum + bytes, 0)
  const cells = (bytes: number) => [
    (bytes / requests).toFixed(0),
    ...(events > 0 ? [(bytes / requests / events).toFixed(1)] : []),
  ]
  return [
    `${titleOf(profiled)}; bytes that a function allocates itself, per request${events > 0 ? ' and per event' : ''}`,
    row(cells(all), 1, 'all'),
    ...functions.slice(0, SHOWN).map(({ name, line, bytes, callers }) => {
      const from = callers.map(({ name: caller, share }) => `${caller} ${Math.round(100 * share)}%`).join(', ')
      return row(cells(bytes), bytes / all, `${name}  ${moduleAt(code, line)}  (from ${from})`)
    }),
  ]
}

function titleOf({ name, requests, events }: Profiled): string {
  return `${name}: ${requests} requests${events > 0 ? ` of ${events} events` : ''}`
}

function row(cells: readonly string[], share: number, text: string): string {
  return `${cells.map((cell) => cell.padStart(9)).join('')}  ${(100 * share).toFixed(1).padStart(5)}%  ${text}`
}

/** The bundler names each file in a comment before its code. */
function moduleAt(code: readonly string[], line: number): string {
  for (let at = line - 1; at > 0; at--) {
    const name = /^\/\/ ((src|node_modules)\/\S+)$/.exec(code[at] ?? '')?.[1]
    if (name !== undefined) return name
  }
  return ''
}
