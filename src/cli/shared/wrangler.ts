import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { CliError } from '../arguments.ts'
import { withPrivateFolder } from './private-folder.ts'
import { runCommand } from './run-command.ts'

const require = createRequire(import.meta.url)

/** Cloudflare's error code for a Worker that the account does not have. */
export const WORKER_NOT_FOUND = 10007

/** A call of wrangler that failed. `code` is Cloudflare's error code, where wrangler told one. */
export class WranglerError extends CliError {
  readonly code: number | undefined

  constructor(message: string, code: number | undefined) {
    super(message)
    this.code = code
  }
}

export interface WranglerResult {
  /** What it printed. */
  readonly text: string
  /** The last entry of that type in the report that wrangler writes for other programs. */
  readonly entry: (type: string) => Readonly<Record<string, unknown>> | undefined
}

/** The file that starts wrangler. Node runs it on every system; what npm puts into `.bin` is a shell script on some. */
export function wranglerProgram(): string {
  return path.join(path.dirname(require.resolve('wrangler/package.json')), 'bin/wrangler.js')
}

/** Runs the wrangler of this repository. `shown` lets it speak to the person in front, and ask. @throws WranglerError */
export async function runWrangler(args: readonly string[], { shown = false } = {}): Promise<WranglerResult> {
  return withPrivateFolder(async (folder) => {
    const report = path.join(folder, 'report.ndjson')
    // The build that wrangler starts runs on this Node too: another one may be too old for TypeScript, and none is linked where
    // no scripts ran at the installation.
    const PATH = [path.dirname(process.execPath), process.env.PATH].join(path.delimiter)
    const env = { WRANGLER_OUTPUT_FILE_PATH: report, WRANGLER_SEND_METRICS: 'false', PATH }
    const { status, stdout, stderr } = await runCommand(process.execPath, [wranglerProgram(), ...args], { env, shown })
    const entries = await readReport(report)
    const entry: WranglerResult['entry'] = (type) => entries.findLast((one) => one.type === type)
    if (status === 0) return { text: stdout, entry }
    const failure = entry('command-failed')
    // Only the command's name: its other arguments may hold a key's record.
    const summary = `wrangler ${args.slice(0, 2).join(' ')} failed`
    const reason = stripVTControlCharacters(stderr).trim() || String(failure?.message ?? '')
    throw new WranglerError(reason === '' ? summary : `${summary}:\n${reason}`, codeOf(failure?.code))
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

/** The options that give secrets to wrangler. As JSON: in files of other forms wrangler replaces `$NAME` by the shell's variables. */
export async function secretsFileOptions(
  secrets: Readonly<Record<string, string>>,
  folder: string,
): Promise<readonly string[]> {
  if (Object.keys(secrets).length === 0) return []
  const file = path.join(folder, 'secrets.json')
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 })
  return ['--secrets-file', file]
}
