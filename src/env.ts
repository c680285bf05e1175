import { DEFAULT_AUTO_MODELS } from './catalog/auto.ts'
import { findModel } from './catalog/models.ts'
import { findProvider, PROVIDERS, type Provider } from './catalog/providers.ts'
import { Failure } from './chat/failure.ts'

/** What `wrangler.toml`, secrets and `.dev.vars` give the Worker. Settings are read by `readSettings` alone. */
export interface Env {
  readonly KEYS: KVNamespace
  readonly [setting: string]: unknown
}

/** A provider that can be asked: its row, and what the operator configured. */
export interface ConfiguredProvider {
  readonly provider: Provider
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
}

/** How long things may take, in milliseconds (contract 6, routing 2.5). */
export interface Timeouts {
  /** Until the first event of an attempt, while another candidate is left. */
  readonly firstByteMs: number
  /** Until the first event, over all attempts. */
  readonly totalMs: number
  /** Between two events of an answer. */
  readonly idleMs: number
  /** Until a waiting stream is answered with 200 and comments begin. */
  readonly commitMs: number
  /** Between two comments in a silent stream. */
  readonly commentMs: number
}

export interface Settings {
  readonly providers: ReadonlyMap<string, ConfiguredProvider>
  /** The models that `auto` may use, best first. */
  readonly autoModels: readonly string[]
  /** Whether the operator chose them: then nothing else may answer for `auto`. */
  readonly autoChosen: boolean
  /** Models of the custom provider; any name where empty. */
  readonly customModels: readonly string[]
  readonly timeouts: Timeouts
}

const read = new WeakMap<Env, Settings>()

/**
 * The settings, read and checked once for each isolate.
 * @throws Failure `misconfigured`, its message naming the setting that makes no sense (contract 9).
 */
export function readSettings(env: Env): Settings {
  const known = read.get(env)
  if (known !== undefined) return known
  const customModels = list(env, 'CUSTOM_MODELS')
  const chosen = list(env, 'AUTO_MODELS')
  const settings: Settings = {
    providers: readProviders(env),
    autoModels: chosen.length > 0 ? chosen.map((name) => autoModel(name, customModels)) : DEFAULT_AUTO_MODELS,
    autoChosen: chosen.length > 0,
    customModels,
    timeouts: {
      firstByteMs: milliseconds(env, 'FIRST_BYTE_TIMEOUT_MS', 10_000),
      totalMs: milliseconds(env, 'TOTAL_TIMEOUT_MS', 30_000),
      idleMs: milliseconds(env, 'IDLE_TIMEOUT_MS', 30_000),
      commitMs: milliseconds(env, 'COMMIT_AFTER_MS', 10_000),
      commentMs: milliseconds(env, 'COMMENT_EVERY_MS', 10_000),
    },
  }
  read.set(env, settings)
  return settings
}

function text(env: Env, name: string): string | undefined {
  const value = env[name]
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

function list(env: Env, name: string): string[] {
  return (text(env, name) ?? '').split(',').flatMap((item) => item.trim() || [])
}

function senseless(name: string, complaint: string): Failure {
  return new Failure('misconfigured', `The setting ${name} ${complaint}.`)
}

function milliseconds(env: Env, name: string, otherwise: number): number {
  const value = text(env, name)
  if (value === undefined) return otherwise
  if (!/^\d+$/.test(value) || Number(value) === 0) throw senseless(name, 'must be a number of milliseconds above 0')
  return Number(value)
}

/** A name in AUTO_MODELS must lead somewhere; whether its provider has a key is a question of the day. */
function autoModel(name: string, customModels: readonly string[]): string {
  const slash = name.indexOf('/')
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined
  if (provider?.anyModel === true || customModels.includes(name) || findModel(name) !== undefined) return name
  throw senseless('AUTO_MODELS', `names a model that is not in the catalogue: '${name.slice(0, 100)}'`)
}

function readProviders(env: Env): ReadonlyMap<string, ConfiguredProvider> {
  const providers = new Map<string, ConfiguredProvider>()
  for (const provider of PROVIDERS) {
    const configured = readProvider(env, provider)
    if (configured !== undefined) providers.set(provider.id, configured)
  }
  return providers
}

function readProvider(env: Env, provider: Provider): ConfiguredProvider | undefined {
  const key = text(env, `${provider.setting}_API_KEY`)
  const given = text(env, `${provider.setting}_BASE_URL`)
  // A provider exists if its key does; one without keys exists by its address.
  if (provider.keyless === true ? given === undefined : key === undefined) return undefined
  const header = provider.keyHeader ?? 'authorization'
  return {
    provider,
    baseUrl: baseUrl(env, provider, given),
    headers: key === undefined ? {} : { [header]: header === 'authorization' ? `Bearer ${key}` : key },
  }
}

function baseUrl(env: Env, provider: Provider, given: string | undefined): string {
  const name = `${provider.setting}_BASE_URL`
  const template = given ?? provider.baseUrl
  if (template === undefined) throw senseless(name, `is needed beside ${provider.setting}_API_KEY`)
  const accountName = `${provider.setting}_ACCOUNT_ID`
  const account = text(env, accountName)
  if (template.includes('{ACCOUNT_ID}') && account === undefined) {
    throw senseless(accountName, `is needed beside ${provider.setting}_API_KEY`)
  }
  const whole = template.replace('{ACCOUNT_ID}', account ?? '').replace(/\/+$/, '')
  const url = URL.parse(whole)
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw senseless(name, 'must be an http or https address without a query')
  }
  return whole
}
