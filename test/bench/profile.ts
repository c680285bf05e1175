import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Cores } from './cores.ts'
import { connectInspector } from './inspector.ts'
import { load, shotAt } from './load.ts'
import { SCENARIOS } from './scenarios.ts'
import { type CpuProfile, selfTimes } from './self-times.ts'
import { ROOT } from './serve.ts'
import { BENCH_KEY, setStage } from './stage.ts'

const require = createRequire(import.meta.url)

const SAMPLE_US = 100
const WARM_MS = 2000
const PROFILED_MS = 5000
const SHOWN = 45

/** Prints where Router9's time goes in a scenario, by function, from the bundle before it is minified. */
export async function profile(name: string, cores: Cores | undefined): Promise<number> {
  const scenario = SCENARIOS.find((one) => one.name === name)
  const lane = scenario?.lanes.find(({ gateway }) => gateway === 'router9')
  if (scenario === undefined || lane === undefined) {
    console.error(`--profile takes one of ${SCENARIOS.map((one) => one.name).join(', ')}`)
    return 2
  }
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-profile-'))
  try {
    const file = await bundleReadably(directory)
    const stage = await setStage({ file }, cores)
    const served = await stage.startRouter9({ inspect: true })
    try {
      const shot = shotAt(new URL(lane.path, served.url), lane.body, { authorization: `Bearer ${BENCH_KEY}` })
      await load(shot, scenario.concurrency, WARM_MS)
      const inspector = await connectInspector(served.inspector ?? '')
      await inspector.call('Profiler.enable')
      await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLE_US })
      await inspector.call('Profiler.start')
      const { length } = await load(shot, scenario.concurrency, PROFILED_MS)
      const { profile: cpu } = await inspector.call<{ profile: CpuProfile }>('Profiler.stop')
      inspector.close()
      print(name, cpu, length, lane.events, (await readFile(file, 'utf8')).split('\n'))
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

function print(name: string, cpu: CpuProfile, requests: number, events: number, code: readonly string[]): void {
  const times = selfTimes(cpu).filter(({ name: of }) => of !== '(idle)')
  const busy = times.reduce((sum, { us }) => sum + us, 0)
  const perRequest = (us: number) => (us / requests).toFixed(2).padStart(9)
  console.log(`${name}: ${requests} requests${events > 0 ? ` of ${events} events` : ''}; self time in µs per request`)
  console.log(`${perRequest(busy)}  100.0%  all but idle`)
  for (const { name: of, line, us, hottest } of times.slice(0, SHOWN)) {
    console.log(`${perRequest(us)}  ${((100 * us) / busy).toFixed(1).padStart(4)}%  ${of}  ${moduleAt(code, line)}`)
    for (const { line: at, share } of hottest) {
      if (us / busy > 0.02)
        console.log(`${' '.repeat(22)}${Math.round(100 * share)}% ${code[at - 1]?.trim().slice(0, 110)}`)
    }
  }
}

/** The bundler names each file in a comment before its code. */
function moduleAt(code: readonly string[], line: number): string {
  for (let at = line - 1; at > 0; at--) {
    const name = /^\/\/ ((src|node_modules)\/\S+)$/.exec(code[at] ?? '')?.[1]
    if (name !== undefined) return name
  }
  return ''
}
