import type { Context } from 'hono'
import { Hono } from 'hono/tiny'
import { refuseBusyAddress } from './access/address-limit.ts'
import { authenticate } from './access/auth.ts'
import type { KeyRecord } from './access/keys.ts'
import { limitHeaders, refuseOverLimit } from './access/limits.ts'
import { dryRun, listProviders } from './api/explain.ts'
import { describeModel, listModels } from './api/list-models.ts'
import { Failure, quoted } from './chat/failure.ts'
import type { Objects } from './env.ts'
import { type Env, readSettings } from './env.ts'
import { readJsonBody } from './gateway/body.ts'
import { createBodyShare } from './gateway/body-memory.ts'
import { watchClientDisconnect } from './gateway/client-disconnect.ts'
import type { Reach } from './gateway/health-reporter.ts'
import { commonHeaders, failureResponse } from './gateway/respond.ts'
import { type CompletionCall, runChat } from './gateway/run.ts'
import { randomText } from './platform/random.ts'
import { logFault, logRequest, type RequestLog } from './telemetry/log.ts'
import { VERSION } from './version.ts'

interface Variables {
  requestId?: string
  /** Whoever's key it was, once that is known. */
  caller?: KeyRecord
  /** Of a call to chat completions. */
  note?: RequestLog
}
type Door = Context<{ Bindings: Env; Variables: Variables }>

/** Router9's HTTP face: routes, the order of checks (contract 5), one place for errors. */
export const app = new Hono<{ Bindings: Env; Variables: Variables }>({ strict: false })

/**
 * SDKs differ in what they take for a base URL: each path is there with `/v1` and without (contract 1). One entry for all its
 * methods: the router goes through every entry with each request. No middleware: where a request has one handler, Hono calls
 * that and composes nothing.
 */
function route(method: 'GET' | 'POST', path: string, answer: (door: Door) => Response | Promise<Response>): void {
  const allow = method === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS'
  const handle = (door: Door) => {
    const asked = door.req.method
    // Of what answers a HEAD, Hono leaves out the body.
    if (asked === method || (asked === 'HEAD' && method === 'GET')) return answer(door)
    if (asked === 'OPTIONS') return preflight(door, allow)
    throw new Failure('method-not-allowed', `This path takes ${allow}.`, { allow })
  }
  app.all(`/v1${path}`, handle)
  app.all(path, handle)
}

route('POST', '/chat/completions', (door) =>
  receive(door, { dataset: door.env.ANALYTICS }, (received) =>
    runChat({ ...received, ...reachOf(door), store: door.env.KEYS }),
  ),
)

route('GET', '/models', async (door) => {
  const { models } = await callerOf(door)
  const waitUntil = (work: Promise<unknown>) => door.executionCtx.waitUntil(work)
  return answer(door, await listModels(readSettings(door.env), models, waitUntil))
})

route('GET', '/models/:id{.+}', async (door) => {
  const { models } = await callerOf(door)
  return answer(door, describeModel(door.req.param('id') ?? '', readSettings(door.env), models))
})

route('GET', '/providers', async (door) => {
  await callerOf(door)
  return answer(door, await listProviders(readSettings(door.env), reachOf(door)))
})

route('POST', '/route', (door) =>
  // A data point would count it among the calls that somebody answered.
  receive(door, { dataset: undefined, dryRun: true }, async (received) => {
    const planned = await dryRun(received, reachOf(door))
    logRequest(received.note, 200)
    return answer(door, planned)
  }),
)

route('GET', '/health', (door) => {
  readSettings(door.env)
  return answer(door, { status: 'ok', version: VERSION })
})

app.notFound((door) => {
  if (door.req.method === 'OPTIONS') return preflight(door, 'GET, HEAD, POST, OPTIONS')
  const text = `There is nothing at ${quoted(door.req.path)}. The API is at /v1/chat/completions.`
  return failureResponse(new Failure('unknown-url', text), requestIdOf(door))
})

app.onError((error, door) => {
  const requestId = requestIdOf(door)
  const note = door.get('note')
  const known = error instanceof Failure
  const failure = known ? error : new Failure('internal', 'Router9 failed. Please try again.')
  // Our own faults are for the log; the caller's are the caller's to read.
  if (!known) logFault(requestId, error)
  else if (failure.fault === 'gateway' && failure.kind !== 'bodies-full')
    logFault(requestId, `${failure.message} ${failure.details.detail ?? ''}`.trim())
  if (note) logRequest(note, failure.status, failure)
  return failureResponse(failure, requestId, limitsOf(door))
})

/** A call with a body, as far as the checks that do not look into the body have let it in. */
type Received = Omit<CompletionCall, keyof Reach | 'store'>

/** What every call with a body goes through before it is answered, the cheapest checks first (contract 5). */
async function receive(
  door: Door,
  kind: Pick<RequestLog, 'dataset' | 'dryRun'>,
  answerTo: (received: Received) => Promise<Response>,
): Promise<Response> {
  const cameAt = Date.now()
  const requestId = requestIdOf(door)
  const note: RequestLog = { requestId, cameAt, colo: coloOf(door.req.raw), trace: [], ...kind }
  door.set('note', note)
  const settings = readSettings(door.env)
  note.settings = settings
  const caller = await callerOf(door)
  note.key = caller.id
  const knownAt = Date.now()
  const { objects, waitUntil, request } = reachOf(door)
  if (caller.limits !== undefined) await refuseOverLimit(caller, objects, waitUntil)
  const share = createBodyShare(caller.account ?? caller.id, settings.bodiesMaxBytes)
  note.release = share.release
  const departure = watchClientDisconnect(request.signal)
  // The platform may end such a call where it stands, and nothing that waits in it goes on.
  const takeOver = departure.onDisconnect(() => logRequest(note, CLIENT_LEFT.status, CLIENT_LEFT))
  try {
    const body = await readJsonBody({ request, share, timeoutMs: settings.timeouts.uploadMs })
    note.asked = body.model
    note.stream = body.stream === true
    const response = await answerTo({ body, caller, settings, requestId, cameAt, knownAt, note, departure, takeOver })
    share.answered()
    return response
  } finally {
    // A listener that knows the call would keep all of it in memory until a full collection of garbage.
    takeOver()
  }
}

const CLIENT_LEFT = new Failure('client-left', 'The client has left.')

let colo: unknown = null

/** The data centre that an isolate is in: read once, since the platform makes `cf` anew for each request that asks. */
function coloOf(request: Request): unknown {
  if (colo === null) colo = request.cf?.colo
  return colo
}

function objectsOf(door: Door): Objects {
  return door.executionCtx.exports as unknown as Objects
}

function reachOf(door: Door): Pick<CompletionCall, keyof Reach> {
  const waitUntil = (work: Promise<unknown>) => door.executionCtx.waitUntil(work)
  return { objects: () => objectsOf(door), request: door.req.raw, waitUntil }
}

function requestIdOf(door: Door): string {
  const known = door.get('requestId')
  if (known !== undefined) return known
  const fresh = `req_${randomText(24)}`
  door.set('requestId', fresh)
  return fresh
}

function limitsOf(door: Door): Record<string, string> {
  const caller = door.get('caller')
  return caller === undefined ? {} : limitHeaders(caller)
}

async function callerOf(door: Door): Promise<KeyRecord> {
  const header = door.req.header('authorization') ?? null
  const { KEYS: store, ADDRESS_LIMIT: limit } = door.env
  const address = () => door.req.header('cf-connecting-ip')
  const beforeLookUp = limit && (() => refuseBusyAddress(limit, address()))
  const caller = await authenticate(header, store, (work) => door.executionCtx.waitUntil(work), beforeLookUp)
  door.set('caller', caller)
  return caller
}

function answer(door: Door, body: object): Response {
  return new Response(JSON.stringify(body), {
    headers: { ...commonHeaders(requestIdOf(door)), ...limitsOf(door), 'content-type': 'application/json' },
  })
}

/** Keys travel in a header, not a cookie, so any page may call (contract 1). */
function preflight(door: Door, allow: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...commonHeaders(requestIdOf(door)),
      allow,
      'access-control-allow-methods': allow,
      'access-control-allow-headers':
        door.req.header('access-control-request-headers') ?? 'authorization, content-type',
      'access-control-max-age': '86400',
    },
  })
}
