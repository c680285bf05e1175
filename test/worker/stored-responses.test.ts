import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { startPlatformWorker } from '../harness/platform-worker.ts'
import { startRouter9, startRouter9On } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { useStarted } from '../harness/use-started.ts'
import { watchWorker } from '../harness/whole-run.ts'
import { DEMO_KEY, everyProviderAt } from '../harness/worker.ts'
import { startSimulator } from '../simulator/server.ts'
import { startIsolates } from './health/isolates.ts'

/** The object, which fails or hangs for keys whose ids say so. */
const FAULTY = `import { Conversations as Inner } from './router9.js'
export * from './router9.js'
export { default } from './router9.js'
export class Conversations extends Inner {
  async put(records) {
    if (this.ctx.id.name.includes('failing')) throw new Error('Internal error in Durable Object storage.')
    if (this.ctx.id.name.includes('hanging')) await scheduler.wait(20000)
    return super.put(records)
  }
  remove(id) {
    const wasThere = super.remove(id)
    if (this.ctx.id.name.includes('speechless') && wasThere) throw new Error('Network connection lost.')
    return wasThere
  }
}
`
const state = await mkdtemp(path.join(os.tmpdir(), 'router9-stored-'))
const router9 = useStarted(() =>
  startRouter9On((options) => startPlatformWorker({ ...options, wrapper: FAULTY, state }), {}),
)
afterAll(() => rm(state, { recursive: true, force: true }))

interface Item {
  readonly id: string
  readonly type: string
  readonly call_id?: string
  readonly encrypted_content?: string
  readonly content?: readonly { readonly text: string }[]
}
interface Body {
  readonly id: string
  readonly output: readonly Item[]
  readonly store: boolean
  readonly data: readonly Item[]
  readonly error: { readonly message: string; readonly param: string | null; readonly code: string | null }
  readonly [field: string]: unknown
}
interface Options {
  readonly method?: string
  readonly body?: object
  readonly key?: string
  readonly url?: string
}

async function send(where: string, { method, body, key = DEMO_KEY, url = router9.url }: Options = {}) {
  const response = await fetch(url + where, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}

const MODEL = 'mistral/mistral-small-latest'
const create = (body: object, options: Options = {}) =>
  send('/v1/responses', { ...options, body: { model: MODEL, ...body } })

const textOf = ({ output }: Body) =>
  output.flatMap(({ type, content = [] }) => (type === 'message' ? content.map(({ text }) => text) : [])).join('')

async function newKey(id: string, more: object = {}): Promise<string> {
  const key = `sk-r9k-stored-${id}`
  await router9.worker.keys.put(key, { id: `key_${id}`, ...more })
  return key
}

/** The events of a stream. */
async function streamed(body: object, key = DEMO_KEY): Promise<{ type: string; response?: Body }[]> {
  const response = await fetch(`${router9.url}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, stream: true, ...body }),
  })
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '))
  return lines.map((line) => JSON.parse(line.slice(6)))
}

describe('an answer that is kept', () => {
  test.each(['whole', 'streamed'])('is continued by its id, and read as it was told (%s)', async (kind) => {
    const told =
      kind === 'whole'
        ? (await create({ input: 'My name is Ada.' })).body
        : (await streamed({ input: 'My name is Ada.' })).at(-1)?.response
    expect(told?.store).toBe(true)
    const next = await create({ input: 'What is my name?', previous_response_id: told?.id })
    expect(textOf(next.body)).toBe('Your name is Ada.')
    expect((await send(`/v1/responses/${told?.id}`)).body).toEqual(told)
    expect((await send(`/responses/${told?.id}?include[]=file_search_call.results&stream=false`)).status).toBe(200)
    const { body: items } = await send(`/v1/responses/${next.body.id}/input_items?order=asc`)
    expect(items.data.map((item) => item.content?.[0]?.text)).toEqual([
      'My name is Ada.',
      textOf(told as Body),
      'What is my name?',
    ])
    expect(new Set(items.data.map(({ id }) => id)).size).toBe(3)
  })

  test('lists its input in pages', async () => {
    const input = Array.from({ length: 7 }, (_, at) => ({ role: 'user', content: `message ${at}` }))
    const { id } = (await create({ input })).body
    const page = async (query: string) => (await send(`/v1/responses/${id}/input_items${query}`)).body
    const first = await page('?limit=3')
    expect(first).toMatchObject({
      object: 'list',
      has_more: true,
      first_id: first.data[0]?.id,
      last_id: first.data[2]?.id,
    })
    const rest = await page(`?limit=100&after=${first.last_id}`)
    expect(rest).toMatchObject({ has_more: false })
    const all = (await page('?order=asc')).data.map((item) => item.id)
    expect([...first.data, ...rest.data].map((item) => item.id)).toEqual(all.toReversed())
    expect((await create({ input: [{ type: 'item_reference', id: all[3] }] })).status).toBe(200)
    expect(await send(`/v1/responses/${id}/input_items?limit=101`)).toMatchObject({
      status: 400,
      body: { error: { param: 'limit' } },
    })
    expect(await send(`/v1/responses/${id}/input_items?order=up`)).toMatchObject({
      status: 400,
      body: { error: { param: 'order' } },
    })
    expect(await send(`/v1/responses/${id}/input_items?after=msg_x`)).toMatchObject({ status: 404 })
  })

  test('tells what is encrypted in it to those alone who ask for that', async () => {
    const asked = { model: 'openai/gpt-5.2', reasoning: { effort: 'low' }, include: ['reasoning.encrypted_content'] }
    const { id, output } = (await create({ ...asked, input: 'Hello!' })).body
    const isEncrypted = (items: readonly Item[]) => items.some((item) => item.encrypted_content !== undefined)
    expect(isEncrypted(output)).toBe(true)
    expect(isEncrypted((await send(`/v1/responses/${id}`)).body.output)).toBe(false)
    const whole = await send(`/v1/responses/${id}?include[]=reasoning.encrypted_content`)
    expect(whole.body.output).toEqual(output)
  })

  test('is deleted once, and then cannot be found by anything', async () => {
    const first = (await create({ input: 'My name is Ada.' })).body
    const second = (await create({ input: 'Hello!', previous_response_id: first.id })).body
    expect((await send(`/v1/responses/${first.id}`, { method: 'DELETE' })).body).toEqual({
      id: first.id,
      object: 'response',
      deleted: true,
    })
    const message = `Response with id '${first.id}' not found.`
    for (const [method, end] of [
      ['DELETE', ''],
      ['GET', ''],
      ['GET', '/input_items'],
      ['POST', '/cancel'],
    ] as const) {
      const { status, body } = await send(`/v1/responses/${first.id}${end}`, { method })
      expect([status, body.error]).toEqual([404, { message, type: 'invalid_request_error', param: null, code: null }])
    }
    const item = await create({ input: [{ type: 'item_reference', id: first.output[0]?.id }] })
    expect(item).toMatchObject({
      status: 404,
      body: { error: { message: `Item with id '${first.output[0]?.id}' not found.` } },
    })
    const broken = await create({ input: 'And?', previous_response_id: second.id })
    expect(broken).toMatchObject({ status: 404, body: { error: { code: 'previous_response_not_found' } } })
    expect(broken.body.error.message).toContain('expired or was deleted')
  })

  test('is deleted, also where the reply that says so is lost', async () => {
    const key = await newKey('speechless')
    const { id } = (await create({ input: 'My name is Ada.' }, { key })).body
    expect(await send(`/v1/responses/${id}`, { key, method: 'DELETE' })).toMatchObject({ status: 200 })
    expect(await send(`/v1/responses/${id}`, { key, method: 'DELETE' })).toMatchObject({ status: 404 })
  })

  test('is nobody else’s', async () => {
    const { id, output } = (await create({ input: 'My name is Ada.' })).body
    const key = await newKey('stranger')
    expect((await send(`/v1/responses/${id}`, { key })).status).toBe(404)
    expect((await send(`/v1/responses/${id}`, { key, method: 'DELETE' })).status).toBe(404)
    expect(await create({ input: 'Who am I?', previous_response_id: id }, { key })).toMatchObject({
      status: 404,
      body: {
        error: {
          message: `Previous response with id '${id}' not found.`,
          type: 'invalid_request_error',
          param: 'previous_response_id',
          code: 'previous_response_not_found',
        },
      },
    })
    const stolen = await create({ input: [{ type: 'item_reference', id: output[0]?.id }] }, { key })
    expect(stolen).toMatchObject({ status: 404, body: { error: { param: 'input' } } })
    expect((await send(`/v1/responses/${id}`)).status).toBe(200)
  })

  test('cannot be read by who reads the storage', async () => {
    const key = await newKey('secretive')
    const { id } = (
      await create({ input: 'The password is xylophone-prompt.', instructions: 'Be xylophone-kind.' }, { key })
    ).body
    expect((await send(`/v1/responses/${id}`, { key })).body).toMatchObject({ instructions: 'Be xylophone-kind.' })
    const files = await readdir(state, { recursive: true, withFileTypes: true })
    const contents = await Promise.all(
      files.filter((file) => file.isFile()).map((file) => readFile(path.join(file.parentPath, file.name), 'latin1')),
    )
    expect(contents.some((text) => text.includes(id))).toBe(true)
    for (const text of contents) {
      expect(text).not.toContain('xylophone')
      expect(text).not.toContain(key)
    }
  })

  test('grows by its own turn alone, however long the conversation is', { timeout: 120_000 }, async () => {
    const key = await newKey('talkative')
    let last: string | undefined
    for (let turn = 0; turn < 200; turn++) {
      const previous = last === undefined ? {} : { previous_response_id: last }
      const { status, body } = await create(
        { input: turn === 0 ? 'My name is Ada.' : `Message ${turn}`, ...previous },
        { key },
      )
      expect(status).toBe(200)
      last = body.id
    }
    expect(textOf((await create({ input: 'What is my name?', previous_response_id: last }, { key })).body)).toBe(
      'Your name is Ada.',
    )
    const object = await router9.worker.conversations('responses:key_talkative')
    const { records } = await object.find([{ id: last ?? '', parts: ['input', 'output'], isContinued: true }], 1e7)
    const sizes = records.map(({ parts }) => (parts.input?.byteLength ?? 0) + (parts.output?.byteLength ?? 0))
    expect(sizes).toHaveLength(200)
    expect(Math.max(...sizes)).toBeLessThan(1500)
  })
})

const TOOLS = [{ type: 'function', name: 'read', parameters: { type: 'object', properties: {} }, strict: false }]

test.each([['gemini/gemini-3-pro-preview'], ['openai/gpt-5.2'], [MODEL]])(
  'ten rounds of tools go on by references to items alone (%s)',
  async (model) => {
    const input: object[] = [
      { role: 'user', content: 'Read all of it. [[sim * call=read {"page":1} repeat=10 say="All read."]]' },
    ]
    for (let round = 0; round < 10; round++) {
      const { status, body } = await create({ model, input, tools: TOOLS, reasoning: { effort: 'low' } })
      expect(status, JSON.stringify(body)).toBe(200)
      const call = body.output.find(({ type }) => type === 'function_call')
      expect(call, JSON.stringify(body.output)).toBeDefined()
      input.push(...body.output.map(({ id }) => ({ type: 'item_reference', id })))
      input.push({ type: 'function_call_output', call_id: call?.call_id, output: `page ${round}` })
    }
    const { status, body } = await create({ model, input, tools: TOOLS, reasoning: { effort: 'low' } })
    expect([status, textOf(body)]).toEqual([200, 'All read.'])
  },
)

test('what was kept by one isolate is there for another in the same moment', { timeout: 60_000 }, async () => {
  const simulator = await startSimulator()
  const vars = { ...everyProviderAt(simulator.url), HEALTH: 'off' }
  const isolates = await startIsolates(inject('bundle'), 3, vars)
  onTestFinished(async () => {
    await isolates.stop()
    await simulator.close()
  })
  for (const url of isolates.urls) watchWorker({ url, secrets: () => [], log: isolates.log })
  let previous: object = {}
  for (let turn = 0; turn < 9; turn++) {
    const url = isolates.urls[turn % 3] ?? ''
    const { status, body } = await create(
      { input: turn === 0 ? 'My name is Ada.' : 'What is my name?', ...previous },
      { url },
    )
    expect(status).toBe(200)
    if (turn > 0) expect(textOf(body)).toBe('Your name is Ada.')
    previous = { previous_response_id: body.id }
  }
})

test('reasoning that a tool round needs is there for another isolate', { timeout: 60_000 }, async () => {
  const simulator = await startSimulator()
  const isolates = await startIsolates(inject('bundle'), 2, { ...everyProviderAt(simulator.url), HEALTH: 'off' })
  onTestFinished(async () => {
    await isolates.stop()
    await simulator.close()
  })
  for (const url of isolates.urls) watchWorker({ url, secrets: () => [], log: isolates.log })
  const tools = [{ type: 'function', function: { name: 'read', parameters: { type: 'object', properties: {} } } }]
  const messages: object[] = [{ role: 'user', content: 'Read it. [[sim * call=read {"page":1} say=Done]]' }]
  const chat = async (url = '') => {
    const body = { model: 'moonshot/kimi-k2-thinking', messages, tools }
    const answer = await send('/v1/chat/completions', { url, body })
    return (answer.body.choices as { message: { reasoning_content?: string; tool_calls?: { id: string }[] } }[])[0]
      ?.message
  }
  const [one, other] = isolates.urls
  const { reasoning_content, tool_calls } = (await chat(one)) ?? {}
  expect(reasoning_content).toMatch(/./)
  messages.push({ role: 'assistant', content: null, tool_calls })
  messages.push({ role: 'tool', tool_call_id: tool_calls?.[0]?.id, content: 'page 1' })
  // It is saved when the answer is over, and nobody waits for it.
  await until(
    async () => {
      simulator.clearRequests()
      await chat(other)
      const sent = simulator.requests()[0]?.body as { messages: { reasoning_content?: string }[] }
      return sent.messages[1]?.reasoning_content
    },
    (sent) => sent === reasoning_content,
  )
})

describe('an answer that cannot be kept', () => {
  test.each(['failing', 'hanging'])('comes all the same, and says so (a %s store)', async (fault) => {
    const key = await newKey(fault)
    const began = Date.now()
    const { status, body } = await create({ input: 'Hello!' }, { key })
    expect([status, body.store]).toEqual([200, false])
    expect(textOf(body)).not.toBe('')
    const events = await streamed({ input: 'Hello!' }, key)
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { store: false, status: 'completed' } })
    expect(Date.now() - began).toBeLessThan(15_000)
    await until(() => router9.worker.log().includes('The answer was not stored'))
  })

  test('because nobody wants it kept is not there', async () => {
    const { body } = await create({ input: 'Hello!', store: false })
    expect(body.store).toBe(false)
    expect((await send(`/v1/responses/${body.id}`)).status).toBe(404)
  })

  test('because its client left is not there, and harms nobody', async () => {
    const key = await newKey('leaving')
    const abort = new AbortController()
    const response = await fetch(`${router9.url}/v1/responses`, {
      method: 'POST',
      signal: abort.signal,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, stream: true, input: 'Count to 2000 [[sim * gap=20]]' }),
    })
    const first = new TextDecoder().decode((await response.body?.getReader().read())?.value)
    const id = /"id":"(resp_\w+)"/.exec(first)?.[1]
    expect(id).toBeDefined()
    abort.abort()
    await until(() => router9.worker.log().includes('"key":"key_leaving"'))
    expect((await send(`/v1/responses/${id}`, { key })).status).toBe(404)
    expect((await create({ input: 'Hello!' }, { key })).body.store).toBe(true)
  })
})

test('what a request refers to counts as a part of it: in its size, and in the model’s window', async () => {
  const key = await newKey('heavy')
  const input = 'word '.repeat(1_400_000)
  const first = (await create({ input: 'Hello!', instructions: 'Be brief.' }, { key })).body
  const object = await router9.worker.conversations('responses:key_heavy')
  // As if there were three large answers before it.
  const { records } = await object.find([{ id: first.id, parts: ['input', 'output', 'response'] }], 1e7)
  const large = { input: new TextEncoder().encode(input).buffer as ArrayBuffer }
  const expires = Date.now() + 3_600_000
  for (const [id, parent] of [
    ['resp_1', undefined],
    ['resp_2', 'resp_1'],
    ['resp_3', 'resp_2'],
  ] as const) {
    await object.put([{ id, ...(parent ? { parent } : {}), expires, parts: large }])
  }
  await object.put([{ id: first.id, parent: 'resp_3', expires, parts: records[0]?.parts ?? {} }])
  const { status, body } = await create({ input: 'And?', previous_response_id: first.id }, { key })
  expect([status, body.error.code]).toEqual([413, 'request_too_large'])
})

test('a conversation, a kept one too, is shortened by a provider that can; elsewhere that is a 404', async () => {
  const first = (await create({ model: 'openai/gpt-4.1', input: 'My name is Ada.' })).body
  router9.simulator.clearRequests()
  const compact = (body: object) => send('/v1/responses/compact', { body })
  const given = {
    model: 'openai/gpt-4.1',
    instructions: 'Keep names.',
    input: 'Hello!',
    previous_response_id: first.id,
  }
  const { status, body } = await compact(given)
  expect([status, body.object]).toEqual([200, 'response.compaction'])
  expect(body.output.at(-1)).toMatchObject({ type: 'compaction', encrypted_content: expect.any(String) })
  const [sent] = router9.simulator.requests()
  const sentBody = sent?.body as Readonly<Record<string, unknown>>
  expect(Object.keys(sentBody).sort()).toEqual(['input', 'instructions', 'model'])
  expect(sentBody.input).toHaveLength(3)
  const next = await create({ model: 'openai/gpt-4.1', input: [...body.output, { role: 'user', content: 'And?' }] })
  expect(next.status).toBe(200)
  const elsewhere = await compact({ ...given, model: MODEL, previous_response_id: null })
  expect([elsewhere.status, elsewhere.body.error.code]).toEqual([404, 'unknown_url'])
})

test('background responses, and what is theirs, are refused', async () => {
  const { id } = (await create({ input: 'Hello!' })).body
  expect(await send(`/v1/responses/${id}/cancel`, { method: 'POST' })).toMatchObject({
    status: 400,
    body: { error: { message: 'Cannot cancel a synchronous response.' } },
  })
  for (const query of ['stream=true', 'starting_after=3']) {
    const { status, body } = await send(`/v1/responses/${id}?${query}`)
    expect([status, body.error.param]).toEqual([400, query.split('=')[0]])
  }
  const refused = await send(`/v1/responses/${id}`, { body: {} })
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, DELETE, OPTIONS'])
})

test('a gateway that keeps nothing says so', { timeout: 60_000 }, async () => {
  const own = await startRouter9({ RESPONSES_STORE: 'off' })
  onTestFinished(() => own.stop())
  const { url } = own
  const { status, body } = await create({ input: 'Hello!' }, { url })
  expect([status, body.store]).toEqual([200, false])
  expect((await send(`/v1/responses/${body.id}`, { url })).status).toBe(404)
  for (const [field, request] of [
    ['previous_response_id', { input: 'And?', previous_response_id: body.id }],
    ['input', { input: [{ type: 'item_reference', id: body.output[0]?.id }] }],
  ] as const) {
    const refused = await create(request, { url })
    expect([refused.status, refused.body.error.param]).toEqual([400, field])
    expect(refused.body.error.message).toContain('RESPONSES_STORE=off')
  }
})
