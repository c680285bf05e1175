import { expect, test } from 'vitest'
import { keyName } from '../../src/access/keys.ts'
import { usePlatformRouter9 } from '../harness/platform-router9.ts'
import { until } from '../harness/until.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { longMinute } from './long-minute.ts'
import { expectRefusal } from './refusal.ts'

const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] }

const router9 = usePlatformRouter9({}, longMinute())
let managers = 0

interface Entry extends Record<string, unknown> {
  readonly id: string
  readonly hash: string
}
interface Answer {
  readonly status: number
  readonly data: Entry
  readonly key: string
  readonly response: Response
}

/** A management key of its own, which asks as an operator does. */
async function manager(base = '/v1') {
  const key = `sk-r9k-manager-${++managers}-of-the-operator`
  await router9.worker.keys.put(key, { id: `key_manager_${managers}`, role: 'management' })
  return { key, ask: asking(key, base) }
}

function asking(key: string, base = '/v1') {
  return async (method: string, path: string, body?: unknown, headers = {}): Promise<Answer> => {
    const response = await fetch(router9.url + base + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const copy = response.clone()
    const { data, key: made } = (await response.json()) as { data: Entry; key: string }
    return { status: response.status, data, key: made, response: copy }
  }
}

async function chatStatus(key: string): Promise<number> {
  const response = await router9.chat(CHAT, { authorization: `Bearer ${key}` })
  await response.text()
  return response.status
}

async function recordOf(hash: string): Promise<Record<string, unknown>> {
  return JSON.parse((await router9.worker.namespace.get(`key:${hash}`, 'text')) ?? 'null')
}

/** The audit lines about a record, oldest first. */
async function auditOf(target: string, count: number): Promise<Record<string, unknown>[]> {
  const lines = () =>
    router9.worker
      .log()
      .split('\n')
      .filter((line) => line.includes('"event":"audit"') && line.includes(`"target":"${target}"`))
  await until(() => lines().length >= count)
  return lines().map((line) => JSON.parse(line))
}

test('a key lives from its making to its end by HTTP: it is shown once, works at once, is found by id and hash, and every change is in the log', async () => {
  const { ask } = await manager()
  const body = {
    name: 'Ada',
    limit: 5,
    limit_reset: 'monthly',
    rpm: 100,
    models: ['gpt-4o'],
    expires_at: '2999-01-01T00:00:00+01:00',
    metadata: { cost_center: '42' },
    include_byok_in_limit: true,
  }
  const made = await ask('POST', '/keys', body)
  expect(made.status).toBe(201)
  expect(made.key).toMatch(/^sk-r9k-[A-Za-z0-9]{40}$/)
  expect(made.data).toMatchObject({
    id: expect.stringMatching(/^key_[0-9a-f]{16}$/),
    hash: (await keyName(made.key)).slice('key:'.length),
    label: `${made.key.slice(0, 10)}...${made.key.slice(-3)}`,
    name: 'Ada',
    role: 'inference',
    disabled: false,
    limit: 5,
    limit_reset: 'monthly',
    limit_remaining: 5,
    rpm: 100,
    usage: 0,
    usage_daily: 0,
    expires_at: '2998-12-31T23:00:00.000Z',
    updated_at: null,
  })
  const { id, hash } = made.data
  expect(await chatStatus(made.key)).toBe(200)
  expect(await recordOf(hash)).toMatchObject({ id, limits: { budget: 5, window: 'month', rpm: 100 } })

  for (const name of [id, hash]) expect((await ask('GET', `/keys/${name}`)).data).toMatchObject({ id, name: 'Ada' })
  const changed = await ask('PATCH', `/keys/${id}`, { limit: null, rpm: 7, expires_at: null, disabled: true })
  expect(changed.data).toMatchObject({ limit: null, limit_reset: null, rpm: 7, expires_at: null, disabled: true })
  expect(changed.data.models).toEqual(['gpt-4o'])
  expect(await recordOf(hash)).toMatchObject({ limits: { rpm: 7 }, disabled: true })
  expect((await ask('PATCH', `/keys/${hash}`, { disabled: false })).data.disabled).toBe(false)

  const own = await asking(made.key)('GET', '/key')
  expect(own.data).toMatchObject({
    id,
    limit_reset: 'monthly',
    is_management_key: false,
    rate_limit: { requests: 100 },
  })
  expect(own.data.metadata).toBeUndefined()

  const ended = await ask('DELETE', `/keys/${id}`)
  expect(await ended.response.json()).toEqual({ deleted: true })
  expect((await ask('GET', `/keys/${id}`)).data).toMatchObject({ disabled: true, revoked_at: expect.any(String) })
  await expectRefusal((await ask('PATCH', `/keys/${id}`, { disabled: false })).response, {
    status: 409,
    code: 'conflict',
  })
  await expectRefusal((await ask('POST', `/keys/${id}/rotate`)).response, { status: 409, code: 'conflict' })

  const audit = await auditOf(id, 4)
  expect(audit.map(({ action }) => action)).toEqual(['key.create', 'key.change', 'key.change', 'key.revoke'])
  expect(audit[1]).toMatchObject({
    key: `key_manager_${managers}`,
    before: { limits: { budget: 5, window: 'month', rpm: 100 } },
    after: { limits: { rpm: 7 }, disabled: true },
  })
  expect(router9.worker.log()).not.toContain(made.key)
})

test('a rotated key shares the limits of the one before, which ends at once or after its grace, and is rotated once', async () => {
  const { ask } = await manager()
  const first = await ask('POST', '/keys', { name: 'rotated', limit: 3, models: ['gpt-4o'] })
  const second = await ask('POST', `/keys/${first.data.id}/rotate`, { grace_seconds: 3600 })
  expect(second.status).toBe(201)
  expect(second.data).toMatchObject({ name: 'rotated', limit: 3, account: first.data.id, models: ['gpt-4o'] })
  expect([await chatStatus(first.key), await chatStatus(second.key)]).toEqual([200, 200])
  expect((await ask('GET', `/keys/${first.data.id}`)).data.successor).toBe(second.data.id)
  expect((await auditOf(second.data.id, 1))[0]).toMatchObject({
    action: 'key.rotate',
    before: { id: first.data.id },
    after: { id: second.data.id, account: first.data.id },
  })
  await expectRefusal((await ask('POST', `/keys/${first.data.id}/rotate`)).response, { status: 409, code: 'conflict' })

  const races = await Promise.all([1, 2, 3, 4].map(() => ask('POST', `/keys/${second.data.id}/rotate`)))
  expect(races.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409])
  const third = races.find(({ status }) => status === 201)
  expect(await recordOf(second.data.hash)).toMatchObject({ disabled: true, successor: third?.data.id })
})

test('changes at the same time are all made, and none undoes the end of a key', async () => {
  const { ask } = await manager()
  const { data } = await ask('POST', '/keys', { name: 'raced' })
  const changes = [{ rpm: 1 }, { tpm: 2 }, { limit: 3 }, { concurrent: 4 }].map((one) =>
    ask('PATCH', `/keys/${data.id}`, one),
  )
  const all = await Promise.all([...changes, ask('DELETE', `/keys/${data.id}`)])
  expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(await recordOf(data.hash)).toMatchObject({
    disabled: true,
    revoked: expect.any(String),
    limits: { rpm: 1, tpm: 2, budget: 3, concurrent: 4 },
  })
})

test('a change in a place where KV is late does not undo a revocation, and members that nobody knows stay', async () => {
  const { ask } = await manager()
  const { data } = await ask('POST', '/keys', { name: 'late' })
  const name = `key:${data.hash}`
  const before = { ...(await recordOf(data.hash)), added_later: { by: ['a', 'newer version'] } }
  await router9.worker.namespace.put(name, JSON.stringify({ ...before, updated: '2100-01-01T00:00:00.000Z' }))
  expect((await ask('PATCH', `/keys/${data.id}`, { rpm: 5 })).status).toBe(200)
  expect(await recordOf(data.hash)).toMatchObject({ added_later: { by: ['a', 'newer version'] }, limits: { rpm: 5 } })
  await ask('DELETE', `/keys/${data.id}`)
  // What KV could answer elsewhere, a minute late.
  await router9.worker.namespace.put(name, JSON.stringify(before))
  expect((await ask('PATCH', `/keys/${data.id}`, { rpm: 6 })).data).toMatchObject({ rpm: 6, disabled: true })
  expect(await recordOf(data.hash)).toMatchObject({ disabled: true })
})

test('the same request with the same Idempotency-Key makes one key or team, also at the same time; another one is a conflict', async () => {
  const { ask, key } = await manager()
  const once = { 'idempotency-key': 'order-66' }
  const all = await Promise.all([1, 2, 3].map(() => ask('POST', '/keys', { name: 'once', rpm: 2 }, once)))
  const again = await ask('POST', '/keys', { rpm: 2, name: 'once' }, once)
  expect(new Set([...all, again].map((made) => made.key)).size).toBe(1)
  expect(again.data).toEqual(all[0]?.data)
  expect(await auditOf(again.data.id, 1)).toHaveLength(1)
  const other = await ask('POST', '/keys', { name: 'twice', rpm: 2 }, once)
  await expectRefusal(other.response, { status: 409, code: 'conflict' })
  const path = `/keys/${again.data.id}/rotate`
  await expectRefusal((await ask('POST', path, {}, once)).response, { status: 409, code: 'conflict' })
  const rotated = await Promise.all([1, 2].map(() => ask('POST', path, {}, { 'idempotency-key': 'order-67' })))
  expect(rotated.map(({ status }) => status)).toEqual([201, 201])
  expect(rotated[0]?.key).toBe(rotated[1]?.key)
  expect((await ask('GET', `/keys/${again.data.id}`)).data.successor).toBe(rotated[0]?.data.id)
  const teams = await Promise.all(
    [1, 2].map(() => ask('POST', '/teams', { name: 'once' }, { 'idempotency-key': 'order-68' })),
  )
  expect(teams[0]?.data).toEqual(teams[1]?.data)
  // Another operator's key knows nothing of it.
  const stranger = await manager()
  expect((await stranger.ask('POST', '/keys', { name: 'once', rpm: 2 }, once)).key).not.toBe(again.key)
  const refused = await ask('POST', '/keys', { name: 'x' }, { 'idempotency-key': 'with space' })
  await expectRefusal(refused.response, { status: 400, code: 'invalid_value' })
  expect(router9.worker.log()).not.toContain(key)
})

test.each([
  ['a mistyped limit', { name: 'x', limits: { budget: 1 } }, 'limits', 'unsupported_parameter'],
  ['a role', { name: 'x', role: 'management' }, 'role', 'unsupported_parameter'],
  ['a member of every object', { name: 'x', constructor: 1 }, 'constructor', 'unsupported_parameter'],
  ['no name', { limit: 1 }, 'name', 'missing_required_parameter'],
  ['a limit that is none', { name: 'x', limit: -1 }, 'limit', 'invalid_value'],
  ['half a request', { name: 'x', rpm: 0.5 }, 'rpm', 'invalid_value'],
  ['a reset without a limit', { name: 'x', limit_reset: 'daily' }, 'limit_reset', 'invalid_value'],
  ['the past', { name: 'x', expires_at: '2001-01-01T00:00:00Z' }, 'expires_at', 'invalid_value'],
  ['no time', { name: 'x', expires_at: 'tomorrow' }, 'expires_at', 'invalid_value'],
  ['an unknown provider', { name: 'x', providers: ['openai', 'nobody'] }, 'providers[1]', 'invalid_value'],
  ['an unknown team', { name: 'x', team: 'team_nobody' }, 'team', 'invalid_value'],
  ['deep notes', { name: 'x', metadata: { a: { b: 1 } } }, 'metadata.a', 'invalid_value'],
])('%s makes no key', async (_, body, param, code) => {
  const { ask } = await manager()
  await expectRefusal((await ask('POST', '/keys', body)).response, { status: 400, code, param })
})

test('an inference key manages nothing and sees itself alone; a management key asks no model', async () => {
  const { ask, key } = await manager()
  const victim = await ask('POST', '/keys', { name: 'victim' })
  const tenant = asking((await ask('POST', '/keys', { name: 'tenant' })).key)
  const tries = [
    ['GET', '/keys'],
    ['POST', '/keys', { name: 'mine', limit: null }],
    ['GET', `/keys/${victim.data.id}`],
    ['PATCH', `/keys/${victim.data.hash}`, { disabled: true }],
    ['DELETE', `/keys/${victim.data.id}`],
    ['POST', `/keys/${victim.data.id}/rotate`],
    ['GET', '/teams'],
    ['POST', '/teams', { name: 'mine' }],
    ['DELETE', '/teams/team_any'],
    ['GET', '/credits'],
  ] as const
  for (const [method, path, body] of tries) {
    await expectRefusal((await tenant(method, path, body)).response, { status: 403, code: 'wrong_key_role' })
  }
  expect((await tenant('GET', '/key')).data.name).toBe('tenant')
  await expectRefusal((await tenant('PATCH', '/key', { limit: null })).response, {
    status: 405,
    code: 'method_not_allowed',
  })
  expect(await chatStatus(victim.key)).toBe(200)

  const authorization = `Bearer ${key}`
  for (const path of ['/v1/chat/completions', '/v1/messages', '/v1/responses', '/v1/embeddings', '/v1/route']) {
    const headers = { authorization, 'content-type': 'application/json' }
    const answer = await fetch(router9.url + path, { method: 'POST', headers, body: JSON.stringify(CHAT) })
    expect(answer.status, path).toBe(403)
    expect(await answer.text()).toMatch(/management key/)
  }
  expect((await asking(key)('GET', '/key')).data).toMatchObject({ is_management_key: true, role: 'management' })
  await expectRefusal(await fetch(`${router9.url}/v1/keys`), { status: 401, code: null })
})

test('paths that are none, ids that are none and keys in the address are refused', async () => {
  const { ask } = await manager()
  for (const path of ['/keys/a%2Fb', '/keys/key_nobody', `/keys/${'0'.repeat(64)}`, '/keys/key_0000000000000000']) {
    await expectRefusal((await ask('GET', path)).response, { status: 404, code: null })
  }
  for (const path of ['/keys/a/b', '/keys//x/rotate/y', '/teams/a/b/c', '/credits/1', '/key/1']) {
    await expectRefusal((await ask('GET', path)).response, { status: 404, code: 'unknown_url' })
  }
  await expectRefusal((await ask('GET', '/teams/..%2Fkeys')).response, { status: 404, code: null })
  await expectRefusal((await ask('DELETE', `/keys/${DEMO_KEY}`)).response, { status: 400, code: 'invalid_value' })
  const put = await ask('PUT', '/keys')
  await expectRefusal(put.response, { status: 405, code: 'method_not_allowed' })
  expect(put.response.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS')
  const large = await ask('POST', '/keys', { name: 'x', metadata: { a: 'a'.repeat(70_000) } })
  await expectRefusal(large.response, { status: 413, code: 'request_too_large' })
})

test('a team has limits and usage of its own, and its keys are listed by it', async () => {
  const { ask } = await manager()
  const team = await ask('POST', '/teams', { name: 'Research', limit: 100, limit_reset: 'weekly' })
  expect(team.status).toBe(201)
  const { id } = team.data
  expect(team.data).toMatchObject({ name: 'Research', limit: 100, limit_remaining: 100, usage: 0 })
  const member = await ask('POST', '/keys', { name: 'member', team: id })
  const listed = await ask('GET', `/keys?team=${id}`)
  expect(listed.data).toMatchObject([{ id: member.data.id, team: id }])
  expect((await ask('PATCH', `/teams/${id}`, { limit: 50 })).data).toMatchObject({ limit: 50, limit_reset: 'weekly' })
  expect((await ask('DELETE', `/teams/${id}`)).status).toBe(200)
  const late = await ask('POST', '/keys', { name: 'late', team: id })
  await expectRefusal(late.response, { status: 400, code: 'invalid_value', param: 'team' })
  expect((await ask('GET', `/teams/${id}`)).data.disabled).toBe(true)
  const teams = (await ask('GET', '/teams')).data as unknown as Entry[]
  expect(teams.map((one) => one.id)).not.toContain(id)
})

test('the limits of a team hold for all of its keys together, and no key of it works when it has ended', async () => {
  const { ask } = await manager()
  const team = (await ask('POST', '/teams', { name: 'Small', rpm: 3 })).data.id
  const [one, other] = await Promise.all(['one', 'other'].map((name) => ask('POST', '/keys', { name, team, rpm: 100 })))
  const statuses = []
  for (const { key } of [one, other, one, other, one] as Answer[]) {
    const response = await router9.chat(CHAT, { authorization: `Bearer ${key}` })
    statuses.push(response.status)
    const text = await response.text()
    if (response.status === 429) expect(text).toContain("This key's team is limited to 3 requests a minute.")
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429])

  const paid = (await ask('POST', '/teams', { name: 'Paid', limit: 1 })).data.id
  const member = await ask('POST', '/keys', { name: 'member', team: paid })
  // A budget of the team is as good as one of the key: what has no price is not let in.
  const unpriced = await router9.chat({ ...CHAT, model: 'ollama/any' }, { authorization: `Bearer ${member.key}` })
  await expectRefusal(unpriced, { status: 403, code: 'unpriced_model', param: 'model' })
  const ended = (await ask('POST', '/teams', { name: 'Ended' })).data.id
  const next = await ask('POST', '/keys', { name: 'next', team: ended })
  await ask('DELETE', `/teams/${ended}`)
  const refused = await router9.chat(CHAT, { authorization: `Bearer ${next.key}` })
  await expectRefusal(refused, { status: 401, code: 'invalid_api_key' })
})

test('many keys are listed page by page, by cursor and by offset, without those that are disabled or broken', async () => {
  const { ask } = await manager()
  const team = (await ask('POST', '/teams', { name: 'many' })).data.id
  const { namespace } = router9.worker
  const record = (at: number) => ({ id: `key_many_${at}`, name: `n${at}`, created: '2026-01-01T00:00:00Z', team })
  await Promise.all(
    Array.from({ length: 130 }, async (_, at) => {
      const metadata = { ...record(at), ...(at % 10 === 0 ? { disabled: true } : {}) }
      const name = await keyName(`sk-r9k-many-${at}`)
      // Older records may have no metadata.
      await namespace.put(name, JSON.stringify(metadata), at % 20 === 1 ? {} : { metadata })
    }),
  )
  await namespace.put(`key:${'7'.repeat(64)}`, '{"id":')
  const named = (await (await ask('GET', `/keys?team=${team}&without_usage=true&name=N12`)).response.json()) as {
    data: Entry[]
  }
  expect(named.data).toHaveLength(10)
  for (const one of named.data) expect(one).toMatchObject({ name: expect.stringContaining('n12'), usage: null })
  const seen: string[] = []
  let cursor: string | null = ''
  let pages = 0
  while (cursor !== null) {
    const response: Response = (
      await ask('GET', `/keys?team=${team}&cursor=${encodeURIComponent(cursor)}`.replace(/&cursor=$/, ''))
    ).response
    const page = (await response.json()) as { data: Entry[]; cursor: string | null }
    expect(page.data.length).toBeLessThanOrEqual(100)
    seen.push(...page.data.map(({ id }) => id))
    cursor = page.cursor
    pages++
  }
  expect(pages).toBe(2)
  expect(new Set(seen).size).toBe(117)
  expect(seen).toHaveLength(117)
  const second = (await ask('GET', `/keys?team=${team}&offset=100`)).data as unknown as Entry[]
  expect(second.map(({ id }) => id)).toEqual(seen.slice(100))
  const all = (await ask('GET', `/keys?team=${team}&offset=100&include_disabled=true`)).data as unknown as Entry[]
  expect(all).toHaveLength(30)
  expect((await ask('GET', '/keys/key_many_21')).data.name).toBe('n21')
  for (const query of ['offset=-1', 'offset=999999', 'cursor=bogus', 'include_disabled=1']) {
    const { response } = await ask('GET', `/keys?${query}`)
    await expectRefusal(response, { status: 400, code: 'invalid_value', param: query.replace(/=.*/, '') })
  }
})

test('usage is that of the account, and credits are those of all', async () => {
  const { ask } = await manager()
  const before = (await ask('GET', '/credits')).data as unknown as { total_credits: number; total_usage: number }
  const made = await ask('POST', '/keys', { name: 'spends', limit: 2, limit_reset: 'daily' })
  expect(await chatStatus(made.key)).toBe(200)
  await expect.poll(() => router9.worker.spentBy(made.data.id)).toBeGreaterThan(0)
  const { data } = await ask('GET', `/keys/${made.data.id}`)
  const spent = await router9.worker.spentBy(made.data.id)
  expect(data).toMatchObject({ usage: spent, usage_daily: spent, usage_monthly: spent, limit_remaining: 2 - spent })
  const after = (await ask('GET', '/credits')).data as unknown as typeof before
  const left = ({ total_credits, total_usage }: typeof before) => total_credits - total_usage
  expect(left(after)).toBeCloseTo(left(before) + 2 - spent, 9)
  // What keys without a budget have spent in the tests before may be told meanwhile.
  expect(after.total_usage).toBeGreaterThanOrEqual(before.total_usage + spent - 1e-9)
})

test('below /api/v1, errors are as OpenRouter’s clients read them', async () => {
  const { ask } = await manager('/api/v1')
  const { response } = await ask('GET', '/keys/key_nobody')
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ error: { code: 404, message: expect.stringContaining('key_nobody') } })
})

test('without a database, the paths of usage say what to set', async () => {
  const { key } = await manager()
  for (const path of ['/v1/usage', '/v1/calls', '/v1/generation?id=x']) {
    const response = await fetch(router9.url + path, { headers: { authorization: `Bearer ${key}` } })
    expect(response.status).toBe(501)
    expect(await response.json()).toMatchObject({
      error: { code: 'usage_off', message: expect.stringContaining('migrations') },
    })
  }
})
