import type { ConfiguredPrices } from './access/budget.ts'
import type { Ledger } from './access/ledger-object.ts'
import { DEFAULT_AUTO_MODELS } from './catalog/auto.ts'
import type { Price } from './catalog/deployment.ts'
import { findDeployment, findModel } from './catalog/models.ts'
import { findProvider, PROVIDERS, type Provider, providerForBaseUrl } from './catalog/providers.ts'
import { Failure } from './chat/failure.ts'
import type { Digest, Snapshot } from './health/outcome.ts'

/** What `wrangler.toml`, secrets and `.dev.vars` give the Worker. Settings are read by `readSettings` alone. */
export interface Env extends Pick<Cloudflare.Env, 'KEYS'> {
  /** Gets a data point of each call, where there is one. */
  readonly ANALYTICS?: AnalyticsEngineDataset
  /** Counts an address's calls with keys that are not known yet, where there is one. */
  readonly ADDRESS_LIMIT?: RateLimit
  readonly [setting: string]: unknown
}

/** The methods of the object that gateway/health-object.ts defines. */
export interface HealthObject extends Rpc.DurableObjectBranded {
  report(region: string, report: unknown): Snapshot
  hear(digest: unknown): void
  exchange(region: string, digest: unknown): Digest
}

/** The Worker's Durable Objects, by the names of their classes (`[exports]` in wrangler.toml). */
export interface Objects {
  readonly Ledger: DurableObjectNamespace<Ledger>
  readonly Health: DurableObjectNamespace<HealthObject>
}

/** Returns the namespaces of Durable Objects. A function, because the platform builds them anew for each request and few requests need them. */
export type ObjectsOf<Name extends keyof Objects> = () => Pick<Objects, Name>

/** A provider that can be asked: its row, and what the operator configured. */
export interface ConfiguredProvider {
  readonly provider: Provider
  /** Without a slash at its end; may have `{MODEL}` in it, and Azure's `?api-version=…`. */
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  /** Our key, to keep it out of what is told; undefined where there is none. */
  readonly secret: string | undefined
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
  /** A client that takes nothing of its stream for so long counts as gone. */
  readonly stallMs: number
  /** Until a request's body has come, or the next part of a large one. */
  readonly uploadMs: number
}

export interface Settings {
  readonly providers: ReadonlyMap<string, ConfiguredProvider>
  /** The models that `auto` may use, best first. */
  readonly autoModels: readonly string[]
  /** Whether the operator chose them: then nothing else may answer for `auto`. */
  readonly autoChosen: boolean
  /** The models of servers of one's own, for each provider whose models the catalogue cannot know. */
  readonly ownModels: ReadonlyMap<string, readonly string[]>
  readonly prices: ConfiguredPrices
  readonly timeouts: Timeouts
  /** How much of an isolate's memory the bodies of calls under way may take. */
  readonly bodiesMaxBytes: number
  /** Whether providers' health decides among targets; otherwise they are asked in their order. */
  readonly tracksHealth: boolean
  /** Whether thoughts that go with tool calls are kept for clients that lose them. */
  readonly keepsThoughts: boolean
  /** The share of calls, 0 to 1, of which a line is logged; whatever went wrong always is. */
  readonly logSample: number
  /** Whether logs hold providers' own words about their failures, which may quote prompts. */
  readonly logDetail: boolean
}

const read = new WeakMap<Env, Settings>()

/**
 * The settings, read and checked once for each isolate.
 * @throws Failure `misconfigured`, its message naming the setting that makes no sense (contract 9).
 */
export function readSettings(env: Env): Settings {
  const known = read.get(env)
  if (known !== undefined) return known
  const chosen = list(env, 'AUTO_MODELS')
  const ownModels = new Map(
    PROVIDERS.filter(({ anyModel }) => anyModel === true).map(({ id, settingPrefix }) => [
      id,
      list(env, `${settingPrefix}_MODELS`),
    ]),
  )
  chosen.forEach((name, at) => {
    checkAutoModel(name, at, ownModels)
  })
  const settings: Settings = {
    providers: readProviders(env),
    autoModels: chosen.length > 0 ? chosen : DEFAULT_AUTO_MODELS,
    autoChosen: chosen.length > 0,
    ownModels,
    prices: readPrices(env),
    timeouts: {
      firstByteMs: milliseconds(env, 'FIRST_BYTE_TIMEOUT_MS', 10_000),
      totalMs: milliseconds(env, 'TOTAL_TIMEOUT_MS', 30_000),
      idleMs: milliseconds(env, 'IDLE_TIMEOUT_MS', 30_000),
      commitMs: milliseconds(env, 'COMMIT_AFTER_MS', 10_000),
      commentMs: milliseconds(env, 'COMMENT_EVERY_MS', 10_000),
      stallMs: milliseconds(env, 'CLIENT_STALL_TIMEOUT_MS', 60_000),
      uploadMs: milliseconds(env, 'UPLOAD_TIMEOUT_MS', 30_000),
    },
    bodiesMaxBytes: bodyMemory(env),
    tracksHealth: onOff(env, 'HEALTH', true),
    keepsThoughts: onOff(env, 'KEEP_REASONING', true),
    logSample: share(env, 'LOG_SAMPLE'),
    logDetail: onOff(env, 'LOG_DETAIL', false),
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

function onOff(env: Env, name: string, otherwise: boolean): boolean {
  const value = text(env, name)
  if (value === undefined) return otherwise
  if (value !== 'on' && value !== 'off') throw senseless(name, "must be 'on' or 'off'")
  return value === 'on'
}

function share(env: Env, name: string): number {
  const value = text(env, name) ?? '1'
  if (!/^(0?\.\d+|[01])$/.test(value)) throw senseless(name, 'must be a number from 0 to 1')
  return Number(value)
}

function bodyMemory(env: Env): number {
  // A key's half holds its largest body, which counts double, and small ones beside it.
  const value = text(env, 'BODY_MEMORY_MIB') ?? '88'
  // Less would refuse the largest body for ever.
  if (!/^\d{1,6}$/.test(value) || Number(value) < 40) {
    throw senseless('BODY_MEMORY_MIB', 'must be a whole number of MiB, 40 or more')
  }
  return Number(value) * 1024 * 1024
}

function milliseconds(env: Env, name: string, otherwise: number): number {
  const value = text(env, name)
  if (value === undefined) return otherwise
  if (!/^\d+$/.test(value) || Number(value) === 0) throw senseless(name, 'must be a number of milliseconds above 0')
  return Number(value)
}

const PRICE = /^([^/=]+)\/(.+)=(\d{1,6}(?:\.\d+)?):(\d{1,6}(?:\.\d+)?)$/

/** `provider/model=input:output`, in US dollars per million tokens; `provider/*` for all of a provider's that have no price. */
function readPrices(env: Env): ConfiguredPrices {
  const prices = new Map<string, Price>()
  list(env, 'MODEL_PRICES').forEach((item, at) => {
    const [, maker = '', model = '', input, output] = PRICE.exec(item) ?? []
    const provider = findProvider(maker)
    if (provider === undefined) {
      const text = `must be a list of provider/model=input:output, in US dollars per million tokens; number ${at + 1} of it is not`
      throw senseless('MODEL_PRICES', text)
    }
    const name = model === '*' ? model : (findDeployment(provider.id, model)?.deployment.upstreamModel ?? model)
    prices.set(`${provider.id}/${name}`, { input: Number(input), output: Number(output) })
  })
  return prices
}

/**
 * A name in AUTO_MODELS must lead somewhere; whether its provider has a key is a question of the day. The message does not
 * repeat the value: it may be a secret that got into the wrong setting.
 */
function checkAutoModel(name: string, at: number, ownModels: Settings['ownModels']): void {
  const slash = name.indexOf('/')
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined
  if (provider?.anyModel === true || findModel(name) !== undefined) return
  if ([...ownModels.values()].some((models) => models.includes(name))) return
  throw senseless('AUTO_MODELS', `holds a model that is not in the catalogue: number ${at + 1} of its list`)
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
  const key = text(env, `${provider.settingPrefix}_API_KEY`)
  const given = text(env, `${provider.settingPrefix}_BASE_URL`)
  // A provider exists if its key does; one without keys exists by its address.
  if (key === undefined && (provider.keyOptional !== true || given === undefined)) return undefined
  const address = baseUrl(env, provider, given)
  return {
    provider: providerForBaseUrl(provider, address),
    baseUrl: address,
    headers: key === undefined ? {} : provider.authHeaders(key),
    secret: key,
  }
}

/** Hosts of this machine or of a private network; a name without a dot is one too. */
const PRIVATE =
  /^([^.:]+|.+\.(local(host)?|internal|lan|home\.arpa)|(127|10)(\.\d+){3}|(192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))(\.\d+){2}|\[(::1|(f[cd]|fe80:).*)\])$/

function baseUrl(env: Env, provider: Provider, given: string | undefined): string {
  const name = `${provider.settingPrefix}_BASE_URL`
  const template = given ?? provider.baseUrl
  if (template === undefined) throw senseless(name, `is needed beside ${provider.settingPrefix}_API_KEY`)
  const accountName = `${provider.settingPrefix}_ACCOUNT_ID`
  const account = text(env, accountName)
  if (template.includes('{ACCOUNT_ID}') && account === undefined) {
    throw senseless(accountName, `is needed beside ${provider.settingPrefix}_API_KEY`)
  }
  const whole = template.replace('{ACCOUNT_ID}', account ?? '').replace(/\/+(?=\?|$)/, '')
  const url = URL.parse(whole)
  // On the open internet our key and everybody's words would travel in the clear.
  if (url?.protocol === 'http:' && !PRIVATE.test(url.hostname) && !onOff(env, 'ALLOW_HTTP_UPSTREAMS', false)) {
    throw senseless(name, 'must be an https address; http is for private networks, or with ALLOW_HTTP_UPSTREAMS=on')
  }
  const odd = url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== ''
  // Azure's version is the one query there is; a key in an address would end up in logs.
  const queried = url?.search !== '' && !/^\?api-version=[\w.-]+$/.test(url?.search ?? '')
  if (odd || queried || url.hash !== '') {
    throw senseless(
      name,
      'must be an http or https address without a user, a password or a query (but for api-version)',
    )
  }
  return whole
}
