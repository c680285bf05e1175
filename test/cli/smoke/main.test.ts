import { execFile } from 'node:child_process'
import http, { type IncomingMessage } from 'node:http'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type CheckResult, runSmoke, type SmokeOptions } from '../../../src/cli/smoke/checks.ts'
import { listen } from '../../harness/listen.ts'
import { type Router9, startRouter9 } from '../../harness/router9.ts'
import { DEMO_KEY, startWorker } from '../../harness/worker.ts'
import { closed } from '../cloudflare-stand-in.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')

interface Passing {
  readonly request: { readonly method: string; readonly path: string; readonly headers: Headers }
  status: number
  readonly headers: Headers
  body: string
}

let router9: Router9
let front: http.Server
let url: string
/** What goes wrong on the way: nothing, unless a test says so. */
let spoilRequest: (headers: Headers) => void = () => {}
let spoil: (passing: Passing) => void | Promise<void> = () => {}

beforeAll(async () => {
  router9 = await startRouter9()
  front = http.createServer(async (incoming, outgoing) => {
    const passing = await pass(incoming)
    await spoil(passing)
    // Its length is another by now, perhaps.
    passing.headers.delete('content-length')
    passing.headers.delete('transfer-encoding')
    outgoing.writeHead(passing.status, Object.fromEntries(passing.headers)).end(passing.body)
  })
  url = `http://127.0.0.1:${await listen(front)}`
})

afterAll(async () => {
  await closed(front)
  await router9.stop()
})

afterEach(() => {
  spoilRequest = () => {}
  spoil = () => {}
  router9.worker.keys.behave('well')
})

/** Hands a request on to the Worker, and gives what came back. */
async function pass(incoming: IncomingMessage): Promise<Passing> {
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece)
  const method = incoming.method ?? 'GET'
  const target = incoming.url ?? '/'
  const headers = new Headers()
  for (const name of ['authorization', 'content-type', 'origin', 'access-control-request-headers']) {
    const value = incoming.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  const request = { method, path: target, headers: new Headers(headers) }
  spoilRequest(headers)
  const body = Buffer.concat(pieces)
  const response = await fetch(router9.url + target, { method, headers, ...(body.length === 0 ? {} : { body }) })
  return { request, status: response.status, headers: new Headers(response.headers), body: await response.text() }
}

function smoke(more: Partial<SmokeOptions> = {}) {
  return runSmoke({ url, key: DEMO_KEY, model: 'auto', timeoutMs: 20_000, settleMs: 0, ...more })
}

function failures(results: readonly CheckResult[]): Record<string, string> {
  return Object.fromEntries(
    results.flatMap(({ name, outcome, details }) => (outcome === 'FAILED' ? [[name, details]] : [])),
  )
}

const ALL = [
  'health',
  'browsers',
  'unknown path',
  'no key',
  'bad key',
  'models',
  'providers',
  'an answer',
  'a stream',
  'usage',
]

test('a Router9 that works passes every check, by its address with and without /v1', async () => {
  const results = await smoke()
  expect(failures(results)).toEqual({})
  expect(results.map(({ name }) => name)).toEqual([...ALL, 'keys and a budget'])
  const again = await runSmoke({ url: `${url}/v1/`, key: DEMO_KEY, model: 'gpt-4o', timeoutMs: 20_000, settleMs: 0 })
  expect(failures(again)).toEqual({})
})

test('a Worker that has only the paths below /v1 of somebody’s site passes too', async () => {
  spoil = (passing) => {
    if (!passing.request.path.startsWith('/v1/')) passing.body = '<h1>Somebody’s site</h1>'
  }
  expect(failures(await smoke())).toEqual({})
})

describe('a broken deployment is caught', () => {
  const isChat = ({ request }: Passing) => request.method === 'POST'
  const isStream = (passing: Passing) => passing.headers.get('content-type')?.startsWith('text/event-stream') === true
  const chunksOf = (body: string) => body.split('\n\n').filter((event) => event !== '')
  const edit = (change: (passing: Passing) => void, where: (passing: Passing) => boolean) => {
    spoil = (passing) => (where(passing) ? change(passing) : undefined)
  }

  const BROKEN: readonly (readonly [what: string, breakIt: () => void, failed: readonly string[], says: RegExp])[] = [
    [
      'that loses the [DONE] of its streams',
      () => edit((passing) => (passing.body = passing.body.replace('data: [DONE]\n\n', '')), isStream),
      ['a stream'],
      /without \[DONE\]/,
    ],
    [
      'that cuts its streams in the middle of an event',
      () => edit((passing) => (passing.body = passing.body.slice(0, -30)), isStream),
      ['a stream'],
      /middle of an event/,
    ],
    [
      'whose streams have no usage at their end',
      () => edit((passing) => (passing.body = passing.body.replace(/,"usage":\{.*?\}(?=\}\n)/, '')), isStream),
      ['a stream'],
      /no usage/,
    ],
    [
      'whose usage does not add up',
      () => edit((passing) => (passing.body = passing.body.replace(/"total_tokens":\d+/, '"total_tokens":1')), isChat),
      ['an answer', 'a stream'],
      /does not add up/,
    ],
    [
      'whose streams break with an error',
      () =>
        edit((passing) => {
          const broken = { error: { message: 'The provider left.' }, choices: [] }
          passing.body = `${chunksOf(passing.body).slice(0, 3).join('\n\n')}\n\ndata: ${JSON.stringify(broken)}\n\n`
        }, isStream),
      ['a stream'],
      /The provider left/,
    ],
    [
      'whose streams come as one JSON body',
      () => edit((passing) => passing.headers.set('content-type', 'application/json'), isStream),
      ['a stream'],
      /content-type/,
    ],
    [
      'that lets everybody in',
      () => {
        spoilRequest = (headers) => headers.set('authorization', `Bearer ${DEMO_KEY}`)
      },
      ['no key', 'bad key'],
      /status 200 instead of status 401/,
    ],
    [
      'that answers a refusal with 200',
      () =>
        edit(
          (passing) => (passing.status = 200),
          ({ status }) => status === 401,
        ),
      ['no key', 'bad key'],
      /status 200/,
    ],
    [
      'whose errors have another shape',
      () =>
        edit(
          (passing) => (passing.body = '{"detail":"no"}'),
          ({ status }) => status >= 400,
        ),
      ['unknown path', 'no key', 'bad key'],
      /is not \{error/,
    ],
    ['that has lost its key store', () => router9.worker.keys.behave('fail'), ['bad key'], /key_store_unavailable/],
    [
      'that is another version',
      () =>
        edit(
          (passing) => (passing.body = '{"status":"ok","version":"0.0.9"}'),
          ({ request }) => request.path === '/v1/health',
        ),
      ['health'],
      /version 0\.0\.9/,
    ],
    [
      'that browsers may not ask',
      () =>
        edit(
          (passing) => passing.headers.delete('access-control-allow-headers'),
          ({ request }) => request.method === 'OPTIONS',
        ),
      ['browsers'],
      /access-control-allow-headers is missing/,
    ],
    [
      'that offers no models',
      () =>
        edit(
          (passing) => (passing.body = '{"object":"list","data":[]}'),
          ({ request }) => request.path === '/v1/models',
        ),
      ['models'],
      /empty/,
    ],
    [
      'without request ids',
      () =>
        edit(
          (passing) => passing.headers.delete('x-request-id'),
          () => true,
        ),
      ALL,
      /x-request-id is missing/,
    ],
    [
      'behind a login page',
      () =>
        edit(
          (passing) => {
            passing.status = 302
            passing.headers.set('location', 'https://login.example.com/')
          },
          () => true,
        ),
      ALL,
      /a redirect/,
    ],
  ]

  test.each(BROKEN)('one %s', async (_, breakIt, failed, says) => {
    // A key that the Worker has just seen goes on working without the store.
    expect(failures(await smoke())).toEqual({})
    breakIt()
    const found = failures(await smoke())
    expect(Object.keys(found)).toEqual(failed)
    for (const words of Object.values(found)) expect(words).toMatch(says)
  })

  test('one that does not answer in time', async () => {
    spoil = (passing) => (isStream(passing) ? new Promise(() => {}) : undefined)
    expect(failures(await smoke({ timeoutMs: 1500 }))).toEqual({ 'a stream': 'no whole answer within 1.5 s' })
  })

  test('one that nobody answers for', async () => {
    const nowhere = http.createServer()
    const port = await listen(nowhere)
    await closed(nowhere)
    const results = await runSmoke({
      url: `http://127.0.0.1:${port}`,
      key: DEMO_KEY,
      model: 'auto',
      timeoutMs: 5000,
      settleMs: 0,
    })
    expect(Object.keys(failures(results))).toEqual(ALL)
  })

  test('one without a provider', async () => {
    const worker = await startWorker({ file: inject('bundle'), vars: {} })
    try {
      const results = await runSmoke({ url: worker.url, key: DEMO_KEY, model: 'auto', timeoutMs: 20_000, settleMs: 0 })
      const found = failures(results)
      expect(Object.keys(found)).toEqual(['models', 'an answer', 'a stream'])
      expect(found['an answer']).toMatch(/no_provider_configured/)
    } finally {
      await worker.stop()
    }
  })
})

test('a fresh deployment is given time to be seen', async () => {
  let asked = 0
  spoil = (passing) => {
    if (passing.request.path === '/v1/health' && asked++ === 0) passing.body = '{"status":"ok","version":"0.0.9"}'
  }
  expect(failures(await smoke({ settleMs: 15_000 }))).toEqual({})
  expect(asked).toBe(2)
})

test('without a key only what needs none is checked', async () => {
  const results = await smoke({ key: undefined })
  expect(failures(results)).toEqual({})
  expect(results.filter(({ outcome }) => outcome === 'skipped').map(({ name }) => name)).toEqual([
    ...ALL.slice(5),
    'keys and a budget',
  ])
})

test('with a management key, a key is made that its budget holds, and revoked', async () => {
  const managementKey = 'sk-r9k-of-the-manager'
  await router9.worker.keys.put(managementKey, { id: 'key_manager', name: 'manager', role: 'management' })
  const made: string[] = []
  const onKey = (hash: string) => void made.push(hash)
  const results = await smoke({ managementKey, model: 'gpt-4o', onKey })
  expect(failures(results)).toEqual({})
  expect(results.at(-1)?.details).toBe('made, its budget held, revoked')
  const listed = await fetch(`${router9.url}/v1/keys/${made[0]}`, {
    headers: { authorization: `Bearer ${managementKey}` },
  })
  expect(await listed.json()).toMatchObject({ data: { name: 'smoke test', disabled: true } })
  spoil = (passing) => {
    if (passing.request.path === '/v1/chat/completions')
      passing.body = passing.body.replaceAll('insufficient_quota', 'odd')
  }
  const broken = failures(await smoke({ managementKey, model: 'gpt-4o' }))
  expect(broken).toEqual({ 'keys and a budget': expect.stringMatching(/budget that is too small: status 429/) })
})

test('a server that repeats the key does not get it into the table', async () => {
  spoil = (passing) => {
    if (passing.request.path !== '/v1/models') return
    passing.status = 500
    passing.body = JSON.stringify({
      error: { code: 'odd', message: `not with ${passing.request.headers.get('authorization')}` },
    })
  }
  expect(failures(await smoke())).toEqual({ models: 'status 500 (odd not with Bearer sk-r9k-…) instead of status 200' })
})

describe('npm run smoke', () => {
  function program(args: readonly string[], env: Record<string, string> = {}) {
    return new Promise<{ status: number; output: string; error: string }>((resolve) => {
      const options = { cwd: ROOT, env: { ...process.env, ...env } }
      const child = execFile(process.execPath, ['src/cli/smoke/main.ts', ...args], options, (_, output, error) =>
        resolve({ status: child.exitCode ?? -1, output, error }),
      )
    })
  }

  test('prints a table and ends with status 0, and with 1 where something is broken', async () => {
    const sound = await program([url])
    expect(sound).toMatchObject({ status: 0, error: '' })
    expect(sound.output).toMatch(/^health +ok +\d+ ms +version/)
    expect(sound.output.trimEnd()).toMatch(/\n10 passed, 0 failed, 1 skipped$/)
    expect(sound.output).not.toContain(DEMO_KEY)

    const refused = await program([url], { ROUTER9_KEY: 'sk-r9k-0123456789' })
    expect(refused.status).toBe(1)
    expect(refused.output).toMatch(/an answer +FAILED +\d+ ms +status 401 \(invalid_api_key/)
    expect(refused.output + refused.error).not.toContain('sk-r9k-0123456789')
  })

  test('says how it is called where the call makes no sense', async () => {
    for (const args of [
      [],
      ['router9.example.com'],
      [url, 'a', 'b'],
      [url, '--timeout', 'soon'],
      [url, '--nonsense'],
    ]) {
      const { status, error } = await program(args)
      expect(status, args.join(' ')).toBe(2)
      expect(error).toContain('npm run smoke -- URL [KEY]')
    }
  })
})
