import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import { PROVIDERS, type Provider } from '../../catalog/providers.ts'
import { ROOT } from '../shared/root.ts'
import { readWranglerConfig } from '../shared/wrangler-config.ts'

const DEFAULT_PORT = '8787'
export const VERBOSE = '--verbose'
export const DEMO = '--demo'

/** Reads the options that matter here. All but `--verbose` and `--demo` go on to `wrangler dev`, which refuses those that it does not know. */
export async function readStartArguments(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { port: { type: 'string' }, 'persist-to': { type: 'string' }, var: { type: 'string', multiple: true } },
    strict: false,
  })
  const port = typeof values.port === 'string' ? values.port : DEFAULT_PORT
  const persistTo = typeof values['persist-to'] === 'string' ? values['persist-to'] : undefined
  const wranglerArgs = args.filter((one) => one !== VERBOSE && one !== DEMO)
  const vars = (values.var ?? []).map((one) => /^([^:]*):(.*)$/s.exec(String(one))?.slice(1) ?? [])
  return {
    port,
    persistTo,
    verbose: args.includes(VERBOSE),
    demo: args.includes(DEMO),
    wranglerArgs: values.port === undefined ? ['--port', port, ...wranglerArgs] : wranglerArgs,
    settings: { ...(await localSettings()), ...(Object.fromEntries(vars) as Record<string, unknown>) },
  }
}

/** What `wrangler dev` will read: `[vars]` and .dev.vars, or .env where there is no .dev.vars. */
async function localSettings(): Promise<Record<string, unknown>> {
  const { vars } = await readWranglerConfig()
  const file = ['.dev.vars', '.env'].map((name) => path.join(ROOT, name)).find((name) => existsSync(name))
  return file === undefined ? vars : { ...vars, ...parseEnv(readFileSync(file, 'utf8')) }
}

/** The providers that the settings enable: those that have an API key, or an address where they need no key. */
export function configuredProviders(settings: Record<string, unknown>): readonly Provider[] {
  return PROVIDERS.filter(
    ({ settingPrefix, keyOptional }) => settings[`${settingPrefix}_${keyOptional ? 'BASE_URL' : 'API_KEY'}`],
  )
}
