import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

const KILL_AFTER_MS = 3000
const KEPT_CHARACTERS = 4_000_000

/** What a program has printed and how it ended. */
export interface Finished {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
  readonly timedOut: boolean
}

export interface Command {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly limitMs: number
  readonly input?: string
  /** When this comes to pass, the program is interrupted as by Ctrl-C. */
  readonly interruptWhen?: Promise<unknown>
}

/** A client with a scratch home and a folder to work in. */
export interface Sandbox {
  readonly home: string
  readonly work: string
  /** A file of the installed packages. */
  readonly installed: (name: string) => string
  readonly write: (name: string, text: string | Uint8Array) => Promise<string>
  readonly read: (name: string) => Promise<string>
  readonly run: (command: Command) => Promise<Finished>
  readonly remove: () => Promise<void>
}

/** Makes a sandbox for what is installed in `folder`. Its environment has nothing of this machine's but where programs are. */
export async function makeSandbox(folder: string, isPython: boolean): Promise<Sandbox> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'router9-client-'))
  const work = path.join(home, 'work')
  const temporary = path.join(home, 'tmp')
  await mkdir(work)
  await mkdir(temporary)
  await symlink(path.join(folder, 'node_modules'), path.join(home, 'node_modules'))
  const env = { ...cleanEnvironment(home, temporary), ...(isPython ? { PYTHONPATH: folder } : {}) }
  return {
    home,
    work,
    installed: (name) => path.join(folder, name),
    write: async (name, text) => {
      const file = path.join(home, name)
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(file, text)
      return file
    },
    read: (name) => readFile(path.join(home, name), 'utf8').catch(() => ''),
    run: (command) => runIn(work, { ...env, ...command.env }, command),
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 5 }),
  }
}

function cleanEnvironment(home: string, temporary: string): Record<string, string> {
  return {
    PATH: [path.dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HOME: home,
    XDG_CONFIG_HOME: path.join(home, '.config'),
    XDG_CACHE_HOME: path.join(home, '.cache'),
    XDG_DATA_HOME: path.join(home, '.local/share'),
    XDG_STATE_HOME: path.join(home, '.local/state'),
    TMPDIR: temporary,
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    NO_COLOR: '1',
    NO_UPDATE_NOTIFIER: '1',
    DO_NOT_TRACK: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    OTEL_SDK_DISABLED: 'true',
  }
}

function runIn(cwd: string, env: Record<string, string>, command: Command): Promise<Finished> {
  const [program = '', ...args] = command.args
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let timedOut = false
    const interrupt = () => end(child, 'SIGINT')
    const timer = setTimeout(() => {
      timedOut = true
      interrupt()
    }, command.limitMs)
    command.interruptWhen?.then(interrupt, () => undefined)
    child.stdout.on('data', (piece) => {
      if (stdout.length < KEPT_CHARACTERS) stdout += piece
    })
    child.stderr.on('data', (piece) => {
      if (stderr.length < KEPT_CHARACTERS) stderr += piece
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(command.input ?? '')
    child.once('error', reject)
    // A child of the client's may hold its output open.
    child.once('exit', () => setTimeout(() => kill(child, 'SIGKILL'), KILL_AFTER_MS).unref())
    child.once('close', (status) => {
      clearTimeout(timer)
      kill(child, 'SIGKILL')
      if (process.env.ROUTER9_CLIENTS_SHOW !== undefined)
        console.error(command.args.join(' '), { stdout, stderr, status })
      resolve({ stdout, stderr, status, timedOut })
    })
  })
}

function end(child: ChildProcess, signal: NodeJS.Signals): void {
  kill(child, signal)
  setTimeout(() => kill(child, 'SIGKILL'), KILL_AFTER_MS).unref()
}

// A client's own children go with it: they are in its group.
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has ended.
  }
}
