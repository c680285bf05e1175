import { spawn } from 'node:child_process'
import { ROOT } from './root.ts'

export interface CommandOptions {
  /** Variables on top of this program's own. */
  readonly env?: Readonly<Record<string, string>>
  /** Text for its standard input. */
  readonly input?: string
  /** Lets it speak to the person in front, and ask. It is not recorded then. */
  readonly shown?: boolean
  readonly timeoutMs?: number
}

export interface CommandResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs another program in the repository's folder. @throws the system's error where it cannot be started. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { env = {}, input, shown = false, timeoutMs }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, {
    cwd: ROOT,
    stdio: shown ? 'inherit' : [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: timeoutMs,
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (piece) => {
    stdout += piece
  })
  child.stderr?.setEncoding('utf8').on('data', (piece) => {
    stderr += piece
  })
  // A program that ends without reading its input closes the pipe; its exit status says whether that is an error.
  child.stdin?.on('error', () => {}).end(input)
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  return { status, stdout, stderr }
}
