import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Stops a program with exit status 1. The message tells the person in front what is wrong and what to do. */
export class CliError extends Error {}

/** The command line is wrong: the program prints the message and its usage, and ends with status 2. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * Reads a command line. With `words`, arguments without a dash are allowed and come as `positionals`.
 * @throws UsageError for an unknown option, a missing value, or a word where none is allowed.
 */
export function readArguments<const O extends Options>(args: readonly string[], options: O, { words = false } = {}) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: words })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Reads an option that takes a whole number. @throws UsageError where it is none, or below `min`. */
export function readWholeNumber(name: string, text: string, min = 0): number {
  if (!/^\d+$/.test(text) || Number(text) < min) throw new UsageError(`--${name} must be a whole number from ${min} on`)
  return Number(text)
}

/** Reads an option in seconds, for example `--timeout 60`, and gives milliseconds. @throws UsageError where it is out of bounds. */
export function readSecondsAsMs(name: string, text: string): number {
  const seconds = Number(text)
  if (text.trim() === '' || !(seconds >= 0 && seconds <= 3600)) {
    throw new UsageError(`--${name} must be a number of seconds, 3600 at most`)
  }
  return seconds * 1000
}

/**
 * Runs a program: `--help` and `-h` print `usage`; `main` returns whether all went well. The exit status is 0 where it did,
 * 1 where it did not or a CliError stopped it, and 2 for a wrong command line. Any other error is a bug: it shows its stack.
 */
export async function runProgram(usage: string, main: (args: readonly string[]) => Promise<boolean>): Promise<void> {
  const args = process.argv.slice(2)
  if (asksForHelp(args)) {
    console.log(usage)
    return
  }
  try {
    if (!(await main(args))) process.exitCode = 1
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage}`)
      process.exitCode = 2
    } else if (error instanceof CliError) {
      console.error(error.message)
      process.exitCode = 1
    } else throw error
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const { values } = parseArgs({ args: [...args], options: { help: { type: 'boolean', short: 'h' } }, strict: false })
  return values.help === true
}
