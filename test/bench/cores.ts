import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Which core each process keeps to; undefined where the system has no way to say so. */
export interface Cores {
  readonly gateway: number
  readonly load: number
  readonly upstream: number
}

/** The gateway gets a core of its own; load and upstream share one if there are only two. */
export function chooseCores(available: readonly number[]): Cores | undefined {
  const [load, second, third] = available
  if (load === undefined || second === undefined) return undefined
  return { load, gateway: second, upstream: third ?? load }
}

/** A list as Linux writes it: `0-1,4`. */
export function readCoreList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first = Number.NaN, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, at) => first + at)
    })
}

/** Chooses cores and keeps this process, the load generator, to its own. */
export function pinCores(): Cores | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
    const cores = chooseCores(readCoreList(list))
    if (cores === undefined) return undefined
    execFileSync('taskset', ['-a', '-c', '-p', String(cores.load), String(process.pid)], { stdio: 'ignore' })
    return cores
  } catch {
    // Without taskset (util-linux) everything runs where the system puts it.
    return undefined
  }
}

/** A command that keeps to one core. */
export function pinned(core: number | undefined, command: string, args: readonly string[]): [string, string[]] {
  return core === undefined ? [command, [...args]] : ['taskset', ['-c', String(core), command, ...args]]
}
