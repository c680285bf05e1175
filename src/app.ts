import type { Context } from 'hono'
import { Hono } from 'hono/tiny'
import { getPathNoStrict } from 'hono/utils/url'
import { permit, permittedHeader } from './access/account-use.ts'
import { refuseBusyAddress } from './access/address-limit.ts'
import { authenticate, keyNews, readKey, refuseKeyInAddress } from './access/auth.ts'
import type { KeyRecord } from './access/keys.ts'
import { addLimitHeaders, type Caller, countRequest, hasBudget, refuseOverLimit } from './access/limits.ts'
import { readProviderLimits } from './access/provider-limits.ts'
import { ledgerUsage } from './access/usage-of.ts'
import { inAccent } from './api/accents.ts'
import { dryRun } from './api/dry-run.ts'
import { deploymentsOfRow, describeModel, listModels } from './api/list-models.ts'
import { listProviders } from './api/list-providers.ts'
import { MANAGED_PATHS, manage, methodsAt, needsManagement } from './api/manage-keys.ts'
import { toAnthropicList, toAnthropicModel, toGeminiList, toGeminiModel, withCodexModels } from './api/model-shapes.ts'
import { openRouterModels, toOpenRouterProviders } from './api/openrouter-shapes.ts'
import { type Asked, mayHaveAccent, OPENAI_ACCENT, OPENROUTER_ACCENT, readPath, toCanonicalPath } from './api/paths.ts'
import { openRegistry } from './api/registry.ts'
import {
  cancelStored,
  deleteStored,
  describeStored,
  listInputItems,
  type StoredRequest,
} from './api/stored-responses.ts'
import { messageForUnknown, type ServedPath } from './api/unknown-path.ts'
import { Failure, quoted } from './chat/failure.ts'
import { type Env, type Objects, readSettings } from './env.ts'
import { anthropicMessages } from './formats/anthropic-messages/client.ts'
import type { EmbeddingClientFormat } from './formats/embedding-format.ts'
import type { ClientFormat, ErrorFormat, HeaderReader } from './formats/format.ts'
import { geminiClient, geminiListClient } from './formats/gemini/client.ts'
import { geminiBatchEmbedClient, geminiEmbedClient } from './formats/gemini/embed-client.ts'
import { openaiChat } from './formats/openai-chat/client.ts'
import { openaiCompletionsClient } from './formats/openai-completions/client.ts'
import { openaiEmbeddingsClient } from './formats/openai-embeddings/client.ts'
import { openaiResponses } from './formats/openai-responses/client.ts'
import { openaiCompact } from './formats/openai-responses/compact.ts'
import { readJsonBody } from './gateway/body.ts'
import { createBodyShare } from './gateway/body-memory.ts'
import { rightsOf, settingsFor } from './gateway/caller-settings.ts'
import { watchClientDisconnect } from './gateway/client-disconnect.ts'
import type { Platform, RequestContext } from './gateway/context.ts'
import { answersOf } from './gateway/conversation.ts'
import { countTokens } from './gateway/count.ts'
import { embed } from './gateway/embed.ts'
import { askKeyChanges } from './gateway/health-reporter.ts'
import { addCommonHeaders, emptyResponse, failureResponse, jsonResponse, preflightResponse } from './gateway/respond.ts'
import { run } from './gateway/run.ts'
import { recordCall } from './gateway/usage-record.ts'
import { randomText } from './platform/random.ts'
import { LISTED_NUMBER_SHARE } from './stream/json-bounds.ts'
import { type CallKind, createRequestLog, logAudit, logFault, logRequest, type RequestLog } from './telemetry/log.ts'
import { beginTrace } from './telemetry/otlp-export.ts'
import { usageDatabase } from './usage/database.ts'
import { projectIn } from './usage/labels.ts'
import { VERSION } from './version.ts'

interface Variables {
  requestId?: string
  /** Whose key it was, once that is known. */
  caller?: Caller
  /** Of a call with a body. */
  log?: RequestLog
  /** How the client of this path speaks. */
  format?: ErrorFormat
  /** What Gemini's clients say by the path, and others in the body. */
  asked?: { readonly model: string; readonly stream: boolean }
}
interface Router9 {
  readonly Bindings: Env
  readonly Variables: Variables
}
type AppContext = Context<Router9>

/** Router9's HTTP face: routes, the order of checks (contract 5), one place for errors. */
export const app = new Hono<Router9>({ getPath })
/** All but the calls of models, which come far more often: a router tries each of its paths for each request. */
const others = new Hono<Router9>({ getPath })

function getPath(request: Request): string {
  return toCanonicalPath(getPathNoStrict(request), request.method)
}

/** What Router9 serves, in the order of the entries below. */
const served: ServedPath[] = []
/** The formats of the APIs whose clients ask below these paths. */
const formats: { readonly path: string; readonly format: ErrorFormat }[] = []

type Answer = (c: AppContext) => Response | Promise<Response>

/**
 * Adds a path with `/v1` and without, because some SDKs expect it in the base URL and others do not (contract 1). All methods
 * share one entry, because the router tries every entry for each request. There is no middleware, because Hono calls a single
 * handler directly.
 */
function routes(path: string, answers: Readonly<Record<string, Answer>>, router = others): void {
  const handle = handlerOf(answers)
  served.push({ path: `/v1${path}`, methods: Object.keys(answers) })
  router.all(`/v1${path}`, handle)
  router.all(path, handle)
}

function handlerOf(answers: Readonly<Record<string, Answer>>): Answer {
  // Hono removes the body of an answer to HEAD.
  const byMethod = new Map(
    Object.entries(answers.GET === undefined ? answers : { GET: answers.GET, HEAD: answers.GET, ...answers }),
  )
  const allow = [...byMethod.keys(), 'OPTIONS'].join(', ')
  return (c) => {
    const asked = byMethod.get(c.req.method)
    if (asked !== undefined) return asked(c)
    if (c.req.method === 'OPTIONS') return preflight(c, allow)
    throw new Failure('method-not-allowed', `This path takes ${allow}.`, { allow })
  }
}

function route(method: 'GET' | 'POST', path: string, answer: Answer): void {
  routes(path, { [method]: answer })
}

/** Adds a path at which models are called. */
function routeCall(path: string, answer: Answer): void {
  routes(path, { POST: answer }, app)
}

/** A path at which clients ask for a model's answer in this format, or, one level below, how long a prompt is. */
function routeFormat(path: string, format: ClientFormat, countPath?: string): void {
  formats.push({ path, format })
  routeCall(path, (c) => answerIn(c, format))
  if (countPath !== undefined) routeCall(path + countPath, (c) => countIn(c, format))
}

function answerIn(c: AppContext, format: ClientFormat): Promise<Response> {
  return receive(c, format, { dataset: c.env.ANALYTICS }, run)
}

function countIn(c: AppContext, format: ClientFormat): Promise<Response> {
  // A data point would count it as an answered call.
  return receive(c, format, { isCount: true }, countTokens)
}

function embedIn(c: AppContext, format: EmbeddingClientFormat): Promise<Response> {
  return receive(c, format, { dataset: c.env.ANALYTICS, api: 'embeddings' }, embed)
}

routeFormat('/chat/completions', openaiChat)
routeFormat('/completions', openaiCompletionsClient)
routeFormat('/messages', anthropicMessages, '/count_tokens')
routeFormat('/responses', openaiResponses, '/input_tokens')
routeFormat('/responses/compact', openaiCompact)

formats.push({ path: '/embeddings', format: openaiEmbeddingsClient })
routeCall('/embeddings', (c) => embedIn(c, openaiEmbeddingsClient))

route('GET', '/models', async (c) => {
  if (speaksOpenRouter(c)) return answerAsOpenRouter(c, '')
  if (speaksAnthropic(c)) return answer(c, toAnthropicList(await modelsFor(c), queryOf(c)))
  if (speaksGemini(c)) return answer(c, toGeminiList(await modelsFor(c), queryOf(c)))
  if (c.req.query('client_version') !== undefined) return answer(c, withCodexModels(await modelsFor(c)))
  return answer(c, await modelsFor(c, c.req.query('all') === 'true'))
})

route('GET', '/models/:id{.+}', async (c) => {
  if (speaksOpenRouter(c)) return answerAsOpenRouter(c, c.req.param('id') ?? '')
  const model = await modelFor(c, c.req.param('id') ?? '')
  return answer(c, speaksAnthropic(c) ? toAnthropicModel(model) : speaksGemini(c) ? toGeminiModel(model) : model)
})

// Gemini's API. Its versions and places have this path (`api/paths.ts`).
formats.push({ path: '/v1beta', format: geminiClient })

/** What its clients ask of a model, by the end of the path. */
const GEMINI_METHODS: ReadonlyMap<string, (c: AppContext) => Promise<Response>> = new Map([
  ['generateContent', (c: AppContext) => answerIn(c, geminiClient)],
  [
    'streamGenerateContent',
    (c: AppContext) => answerIn(c, c.req.query('alt') === 'sse' ? geminiClient : geminiListClient),
  ],
  ['countTokens', (c: AppContext) => countIn(c, geminiClient)],
  ['embedContent', (c: AppContext) => embedIn(c, geminiEmbedClient)],
  ['batchEmbedContents', (c: AppContext) => embedIn(c, geminiBatchEmbedClient)],
])

served.push(
  { path: '/v1beta/models', methods: ['GET'] },
  { path: '/v1beta/models/:model', methods: ['GET'] },
  // One entry: a list of all of them in full would hide the rest.
  { path: `/v1beta/models/{model}:${[...GEMINI_METHODS.keys()].join(', :')}`, methods: ['POST'] },
)

others.all('/v1beta/models', handlerOf({ GET: async (c) => answer(c, toGeminiList(await modelsFor(c), queryOf(c))) }))

app.all(
  '/v1beta/:name{(?:models|tunedModels)/.+}',
  handlerOf({
    GET: async (c) => answer(c, toGeminiModel(await modelFor(c, geminiModel(c.req.param('name') ?? '')))),
    POST: (c) => {
      const name = c.req.param('name') ?? ''
      const colon = name.lastIndexOf(':')
      const method = name.slice(colon + 1)
      const ask = GEMINI_METHODS.get(method)
      if (colon >= 0 && ask !== undefined) {
        c.set('asked', { model: geminiModel(name.slice(0, colon)), stream: method === 'streamGenerateContent' })
        return ask(c)
      }
      const methods = [...GEMINI_METHODS.keys()].join(', ')
      const text = `'${quoted(name)}' ends with none of the methods that Router9 serves for a model: ${methods}.`
      throw new Failure('unknown-url', text)
    },
  }),
)

/** The model of a resource name. */
function geminiModel(name: string): string {
  return name.replace(/^models\//, '')
}

route('GET', '/providers', async (c) => {
  const caller = await callerOf(c)
  const settings = settingsFor(readSettings(c.env), caller)
  if (speaksOpenRouter(c)) return answer(c, toOpenRouterProviders(settings))
  const asked = { region: c.req.query('region'), showsCounts: caller.role === 'management' }
  return answer(c, await listProviders(settings, platformOf(c), asked))
})

route('POST', '/route', (c) =>
  // A data point would count the dry run as an answered call.
  receive(c, formatOf(c), { dryRun: true }, async (context, body) => {
    const planned = await dryRun({ ...context, body }, context)
    logRequest(context.log, 200)
    return answer(c, planned)
  }),
)

// After the paths that are no ids: the first entry that fits is asked.
routes('/responses/:id', {
  GET: (c) => answerStored(c, describeStored),
  DELETE: (c) => answerStored(c, deleteStored),
})
routes('/responses/:id/input_items', { GET: (c) => answerStored(c, listInputItems) })
routes('/responses/:id/cancel', { POST: (c) => answerStored(c, cancelStored) })

/** Keys, teams, limits of providers, credits and usage: one entry, because the router tries every entry for each request. */
const MANAGED = '/:managed{(?:keys|teams|key|credits|usage|calls|generation)(?:/.*)?|providers/.+}'
served.push(...MANAGED_PATHS)
for (const begin of ['/v1', '']) others.all(begin + MANAGED, answerManaged)

route('GET', '/health', (c) => {
  readSettings(c.env)
  return answer(c, { status: 'ok', version: VERSION })
})

/** Claude Code asks for these before it begins. */
const GREETINGS: ReadonlySet<string> = new Set(['/', '/api/hello'])

app.notFound((c) => others.fetch(c.req.raw, c.env, c.executionCtx))

others.notFound((c) => {
  const { method, path } = c.req
  if (method === 'OPTIONS') return preflight(c, 'GET, HEAD, POST, DELETE, OPTIONS')
  if (method === 'HEAD' && GREETINGS.has(path)) return withHeaders(c, emptyResponse())
  return refuse(c, new Failure('unknown-url', messageForUnknown(path, served)))
})

for (const router of [app, others]) router.onError(answerError)

function answerError(error: unknown, c: AppContext): Response {
  const requestId = requestIdOf(c)
  const log = c.get('log')
  const known = error instanceof Failure
  const failure = known ? error : new Failure('internal', 'Router9 failed. Please try again.')
  // Our own faults are for the log; the caller's are the caller's to read.
  if (!known) logFault(requestId, error)
  else if (failure.fault === 'gateway' && failure.kind !== 'bodies-full')
    logFault(requestId, `${failure.message} ${failure.details.detail ?? ''}`.trim())
  if (log) logRequest(log, failure.status, failure)
  return refuse(c, failure)
}

/** What every call with a body goes through before it is answered, the cheapest checks first (contract 5). */
async function receive<Format extends ErrorFormat>(
  c: AppContext,
  usual: Format,
  kind: CallKind,
  answerTo: (context: RequestContext<Format>, body: JsonBody) => Promise<Response>,
): Promise<Response> {
  const receivedAt = Date.now()
  const spoken = setFormat(c, usual)
  const requestId = requestIdOf(c)
  const log = createRequestLog(requestId, receivedAt, coloOf(c.req.raw), kind)
  c.set('log', log)
  const common = readSettings(c.env)
  log.settings = common
  if (usual.name !== openaiChat.name && kind.dryRun === undefined) log.api ??= usual.name
  const { model, stream }: { model?: string; stream?: boolean } = c.get('asked') ?? askedBy(c.req.raw)
  const key = keyOf(c)
  const isCall = kind.isCount === undefined && kind.dryRun === undefined
  const platform = platformOf(c)
  const { objects, waitUntil, request } = platform
  const limitsRead = isCall ? readProviderLimits(c.env.KEYS, waitUntil, keyNews.textOf) : undefined
  const caller = await callerOf(c, key, platform)
  const unknown = limitsRead && (await limitsRead)
  if (unknown !== undefined && hasBudget(caller)) throw unknown
  log.key = caller.id
  refuseManagement(caller)
  const settings = settingsFor(common, caller)
  const rights = rightsOf(caller, common)
  const header = permittedHeader(headersOf(c), rights, common.refusedBetas)
  const format = formatFor(spoken, caller)
  const authenticatedAt = Date.now()
  // A count of tokens and a plan are no calls of a model; and whoever has no key fills neither usage nor a collector.
  if (isCall) {
    if (settings.keepsUsage) {
      const writer = { caller, settings, header, getLedgers: objects, waitUntil }
      log.record = (line) => recordCall(log, line, writer)
    }
    if (settings.otlp !== undefined) log.trace = beginTrace(settings.otlp, header, waitUntil)
  }
  refuseOverLimit(caller, objects, waitUntil)
  const share = createBodyShare(caller.account ?? caller.id, settings.bodiesMaxBytes)
  log.release = share.release
  const clientDisconnect = watchClientDisconnect(request.signal)
  // The platform may stop a call at any `await` once its client has disconnected, so the line is written in the listener.
  const takeOver = clientDisconnect.onDisconnect(() => {
    const left = new Failure('client-left', 'The client has left.')
    logRequest(log, left.status, left)
  })
  try {
    const { uploadMs: timeoutMs } = settings.timeouts
    // Clients of embeddings send as many token numbers at once as OpenAI takes: 300,000.
    const numberShare = kind.api === 'embeddings' ? LISTED_NUMBER_SHARE : undefined
    const body = await readJsonBody({ request, share, timeoutMs, numberShare })
    if (model !== undefined) body.model = model
    if (stream !== undefined) body.stream = stream
    log.requestedModel = body.model
    log.stream = body.stream === true
    if (settings.keepsUsage) log.project = projectIn(body)
    const permitted = permit(body, rights, format.name)
    const response = await answerTo(
      {
        request,
        objects,
        waitUntil,
        requestId,
        header,
        key,
        format,
        caller,
        rights,
        withheld: permitted.dropped,
        settings,
        share,
        receivedAt,
        authenticatedAt,
        log,
        clientDisconnect,
        takeOver,
      },
      permitted.body,
    )
    share.releaseCopy()
    return response
  } finally {
    // A listener that knows the call would keep all of it in memory until a full collection of garbage.
    takeOver()
  }
}

/** Answers OpenRouter's paths about models. @param path what stands behind `/models/`. */
async function answerAsOpenRouter(c: AppContext, path: string): Promise<Response> {
  const caller = await callerOf(c)
  const { models } = caller
  const settings = settingsFor(readSettings(c.env), caller)
  const listing = {
    settings,
    list: () => modelsFor(c),
    describe: (name: string) => describeModel(name, settings, models),
    deploymentsOf: (id: string) => deploymentsOfRow(id, settings, models),
    query: queryOf(c),
  }
  return answer(c, await openRouterModels(path, listing))
}

/** Answers a request about an answer that is kept for its caller. */
async function answerStored(c: AppContext, about: (request: StoredRequest) => Promise<object>): Promise<Response> {
  setFormat(c, openaiResponses)
  const settings = readSettings(c.env)
  const key = keyOf(c)
  const caller = await callerOf(c, key)
  refuseManagement(caller)
  const { objects, waitUntil } = platformOf(c)
  // It asks the object, so it counts as a request; but what was kept may be read and deleted when all money is spent.
  const limits = caller.limits && { rpm: caller.limits.rpm }
  await countRequest({ ...caller, limits, accounts: [] }, objects, waitUntil)
  // An answer takes memory as a body does.
  const share = createBodyShare(caller.account ?? caller.id, settings.bodiesMaxBytes)
  const store = answersOf({ objects, caller, key })
  try {
    const answers = { store, claim: share.extend }
    return answer(c, await about({ answers, id: c.req.param('id') ?? '', query: (name) => c.req.queries(name) ?? [] }))
  } finally {
    share.release()
  }
}

/** A larger body is none about a key. */
const MANAGE_MAX_BYTES = 64 * 1024
/** For keys without a limit of their own: what they ask for here costs more than a look into memory. */
const MANAGE_RPM = 600

/** Answers a request about keys, teams or credits. Like the cheapest checks, that of the role comes first (contract 5). */
async function answerManaged(c: AppContext): Promise<Response> {
  const path = c.req.path.replace(/^\/v1(?=\/)/, '')
  const steps = path.slice(1).split('/').map(decodeStep)
  const methods = methodsAt(steps)
  if (methods === undefined) throw new Failure('unknown-url', messageForUnknown(path, served))
  return handlerOf(Object.fromEntries(methods.map((method) => [method, (asked) => answerManagedAt(asked, steps)])))(c)
}

async function answerManagedAt(c: AppContext, steps: readonly string[]): Promise<Response> {
  const settings = readSettings(c.env)
  const key = keyOf(c, withoutKeyIds(c.req.raw.url))
  const caller = await callerOf(c, key)
  if (needsManagement(steps) && caller.role !== 'management') throw wrongRole()
  const { objects, waitUntil, request } = platformOf(c)
  const limits = { rpm: caller.limits?.rpm ?? MANAGE_RPM }
  await countRequest({ ...caller, limits, accounts: [] }, objects, waitUntil)
  const share = createBodyShare(caller.account ?? caller.id, settings.bodiesMaxBytes)
  try {
    const now = Date.now()
    const work = manage({
      method: c.req.method === 'HEAD' ? 'GET' : c.req.method,
      steps,
      query: queryOf(c),
      header: headersOf(c),
      body: async () => {
        if (request.body === null || request.headers.get('content-length') === '0') return {}
        const parsed = await readJsonBody({ request, share, timeoutMs: settings.timeouts.uploadMs })
        if (share.bodyBytes <= MANAGE_MAX_BYTES) return parsed
        throw new Failure('body-too-large', 'A body about a key may have 64 KiB.')
      },
      caller,
      key,
      registry: openRegistry(objects, c.env.KEYS),
      usageOf: ledgerUsage(objects),
      database: usageDatabase(c.env),
      getLedgers: objects,
      now,
      audit: (change) => logAudit(requestIdOf(c), caller.id, { ...change }),
    })
    // A change that was made has its line in the log, even if its client does not wait for the answer.
    waitUntil(work.catch(() => undefined))
    const { status, body } = await work
    return answer(c, body, status)
  } finally {
    share.release()
  }
}

/** An id or a hash of a key may stand in the address, in the same place where a key must not. */
function withoutKeyIds(address: string): string {
  return address.replace(/([?&])key=(?:key_[\w-]{1,100}|[0-9a-f]{64})(?=&|$)/g, '$1')
}

function wrongRole(): Failure {
  const text =
    "This key is for models. Keys and teams are managed with a management key: 'npm run keys -- create --role management' makes one."
  return new Failure('wrong-role', text)
}

/** @throws Failure 403 for a key that manages keys. */
function refuseManagement({ role }: KeyRecord): void {
  if (role !== 'management') return
  const text = "This is a management key, which is for keys and teams only. Make one for models: 'POST /v1/keys'."
  throw new Failure('wrong-role', text)
}

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch {
    return step
  }
}

type JsonBody = Readonly<Record<string, unknown>>

/** The list of the models that the caller may use. */
async function modelsFor(c: AppContext, all = false): Promise<JsonBody> {
  const caller = await callerOf(c)
  const settings = settingsFor(readSettings(c.env), caller)
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  return listModels({ settings, allowed: caller.models, waitUntil, all })
}

async function modelFor(c: AppContext, name: string): Promise<JsonBody> {
  const caller = await callerOf(c)
  return describeModel(name, settingsFor(readSettings(c.env), caller), caller.models)
}

function queryOf(c: AppContext): (name: string) => string | undefined {
  return (name) => c.req.query(name)
}

let colo: unknown = null

/** The data centre that an isolate is in: read once, since the platform makes `cf` anew for each request that asks. */
function coloOf(request: Request): unknown {
  if (colo === null) colo = request.cf?.colo
  return colo
}

function objectsOf(c: AppContext): Objects {
  return c.executionCtx.exports as unknown as Objects
}

function platformOf(c: AppContext): Platform {
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  return { objects: () => objectsOf(c), request: c.req.raw, waitUntil }
}

/** An error looks as those of the API whose path it is, or whose header came; others look as OpenAI's do. */
function formatOf(c: AppContext): ErrorFormat {
  const known = c.get('format')
  if (known !== undefined) return known
  const path = c.req.path.replace(/^\/v1(?=\/)/, '')
  const isBelow = (above: string) => path === above || path.startsWith(`${above}/`)
  const own = formats.find((one) => isBelow(one.path))?.format
  return setFormat(c, own ?? (speaksAnthropic(c) ? anthropicMessages : speaksGemini(c) ? geminiClient : openaiChat))
}

/** Keeps in which format a request is answered, in the accent of its base URL. */
function setFormat<Format extends ErrorFormat>(c: AppContext, format: Format): Format {
  const spoken = inAccent(format, askedBy(c.req.raw).accent)
  c.set('format', spoken)
  return spoken
}

/** The same for a caller whose key asks for an accent, where the base URL does not. */
function formatFor<Format extends ErrorFormat>(spoken: Format, { object }: KeyRecord): Format {
  return object === OPENAI_ACCENT ? inAccent(spoken, object) : spoken
}

/** What the path of a request says, which the router knows by its canonical path only. */
function askedBy(request: Request): Partial<Asked> {
  return mayHaveAccent(request.url) ? readPath(getPathNoStrict(request), request.method) : NOTHING
}

const NOTHING: Partial<Asked> = {}

/** Anthropic's clients send this with every request. */
function speaksAnthropic(c: AppContext): boolean {
  return c.req.raw.headers.has('anthropic-version')
}

/** Google's clients carry their key like this, and some ask for the list at the path that OpenAI's is at. */
function speaksGemini(c: AppContext): boolean {
  return c.req.raw.headers.has('x-goog-api-key')
}

function speaksOpenRouter(c: AppContext): boolean {
  return askedBy(c.req.raw).accent === OPENROUTER_ACCENT && !speaksAnthropic(c)
}

function requestIdOf(c: AppContext): string {
  const known = c.get('requestId')
  if (known !== undefined) return known
  const fresh = `req_${randomText(24)}`
  c.set('requestId', fresh)
  return fresh
}

function refuse(c: AppContext, failure: Failure): Response {
  const format = formatOf(c)
  return withHeaders(c, failureResponse(failure, format, requestIdOf(c)), format)
}

/** Adds to the headers of a response what is known of whose request it answers. */
function withHeaders(c: AppContext, response: Response, format?: ErrorFormat): Response {
  const { headers } = response
  addCommonHeaders(headers, requestIdOf(c), c.req.raw.headers.has('origin'), format?.requestIdHeader)
  const caller = c.get('caller')
  if (caller !== undefined) addLimitHeaders(headers, caller)
  return response
}

/** @throws Failure 401 */
function keyOf(c: AppContext, address = c.req.raw.url): string {
  refuseKeyInAddress(address)
  return readKey(headersOf(c))
}

async function callerOf(c: AppContext, key = keyOf(c), platform = platformOf(c)): Promise<Caller> {
  const { KEYS: store, ADDRESS_LIMIT: limit } = c.env
  const beforeLookUp = limit && (() => refuseBusyAddress(limit, c.req.header('cf-connecting-ip')))
  const { waitUntil } = platform
  const news = keyNews.listen((since) => askKeyChanges(platform, since), waitUntil)
  if (news !== undefined) {
    // Both at once; what the news say of this key holds for the look-up after them.
    await Promise.all([news, authenticate(key, store, waitUntil, beforeLookUp).catch(() => undefined)])
  }
  const caller = await authenticate(key, store, waitUntil, beforeLookUp)
  c.set('caller', caller)
  return caller
}

function headersOf(c: AppContext): HeaderReader {
  const { headers } = c.req.raw
  return (name) => headers.get(name)
}

function answer(c: AppContext, body: object, status = 200): Response {
  return withHeaders(c, jsonResponse(JSON.stringify(body), status), formatOf(c))
}

function preflight(c: AppContext, allow: string): Response {
  return preflightResponse(requestIdOf(c), allow, c.req.header('access-control-request-headers'))
}
