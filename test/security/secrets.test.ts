import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Router9, startRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import type { Fault } from '../simulator/faults.ts'
import { startEchoServer } from './echo-server.ts'
import { createRecord } from './leaks.ts'
import { keySettings, madeUpKeys } from './made-up-keys.ts'

const PROVIDER_KEYS = madeUpKeys()
const LIVE_KEY = 'sk-r9k-Live0Key1That2Is3Good4And5Long6Enough7AB'
const CALLER_KEYS = {
  unknown: 'sk-r9k-Unknown1Unknown2Unknown3Unknown4Unknown5',
  disabled: 'sk-r9k-Disabled1Disabled2Disabled3Disabled4Disa',
  expired: 'sk-r9k-Expired1Expired2Expired3Expired4Expired5',
  broken: 'sk-r9k-Broken1Broken2Broken3Broken4Broken5Broken',
  narrow: 'sk-r9k-Narrow1Narrow2Narrow3Narrow4Narrow5Narrow',
  outage: 'sk-r9k-Outage1Outage2Outage3Outage4Outage5Outage',
  malformed: 'sk-r9k-Malformed!Malformed?Malformed%Malformed',
  foreign: 'sk-proj-Foreign1Foreign2Foreign3Foreign4Foreign5',
}
const SECRETS = [LIVE_KEY, ...Object.values(CALLER_KEYS), ...PROVIDER_KEYS.values()]
const HELLO = [{ role: 'user', content: 'Say: one two three four five six seven eight' }]
// One of each wire format, and two whose keys look like nothing in particular.
const MODELS = [
  'openai/gpt-4o',
  'anthropic/claude-sonnet-4-6',
  'google/gemini-2.5-flash',
  'azure/gpt-4o',
  'mistral/mistral-large-2512',
  'auto',
]

let router9: Router9
let echo: Awaited<ReturnType<typeof startEchoServer>>
const record = createRecord()

beforeAll(async () => {
  const patience = {
    FIRST_BYTE_TIMEOUT_MS: '30',
    TOTAL_TIMEOUT_MS: '50',
    IDLE_TIMEOUT_MS: '60',
    COMMIT_AFTER_MS: '20',
  }
  echo = await startEchoServer()
  router9 = await startRouter9({ ...keySettings(PROVIDER_KEYS), ...patience, CUSTOM_BASE_URL: echo.url })
  const { keys } = router9.worker
  await keys.put(LIVE_KEY, {})
  await keys.put(CALLER_KEYS.disabled, { disabled: true })
  await keys.put(CALLER_KEYS.expired, { expires: '2020-01-01T00:00:00Z' })
  await keys.put(CALLER_KEYS.narrow, { models: ['claude-haiku-4-5'] })
  await keys.putText(CALLER_KEYS.broken, `{"id": "${CALLER_KEYS.broken}"`)
})
afterAll(async () => {
  await router9.stop()
  await echo.close()
})

function call(body: unknown, key = LIVE_KEY): Promise<Response> {
  return router9.chat(body, { authorization: `Bearer ${key}` })
}

/** The request in each API. */
const APIS = {
  'chat completions': ['/v1/chat/completions', { messages: HELLO }],
  Responses: ['/v1/responses', { input: HELLO }],
  Messages: ['/v1/messages', { messages: HELLO, max_tokens: 100 }],
} as const
type Api = keyof typeof APIS

function callBy(api: Api, fields: object): Promise<Response> {
  const [path, content] = APIS[api]
  return fetch(router9.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${LIVE_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...content, ...fields }),
  })
}

test('the search finds a secret that is planted, whole, in part, or encoded', async () => {
  const planted = createRecord()
  const key = PROVIDER_KEYS.get('mistral') ?? ''
  await planted.keep('a header', new Response('', { headers: { 'x-planted': `<${key}>` } }))
  await planted.keep('a body', Response.json({ error: { message: `Incorrect API key provided: ${key}` } }))
  planted.add('an address', `GET /x?key=${encodeURIComponent(CALLER_KEYS.malformed)}`)
  planted.add('Base64', btoa(LIVE_KEY))
  planted.add('most of it', `${LIVE_KEY.slice(0, -6)}******`)
  planted.add('nothing', 'sk-r9k-… and the rest is silence')
  const found = planted.find(SECRETS).map((text) => / in (.*?): …/s.exec(text)?.[1])
  expect([...new Set(found)]).toEqual(['a header', 'a body', 'an address', 'Base64', 'most of it'])
})

describe('what goes in', () => {
  test('every way of being refused keeps the caller’s key to itself', async () => {
    for (const [name, key] of Object.entries(CALLER_KEYS)) {
      if (name === 'outage') router9.worker.keys.behave('fail')
      for (const header of [`Bearer ${key}`, `Basic ${key}`, key, `Bearer ${key} ${key}`]) {
        const response = await router9.chat({ model: 'gpt-4o', messages: HELLO }, { authorization: header })
        await record.keep(`the answer to the ${name} key`, response)
        const models = await fetch(`${router9.url}/v1/models`, { headers: { authorization: header } })
        if (models.status !== 200) await record.keep(`the list for the ${name} key`, models)
      }
      router9.worker.keys.behave('well')
    }
    expect(record.find(SECRETS)).toEqual([])
  })

  test('a key that stands where it should not is not repeated', async () => {
    const headers = { authorization: `Bearer ${LIVE_KEY}`, 'content-type': 'application/json' }
    const places: [string, string, RequestInit][] = [
      ['a path', `/v1/${LIVE_KEY}`, { headers }],
      ['a query', `/v1/nothing?key=${LIVE_KEY}`, { headers }],
      ...(['Responses', 'Messages'] as const).flatMap((api): [string, string, RequestInit][] =>
        [{ model: LIVE_KEY }, { model: 'gpt-4o', tools: [{ type: LIVE_KEY }] }, { [LIVE_KEY]: 1 }].map((fields) => {
          const body = JSON.stringify({ ...APIS[api][1], ...fields })
          return [`a field of ${api}`, APIS[api][0], { method: 'POST', headers, body }]
        }),
      ),
      ['the id of an answer', `/v1/responses/${LIVE_KEY}`, { headers }],
      ['the id of a model', `/v1/models/${LIVE_KEY}`, { headers }],
      ['broken JSON', '/v1/chat/completions', { method: 'POST', headers, body: `{"key": "${LIVE_KEY}"` }],
      [
        'the model',
        '/v1/chat/completions',
        { method: 'POST', headers, body: JSON.stringify({ model: LIVE_KEY, messages: HELLO }) },
      ],
      [
        'a role',
        '/v1/chat/completions',
        {
          method: 'POST',
          headers,
          body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: LIVE_KEY, content: '' }] }),
        },
      ],
      [
        'a provider',
        '/v1/chat/completions',
        {
          method: 'POST',
          headers,
          body: JSON.stringify({ model: 'gpt-4o', messages: HELLO, provider: { only: [LIVE_KEY] } }),
        },
      ],
    ]
    const here = createRecord()
    for (const [name, path, init] of places) await here.keep(name, await fetch(router9.url + path, init))
    expect(here.find([LIVE_KEY])).toEqual([])
  })
})

const FAULTS: readonly Fault[] = [
  ...[301, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529].map((status) => ({ status })),
  { status: 400, reason: 'key' },
  { status: 400, reason: 'context' },
  { status: 429, reason: 'quota' },
  { status: 500, body: 'html' },
  { status: 502, body: 'text' },
  { status: 503, body: 'empty' },
  { refuse: true },
  { redirect: true },
  { emptyOk: true },
  { okJsonError: true },
  { okHtml: true },
  { errorFirst: true },
  { roleThenError: true },
  { hangBeforeHeaders: true },
  { hangAfterHeaders: true },
  { stallAfter: 2 },
  { cut: 2 },
  { reset: 2 },
  { errorAfter: 2 },
  { garbageAfter: 2 },
  { noFinish: true },
]

describe.each([false, true])('what goes wrong at providers (stream: %s)', (stream) => {
  test.each(FAULTS.map((fault) => [JSON.stringify(fault), fault] as const))('%s tells no key', async (name, fault) => {
    const here = createRecord()
    router9.simulator.setFault('*', fault)
    const ask = async (model: string) =>
      here.keep(`${model} under ${name}`, await call({ model, messages: HELLO, stream }))
    await Promise.all(['openai/gpt-4o', 'anthropic/claude-sonnet-4-6', 'google/gemini-2.5-flash'].map(ask))
    router9.simulator.clearFaults()
    expect(here.size()).toBe(3)
    expect(here.find(SECRETS)).toEqual([])
  })
})

/** Error bodies that repeat the key that was sent, in the shapes that providers have. */
const ECHOES: readonly { name: string; status: number; body: (key: string) => string }[] = [
  ...[400, 401, 403, 404, 413, 422, 429, 500, 503].map((status) => ({
    name: `OpenAI’s error with ${status}`,
    status,
    body: (key: string) =>
      JSON.stringify({
        error: { message: `Incorrect API key provided: ${key}.`, type: 'invalid_request_error', code: null },
      }),
  })),
  ...[400, 422].flatMap((status) => [
    {
      name: `a bad request with ${status}`,
      status,
      body: (key: string) =>
        JSON.stringify({ error: { message: `Bad field for ${key}`, type: `invalid ${key}`, param: key, code: key } }),
    },
    { name: `plain words with ${status}`, status, body: (key: string) => `no route for bearer ${key} here` },
    {
      name: `a flat error with ${status}`,
      status,
      body: (key: string) => JSON.stringify({ message: key, detail: key }),
    },
    {
      name: `a list of errors with ${status}`,
      status,
      body: (key: string) => JSON.stringify({ detail: [{ msg: key }] }),
    },
    {
      name: `a prompt too long with ${status}`,
      status,
      body: (key: string) =>
        JSON.stringify({ error: { message: `maximum context length; ${key}`, code: 'context_length_exceeded' } }),
    },
    {
      name: `a content filter with ${status}`,
      status,
      body: (key: string) => JSON.stringify({ error: { message: `filtered; ${key}`, code: 'content_filter' } }),
    },
  ]),
  {
    name: 'an error inside a 200',
    status: 200,
    body: (key) => JSON.stringify({ error: { message: `Key ${key} was refused`, type: 'server_error', code: 500 } }),
  },
  { name: 'a 200 that is no JSON', status: 200, body: (key) => `<html>${key}</html>` },
  { name: 'a 200 that is another thing', status: 200, body: (key) => JSON.stringify({ key, api_key: key }) },
]

describe.each((Object.keys(APIS) as Api[]).flatMap((api) => [[api, false] as const, [api, true] as const]))(
  'a provider that repeats our key does not get it to the client or the log (%s, stream: %s)',
  (api, stream) => {
    test.each(ECHOES)('$name', async ({ status, body }) => {
      for (const [id, key] of PROVIDER_KEYS) router9.simulator.setFault(id, { status, body: body(key) })
      const logged = router9.worker.log().length
      const here = createRecord()
      const ask = async (model: string) => here.keep(`the answer by ${model}`, await callBy(api, { model, stream }))
      await Promise.all(MODELS.map(ask))
      router9.simulator.clearFaults()
      // The log comes through a pipe.
      await new Promise((resolve) => setTimeout(resolve, 30))
      here.add('the log', router9.worker.log().slice(logged))
      expect(here.size()).toBe(MODELS.length + 1)
      expect(here.find([...PROVIDER_KEYS.values()])).toEqual([])
    })
  },
)

test.each(Object.keys(APIS) as Api[])(
  'a provider that repeats our key in the middle of an answer does not get it further either (%s)',
  async (api) => {
    const here = createRecord()
    const body = await here.keep('the answer', await callBy(api, { model: 'custom/x', stream: true }))
    expect(body).toContain('"Hello"')
    expect(body).toContain('"error"')
    expect(here.find([...PROVIDER_KEYS.values()])).toEqual([])
  },
)

test('each provider gets its own key, in its own header, and nobody the caller’s', async () => {
  const allowed = new Map([...PROVIDER_KEYS].map(([id, key]) => [id, key]))
  router9.simulator.clearRequests()
  for (const model of [...MODELS, 'llama-3.3-70b-instruct', 'ollama/x'])
    await (await call({ model, messages: HELLO })).arrayBuffer()
  const requests = router9.simulator.requests()
  expect(requests.length).toBeGreaterThan(MODELS.length)
  for (const { slot, headers, path, body } of requests) {
    const whole = JSON.stringify([headers, path, body])
    expect(whole).not.toContain(LIVE_KEY)
    for (const [id, key] of allowed) expect(whole.includes(key), `${id}'s key at ${slot}`).toBe(id === slot)
    expect(`${path}${JSON.stringify(body)}`).not.toContain(allowed.get(slot))
  }
})

test('a redirect does not take our key along', async () => {
  router9.simulator.clearRequests()
  router9.simulator.setFault('*', { redirect: true })
  const response = await call({ model: 'gpt-4o', messages: HELLO })
  router9.simulator.clearFaults()
  expect(response.status).toBe(502)
  expect(router9.simulator.requests('redirected')).toEqual([])
})

test('nothing that Router9 logged in all of this holds a key', async () => {
  const log = router9.worker.log()
  expect(log).toContain('"event":"request"')
  expect(log).toContain('fault')
  const here = createRecord()
  here.add('the log', log)
  expect(here.find([...SECRETS, DEMO_KEY])).toEqual([])
})
