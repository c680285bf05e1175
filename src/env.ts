import type { ConfiguredPrices } from './access/budget.ts'
import type { KeyChanges } from './access/key-changes.ts'
import type { Ledger } from './access/ledger-object.ts'
import type { Registry } from './access/registry-object.ts'
import { DEFAULT_AUTO_MODELS } from './catalog/auto.ts'
import type { Price } from './catalog/deployment.ts'
import { findDeployment, findModel } from './catalog/models.ts'
import { findProvider, PROVIDERS, type Provider, providerForBaseUrl } from './catalog/providers.ts'
import { Failure } from './chat/failure.ts'
import type { Conversations } from './conversations/conversations-object.ts'
import type { Digest, Overview, Snapshot } from './health/messages.ts'
import { usageDatabase } from './usage/database.ts'
import type { CallHistory } from './usage/entry.ts'

/** The bindings and settings from `wrangler.toml`, secrets and `.dev.vars`. Only `readSettings` reads the settings. */
export interface Env extends Pick<Cloudflare.Env, 'KEYS'> {
  /** Gets a data point of each call, if the operator has bound it. */
  readonly ANALYTICS?: AnalyticsEngineDataset
  /** Counts the calls of an address with unknown keys, if the operator has bound it. */
  readonly ADDRESS_LIMIT?: RateLimit
  /** The database for usage, if the operator has bound it. */
  readonly USAGE?: unknown
  readonly [setting: string]: unknown
}

/** The methods of the object that gateway/health-object.ts defines. */
export interface HealthObject extends Rpc.DurableObjectBranded {
  report(region: string, report: unknown): Snapshot
  overview(): Overview
  hear(digest: unknown): void
  exchange(region: string, digest: unknown): Digest
  hearKeyChanges(told: unknown): void
  keyChanges(since: number): Promise<KeyChanges | null>
}

/** The Worker's Durable Objects, by the names of their classes (`[exports]` in wrangler.toml). */
export interface Objects {
  readonly Ledger: DurableObjectNamespace<Ledger>
  readonly Health: DurableObjectNamespace<HealthObject>
  readonly Conversations: DurableObjectNamespace<Conversations>
  readonly Registry: DurableObjectNamespace<Registry>
}

/** Returns the namespaces of Durable Objects. A function, because the platform builds them anew for each request and few requests need them. */
export type ObjectsOf<Name extends keyof Objects> = () => Pick<Objects, Name>

/** A provider that can be called: its row, and what the operator has configured. */
export interface ConfiguredProvider {
  readonly provider: Provider
  /** Without a slash at its end. May contain `{MODEL}`, and Azure's `?api-version=…`. */
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  /** Our key at the provider, which must not reach clients or logs; undefined if there is none. */
  readonly secret: string | undefined
}

/** Timeouts in milliseconds (contract 6, routing 2.5). */
export interface Timeouts {
  /** Until the first meaningful event of an attempt, if another candidate is left. */
  readonly firstByteMs: number
  /** Until the first meaningful event, over all attempts. */
  readonly totalMs: number
  /** Between two events of an answer. */
  readonly idleMs: number
  /** Until a client that waits for a stream gets status 200 and keep-alives. */
  readonly commitMs: number
  /** Between two keep-alives in a silent stream. */
  readonly keepAliveMs: number
  /** How long a stream is read on for its usage whose client has left. */
  readonly abandonedMs: number
  /** A client that reads nothing of its stream for this long counts as disconnected. */
  readonly stallMs: number
  /** Until the request body has come, or the next part of a large one. */
  readonly uploadMs: number
}

/** Where the spans of calls go. */
export interface OtlpSettings {
  readonly url: string
  /** May hold a secret. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether the spans hold the texts of prompts and answers. */
  readonly withContent: boolean
}

export interface Settings {
  readonly providers: ReadonlyMap<string, ConfiguredProvider>
  /** The models that `auto` may use, best first. */
  readonly autoModels: readonly string[]
  /** Whether the operator has chosen these models. Then no other model may answer for `auto`. */
  readonly autoChosen: boolean
  /** The models that the operator names for their own servers, by provider. The catalogue cannot know these models. */
  readonly ownModels: ReadonlyMap<string, readonly string[]>
  readonly prices: ConfiguredPrices
  /** What is reserved for an answer without `max_tokens`; 0 for the longest that the model can write. */
  readonly reservedOutputTokens: number
  /** Whose streams are read on for their usage when their client has left: those of keys with a budget, all, or none. */
  readonly abandonedStreams: 'budgets' | 'on' | 'off'
  readonly timeouts: Timeouts
  /** How much memory of an isolate the bodies of running calls may take. */
  readonly bodiesMaxBytes: number
  /** Whether health decides the order of deployments; otherwise they keep the order of the catalogue. */
  readonly tracksHealth: boolean
  /** Whether requests are hedged that say nothing of it (routing 2.8). */
  readonly hedges: boolean
  /** Whether the reasoning of tool calls is kept for clients that do not send it back. */
  readonly keepsReasoning: boolean
  /** Features of Anthropic's that clients may not switch on by the header `anthropic-beta`. */
  readonly refusedBetas: ReadonlySet<string>
  /** Whether keys without a policy of their own may use what providers run themselves, and fields that use our account. */
  readonly allowsBuiltinTools: boolean
  readonly allowsAccountFields: boolean
  /** Providers that keep nothing of requests to learn from, and where providers are, as the operator has agreed with them. */
  readonly noDataCollection: ReadonlySet<string>
  readonly providerRegions: ReadonlyMap<string, string>
  /** Configured providers that the caller's key may not use. */
  readonly withheld?: ReadonlySet<string>
  /** How long answers are kept for clients that refer to them, in milliseconds; 0 where none is. */
  readonly retentionMs: number
  /** Whether the usage of keys is kept. */
  readonly keepsUsage: boolean
  /** Which calls are kept one by one, without their content. */
  readonly callHistory: CallHistory
  /** The share of calls, 0 to 1, that get a log line. Failures always get one. */
  readonly logSample: number
  /** Whether log lines contain the providers' own error texts, which may quote prompts. */
  readonly logDetail: boolean
  /** Undefined where no spans are sent. */
  readonly otlp: OtlpSettings | undefined
}

const settingsByEnv = new WeakMap<Env, Settings>()

/**
 * Reads and checks the settings, once in each isolate.
 * @throws Failure `misconfigured`; its message names the invalid setting (contract 9).
 */
export function readSettings(env: Env): Settings {
  const known = settingsByEnv.get(env)
  if (known !== undefined) return known
  const autoModels = readList(env, 'AUTO_MODELS')
  const ownModels = new Map(
    PROVIDERS.filter(({ anyModel }) => anyModel === true).map(({ id, settingPrefix }) => [
      id,
      readList(env, `${settingPrefix}_MODELS`),
    ]),
  )
  autoModels.forEach((name, at) => {
    checkAutoModel(name, at, ownModels)
  })
  const settings: Settings = {
    providers: readProviders(env),
    autoModels: autoModels.length > 0 ? autoModels : DEFAULT_AUTO_MODELS,
    autoChosen: autoModels.length > 0,
    ownModels,
    prices: readPrices(env),
    reservedOutputTokens: readReservedTokens(env),
    abandonedStreams: readAbandonedStreams(env),
    timeouts: {
      firstByteMs: readMilliseconds(env, 'FIRST_BYTE_TIMEOUT_MS', 10_000),
      totalMs: readMilliseconds(env, 'TOTAL_TIMEOUT_MS', 30_000),
      idleMs: readMilliseconds(env, 'IDLE_TIMEOUT_MS', 30_000),
      commitMs: readMilliseconds(env, 'COMMIT_AFTER_MS', 10_000),
      keepAliveMs: readMilliseconds(env, 'COMMENT_EVERY_MS', 10_000),
      abandonedMs: readAbandonedMs(env),
      stallMs: readMilliseconds(env, 'CLIENT_STALL_TIMEOUT_MS', 60_000),
      uploadMs: readMilliseconds(env, 'UPLOAD_TIMEOUT_MS', 30_000),
    },
    bodiesMaxBytes: readBodyMemory(env),
    tracksHealth: readSwitch(env, 'HEALTH', true),
    hedges: readSwitch(env, 'HEDGE', false),
    keepsReasoning: readSwitch(env, 'KEEP_REASONING', true),
    refusedBetas: new Set(readList(env, 'REFUSED_BETAS')),
    allowsBuiltinTools: readSwitch(env, 'ALLOW_BUILTIN_TOOLS', false),
    allowsAccountFields: readSwitch(env, 'ALLOW_ACCOUNT_FIELDS', false),
    noDataCollection: new Set(
      readList(env, 'NO_DATA_COLLECTION').map((name) => providerIn('NO_DATA_COLLECTION', name)),
    ),
    providerRegions: readRegions(env),
    retentionMs: readSwitch(env, 'RESPONSES_STORE', true) ? readRetention(env) : 0,
    keepsUsage: readKeepsUsage(env),
    callHistory: readCallHistory(env),
    logSample: readShare(env, 'LOG_SAMPLE'),
    logDetail: readSwitch(env, 'LOG_DETAIL', false),
    otlp: readOtlp(env),
  }
  settingsByEnv.set(env, settings)
  return settings
}

function readText(env: Env, name: string): string | undefined {
  const value = env[name]
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

function readList(env: Env, name: string): string[] {
  return (readText(env, name) ?? '').split(',').flatMap((item) => item.trim() || [])
}

function invalidSetting(name: string, complaint: string): Failure {
  return new Failure('misconfigured', `The setting ${name} ${complaint}.`)
}

function readSwitch(env: Env, name: string, defaultValue: boolean): boolean {
  const value = readText(env, name)
  if (value === undefined) return defaultValue
  if (value !== 'on' && value !== 'off') throw invalidSetting(name, "must be 'on' or 'off'")
  return value === 'on'
}

function readKeepsUsage(env: Env): boolean {
  const text = readText(env, 'USAGE')
  if (text !== undefined && text !== 'off')
    throw invalidSetting('USAGE', "must be 'off', or the binding of a D1 database")
  const seconds = readText(env, 'USAGE_WRITE_SECONDS') ?? '60'
  if (!/^\d{1,3}$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > 300) {
    throw invalidSetting('USAGE_WRITE_SECONDS', 'must be a number of seconds from 1 to 300')
  }
  return usageDatabase(env) !== undefined
}

function readCallHistory(env: Env): CallHistory {
  const text = readText(env, 'CALL_HISTORY') ?? 'all'
  if (text === 'all' || text === 'failures' || text === 'off') return text
  throw invalidSetting('CALL_HISTORY', "must be 'all', 'failures' or 'off'")
}

function readShare(env: Env, name: string): number {
  const value = readText(env, name) ?? '1'
  if (!/^(0?\.\d+|[01])$/.test(value)) throw invalidSetting(name, 'must be a number from 0 to 1')
  return Number(value)
}

function readBodyMemory(env: Env): number {
  // One key may take half of it: enough for one largest body, which counts twice, and for small ones beside it.
  const value = readText(env, 'BODY_MEMORY_MIB') ?? '88'
  // With less, the largest body would always be refused.
  if (!/^\d{1,6}$/.test(value) || Number(value) < 40) {
    throw invalidSetting('BODY_MEMORY_MIB', 'must be a whole number of MiB, 40 or more')
  }
  return Number(value) * 1024 * 1024
}

function readReservedTokens(env: Env): number {
  const value = readText(env, 'RESERVE_OUTPUT_TOKENS')
  if (value === undefined) return 0
  if (!/^[1-9]\d{0,6}$/.test(value)) throw invalidSetting('RESERVE_OUTPUT_TOKENS', 'must be a number of tokens above 0')
  return Number(value)
}

function readAbandonedStreams(env: Env): Settings['abandonedStreams'] {
  const value = readText(env, 'READ_ABANDONED_STREAMS') ?? 'budgets'
  if (value === 'budgets' || value === 'on' || value === 'off') return value
  throw invalidSetting('READ_ABANDONED_STREAMS', "must be 'budgets', 'on' or 'off'")
}

/** The platform ends a call 30 s after its client has left; before that the usage has to be counted and told. */
function readAbandonedMs(env: Env): number {
  const value = readMilliseconds(env, 'ABANDONED_STREAM_TIMEOUT_MS', 25_000)
  if (value > 28_000) throw invalidSetting('ABANDONED_STREAM_TIMEOUT_MS', 'must be 28000 at most')
  return value
}

function readMilliseconds(env: Env, name: string, defaultValue: number): number {
  const value = readText(env, name)
  if (value === undefined) return defaultValue
  if (!/^\d+$/.test(value) || Number(value) === 0)
    throw invalidSetting(name, 'must be a number of milliseconds above 0')
  return Number(value)
}

const HEADER = /^([\w!#$%&'*+.^`|~-]+) *= *(.+)$/

/** The form of OpenTelemetry's own variables: a base address, and `name=value` with `%` escapes. */
function readOtlp(env: Env): OtlpSettings | undefined {
  const given = readText(env, 'OTLP_ENDPOINT')
  const withContent = readSwitch(env, 'OTLP_CONTENT', false)
  const headers = readList(env, 'OTLP_HEADERS').map((item, at) => {
    const [, name, value = ''] = HEADER.exec(item) ?? []
    const decoded = unescaped(value)
    if (name !== undefined && /^[\x20-\x7e]+$/.test(decoded)) return [name, decoded]
    throw invalidSetting('OTLP_HEADERS', `must be a list of name=value; number ${at + 1} of it is not`)
  })
  if (given === undefined) {
    if (headers.length === 0 && !withContent) return undefined
    throw invalidSetting('OTLP_ENDPOINT', `is needed beside ${withContent ? 'OTLP_CONTENT' : 'OTLP_HEADERS'}`)
  }
  const address = checkAddress(env, 'OTLP_ENDPOINT', given.replace(/\/+$/, ''))
  const url = address.endsWith(TRACES_PATH) ? address : address + TRACES_PATH
  return { url, headers: Object.fromEntries(headers), withContent }
}

const TRACES_PATH = '/v1/traces'

/** An empty text where an escape is none. */
function unescaped(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return ''
  }
}

const HOUR_MS = 3_600_000

function readRetention(env: Env): number {
  const [, count, unit] = /^(\d{1,4})([hd])$/.exec(readText(env, 'RESPONSES_RETENTION') ?? '30d') ?? []
  if (count === undefined || Number(count) === 0) {
    throw invalidSetting('RESPONSES_RETENTION', "must be a number of days or hours, as in '7d' or '12h'")
  }
  return Number(count) * (unit === 'd' ? 24 : 1) * HOUR_MS
}

const PRICE = /^([^/=]+)\/(.+)=(\d{1,6}(?:\.\d+)?):(\d{1,6}(?:\.\d+)?)$/

/** `provider/model=input:output`, in US dollars per million tokens; `provider/*` is for a provider's models without a price. */
function readPrices(env: Env): ConfiguredPrices {
  const prices = new Map<string, Price>()
  readList(env, 'MODEL_PRICES').forEach((item, at) => {
    const [, maker = '', model = '', input, output] = PRICE.exec(item) ?? []
    const provider = findProvider(maker)
    if (provider === undefined) {
      const text = `must be a list of provider/model=input:output, in US dollars per million tokens; number ${at + 1} of it is not`
      throw invalidSetting('MODEL_PRICES', text)
    }
    const name = model === '*' ? model : (findDeployment(provider.id, model)?.deployment.upstreamModel ?? model)
    prices.set(`${provider.id}/${name}`, { input: Number(input), output: Number(output) })
  })
  return prices
}

/** @throws Failure; it does not repeat the name, which may be a secret in the wrong setting. */
function providerIn(setting: string, name: string): string {
  const provider = findProvider(name)
  if (provider === undefined) throw invalidSetting(setting, 'holds a name that is no provider')
  return provider.id
}

/** `provider=region`, in the operator's own words for regions. */
function readRegions(env: Env): ReadonlyMap<string, string> {
  const setting = 'PROVIDER_REGIONS'
  return new Map(
    readList(env, setting).map((item) => {
      const [, name, region] = /^([^=]+)=([^=]+)$/.exec(item) ?? []
      if (name === undefined || region === undefined) throw invalidSetting(setting, 'must be a list of provider=region')
      return [providerIn(setting, name.trim()), region.trim()]
    }),
  )
}

/**
 * A name in AUTO_MODELS must be known; its provider may have no key today. The message does not repeat the value, which may
 * be a secret in the wrong setting.
 */
function checkAutoModel(name: string, at: number, ownModels: Settings['ownModels']): void {
  const slash = name.indexOf('/')
  const provider = slash > 0 ? findProvider(name.slice(0, slash)) : undefined
  if (provider?.anyModel === true || findModel(name) !== undefined) return
  if ([...ownModels.values()].some((models) => models.includes(name))) return
  throw invalidSetting('AUTO_MODELS', `holds a model that is not in the catalogue: number ${at + 1} of its list`)
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
  const key = readText(env, `${provider.settingPrefix}_API_KEY`)
  const given = readText(env, `${provider.settingPrefix}_BASE_URL`)
  // A key enables a provider; an address is enough for one that needs no key.
  if (key === undefined && (provider.keyOptional !== true || given === undefined)) return undefined
  const address = readBaseUrl(env, provider, given)
  return {
    provider: providerForBaseUrl(provider, address),
    baseUrl: address,
    headers: key === undefined ? {} : provider.authHeaders(key),
    secret: key,
  }
}

/** Hosts of this machine or of a private network. A name without a dot is private too. */
const PRIVATE_HOST =
  /^([^.:]+|.+\.(local(host)?|internal|lan|home\.arpa)|(127|10)(\.\d+){3}|(192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))(\.\d+){2}|\[(::1|(f[cd]|fe80:).*)\])$/

function readBaseUrl(env: Env, provider: Provider, given: string | undefined): string {
  const name = `${provider.settingPrefix}_BASE_URL`
  const template = given ?? provider.baseUrl
  if (template === undefined) throw invalidSetting(name, `is needed beside ${provider.settingPrefix}_API_KEY`)
  const filled = template.replace(/\{(ACCOUNT_ID|REGION)\}/g, (_, place: string) => {
    const setting = `${provider.settingPrefix}_${place}`
    const value = readText(env, setting)
    if (value === undefined) throw invalidSetting(setting, `is needed beside ${provider.settingPrefix}_API_KEY`)
    return value
  })
  return checkAddress(env, name, filled.replace(/\/+(?=\?|$)/, ''))
}

/** @throws Failure for an address that shows a secret, or that is none. */
function checkAddress(env: Env, name: string, address: string): string {
  const url = URL.parse(address)
  // On the public internet, http would show our key and every prompt.
  if (
    url?.protocol === 'http:' &&
    !PRIVATE_HOST.test(url.hostname) &&
    !readSwitch(env, 'ALLOW_HTTP_UPSTREAMS', false)
  ) {
    throw invalidSetting(
      name,
      'must be an https address; http is for private networks, or with ALLOW_HTTP_UPSTREAMS=on',
    )
  }
  const odd = url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== ''
  // Only Azure's API version may be in a query: a key in an address would appear in logs.
  const queried = url?.search !== '' && !/^\?api-version=[\w.-]+$/.test(url?.search ?? '')
  if (odd || queried || url.hash !== '') {
    throw invalidSetting(
      name,
      'must be an http or https address without a user, a password or a query (but for api-version)',
    )
  }
  return address
}
