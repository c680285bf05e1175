import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'

/** Wrangler takes a second or two to end what it has started. */
const EXIT_WAIT_MS = 5000

const children: ChildProcess[] = []
let isStopping = false

/** Starts a Node program that ends together with this one. */
export function startChild(args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(process.execPath, args, options)
  children.push(child)
  return child
}

/** Whether this program is ending, so that the end of a child is no surprise. */
export function isProgramStopping(): boolean {
  return isStopping
}

/** Ends all children and then this program. A second call kills them at once: the person does not want to wait. */
export async function stopProgram(status: number): Promise<void> {
  if (isStopping) {
    for (const child of children) child.kill('SIGKILL')
  } else {
    isStopping = true
    await Promise.all(children.map(stopChild))
  }
  process.exit(status)
}

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_WAIT_MS)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

/** Stops the program on Ctrl-C and SIGTERM, and when its parent ends: npm does not pass on the signal that ends it. */
export function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopProgram(0))
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && stopProgram(0), 1000).unref()
}
