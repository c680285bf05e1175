import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { useRouter9WithUsage } from '../harness/platform-router9.ts'
import { migrate } from '../harness/platform-worker.ts'
import { until } from '../harness/until.ts'
import { LEDGER_PATH, WRAPPED_LEDGER } from './wrapped-ledger.ts'

interface Sums extends Record<string, unknown> {
  readonly requests: number
  readonly cost_usd: number
}
interface Usage {
  readonly data: readonly Sums[]
  readonly totals: Sums
}

const router9 = useRouter9WithUsage({}, WRAPPED_LEDGER)
const MANAGER = 'sk-r9k-manager-of-usage'
const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] }

async function newKey(id: string, record: object = {}): Promise<string> {
  const key = `sk-r9k-usage-of-${id}`
  await router9.worker.keys.put(key, { id: `key_${id}`, ...record })
  return key
}

async function get<T>(key: string, path: string): Promise<T & { status: number }> {
  const response = await fetch(router9.url + path, { headers: { authorization: `Bearer ${key}` } })
  return { ...((await response.json()) as T), status: response.status }
}

async function chat(key: string, body: object = {}, headers: Record<string, string> = {}) {
  const response = await router9.chat({ ...CHAT, ...body }, { authorization: `Bearer ${key}`, ...headers })
  return { status: response.status, text: await response.text(), request: response.headers.get('x-request-id') ?? '' }
}

/** The usage that the database knows, once it has so many requests. */
function usageOf(key: string, requests: number, query = ''): Promise<Usage> {
  return until(
    () => get<Usage>(key, `/v1/usage${query}`),
    ({ totals }) => totals?.requests >= requests,
  )
}

function randomHash(): string {
  return randomBytes(32).toString('hex')
}

describe('usage', { concurrent: true }, () => {
  test('the calls of keys with limits and without are in the sums, by whatever is asked; a key sees its own, a management key all', async () => {
    const free = await newKey('free')
    const limited = await newKey('limited', { limits: { rpm: 1000, budget: 10 } })
    await router9.worker.keys.put(MANAGER, { id: 'key_manager', role: 'management' })
    const headers = { 'user-agent': 'claude-cli/2.0 (x)', 'x-title': 'Shop', 'x-claude-code-session-id': 'session-1' }
    for (const key of [free, limited]) {
      await chat(key, {}, headers)
      await chat(key, { stream: true, stream_options: { include_usage: true } }, headers)
      expect((await chat(key, { model: 'no-such-model' })).status).toBe(404)
    }
    const [own, hours] = await Promise.all([
      usageOf(free, 3, '?by=status,client,project,session'),
      usageOf(free, 3, '?by=hour'),
    ])
    expect(own.data).toEqual([
      expect.objectContaining({
        status: '2xx',
        client: 'claude-cli',
        project: 'Shop',
        session: 'session-1',
        requests: 2,
      }),
      expect.objectContaining({ status: '4xx', requests: 1, failures: 0, cost_usd: 0 }),
    ])
    expect(own.totals).toMatchObject({ requests: 3, ...Object.fromEntries(Object.entries(hours.totals)) })
    expect(Object.values(own.data[0]?.ttft_ms as object).reduce((sum, count) => sum + count, 0)).toBe(1)
    expect(own.totals.prompt_tokens).toBeGreaterThan(0)
    expect(own.totals.cost_usd).toBeGreaterThan(0)
    // The ledger counts a key without limits too.
    const about = await get<{ data: { usage_daily: number } }>(free, '/v1/key')
    expect(about.data.usage_daily).toBeCloseTo(own.totals.cost_usd, 9)

    await usageOf(MANAGER, 3, '?key=key_limited')
    const all = await get<Usage>(MANAGER, '/api/v1/usage?by=day,key')
    const rowOf = (id: string) => all.data.find(({ key }) => key === id)
    expect(rowOf('key_free')).toMatchObject({ requests: 3, cost_usd: own.totals.cost_usd })
    expect(rowOf('key_limited')).toMatchObject({ requests: 3 })
    expect((await get<Usage>(free, '/v1/usage?key=key_limited')).totals.requests).toBe(0)
    // A key in the same place is refused as ever.
    expect((await get(MANAGER, `/v1/usage?key=key_free&KEY=${free}`)).status).toBe(401)
    expect((await get(MANAGER, `/v1/calls?key=${free}`)).status).toBe(401)
    const calls = await get<{ data: readonly object[] }>(MANAGER, '/v1/calls?key=key_free')
    expect(calls.data).toHaveLength(3)
    expect((await get<{ data: readonly object[] }>(MANAGER, '/v1/calls')).data.length).toBeGreaterThanOrEqual(6)
    expect((await get<Usage>(MANAGER, '/v1/usage?key=key_free&provider=nobody')).totals.requests).toBe(0)
  })

  test('single calls are there a moment after their end, without content, by page and by id', async () => {
    const key = await newKey('caller')
    const answered = await chat(
      key,
      { messages: [{ role: 'user', content: 'A secret word' }] },
      { 'x-session-id': 's1' },
    )
    const { id } = JSON.parse(answered.text) as { id: string }
    const cut = { stream: true, max_tokens: 2 }
    const streamed = await chat(key, cut)
    const refused = await chat(key, { model: 'no-such-model' })
    const broken = await chat(key, { stream: true, messages: [{ role: 'user', content: '[[sim * cut=2]]' }] })
    type Calls = { data: readonly Record<string, unknown>[]; before: string | null }
    const calls = await until(
      () => get<Calls>(key, '/v1/calls'),
      ({ data }) => data?.length === 4,
    )
    expect(JSON.stringify(calls)).not.toContain('secret')
    expect(calls.data).toEqual([
      expect.objectContaining({ request: broken.request, http_status: 200, fault: 'provider' }),
      expect.objectContaining({ request: refused.request, http_status: 404, status: '4xx', code: 'model_not_found' }),
      expect.objectContaining({ request: streamed.request, stream: true, finish_reason: 'length' }),
      expect.objectContaining({ request: answered.request, id, status: '2xx', session: 's1', key: 'key_caller' }),
    ])
    expect((await get<Calls>(key, '/v1/calls?status=404')).data).toHaveLength(1)
    expect((await get<Calls>(key, '/v1/calls?model=gpt-4o')).data).toHaveLength(3)
    expect((await get<Calls>(key, '/v1/calls?failed=true')).data).toEqual(calls.data.slice(0, 1))
    const before = encodeURIComponent(String(calls.data[0]?.created_at))
    expect((await get<Calls>(key, `/v1/calls?before=${before}`)).data).toEqual(calls.data.slice(1))

    type Generation = { data: Record<string, unknown> }
    const generation = await get<Generation>(key, `/api/v1/generation?id=${id}`)
    expect(generation.data).toMatchObject({
      id,
      request_id: answered.request,
      streamed: false,
      session_id: 's1',
      finish_reason: 'stop',
    })
    const { data: failed } = await get<Generation>(key, `/v1/generation?id=${refused.request}`)
    expect(failed).toMatchObject({ finish_reason: null, provider_name: null, status: 404 })
    // `@openrouter/sdk` reads no answer that lacks one of these.
    const insistedOn = ['data_region', 'http_referer', 'num_fetches', 'preset_id', 'service_tier', 'web_search_engine']
    expect(Object.keys(generation.data)).toEqual(expect.arrayContaining([...insistedOn, 'workspace_id', 'router']))
    expect(generation.data.provider_responses).toEqual([expect.objectContaining({ status: 200, is_byok: false })])
    expect((await get<Generation>(key, `/v1/generation?id=${answered.request}`)).data).toEqual(generation.data)
    expect((await get(await newKey('stranger'), `/v1/generation?id=${id}`)).status).toBe(404)
  })

  test('a report whose answer is lost is counted once, in the sums and among the calls', async () => {
    const key = await newKey('lossy-usage')
    const exchanges = async () => {
      const response = await fetch(`${router9.url}${LEDGER_PATH}?key=key_lossy-usage`)
      return ((await response.json()) as { calls: number }).calls
    }
    // The answer to the second report is lost, and the third one is that report again.
    const made = 3
    for (let at = 1; at <= made; at++) {
      await chat(key)
      await until(async () => (await exchanges()) >= at)
    }
    const { totals } = await usageOf(key, made)
    expect(totals.requests).toBe(made)
    const { data } = await get<{ data: readonly { request: string }[] }>(key, '/v1/calls')
    expect(new Set(data.map(({ request }) => request)).size).toBe(made)
    expect(data).toHaveLength(made)
  })

  test('a key without limits waits for no ledger: one that never answers changes nothing for it', async () => {
    const key = await newKey('hanging-usage')
    const answers = await Promise.all([chat(key), chat(key, { stream: true }), chat(key, { model: 'no-such-model' })])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404])
  })

  test.each([
    ['/v1/usage?by=weather', 'by'],
    ['/v1/usage?by=day,hour,key,team,model', 'by'],
    ['/v1/usage?from=yesterday', 'from'],
    ['/v1/calls?before=7', 'before'],
    ['/v1/calls?status=600', 'status'],
    ['/v1/calls?failed=perhaps', 'failed'],
    ['/v1/generation', 'id'],
  ])('%s is answered with 400, which names the parameter', async (path, param) => {
    const answer = await get<{ error: { param: string } }>(await newKey('wrong'), path)
    expect(answer).toMatchObject({ status: 400, error: { param } })
  })

  test('what is called while a slow database is written to is written next', async () => {
    const key = await newKey('slow-usage')
    let made = 0
    const seen = await until(
      async () => {
        made++
        expect((await chat(key)).status).toBe(200)
        await sleep(200)
        return get<Usage>(key, '/v1/usage')
      },
      ({ totals }) => totals.requests > 0,
    )
    // The first write has begun before most of these calls were made.
    expect(seen.totals.requests).toBeLessThan(made)
    expect((await usageOf(key, made)).totals.requests).toBe(made)
  })

  test('a write to the database that fails after it was made is made again, and counts once', async () => {
    const key = await newKey('doubtful-usage')
    await chat(key)
    await usageOf(key, 1)
    await chat(key)
    const { totals } = await usageOf(key, 2)
    expect(totals.requests).toBe(2)
    const line = () => router9.worker.log().split('Network connection lost').length - 1
    expect(line()).toBeGreaterThanOrEqual(1)
    const hours = await get<Usage>(key, '/v1/usage?by=hour')
    expect(hours.totals).toEqual(totals)
  })
})

test('credits are right with more keys than ledgers could be asked, by window, and ledgers that hang hold up no list', async () => {
  await router9.worker.keys.put(MANAGER, { id: 'key_manager', role: 'management' })
  type Credits = { data: { total_credits: number; total_usage: number } }
  const before = await get<Credits>(MANAGER, '/v1/credits')
  const budgets = [
    { budget: 10, uses: 3 },
    { budget: 10, window: 'day', uses: 4, usesToday: 1 },
    { budget: 10, window: 'week', uses: 40 },
    { budget: 1, uses: 7 },
    { budget: 100, uses: 5, disabled: true },
    { budget: 10, uses: 6, account: 'key_spender-0' },
    { uses: 8 },
    { budget: 100, uses: 2, expires: '2020-02-01T00:00:00Z' },
  ] as const
  const days: [string, string, number][] = []
  const put = (id: string, record: object) => {
    const metadata = { id, name: id, created: '2026-01-01T00:00:00Z', ...record }
    return router9.worker.namespace.put(`key:${randomHash()}`, JSON.stringify(metadata), { metadata })
  }
  const spenders = budgets.map(({ uses, ...record }, at) => {
    const account = `key:${'account' in record ? record.account : `key_spender-${at}`}`
    // Two keys of one account are two rows of it.
    days.push([account, `2020-01-0${at + 1}`, uses])
    if ('usesToday' in record) days.push([account, new Date().toISOString().slice(0, 10), record.usesToday])
    const { budget, window = 'total' } = { budget: undefined, ...record } as { budget?: number; window?: 'day' }
    const limits = budget === undefined ? {} : { limits: { budget, window } }
    const ended = {
      ...('disabled' in record ? { disabled: true } : {}),
      ...('expires' in record ? { expires: record.expires } : {}),
    }
    return put(`key_spender-${at}`, {
      ...limits,
      ...ended,
      ...('account' in record ? { account: record.account } : {}),
    })
  })
  // The first one was rotated to another, which has the budget of both.
  const rotated = put('key_spender-0', { limits: { budget: 10 }, successor: 'key_spender-5', disabled: true })
  const many = Array.from({ length: 600 }, (_, at) =>
    put(`key_hanging-${at}`, { limits: { budget: 1 }, team: 'team_h' }),
  )
  await Promise.all([...spenders.filter((_, at) => at !== 0), rotated, ...many])
  const database = await router9.worker.database()
  const columns = [...Array(10).fill("''"), '1,0,0,0,0,0, value ->> 2', ...Array(8).fill('0')].join()
  await database
    .prepare(`INSERT INTO usage_days SELECT value ->> 0, value ->> 1, ${columns} FROM json_each(?)`)
    .bind(JSON.stringify(days))
    .run()
  const after = await get<Credits>(MANAGER, '/v1/credits')
  const spent = after.data.total_usage - before.data.total_usage
  expect(spent).toBeCloseTo(3 + 5 + 40 + 7 + 5 + 6 + 8 + 2, 1)
  const left = 1 + 9 + 10 + 0 + 0 + 600
  expect(after.data.total_credits - before.data.total_credits - spent).toBeCloseTo(left, 1)

  const started = performance.now()
  const page = await get<{ data: readonly object[] }>(MANAGER, '/v1/keys?team=team_h')
  expect(performance.now() - started).toBeLessThan(4000)
  expect(page.data).toHaveLength(100)
  expect(page.data[99]).toMatchObject({ limit: 1, usage: null, usage_daily: null, limit_remaining: null })
})

// The last one: it takes the database away from all others.
test('while the database is gone calls go on, and nothing is missing when it is back', async () => {
  const key = await newKey('patient')
  const database = await router9.worker.database()
  await database.batch(['usage_hours', 'usage_days'].map((table) => database.prepare(`DROP TABLE ${table}`)))
  const isAbout = () => router9.worker.log().split('usage-not-written').length
  const before = isAbout()
  expect((await chat(key)).status).toBe(200)
  await until(() => isAbout() > before)
  expect((await chat(key)).status).toBe(200)
  expect(await get(key, '/v1/usage')).toMatchObject({ status: 503, error: { code: 'usage_unavailable' } })
  await migrate(database)
  const { totals } = await usageOf(key, 2)
  expect(totals.requests).toBe(2)
})
