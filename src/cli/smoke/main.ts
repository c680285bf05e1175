import { readArguments, readSecondsAsMs, runProgram, UsageError } from '../arguments.ts'
import { DEMO_KEY } from '../shared/new-key.ts'
import { isOnThisMachine, runSmoke, type SmokeOptions } from './checks.ts'
import { noneFailed, smokeTable } from './table.ts'

const USAGE = `npm run smoke -- URL [KEY] [options]

Checks a running Router9 from outside: health, refusals, models, providers, an answer, a stream, usage, and
the API for keys with a budget.

  KEY                 or the variable ROUTER9_KEY, which other programs of the machine cannot read; on this machine the
                      demo key is tried without. Where there is none, what needs a key is skipped.
                      The variable ROUTER9_MANAGEMENT_KEY holds a management key: with it a key is made and revoked.
  --model MODEL       the model that answers (auto)
  --timeout SECONDS   for each answer (60)
  --settle SECONDS    how long a fresh deployment or key may take to be seen everywhere (0)

Ends with status 0 where nothing failed, 1 where something did, 2 where the call makes no sense.`

const OPTIONS = {
  model: { type: 'string', default: 'auto' },
  timeout: { type: 'string', default: '60' },
  settle: { type: 'string', default: '0' },
} as const

function readSmokeArguments(
  args: readonly string[],
  { ROUTER9_KEY: keyFromEnvironment, ROUTER9_MANAGEMENT_KEY: managementKey }: NodeJS.ProcessEnv,
): SmokeOptions {
  const { values, positionals } = readArguments(args, OPTIONS, { words: true })
  const [url, key = keyFromEnvironment || undefined, ...more] = positionals
  if (url === undefined || more.length > 0) throw new UsageError('say which address to check, and with which key')
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new UsageError('the address must begin with https:// or http://')
  }
  return {
    url,
    key: key ?? (isOnThisMachine(url) ? DEMO_KEY : undefined),
    managementKey: managementKey || undefined,
    model: values.model,
    timeoutMs: readSecondsAsMs('timeout', values.timeout),
    settleMs: readSecondsAsMs('settle', values.settle),
  }
}

if (import.meta.main) {
  await runProgram(USAGE, async (args) => {
    const results = await runSmoke(readSmokeArguments(args, process.env))
    console.log(smokeTable(results))
    return noneFailed(results)
  })
}
