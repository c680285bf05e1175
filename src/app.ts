import type { Context } from 'hono'
import { Hono } from 'hono/tiny'
import { Failure, repeated } from './chat/failure.ts'
import { type Env, readSettings } from './env.ts'
import { authenticate } from './gateway/auth.ts'
import type { Reach } from './gateway/board.ts'
import { readJsonBody } from './gateway/body.ts'
import { complete } from './gateway/complete.ts'
import { dryRun, listProviders } from './gateway/explain.ts'
import type { KeyRecord } from './gateway/keys.ts'
import { limitHeaders, refuseOverLimit } from './gateway/limits.ts'
import { describeModel, listModels } from './gateway/list-models.ts'
import { logFault, type Note, writeNote } from './gateway/log.ts'
import type { Objects } from './gateway/objects.ts'
import { randomText } from './gateway/random.ts'
import { commonHeaders, failureResponse } from './gateway/respond.ts'
import { VERSION } from './version.ts'

interface Variables {
  requestId?: string
  /** Whoever's key it was, once that is known. */
  caller?: KeyRecord
  /** Of a call to chat completions. */
  note?: Note
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

route('POST', '/chat/completions', async (door) => {
  const cameAt = Date.now()
  const requestId = requestIdOf(door)
  const note: Note = { requestId, cameAt, colo: coloOf(door.req.raw), dataset: door.env.ANALYTICS, trace: [] }
  door.set('note', note)
  const settings = readSettings(door.env)
  note.settings = settings
  const caller = await callerOf(door)
  note.key = caller.id
  const knownAt = Date.now()
  await refuseOverLimit(
    caller,
    () => objectsOf(door),
    (work) => door.executionCtx.waitUntil(work),
  )
  const body = await readJsonBody(door.req.raw)
  note.asked = body.model
  note.stream = body.stream === true
  const waitUntil = (work: Promise<unknown>) => door.executionCtx.waitUntil(work)
  const store = door.env.KEYS
  const request = door.req.raw
  return complete({
    request,
    body,
    caller,
    store,
    objects: () => objectsOf(door),
    settings,
    requestId,
    waitUntil,
    cameAt,
    knownAt,
    note,
  })
})

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

route('POST', '/route', async (door) => {
  const settings = readSettings(door.env)
  const caller = await callerOf(door)
  const body = await readJsonBody(door.req.raw)
  return answer(door, await dryRun({ body, settings, caller, requestId: requestIdOf(door) }, reachOf(door)))
})

route('GET', '/health', (door) => {
  readSettings(door.env)
  return answer(door, { status: 'ok', version: VERSION })
})

app.notFound((door) => {
  const text = `There is nothing at ${repeated(door.req.path)}. The API is at /v1/chat/completions.`
  return failureResponse(new Failure('unknown-url', text), requestIdOf(door))
})

app.onError((error, door) => {
  const requestId = requestIdOf(door)
  const note = door.get('note')
  const known = error instanceof Failure
  const failure = known ? error : new Failure('internal', 'Router9 failed. Please try again.')
  // Our own faults are for the log; the caller's are the caller's to read.
  if (!known) logFault(requestId, error)
  else if (failure.fault === 'gateway') logFault(requestId, `${failure.message} ${failure.details.detail ?? ''}`.trim())
  if (note) writeNote(note, failure.status, failure)
  return failureResponse(failure, requestId, limitsOf(door))
})

let colo: unknown = null

/** The data centre that an isolate is in: read once, since the platform makes `cf` anew for each request that asks. */
function coloOf(request: Request): unknown {
  if (colo === null) colo = request.cf?.colo
  return colo
}

function objectsOf(door: Door): Objects {
  return door.executionCtx.exports as unknown as Objects
}

function reachOf(door: Door): Reach {
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
  const caller = await authenticate(header, door.env.KEYS, (work) => door.executionCtx.waitUntil(work))
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
