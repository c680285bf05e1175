import { parseArgs } from 'node:util'
import { KEY_PREFIX } from '../../access/keys.ts'
import { type Checked, isHere, runSmoke, type Smoke } from './checks.ts'

const USAGE = `npm run smoke -- URL [KEY] [options]

Checks a running Router9 from outside: health, refusals, models, providers, an answer and a stream.

  KEY                 or the variable ROUTER9_KEY, which other programs of the machine cannot read; on this machine the
                      demo key is tried without. Where there is none, what needs a key is skipped.
  --model MODEL       who is asked (auto)
  --timeout SECONDS   for each answer (60)
  --settle SECONDS    how long a fresh deployment or key may take to be seen everywhere (0)

Ends with status 0 where nothing failed, 1 where something did, 2 where the call makes no sense.`

/** A call that makes no sense. */
class UsageError extends Error {}

const options = {
  model: { type: 'string', default: 'auto' },
  timeout: { type: 'string', default: '60' },
  settle: { type: 'string', default: '0' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Reads the command line; undefined where only help is asked for. */
export function readSmoke(args: readonly string[], keyFromOutside: string | undefined): Smoke | undefined {
  const { values, positionals } = parse(args)
  if (values.help) return undefined
  const [url, key = keyFromOutside, ...more] = positionals
  if (url === undefined || more.length > 0) throw new UsageError('say which address to check, and with which key')
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new UsageError('the address must begin with https:// or http://')
  return {
    url,
    key: key ?? (isHere(url) ? `${KEY_PREFIX}demo` : undefined),
    model: values.model,
    timeoutMs: milliseconds('timeout', values.timeout),
    settleMs: milliseconds('settle', values.settle),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function milliseconds(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 3600))
    throw new UsageError(`--${name} must be a number of seconds`)
  return value * 1000
}

/** What was found, as a table with its sum below. */
export function smokeTable(checked: readonly Checked[]): string {
  const width = Math.max(...checked.map(({ name }) => name.length))
  const rows = checked.map(({ name, result, tookMs, says }) => {
    const time = result === 'skipped' ? '' : `${tookMs} ms`
    return `${name.padEnd(width)}  ${result.padEnd(7)}  ${time.padStart(8)}  ${says}`
  })
  const count = (result: Checked['result']) => checked.filter((one) => one.result === result).length
  const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
  return `${rows.join('\n')}\n\n${count('ok')} passed, ${count('FAILED')} failed${skipped}`
}

/** Whether nothing failed. */
export function isSound(checked: readonly Checked[]): boolean {
  return checked.every(({ result }) => result !== 'FAILED')
}

if (import.meta.main) {
  try {
    const smoke = readSmoke(process.argv.slice(2), process.env.ROUTER9_KEY || undefined)
    if (smoke === undefined) console.log(USAGE)
    else {
      const checked = await runSmoke(smoke)
      console.log(smokeTable(checked))
      if (!isSound(checked)) process.exitCode = 1
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n\n${USAGE}`)
    process.exitCode = 2
  }
}
