import type { KeyRecord } from '../access/keys.ts'
import type { GetLedgers } from '../access/limits.ts'
import { findKey } from '../access/manage-records.ts'
import { Failure, quoted } from '../chat/failure.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import {
  accountsSince,
  dayText,
  type GroupName,
  HOURS_KEPT,
  hourText,
  PERIOD_NAMES,
  queryUsage,
  type UsageRow,
} from '../usage/database.ts'
import { type Call, HOUR_MS, LABELS, type Label, TTFT_BUCKETS_MS } from '../usage/entry.ts'
import { type CallQuery, newestCalls } from '../usage/keeper.ts'
import { accountOf } from './key-shapes.ts'
import type { Registry } from './registry.ts'

/** A question about usage. */
export interface UsageRequest {
  readonly query: (name: string) => string | undefined
  readonly caller: KeyRecord
  readonly registry: Registry
  readonly now: number
  /** Undefined where usage is not kept. */
  readonly database: D1Database | undefined
  readonly getLedgers: GetLedgers
}

interface UsageAnswer {
  readonly status: 200
  readonly body: object
}

const WAIT_MS = 5000
const MAX_ROWS = 1000
const PAGE = 100
const DAY_HOURS = 24
const DAYS_ASKED = 30
/** Without `key`, a management key's question goes to so many keys: those that were used last. */
const MAX_ACCOUNTS = 50
const MAX_GROUPS = 4
const GROUP_NAMES: readonly string[] = [...PERIOD_NAMES, ...LABELS]

/** `GET /usage`: rows and totals. A key for models sees its own. @throws Failure 400, 501, 503 */
export async function describeUsage(request: UsageRequest): Promise<UsageAnswer> {
  const { query, now } = request
  const database = databaseOf(request)
  const by = readGroups(query('by') ?? 'day')
  const isByHour = by.includes('hour')
  const hour = Math.floor(now / HOUR_MS)
  const textOf = isByHour ? hourText : dayText
  const from = readPeriod(query, 'from', textOf) ?? textOf(hour - (isByHour ? DAY_HOURS : DAYS_ASKED * DAY_HOURS))
  const to = readPeriod(query, 'to', textOf) ?? textOf(hour)
  const filters = { ...filtersOf(query), ...ownFilter(request) }
  const found = await available(queryUsage(database, { by, from, to, filters, limit: MAX_ROWS + 1 }))
  const body = {
    object: 'list',
    by,
    from,
    to,
    data: found.rows.slice(0, MAX_ROWS).map(usageEntry),
    has_more: found.rows.length > MAX_ROWS,
    totals: usageEntry(found.totals),
  }
  return { status: 200, body }
}

function databaseOf({ database }: UsageRequest): D1Database {
  if (database !== undefined) return database
  const text =
    "Usage is not kept here: the Worker has no database. Bind a D1 database as 'USAGE' in wrangler.toml and apply the migrations in src/usage/migrations."
  throw new Failure('usage-off', text)
}

function isManager({ role }: KeyRecord): boolean {
  return role === 'management'
}

function ownFilter({ caller }: UsageRequest): { account?: string } {
  return isManager(caller) ? {} : { account: accountOf(caller) }
}

function readGroups(text: string): readonly GroupName[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !GROUP_NAMES.includes(name))
  if (unknown === undefined && names.length <= MAX_GROUPS) return [...new Set(names as GroupName[])]
  const message = `'by' must be up to ${MAX_GROUPS} of ${GROUP_NAMES.join(', ')}, with commas between them.`
  throw new Failure('invalid-value', message, { param: 'by' })
}

function readPeriod(query: UsageRequest['query'], name: string, textOf: (hour: number) => string): string | undefined {
  const at = readTime(query, name)
  return at === undefined ? undefined : textOf(Math.floor(at / HOUR_MS))
}

/** A day, or a time in ISO 8601; undefined where there is none. */
function readTime(query: UsageRequest['query'], name: string): number | undefined {
  const text = query(name)
  if (text === undefined) return undefined
  const at = /^\d{4}-\d\d-\d\d($|T)/.test(text) ? Date.parse(/T\d\d$/.test(text) ? `${text}:00Z` : text) : Number.NaN
  if (!Number.isNaN(at)) return at
  const message = `'${name}' must be a day or a time in ISO 8601, as in 2026-02-28 or 2026-02-28T09:00:00Z.`
  throw new Failure('invalid-value', message, { param: name })
}

/** `true` or `false`; false if absent. @throws Failure 400 */
export function readFlag(query: UsageRequest['query'], name: string): boolean {
  const text = query(name) ?? 'false'
  if (text === 'true' || text === 'false') return text === 'true'
  throw new Failure('invalid-value', `'${name}' must be true or false.`, { param: name })
}

function filtersOf(query: UsageRequest['query']): Partial<Record<Label, string>> {
  return Object.fromEntries(
    LABELS.flatMap((label) => {
      const value = query(label)
      return value === undefined ? [] : [[label, value]]
    }),
  )
}

/** The histogram as one member; all else as it is in the table. */
function usageEntry(row: UsageRow): object {
  const others = Object.entries(row).filter(([name]) => !name.startsWith('ttft_'))
  const ttft = [...TTFT_BUCKETS_MS.map(String), 'more'].map((bucket) => [bucket, row[`ttft_${bucket}`] ?? 0])
  return { ...Object.fromEntries(others), ttft_ms: Object.fromEntries(ttft) }
}

/** `GET /calls`: single calls, the newest first. @throws Failure 400, 404, 501, 503 */
export async function listCalls(request: UsageRequest): Promise<UsageAnswer> {
  const { query } = request
  databaseOf(request)
  const status = query('status')
  if (status !== undefined && !/^[1-5](\d\d|xx)$/.test(status)) {
    const message = "'status' must be a status or a class of them, as in 429 or 4xx."
    throw new Failure('invalid-value', message, { param: 'status' })
  }
  const before = readTime(query, 'before')
  const failed = readFlag(query, 'failed')
  const found = await callsOf(request, { before, id: query('id'), model: query('model'), status, failed, limit: PAGE })
  const calls = newestCalls(found, PAGE)
  const last = calls.length < PAGE ? undefined : calls.at(-1)
  const body = {
    object: 'list',
    data: calls.map(callEntry),
    before: last === undefined ? null : new Date(last.at).toISOString(),
  }
  return { status: 200, body }
}

/** `GET /generation`: one call, in OpenRouter's shape. @throws Failure 400, 404, 501, 503 */
export async function describeGeneration(request: UsageRequest): Promise<UsageAnswer> {
  databaseOf(request)
  const id = request.query('id')
  if (!id) {
    const text = "'id' is required: the id of an answer, or of its request (x-request-id)."
    throw new Failure('missing-parameter', text, { param: 'id' })
  }
  const [call] = await callsOf(request, { id, limit: 1 })
  if (call !== undefined) return { status: 200, body: { data: generationEntry(call) } }
  const text = `There is no call '${quoted(id)}' among the last 1,000 of a key. A call is here a second or two after its end.`
  throw new Failure('not-found', text)
}

/** What the ledgers of the keys say, each for itself. */
async function callsOf(request: UsageRequest, asked: CallQuery): Promise<readonly Call[]> {
  const { Ledger: ledgers } = request.getLedgers()
  const { accounts, key } = await keysAsked(request)
  const found = await Promise.all(
    accounts.map((account) => {
      const calls = ledgers.get(ledgers.idFromName(account)).calls({ ...asked, key })
      return available(Promise.resolve(calls) as Promise<readonly Call[]>)
    }),
  )
  return found.flat()
}

async function keysAsked(request: UsageRequest): Promise<{ accounts: readonly string[]; key: string | undefined }> {
  const { caller, registry, now, query } = request
  const key = query('key')
  if (!isManager(caller)) return { accounts: [accountOf(caller)], key }
  if (key !== undefined) {
    const { record } = await findKey(registry, key)
    return { accounts: [accountOf(record)], key: record.id }
  }
  const day = dayText(Math.floor(now / HOUR_MS) - HOURS_KEPT)
  return { accounts: await available(accountsSince(databaseOf(request), day, MAX_ACCOUNTS)), key }
}

/** What the database or a ledger answers within 5 s. @throws Failure 503 */
export async function available<T>(work: Promise<T>): Promise<T> {
  let detail = 'no answer in time'
  try {
    const result = await withTimeout(work, WAIT_MS)
    if (result !== TIMED_OUT) return result
  } catch (error) {
    detail = error instanceof Error ? error.message : String(error)
  }
  const text = 'Usage cannot be read right now. It goes on being counted. Try again in a moment.'
  throw new Failure('usage-unavailable', text, { retryAfterMs: 1000, detail })
}

function callEntry({ at, id, request, ...others }: Call): object {
  return { request, id: id ?? null, created_at: new Date(at).toISOString(), ...others }
}

/** With what Router9 knows of OpenRouter's members, and its own after them. */
function generationEntry(call: Call): object {
  const { at, attempts, prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens, cost_usd = 0 } = call
  return {
    id: call.id ?? call.request,
    request_id: call.request,
    upstream_id: null,
    created_at: new Date(at).toISOString(),
    model: call.model || call.model_asked || '',
    provider_name: call.provider || null,
    total_cost: cost_usd,
    usage: cost_usd,
    upstream_inference_cost: null,
    cache_discount: null,
    is_byok: false,
    streamed: call.stream,
    cancelled: call.left,
    latency: call.ttft_ms ?? call.total_ms,
    generation_time: call.ttft_ms === undefined ? null : call.total_ms - call.ttft_ms,
    moderation_latency: null,
    finish_reason: call.finish_reason ?? null,
    // Answers are read into OpenAI's words; a provider's own are not kept.
    native_finish_reason: null,
    tokens_prompt: prompt_tokens ?? 0,
    tokens_completion: completion_tokens ?? 0,
    native_tokens_prompt: prompt_tokens ?? 0,
    native_tokens_completion: completion_tokens ?? 0,
    native_tokens_reasoning: reasoning_tokens ?? 0,
    native_tokens_cached: cached_tokens ?? 0,
    native_tokens_completion_images: null,
    num_media_prompt: null,
    num_media_completion: null,
    num_search_results: null,
    num_input_audio_prompt: null,
    api_type: call.api ?? 'completions',
    origin: call.project ?? '',
    app_id: null,
    external_user: null,
    router: null,
    data_region: 'global',
    http_referer: null,
    num_fetches: null,
    preset_id: null,
    service_tier: null,
    web_search_engine: null,
    workspace_id: null,
    session_id: call.session || null,
    user_agent: call.client || null,
    provider_responses: attempts.map(({ provider, model, outcome, ms }) => ({
      provider_name: provider,
      model_permaslug: model,
      status: /^\d{3}$/.test(outcome) ? Number(outcome) : null,
      outcome,
      latency: ms,
      is_byok: false,
    })),
    status: call.http_status,
    code: call.code ?? null,
    key: call.key,
  }
}
