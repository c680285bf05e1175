import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const MARK = 'ROUTER9_CLIENTS_INSIDE'
const UP = 'ip link set lo up && exec "$@"'
/** Some clients leave a daemon, which ends with a namespace of processes. */
const OWN = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc']
const WAYS = [
  ['unshare', ...OWN],
  ['unshare', '--user', '--map-root-user', ...OWN],
]

/** Whether this program runs where there is no network but the loopback, or as near to that as this machine comes. */
export function isInside(): boolean {
  return process.env[MARK] !== undefined
}

/**
 * Starts this program again in a network namespace that has the loopback only, and gives its exit status. Where the machine
 * has no such thing, it runs with the network.
 */
export async function runInside(args: readonly string[], environment: Record<string, string>): Promise<number> {
  const way = await firstThatWorks()
  if (way === undefined)
    console.error('clients: no network namespace here; only switches keep clients from the network')
  const program = [process.execPath, process.argv[1] ?? '', ...args]
  const [command = '', ...rest] = way === undefined ? program : [...way, 'sh', '-c', UP, 'sh', ...program]
  const child = spawn(command, rest, {
    stdio: 'inherit',
    env: { ...process.env, ...environment, [MARK]: way === undefined ? 'switches' : 'loopback' },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGKILL'))
  // npm does not pass on the signal that ends it.
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && child.kill('SIGKILL'), 1000).unref()
  return new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)))
}

async function firstThatWorks(): Promise<readonly string[] | undefined> {
  for (const way of WAYS) {
    const [command = '', ...rest] = way
    const works = await promisify(execFile)(command, [...rest, 'sh', '-c', UP, 'sh', 'true']).then(
      () => true,
      () => false,
    )
    if (works) return way
  }
  return undefined
}
