import { expect, test } from 'vitest'
import { startPlatformWorker } from '../harness/platform-worker.ts'
import { startRouter9On } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { useStarted } from '../harness/use-started.ts'

const ISOLATES = 8
/** A change is to be known everywhere within this time. */
const KNOWN_MS = 5000

/**
 * Copies of the bundle, each with a memory of its own, every other one an ocean away. KV tells none of them of a change for a
 * minute. `/test?ahead=` moves the clock of all of them, `cut=1` takes the regions' objects away.
 */
const FAR_AND_LATE = `${Array.from({ length: ISOLATES }, (_, at) => `import router9_${at} from './router9-${at + 1}.js'`).join('\n')}
export * from './router9.js'
const isolates = [${Array.from({ length: ISOLATES }, (_, at) => `router9_${at}`).join(', ')}]
let ahead = 0
let isCut = false
let env
const now = Date.now
Date.now = () => now() + ahead
const seen = new Map()
const late = (kv) => ({
  put: (...given) => kv.put(...given),
  list: (...given) => kv.list(...given),
  get: async (name, ...given) => {
    const known = seen.get(name)
    if (known !== undefined && Date.now() - known.at < 60_000) return known.value
    const value = await kv.get(name, ...given)
    seen.set(name, { value, at: Date.now() })
    return value
  },
})
export default {
  fetch(request, given, ctx) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/test') {
      ahead += Number(searchParams.get('ahead') ?? 0)
      isCut = searchParams.get('cut') === '1'
      return new Response('')
    }
    env ??= { ...given, KEYS: late(given.KEYS) }
    const at = Number(request.headers.get('x-isolate') ?? 0)
    const cf = at % 2 === 0 ? { continent: 'NA', longitude: '-74' } : { continent: 'EU', longitude: '2' }
    const exports = !isCut ? ctx.exports : new Proxy(ctx.exports, {
      get: (all, name) => name === 'Health' ? { idFromName: () => '', get: () => { throw new Error('cut') } } : all[name],
    })
    return isolates[at].fetch(new Request(request, { cf }), env, {
      waitUntil: (work) => ctx.waitUntil(work),
      passThroughOnException() {},
      exports,
    })
  },
}
`

const router9 = useStarted(() =>
  startRouter9On((options) => startPlatformWorker({ ...options, copies: ISOLATES }), { HEALTH: '' }, FAR_AND_LATE),
)
const MANAGER = 'sk-r9k-manager-of-revocations'
const EVERYWHERE = Array.from({ length: ISOLATES }, (_, at) => at)

async function manage(method: string, path: string, body?: unknown) {
  await router9.worker.keys.put(MANAGER, { id: 'key_manager', role: 'management' })
  const response = await fetch(`${router9.url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${MANAGER}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as { data: { id: string }; key: string }
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`)
  return { ...answer.data, key: answer.key }
}

async function statusAt(isolate: number, key: string): Promise<number> {
  const response = await router9.chat(
    { model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] },
    { authorization: `Bearer ${key}`, 'x-isolate': String(isolate) },
  )
  await response.text()
  return response.status
}

const everywhere = (key: string) => Promise.all(EVERYWHERE.map((isolate) => statusAt(isolate, key)))
const all = (status: number) => EVERYWHERE.map(() => status)

/** Asks everywhere until all answer so, and no longer than a change may take. */
async function untilAll(status: number, key: string): Promise<void> {
  const startedAt = Date.now()
  await until(
    () => everywhere(key),
    (statuses) => statuses.every((one) => one === status),
  )
  expect(Date.now() - startedAt).toBeLessThan(KNOWN_MS)
}

async function move(query: string): Promise<void> {
  await (await fetch(`${router9.url}/test?${query}`)).text()
}

test('a key in use is refused by eight isolates in two regions within 5 s when it is revoked, disabled or narrowed, whatever KV says', async () => {
  const revoked = await manage('POST', '/keys', { name: 'revoked' })
  const narrowed = await manage('POST', '/keys', { name: 'narrowed' })
  for (const { key } of [revoked, narrowed]) expect(await everywhere(key)).toEqual(all(200))
  await manage('DELETE', `/keys/${revoked.id}`)
  await untilAll(401, revoked.key)
  await manage('PATCH', `/keys/${narrowed.id}`, { models: ['claude-sonnet-4-5'] })
  await untilAll(403, narrowed.key)
  await manage('PATCH', `/keys/${narrowed.id}`, { models: null, providers: ['mistral'] })
  await untilAll(403, narrowed.key)
  await manage('PATCH', `/keys/${narrowed.id}`, { providers: null, disabled: true })
  await untilAll(401, narrowed.key)
  await manage('PATCH', `/keys/${narrowed.id}`, { disabled: false })
  await untilAll(200, narrowed.key)
})

test('the keys of a team are refused within 5 s when it is revoked', async () => {
  const team = await manage('POST', '/teams', { name: 'research' })
  const { key } = await manage('POST', '/keys', { name: 'of a team', team: team.id })
  expect(await everywhere(key)).toEqual(all(200))
  await manage('DELETE', `/teams/${team.id}`)
  await untilAll(401, key)
})

test('isolates that have been idle refuse a revoked key at once, and so does one that has never seen it', async () => {
  const { id, key } = await manage('POST', '/keys', { name: 'idle' })
  const [fresh = 0, ...others] = EVERYWHERE
  for (const isolate of others) expect(await statusAt(isolate, key)).toBe(200)
  await manage('DELETE', `/keys/${id}`)
  await move('ahead=5000')
  for (const isolate of others) expect(await statusAt(isolate, key)).toBe(401)
  expect(await statusAt(fresh, key)).toBe(401)
})

test('where the regions cannot be asked nobody waits long, and KV ends a key within a minute', async () => {
  const { id, key } = await manage('POST', '/keys', { name: 'cut off' })
  expect(await everywhere(key)).toEqual(all(200))
  await move('cut=1')
  await manage('DELETE', `/keys/${id}`)
  await move('ahead=10000&cut=1')
  expect(await everywhere(key)).toEqual(all(200))
  await move('ahead=60000&cut=1')
  await until(
    () => everywhere(key),
    (statuses) => statuses.every((one) => one === 401),
  )
  await move('cut=0')
})
