import http from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { listen } from '../harness/listen.ts'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY, type RunningWorker, startWorker } from '../harness/worker.ts'
import { expectRefusal } from './refusal.ts'

interface Entry {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly owned_by: string
  readonly [field: string]: unknown
}

const router9 = useRouter9()
beforeAll(async () => {
  await router9.worker.keys.put('sk-r9k-narrow', { models: ['auto', 'gpt-4o', 'claude-sonnet-4-6', 'not-a-model'] })
  await router9.worker.keys.put('sk-r9k-no-auto', { models: ['gpt-4o'] })
  await router9.worker.keys.put('sk-r9k-nothing', { models: [] })
})

function get(path: string, key = DEMO_KEY, init: RequestInit = {}, url = router9.url): Promise<Response> {
  return fetch(url + path, { headers: { authorization: `Bearer ${key}` }, ...init })
}

async function idsFor(key: string, url = router9.url): Promise<string[]> {
  return (await listFrom(await get('/v1/models', key, {}, url))).map(({ id }) => id)
}

async function listFrom(response: Response): Promise<Entry[]> {
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  const list = (await response.json()) as { object: string; data: Entry[] }
  expect(list.object).toBe('list')
  return list.data
}

describe('the list of models', () => {
  test.each(['/v1/models', '/models', '/v1/models/', '/models/'])('is at %s', async (path) => {
    const models = await listFrom(await get(path))
    expect(models.length).toBeGreaterThan(100)
  })

  test('has auto first, and each model once', async () => {
    const ids = await idsFor(DEMO_KEY)
    expect(ids[0]).toBe('auto')
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('tells of each what OpenAI tells, and what a model can do and costs', async () => {
    for (const model of await listFrom(await get('/v1/models'))) {
      expect(model, model.id).toMatchObject({
        id: expect.stringMatching(/./),
        object: 'model',
        created: expect.any(Number),
        owned_by: expect.stringMatching(/./),
        modalities: { input: expect.arrayContaining(['text']), output: expect.any(Array) },
        providers: expect.arrayContaining([expect.any(String)]),
      })
      expect(Number.isInteger(model.created)).toBe(true)
      for (const member of ['context_length', 'max_output_tokens', 'capabilities', 'pricing'])
        expect(model).toHaveProperty(member)
    }
  })

  test('tells the facts of a well-known one', async () => {
    const model = (await listFrom(await get('/v1/models'))).find(({ id }) => id === 'gpt-4o')
    expect(model).toMatchObject({
      owned_by: 'openai',
      context_length: 128_000,
      max_output_tokens: 16_384,
      modalities: { input: expect.arrayContaining(['text', 'image']), output: ['text'] },
      capabilities: { tools: true, structured_output: true },
      pricing: { input: 2.5, output: 10 },
      providers: expect.arrayContaining(['openai', 'azure']),
    })
  })

  test('is narrowed by a key’s own list', async () => {
    expect(await idsFor('sk-r9k-narrow')).toEqual(['auto', 'claude-sonnet-4-6', 'gpt-4o'])
    expect(await idsFor('sk-r9k-no-auto')).toEqual(['gpt-4o'])
    expect(await idsFor('sk-r9k-nothing')).toEqual([])
  })

  test('answers HEAD without a body', async () => {
    const response = await get('/v1/models', DEMO_KEY, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.text()).toBe('')
    expect((await fetch(`${router9.url}/v1/models`, { method: 'HEAD' })).status).toBe(401)
  })

  test('holds only what chat completions answer', async () => {
    const models = await listFrom(await get('/v1/models'))
    const some = models.filter(
      (model, at) => at % 40 === 0 && JSON.stringify(model.modalities).includes('"output":["text"]'),
    )
    for (const { id } of some) {
      const response = await router9.chat({ model: id, messages: [{ role: 'user', content: 'Hello!' }] })
      expect(response.status, `${id}: ${await response.text()}`).toBe(200)
    }
  })
})

describe('one model', () => {
  test.each([
    ['/v1/models/gpt-4o', 'gpt-4o'],
    ['/models/gpt-4o', 'gpt-4o'],
    ['/v1/models/gpt-4o/', 'gpt-4o'],
    ['/v1/models/auto', 'auto'],
    ['/v1/models/chatgpt-4o-latest', 'gpt-4o'],
    ['/v1/models/openai/gpt-4o', 'gpt-4o'],
    ['/v1/models/openai%2Fgpt-4o', 'gpt-4o'],
    ['/models/anthropic%2fclaude-sonnet-4-6', 'claude-sonnet-4-6'],
    ['/v1/models/gpt%2D4o', 'gpt-4o'],
    ['/v1/models/groq/llama-3.3-70b-versatile', 'llama-3.3-70b-instruct'],
    ['/v1/models/azure/gpt-4o', 'gpt-4o'],
    ['/v1/models/custom/x', 'custom/x'],
    ['/v1/models/custom%2Fx', 'custom/x'],
    ['/v1/models/ollama/y', 'ollama/y'],
    ['/v1/models/claude-3-sonnet', 'claude-sonnet-4-5'],
  ])('%s is %s', async (path, id) => {
    const response = await get(path)
    expect(response.status, await response.clone().text()).toBe(200)
    expect(await response.json()).toMatchObject({ id, object: 'model' })
  })

  test('is told as in the list', async () => {
    const listed = (await listFrom(await get('/v1/models'))).find(({ id }) => id === 'gpt-4o')
    expect(await (await get('/v1/models/gpt-4o')).json()).toEqual(listed)
  })

  test.each(['groq/llama-3.3-70b-versatile', 'azure/gpt-4o', 'custom/x', 'ollama/y', 'claude-3-sonnet'])(
    'that is described may be asked by the same name: %s',
    async (model) => {
      const { id } = (await (await get(`/v1/models/${model}`)).json()) as Entry
      const response = await router9.chat({ model, messages: [{ role: 'user', content: 'Hello!' }] })
      expect(response.status, await response.clone().text()).toBe(200)
      expect(await response.json()).toMatchObject({ model: id })
    },
  )

  test('that a server of one’s own has is described by what is known of it: nothing', async () => {
    expect(await (await get('/v1/models/ollama/y')).json()).toMatchObject({
      id: 'ollama/y',
      object: 'model',
      owned_by: 'ollama',
      context_length: null,
      pricing: null,
      providers: ['ollama'],
    })
  })

  test('ids that hold slashes are found, written either way', async () => {
    const [slashed] = (await idsFor(DEMO_KEY)).filter((id) => id.includes('/'))
    const ids = slashed === undefined ? ['openai/gpt-4o'] : [slashed]
    for (const id of ids) {
      for (const written of [id, encodeURIComponent(id)]) expect((await get(`/v1/models/${written}`)).status).toBe(200)
    }
  })

  test.each(['gpt-9-imaginary', 'a/b/c', 'a%2Fb', '__proto__', 'constructor', '%20', '%F0%9F%99%82', 'x'.repeat(3000)])(
    'that nobody has is a 404: %s',
    async (id) => {
      const refusal = { status: 404, code: 'model_not_found', param: 'model' }
      const { message } = await expectRefusal(await get(`/v1/models/${id}`), refusal)
      expect(message.length).toBeLessThan(500)
    },
  )

  test('an escape that is broken is a 404 as well', async () => {
    expect((await get('/v1/models/%ff%zz')).status).toBe(404)
  })

  test('outside a key’s list is refused', async () => {
    const refusal = { status: 403, code: 'model_not_allowed', param: 'model' }
    await expectRefusal(await get('/v1/models/claude-sonnet-4-6', 'sk-r9k-no-auto'), refusal)
    await expectRefusal(await get('/v1/models/auto', 'sk-r9k-no-auto'), refusal)
    expect((await get('/v1/models/gpt-4o', 'sk-r9k-no-auto')).status).toBe(200)
  })
})

describe('browsers', () => {
  test.each(['/v1/chat/completions', '/chat/completions', '/v1/models', '/models', '/v1/models/gpt-4o', '/health'])(
    'are let in by OPTIONS without a key: %s',
    async (path) => {
      const reads = router9.worker.keys.reads()
      const response = await fetch(router9.url + path, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://example.com',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,x-stainless-os',
        },
      })
      expect(response.status).toBe(204)
      expect(await response.text()).toBe('')
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('access-control-allow-methods')).toContain(path.includes('chat') ? 'POST' : 'GET')
      const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase()
      for (const name of ['authorization', 'content-type', 'x-stainless-os']) expect(allowed).toContain(name)
      expect(response.headers.get('access-control-allow-credentials')).toBeNull()
      expect(response.headers.get('x-request-id')).toMatch(/^req_/)
      expect(router9.worker.keys.reads()).toBe(reads)
    },
  )

  test.each(['/', '/v1', '/v1/nothing', '/v1/images/edits', '/v1/%ff%zz', '/a/b/c'])(
    'are let in by OPTIONS where there is nothing too, to read that there is nothing: %s',
    async (path) => {
      const headers = { origin: 'https://example.com', 'access-control-request-headers': 'authorization' }
      const response = await fetch(router9.url + path, { method: 'OPTIONS', headers })
      expect(response.status).toBe(204)
      expect(await response.text()).toBe('')
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('access-control-allow-headers')).toBe('authorization')
      expect(response.headers.get('access-control-allow-methods')).toMatch(/GET.*POST/)
      expect(response.headers.get('x-request-id')).toMatch(/^req_/)
      await expectRefusal(await fetch(router9.url + path), { status: 404, code: 'unknown_url' })
    },
  )

  test('may read every header of ours that an answer has', async () => {
    const body = { model: 'anthropic/claude-sonnet-4-6', messages: [{ role: 'user', content: 'Hello!' }], seed: 3 }
    const response = await router9.chat(body, { origin: 'https://example.com' })
    const exposed = new Set(response.headers.get('access-control-expose-headers')?.toLowerCase().split(/,\s*/))
    const ours = [...response.headers.keys()].filter((name) =>
      /^x-(?!content-type)|^server-timing$|^retry-after/.test(name),
    )
    expect(ours).toEqual(expect.arrayContaining(['x-request-id', 'x-router9-model', 'server-timing']))
    for (const name of [...ours, 'retry-after', 'retry-after-ms', 'x-should-retry', 'x-router9-dropped-params']) {
      expect(exposed).toContain(name)
    }
  })
})

describe('the health of Router9 itself', () => {
  test.each(['/health', '/v1/health', '/health/'])(
    'is told without a key, and touches no storage: %s',
    async (path) => {
      router9.worker.keys.behave('hang')
      const reads = router9.worker.keys.reads()
      const response = await fetch(router9.url + path)
      router9.worker.keys.behave('well')
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ status: 'ok', version: packageJson.version })
      expect(router9.worker.keys.reads()).toBe(reads)
    },
  )
})

describe('with one provider only', () => {
  let worker: RunningWorker
  beforeAll(async () => {
    const vars = { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: `${router9.simulator.url}/anthropic` }
    worker = await startWorker({ file: inject('bundle'), vars })
  })
  afterAll(() => worker.stop())

  test('the list holds what it has, and auto', async () => {
    const models = await listFrom(await get('/v1/models', DEMO_KEY, {}, worker.url))
    expect(models[0]?.id).toBe('auto')
    expect(models.length).toBeGreaterThan(3)
    for (const model of models) expect(model, model.id).toMatchObject({ providers: ['anthropic'] })
  })

  test('other models are not there', async () => {
    const refusal = { status: 404, code: 'model_not_found', param: 'model' }
    await expectRefusal(await get('/v1/models/gpt-4o', DEMO_KEY, {}, worker.url), refusal)
    const response = await fetch(`${worker.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }] }),
    })
    const { message } = await expectRefusal(response, refusal)
    expect(message).toContain('OPENAI_API_KEY')
  })
})

describe('with no provider at all', () => {
  let worker: RunningWorker
  beforeAll(async () => {
    worker = await startWorker({ file: inject('bundle'), vars: {} })
  })
  afterAll(() => worker.stop())

  test.each(['auto', 'gpt-4o'])('a completion by %s is told what to set', async (model) => {
    const response = await fetch(`${worker.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] }),
    })
    const refusal = { status: 503, type: 'server_error', code: 'no_provider_configured' }
    const { message } = await expectRefusal(response, refusal)
    expect(message).toContain('_API_KEY')
    expect(response.headers.get('x-should-retry')).toBe('false')
  })

  test('the list is empty, and auto is not there either', async () => {
    expect(await idsFor(DEMO_KEY, worker.url)).toEqual([])
    const refusal = { status: 404, code: 'model_not_found', param: 'model' }
    await expectRefusal(await get('/v1/models/auto', DEMO_KEY, {}, worker.url), refusal)
  })

  test('it is alive', async () => {
    expect((await fetch(`${worker.url}/health`)).status).toBe(200)
  })
})

describe('with servers of one’s own alone', () => {
  const workers: RunningWorker[] = []
  const servers: http.Server[] = []
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()))
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  async function serve(handle: http.RequestListener): Promise<string> {
    const server = http.createServer(handle)
    servers.push(server)
    return `http://127.0.0.1:${await listen(server)}`
  }

  async function start(vars: Record<string, string>): Promise<RunningWorker> {
    const worker = await startWorker({ file: inject('bundle'), vars })
    workers.push(worker)
    return worker
  }

  test('the list holds what they list, does not wait for a slow one, and has no auto, which nobody could answer', async () => {
    const asked: unknown[] = []
    const quick = await serve((request, response) => {
      asked.push([request.method, request.url, request.headers.authorization])
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'maker/one' }, { id: 'two' }] }))
    })
    let release: () => void = () => {}
    const slow = await serve((_, response) => {
      release = () => response.end('{"models":[{"name":"llama3.2:latest"}]}')
    })
    const worker = await start({
      CUSTOM_BASE_URL: `${quick}/v1`,
      CUSTOM_API_KEY: 'its-own-key',
      OLLAMA_BASE_URL: `${slow}/api`,
    })
    await worker.keys.put('sk-r9k-only-two', { models: ['auto', 'custom/two'] })
    const models = await listFrom(await get('/v1/models', DEMO_KEY, {}, worker.url))
    expect(models.map(({ id }) => id)).toEqual(['custom/maker/one', 'custom/two'])
    expect(models[0]).toMatchObject({ object: 'model', owned_by: 'custom', pricing: null, providers: ['custom'] })
    expect(await idsFor('sk-r9k-only-two', worker.url)).toEqual(['custom/two'])
    const refusal = { status: 404, code: 'model_not_found', param: 'model' }
    await expectRefusal(await get('/v1/models/auto', DEMO_KEY, {}, worker.url), refusal)
    // What comes late is there for whoever asks next.
    release()
    await expect
      .poll(() => idsFor(DEMO_KEY, worker.url))
      .toEqual(['ollama/llama3.2:latest', 'custom/maker/one', 'custom/two'])
    expect(asked).toEqual([['GET', '/v1/models', 'Bearer its-own-key']])
  })

  test('a redirect is not followed, and a list that is short only while it is packed is none', async () => {
    let stolen = 0
    const thief = await serve((_, response) => {
      stolen++
      response.end('{"data":[{"id":"stolen"}]}')
    })
    const redirecting = await serve((_, response) => response.writeHead(307, { location: thief }).end())
    const bomb = gzipSync(`{"data":[{"id":"bomb"}]}${' '.repeat(2 * 1024 * 1024)}`)
    const bursting = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    const worker = await start({
      CUSTOM_BASE_URL: `${redirecting}/v1`,
      CUSTOM_API_KEY: 'its-own-key',
      OLLAMA_BASE_URL: `${bursting}/v1`,
    })
    expect(await idsFor(DEMO_KEY, worker.url)).toEqual([])
    expect(stolen).toBe(0)
  })

  test('what the operator named is listed by those names, auto chooses from it, and the server is not asked', async () => {
    let asked = 0
    const server = await serve((_, response) => {
      asked++
      response.end('{"data":[{"id":"other"}]}')
    })
    const worker = await start({ OLLAMA_BASE_URL: `${server}/v1`, OLLAMA_MODELS: 'llama3.2, qwen3' })
    expect(await idsFor(DEMO_KEY, worker.url)).toEqual(['auto', 'llama3.2', 'qwen3'])
    expect(asked).toBe(0)
  })
})

test('?all=true lists what cannot answer too, and what it lacks: a key at a provider, or the right to use it', async () => {
  const worker = await startWorker({ file: inject('bundle'), vars: { OPENAI_API_KEY: 'sk-upstream' } })
  try {
    await worker.keys.put('sk-r9k-narrow', { models: ['gpt-4o', 'openai/gpt-4.1'] })
    const all = await listFrom(await get('/v1/models?all=true', 'sk-r9k-narrow', {}, worker.url))
    const usual = await idsFor('sk-r9k-narrow', worker.url)
    expect(all.filter(({ providers }) => (providers as string[]).length > 0).map(({ id }) => id)).toEqual(usual)
    const lacking = (model: string, provider: string) => {
      const { deployments } = all.find(({ id }) => id === model) as { deployments?: { provider: string }[] }
      return deployments?.find((one) => one.provider === provider)
    }
    expect(lacking('gpt-4o', 'openai')).toEqual({
      id: 'openai/gpt-4o',
      provider: 'openai',
      connected: true,
      allowed: true,
    })
    expect(lacking('gpt-4.1', 'azure')).toMatchObject({
      connected: false,
      allowed: false,
      setting: 'AZURE_OPENAI_API_KEY',
    })
    expect(lacking('gpt-5.4', 'openai')).toMatchObject({ connected: true, allowed: false })
    expect(lacking('claude-sonnet-4-6', 'anthropic')).toMatchObject({ connected: false, setting: 'ANTHROPIC_API_KEY' })
  } finally {
    await worker.stop()
  }
})
