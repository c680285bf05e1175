import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { wranglerProgram } from '../keys/store.ts'

export const ROOT = path.resolve(import.meta.dirname, '../../..')

/** The Worker of an account that has none yet: Cloudflare's number for it. */
export const WORKER_NOT_FOUND = 10007

/** A call of wrangler that failed; `code` is Cloudflare's number for the reason, where there is one. */
export class WranglerError extends Error {
  readonly code: number | undefined

  constructor(message: string, code: number | undefined) {
    super(message)
    this.code = code
  }
}

/** What a call of wrangler printed, and what it wrote down for machines. */
export interface Told {
  readonly text: string
  /** The last entry of that type in wrangler's own report. */
  readonly entry: (type: string) => Readonly<Record<string, unknown>> | undefined
}

/** Runs the wrangler of this repository. `shown` lets it speak to the person in front, and ask. */
export async function runWrangler(args: readonly string[], { shown = false } = {}): Promise<Told> {
  return withFolder(async (folder) => {
    const report = path.join(folder, 'report.ndjson')
    const child = spawn(process.execPath, [wranglerProgram(), ...args], {
      cwd: ROOT,
      stdio: shown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, WRANGLER_OUTPUT_FILE_PATH: report, WRANGLER_SEND_METRICS: 'false' },
    })
    let text = ''
    let complaint = ''
    child.stdout?.setEncoding('utf8').on('data', (piece) => {
      text += piece
    })
    child.stderr?.setEncoding('utf8').on('data', (piece) => {
      complaint += piece
    })
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve(code ?? 1))
    })
    const entries = await readReport(report)
    const entry: Told['entry'] = (type) => entries.findLast((one) => one.type === type)
    if (status === 0) return { text, entry }
    const failure = entry('command-failed')
    // The rest of the command may hold a key's record.
    const what = `wrangler ${args.slice(0, 2).join(' ')} failed`
    const why = stripVTControlCharacters(complaint).trim() || String(failure?.message ?? '')
    throw new WranglerError(why === '' ? what : `${what}:\n${why}`, codeOf(failure?.code))
  })
}

async function readReport(file: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

function codeOf(code: unknown): number | undefined {
  const number = Number(code)
  return Number.isInteger(number) && number > 0 ? number : undefined
}

/** Folders that are lent now: they hold secrets, and must not outlive the program. */
const lent = new Set<string>()
const STATUS_AFTER = { SIGINT: 130, SIGTERM: 143 } as const

function leave(signal: keyof typeof STATUS_AFTER): void {
  for (const folder of lent) rmSync(folder, { recursive: true, force: true })
  process.exit(STATUS_AFTER[signal])
}

/** Lends a folder that nobody else can read, and that is gone afterwards, even where Ctrl-C ends the program. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'router9-'))
  if (lent.size === 0) process.on('SIGINT', leave).on('SIGTERM', leave)
  lent.add(folder)
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
    lent.delete(folder)
    if (lent.size === 0) process.off('SIGINT', leave).off('SIGTERM', leave)
  }
}

/** The options that hand secrets to wrangler; as JSON, since wrangler puts variables of this shell into any other form. */
export async function secretOptions(secrets: Readonly<Record<string, string>>, folder: string): Promise<string[]> {
  if (Object.keys(secrets).length === 0) return []
  const file = path.join(folder, 'secrets.json')
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 })
  return ['--secrets-file', file]
}
