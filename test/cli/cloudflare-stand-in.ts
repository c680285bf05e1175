import http, { type IncomingMessage } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { listen } from '../harness/listen.ts'

/** A request that the stand-in got. */
export interface Call {
  readonly method: string
  /** Below the account, or below GitHub's root. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  /** The part `metadata` of a form, or the body where it is JSON. */
  readonly json: unknown
}

/** An upload of the Worker's code. */
export interface Upload {
  readonly bindings: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly metadata: Readonly<Record<string, unknown>>
}

export interface CloudflareStandIn {
  readonly url: string
  /** A test may empty it. */
  readonly calls: Call[]
  /** `METHOD path` of each call that changes something. */
  readonly changes: () => readonly string[]
  /** Namespaces by title, with what is in them. */
  readonly namespaces: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** D1 databases by name. */
  readonly databases: ReadonlyMap<string, DatabaseSync>
  readonly workers: ReadonlyMap<string, Upload>
  /** The pages that came with each Worker: the paths of those whose content has come too. */
  readonly pages: ReadonlyMap<string, readonly string[]>
  readonly previews: ReadonlyMap<string, Upload>
  /** What is refused from now on. */
  readonly refuse: (what: 'nothing' | 'previews' | 'token') => void
  readonly close: () => Promise<void>
}

export const ACCOUNT = 'account0123'
export const TOKEN = 'cloudflare-token-of-the-test'
const SUBDOMAIN = 'example'

type Answer = readonly [status: number, result: unknown, error?: { code: number; message: string }]

const NO_WORKER: Answer = [404, null, { code: 10007, message: 'This Worker does not exist on your account.' }]
/** The code is made up: it is not known what Cloudflare answers where an account has no previews. */
const REFUSED: Answer = [403, null, { code: 10403, message: 'Previews are not available to this Worker.' }]
const NO_DATABASE: Answer = [404, null, { code: 7404, message: 'The database could not be found.' }]
const NO_PREVIEW: Answer = [404, null, { code: 10025, message: 'This Preview does not exist.' }]

/**
 * Cloudflare's API on this machine, as far as wrangler calls it in these tests. It answers an unknown path with 404 and code
 * 7003, as Cloudflare does; a test finds such a call in `calls`. `keyPut` gets everything that is put into KV.
 */
export async function startCloudflare(
  keyPut: (name: string, value: string) => Promise<unknown> = async () => undefined,
): Promise<CloudflareStandIn> {
  const calls: Call[] = []
  const puts: [string, string][] = []
  const namespaces = new Map<string, Map<string, string>>()
  const ids = new Map<string, string>()
  const databases = new Map<string, DatabaseSync>()
  const workers = new Map<string, Upload>()
  const previews = new Map<string, Upload>()
  const pages = new Map<string, string[]>()
  /** Which files of which Worker have this content: some pages are alike. */
  const wanted = new Map<string, readonly [name: string, files: string[]]>()
  let refused: 'nothing' | 'previews' | 'token' = 'nothing'

  const idOf = (title: string) => ids.get(title) ?? Buffer.from(title).toString('hex').padEnd(32, '0').slice(0, 32)
  const inNamespace = (id: string) => [...namespaces].find(([title]) => idOf(title) === id)
  const boundKeys = (name: string): readonly object[] =>
    Object.entries(workers.get(name)?.bindings ?? {}).map(([binding, rest]) => ({ name: binding, ...rest }))

  const uuidOf = (name: string) =>
    Buffer.from(name)
      .toString('hex')
      .padEnd(32, '0')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5')
  const databaseAt = (subject: string) =>
    [...databases].find(([name]) => name === decodeURIComponent(subject) || uuidOf(name) === subject)

  // In this order, because a later pattern would match an earlier path too.
  const routes: readonly (readonly [string, RegExp, (match: readonly string[], call: Call) => Answer])[] = [
    [
      'POST',
      /^\/workers\/scripts\/([\w-]+)\/assets-upload-session$/,
      ([name = ''], { json }) => {
        const { manifest } = json as { manifest: Record<string, { hash: string }> }
        wanted.clear()
        for (const [file, { hash }] of Object.entries(manifest)) {
          wanted.set(hash, [name, [...(wanted.get(hash)?.[1] ?? []), file]])
        }
        pages.set(name, [])
        return [200, { jwt: TOKEN, buckets: [[...wanted.keys()]] }]
      },
    ],
    [
      'POST',
      /^\/workers\/assets\/upload$/,
      (_, { body }) => {
        for (const [, hash = ''] of body.matchAll(/ name="(\w+)"; filename=/g)) {
          const [name, files] = wanted.get(hash) ?? []
          if (name === undefined || files === undefined)
            return [400, null, { code: 10021, message: `No file ${hash}.` }]
          pages.get(name)?.push(...files)
        }
        return [201, { jwt: TOKEN }]
      },
    ],
    [
      'GET',
      /^\/storage\/kv\/namespaces$/,
      // All are on the first page; wrangler asks on until a page is empty.
      (_, { query }) => {
        const titles = Number(query.get('page') ?? 1) > 1 ? [] : [...namespaces.keys()]
        return [200, titles.map((title) => ({ id: idOf(title), title }))]
      },
    ],
    [
      'POST',
      /^\/storage\/kv\/namespaces$/,
      (_, { json }) => {
        const { title } = json as { title: string }
        namespaces.set(title, new Map())
        return [200, { id: idOf(title), title }]
      },
    ],
    [
      'DELETE',
      /^\/storage\/kv\/namespaces\/(\w+)$/,
      ([id = '']) => {
        const found = inNamespace(id)
        if (found === undefined) return [404, null, { code: 10013, message: 'namespace not found' }]
        namespaces.delete(found[0])
        return [200, null]
      },
    ],
    [
      'PUT',
      /^\/storage\/kv\/namespaces\/(\w+)\/bulk$/,
      ([id = ''], { json }) => {
        for (const { key, value } of json as readonly { key: string; value: string }[]) {
          inNamespace(id)?.[1].set(key, value)
          puts.push([key, value])
        }
        return [200, null]
      },
    ],
    [
      'DELETE',
      /^\/storage\/kv\/namespaces\/(\w+)\/bulk$/,
      ([id = ''], { json }) => {
        for (const name of json as readonly string[]) inNamespace(id)?.[1].delete(name)
        return [200, null]
      },
    ],
    ['GET', /^\/d1\/database$/, () => [200, [...databases.keys()].map((name) => ({ uuid: uuidOf(name), name }))]],
    [
      'POST',
      /^\/d1\/database$/,
      (_, { json }) => {
        const { name } = json as { name: string }
        databases.set(name, new DatabaseSync(':memory:'))
        return [200, { uuid: uuidOf(name), name }]
      },
    ],
    [
      'GET',
      /^\/d1\/database\/([^/]+)$/,
      ([subject = '']) => {
        const found = databaseAt(subject)
        return found === undefined ? NO_DATABASE : [200, { uuid: uuidOf(found[0]), name: found[0] }]
      },
    ],
    [
      'DELETE',
      /^\/d1\/database\/([^/]+)$/,
      ([subject = '']) => {
        const found = databaseAt(subject)
        return found !== undefined && databases.delete(found[0]) ? [200, null] : NO_DATABASE
      },
    ],
    [
      'POST',
      /^\/d1\/database\/([^/]+)\/query$/,
      ([subject = ''], { json }) => {
        const found = databaseAt(subject)
        return found === undefined ? NO_DATABASE : [200, [answerOf(found[1], (json as { sql: string }).sql)]]
      },
    ],
    [
      'PUT',
      /^\/storage\/kv\/namespaces\/(\w+)\/values\/(.+)$/,
      ([id = '', name = ''], { body }) => {
        const [key, value] = [decodeURIComponent(name), formPart(body, 'value')]
        inNamespace(id)?.[1].set(key, value)
        puts.push([key, value])
        return [200, null]
      },
    ],
    [
      'DELETE',
      /^\/storage\/kv\/namespaces\/(\w+)\/values\/(.+)$/,
      ([id = '', name = '']) => {
        inNamespace(id)?.[1].delete(decodeURIComponent(name))
        return [200, null]
      },
    ],
    ['GET', /^\/workers\/subdomain$/, () => [200, { subdomain: SUBDOMAIN }]],
    [
      'GET',
      /^\/workers\/workers\/[\w-]+\/previews\/([\w-]+)$/,
      ([name = '']) => (previews.has(name) ? [200, previewResource(name)] : NO_PREVIEW),
    ],
    [
      'POST',
      /^\/workers\/workers\/[\w-]+\/previews$/,
      (_, { json }) => (refused === 'previews' ? REFUSED : [200, previewResource((json as { name: string }).name)]),
    ],
    [
      'PATCH',
      /^\/workers\/workers\/[\w-]+\/previews\/([\w-]+)$/,
      ([name = '']) => (refused === 'previews' ? REFUSED : [200, previewResource(name)]),
    ],
    [
      'POST',
      /^\/workers\/workers\/[\w-]+\/previews\/([\w-]+)\/deployments$/,
      ([name = ''], { json }) => {
        const metadata = json as { env: Upload['bindings'] }
        previews.set(name, { bindings: metadata.env, metadata: json as Upload['metadata'] })
        return [200, { id: 'deployment1', urls: previewResource(name).urls, env: {} }]
      },
    ],
    [
      'GET',
      /^\/workers\/workers\/[\w-]+\/previews\/([\w-]+)\/deployments\/latest$/,
      () => [200, { id: 'deployment1' }],
    ],
    [
      'DELETE',
      /^\/workers\/workers\/[\w-]+\/previews\/([\w-]+)$/,
      ([name = '']) => {
        if (refused === 'previews') return REFUSED
        return previews.delete(name) ? [200, null] : NO_PREVIEW
      },
    ],
    [
      'GET',
      /^\/workers\/workers\/([\w-]+)$/,
      ([name = '']) =>
        workers.has(name) ? [200, { id: name, name, subdomain: { enabled: true, previews_enabled: true } }] : NO_WORKER,
    ],
    [
      'GET',
      /^\/workers\/services\/([\w-]+)$/,
      ([name = '']) =>
        workers.has(name)
          ? [
              200,
              {
                default_environment: {
                  environment: 'production',
                  script: { tag: 'tag1', last_deployed_from: 'wrangler' },
                },
              },
            ]
          : NO_WORKER,
    ],
    ['GET', /^\/workers\/services\/([\w-]+)\/environments\/\w+\/bindings$/, ([name = '']) => [200, boundKeys(name)]],
    [
      'GET',
      /^\/workers\/scripts\/([\w-]+)\/settings$/,
      ([name = '']) => (workers.has(name) ? [200, { bindings: boundKeys(name) }] : NO_WORKER),
    ],
    [
      'GET',
      /^\/workers\/scripts\/([\w-]+)\/secrets$/,
      ([name = '']) =>
        workers.has(name)
          ? [200, boundKeys(name).filter((binding) => 'type' in binding && binding.type === 'secret_text')]
          : NO_WORKER,
    ],
    ['GET', /^\/workers\/scripts\/([\w-]+)\/subdomain$/, () => [200, { enabled: false, previews_enabled: false }]],
    ['POST', /^\/workers\/scripts\/([\w-]+)\/subdomain$/, () => [200, { enabled: true, previews_enabled: true }]],
    [
      'GET',
      /^\/workers\/scripts\/([\w-]+)\/deployments$/,
      ([name = '']) => [
        200,
        {
          deployments: workers.has(name)
            ? [
                {
                  id: 'd1',
                  created_on: '2026-11-01T00:00:00Z',
                  source: 'wrangler',
                  versions: [{ version_id: versionOf(name), percentage: 100 }],
                },
              ]
            : [],
        },
      ],
    ],
    ['POST', /^\/workers\/scripts\/([\w-]+)\/deployments$/, () => [200, { id: 'd2' }]],
    [
      'GET',
      /^\/workers\/scripts\/([\w-]+)\/versions\/([\w-]+)$/,
      ([name = '']) => [
        200,
        {
          id: versionOf(name),
          number: 1,
          metadata: {},
          resources: { bindings: boundKeys(name), script: {}, script_runtime: {} },
        },
      ],
    ],
    [
      'PUT',
      /^\/workers\/scripts\/([\w-]+)$/,
      ([name = ''], { json }) => {
        const metadata = json as { bindings: readonly ({ name: string } & Record<string, unknown>)[] }
        const before = workers.get(name)?.bindings ?? {}
        const bindings = Object.fromEntries(
          metadata.bindings.map(({ name: binding, ...rest }) => [
            binding,
            rest.type === 'inherit' ? (before[binding] ?? rest) : rest,
          ]),
        )
        workers.set(name, { bindings: { ...before, ...bindings }, metadata: json as Upload['metadata'] })
        return [
          200,
          {
            id: name,
            etag: 'etag',
            pipeline_hash: 'hash',
            mutable_pipeline_id: 'pipe',
            deployment_id: versionOf(name),
            tag: 'tag1',
            startup_time_ms: 20,
            entry_point: 'index.js',
          },
        ]
      },
    ],
    [
      'DELETE',
      /^\/workers\/(?:services|scripts)\/([\w-]+)$/,
      ([name = '']) => (workers.delete(name) ? [200, null] : NO_WORKER),
    ],
  ]

  const answer = (call: Call, authorization: string | undefined): Answer => {
    if (refused === 'token' || authorization !== `Bearer ${TOKEN}`) {
      return [403, null, { code: 10000, message: 'Authentication error' }]
    }
    for (const [method, pattern, reply] of routes) {
      const match = method === call.method ? pattern.exec(call.path) : null
      if (match !== null) return reply(match.slice(1), call)
    }
    return [404, null, { code: 7003, message: `Could not route to ${call.path}` }]
  }

  const server = http.createServer(async (request, response) => {
    const call = await readCall(request, `/client/v4/accounts/${ACCOUNT}`)
    calls.push(call)
    const [status, result, error] = answer(call, request.headers.authorization)
    for (const [name, value] of puts.splice(0)) await keyPut(name, value)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify({
        success: error === undefined,
        errors: error === undefined ? [] : [error],
        messages: [],
        result,
        ...(Array.isArray(result)
          ? { result_info: { page: 1, per_page: 1000, count: result.length, total_pages: 1 } }
          : {}),
      }),
    )
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}/client/v4`,
    calls,
    changes: () => calls.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`),
    namespaces,
    databases,
    workers,
    pages,
    previews,
    refuse: (what) => {
      refused = what
    },
    close: () => closed(server),
  }
}

/** The migrations that were applied to a database, by wrangler's own table. */
export function migrationsIn(database: DatabaseSync | undefined): unknown[] {
  return (
    database
      ?.prepare('SELECT name FROM d1_migrations ORDER BY id')
      .all()
      .map(({ name }) => name) ?? []
  )
}

/** The answer to SQL, as D1 gives it. */
function answerOf(database: DatabaseSync, sql: string) {
  const isQuery = /^\s*(SELECT|PRAGMA)\b/i.test(sql)
  if (!isQuery) database.exec(sql)
  return { results: isQuery ? database.prepare(sql).all() : [], success: true, meta: { duration: 0 } }
}

function versionOf(name: string): string {
  return `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padEnd(12, '0').slice(0, 12)}`
}

function previewResource(name: string) {
  return {
    id: name,
    name,
    slug: name,
    urls: [`https://${name}-router9.${SUBDOMAIN}.workers.dev`],
    created_on: '2026-11-01T00:00:00Z',
  }
}

export async function readCall(request: IncomingMessage, root: string): Promise<Call> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece)
  const body = Buffer.concat(pieces).toString()
  const url = new URL(request.url ?? '/', 'http://stand-in')
  const path = url.pathname.startsWith(root) ? url.pathname.slice(root.length) : url.pathname
  const text = body.startsWith('--') ? formPart(body, 'metadata') : body
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return { method: request.method ?? '', path, query: url.searchParams, body, json }
}

/** A text part of a form. */
function formPart(body: string, name: string): string {
  const [, text = ''] = body.split(`name="${name}"\r\n\r\n`)
  return text.slice(0, text.indexOf('\r\n--'))
}

export function closed(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.closeAllConnections()
    server.close(() => resolve())
  })
}
