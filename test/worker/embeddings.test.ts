import { describe, expect, test } from 'vitest'
import { attemptsOf } from '../harness/attempts.ts'
import { callLines } from '../harness/log-lines.ts'
import { useRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { float32Base64, vectorOf } from '../simulator/embeddings-vectors.ts'
import { estimateTokens } from '../simulator/tokens.ts'
import { openRawClient } from './raw-client.ts'

const router9 = useRouter9()
/** A hang ends after three times as long, since vectors come as a whole (routing 2.5). */
const impatient = useRouter9({
  FIRST_BYTE_TIMEOUT_MS: '700',
  TOTAL_TIMEOUT_MS: '9000',
  CLIENT_STALL_TIMEOUT_MS: '1000',
})

const SMALL = 'text-embedding-3-small'
const LARGE = 'text-embedding-3-large'
/** A model of two providers, of which the first takes so many texts at once, and both make vectors as short as asked for. */
const DIVIDED = 'gemini-embedding-001'
const PART = 100

interface Answer {
  readonly object: string
  readonly model: string
  readonly data: readonly { readonly object: string; readonly index: number; readonly embedding: number[] | string }[]
  readonly usage: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string; readonly code: string | null; readonly param: string | null }
}

let calls = 0

/** A request with a key of its own, which its line in the log is found by. */
async function embed(body: object, { worker, url } = router9) {
  const key = { id: `key_embed_${++calls}` }
  const secret = `sk-r9k-embed-${calls}`
  await worker.keys.put(secret, key)
  const response = await fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as Answer
  const line = () => until(() => callLines(worker.log()).find((one) => one.key === key.id))
  return {
    response,
    answer,
    line,
    attempts: attemptsOf(response.headers)
      .join(',')
      .replace(/:\d+ms/g, ''),
  }
}

/** What the providers were asked for this, in the order of their calls. */
function askedFor(mark: string, { simulator } = router9) {
  return simulator.requests().filter(({ body }) => JSON.stringify(body).includes(mark))
}

function textsOf(mark: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${mark} ${at}`)
}

/** As a client gets them, four numbers each. */
function vectorsOf(model: string, texts: readonly string[], encoding: string) {
  const vectors = texts.map((text) => vectorOf(model, text, 4))
  return encoding === 'float' ? vectors.map((vector) => [...vector]) : vectors.map(float32Base64)
}

function tokensOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + estimateTokens(text), 0)
}

function floatsOf(model: string, text: string, dimensions: number): number[] {
  return [...vectorOf(model, text, dimensions)]
}

describe('POST /v1/embeddings', { concurrent: true }, () => {
  test('one text gives one vector, as numbers and as the same bytes in base64, at its own length or a shorter one', async () => {
    const floats = await embed({ model: SMALL, input: 'One text.' })
    expect(floats.response.status).toBe(200)
    expect(floats.answer).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: floatsOf(SMALL, 'One text.', 1536) }],
      model: SMALL,
      usage: { prompt_tokens: 3, total_tokens: 3 },
    })
    const packed = await embed({ model: SMALL, input: ['One text.'], encoding_format: 'base64', dimensions: 7 })
    expect(packed.answer.data[0]?.embedding).toBe(float32Base64(vectorOf(SMALL, 'One text.', 7)))
  })

  test('tokens instead of texts are counted one by one', async () => {
    const one = await embed({ model: SMALL, input: [11, 22, 33], dimensions: 4 })
    expect(one.answer.data.map(({ embedding }) => embedding)).toEqual([floatsOf(SMALL, 'tokens 11 22 33', 4)])
    expect(one.answer.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 })
    const input = [[11, 22], [33]]
    const lists = await embed({ model: SMALL, input: [...input], dimensions: 4 })
    expect(lists.answer.data.map(({ embedding }) => embedding)).toEqual([
      floatsOf(SMALL, 'tokens 11 22', 4),
      floatsOf(SMALL, 'tokens 33', 4),
    ])
  })

  test('the headers and the line of the log say who answered and what it cost, and hold no text', async () => {
    const input = 'A private text about nobody.'
    const { response, line } = await embed({ model: `openai/${SMALL}`, input })
    const tokens = estimateTokens(input)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json',
      'x-router9-model': SMALL,
      'x-router9-provider': 'openai',
      'x-router9-requested-model': `openai/${SMALL}`,
      'server-timing': expect.stringMatching(/^auth;dur=\d+, route;dur=\d+, upstream;dur=\d+$/),
    })
    expect(await line()).toMatchObject({
      api: 'embeddings',
      stream: false,
      status: 200,
      model: SMALL,
      provider: 'openai',
      prompt_tokens: tokens,
      completion_tokens: 0,
      cost_usd: (tokens * 0.02) / 1e6,
    })
    expect(router9.worker.log()).not.toContain('private text')
  })

  test.for(['float', 'base64'] as const)(
    'many texts are divided into calls, and their vectors come back in order, as %s',
    async (encoding, { expect }) => {
      const mark = `divided-${encoding}`
      const texts = textsOf(mark, 7 * PART + 5)
      const { answer } = await embed({ model: DIVIDED, input: texts, encoding_format: encoding, dimensions: 4 })
      expect(answer.data.map(({ index }) => index)).toEqual(texts.map((_, at) => at))
      expect(answer.data.map(({ embedding }) => embedding)).toEqual(vectorsOf(DIVIDED, texts, encoding))
      const sizes = askedFor(mark).map(({ body }) => (body as { requests: string[] }).requests.length)
      expect(sizes.toSorted((a, b) => a - b)).toEqual([5, ...Array(7).fill(PART)])
      expect(answer.usage).toMatchObject({ prompt_tokens: expect.any(Number) })
    },
  )

  test('an answer of megabytes is divided by its length, and comes whole', async () => {
    const texts = textsOf('megabytes', 200)
    const { answer } = await embed({ model: LARGE, input: texts, encoding_format: 'base64' })
    const last = answer.data.at(-1)
    expect([answer.data.length, last?.embedding]).toEqual([
      200,
      float32Base64(vectorOf(LARGE, texts.at(-1) ?? '', 3072)),
    ])
    expect(answer.usage.prompt_tokens).toBe(tokensOf(texts))
    const sizes = askedFor('megabytes').map(({ body }) => (body as { input: string[] }).input.length)
    expect(sizes.toSorted((a, b) => a - b)).toEqual([72, 128])
  })

  test.for([
    ['the choice of the gateway', { model: 'auto' }, 400, 'unsupported_parameter', 'model'],
    ['a variant of it', { model: 'auto:floor' }, 400, 'unsupported_parameter', 'model'],
    ['further models', { model: SMALL, models: [LARGE] }, 400, 'unsupported_parameter', 'models'],
    ['a model that answers chats', { model: 'gpt-4o' }, 400, 'model_not_capable', 'model'],
    ['a model that nobody knows', { model: 'text-embedding-9' }, 404, 'model_not_found', 'model'],
    ['no input', { model: SMALL, input: undefined }, 400, 'missing_required_parameter', 'input'],
    ['more vectors than an isolate holds', { model: LARGE, input: textsOf('x', 1366) }, 400, 'invalid_value', 'input'],
  ] as const)('%s is refused', async ([, body, status, code, param], { expect }) => {
    const { response, answer } = await embed({ input: 'x', ...body })
    expect([response.status, answer.error?.code, answer.error?.param]).toEqual([status, code, param])
  })

  test('a model that makes vectors answers no chat in any API, and the refusal says where to ask', async () => {
    const messages = [{ role: 'user', content: 'Hello!' }]
    const chats = { chat: { messages }, responses: { input: 'Hello!' }, messages: { messages, max_tokens: 9 } }
    const paths = { chat: 'chat/completions', responses: 'responses', messages: 'messages' }
    for (const [name, body] of Object.entries(chats)) {
      const response = await fetch(`${router9.url}/v1/${paths[name as keyof typeof paths]}`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk-r9k-demo', 'content-type': 'application/json' },
        body: JSON.stringify({ model: SMALL, ...body }),
      })
      expect([name, response.status]).toEqual([name, 400])
      expect(await response.text()).toContain('POST /v1/embeddings')
    }
  })

  test('an operator’s own server is asked for vectors by any name, of whatever length they are', async () => {
    const texts = textsOf('own-server', 60)
    const { answer } = await embed({ model: 'custom/some-model', input: texts })
    expect(answer).toMatchObject({ object: 'list' })
    expect(answer.data.map(({ embedding }) => embedding.length)).toEqual(texts.map(() => 1024))
    expect(answer.data[59]?.embedding).toEqual(floatsOf('some-model', 'own-server 59', 1024))
    // The first part tells how long they are, and so how many go into the next call.
    expect(askedFor('own-server').map(({ body }) => (body as { input: unknown[] }).input.length)).toEqual([34, 26])
  })
})

describe('Google’s paths', { concurrent: true }, () => {
  const ask = (path: string, body: object) =>
    fetch(`${router9.url}/v1beta/models/${path}`, {
      method: 'POST',
      headers: { 'x-goog-api-key': 'sk-r9k-demo', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const contentOf = (text: string) => ({ content: { parts: [{ text }] } })

  test('give the vectors of any model', async () => {
    const one = await ask(`${SMALL}:embedContent`, { ...contentOf('One.'), outputDimensionality: 4 })
    expect(await one.json()).toMatchObject({ embedding: { values: floatsOf(SMALL, 'One.', 4) } })
    const requests = ['One.', 'Two.'].map((text) => ({ ...contentOf(text), outputDimensionality: 4 }))
    const two = await ask('gemini-embedding-001:batchEmbedContents', { requests })
    expect(two.headers.get('x-router9-provider')).toBe('google')
    expect(await two.json()).toMatchObject({
      embeddings: ['One.', 'Two.'].map((text) => ({ values: floatsOf('gemini-embedding-001', text, 4) })),
    })
  })

  test('refuse in Google’s words', async () => {
    const response = await ask('gpt-4o:embedContent', contentOf('One.'))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } })
  })
})

test('a dry run of a body with an input tells who would make its vectors, and asks nobody', async () => {
  const dryRun = (body: object) =>
    fetch(`${router9.url}/v1/route`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-r9k-demo', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const planned = await (await dryRun({ model: LARGE, input: ['dry-run', 'dry-run'] })).json()
  expect(planned).toMatchObject({ object: 'route', requested_model: LARGE, model: LARGE })
  const providers = (planned as { plan: { provider: string }[] }).plan.map(({ provider }) => provider)
  expect(providers).toEqual(['openai', 'azure', 'openrouter'])
  expect((await dryRun({ model: 'auto', input: 'dry-run' })).status).toBe(400)
  expect(askedFor('dry-run')).toEqual([])
})

/** What may go wrong with one call. */
const FAULTS = [
  'status=429',
  'status=500',
  'status=401',
  'hangbeforeheaders',
  'refuse',
  'redirect',
  'emptyok',
  'okhtml',
]

describe('where one of five parts fails', { concurrent: true }, () => {
  test.for(FAULTS)('by %s, the next deployment makes what is missing, and nothing twice', async (fault, { expect }) => {
    const mark = `part-${fault}`
    const texts = textsOf(mark, 5 * PART)
    const bad = 2 * PART + 7
    texts[bad] = `${mark} ${bad} [[sim google ${fault}]]`
    const router = fault === 'hangbeforeheaders' ? impatient : router9
    const body = { model: DIVIDED, input: texts, encoding_format: 'base64', dimensions: 4 }
    const { response, answer, attempts, line } = await embed(body, router)
    expect(response.status).toBe(200)
    expect(answer.data.map(({ index }) => index)).toEqual(texts.map((_, at) => at))
    expect(answer.data.map(({ embedding }) => embedding)).toEqual(vectorsOf(DIVIDED, texts, 'base64'))
    expect(attempts).toMatch(/^google:[\w-]+,openrouter:200$/)
    const asked = askedFor(mark, router)
    const first = asked.filter(({ slot }) => slot === 'google').length
    const missing = asked
      .filter(({ slot }) => slot === 'openrouter')
      .flatMap(({ body: sent }) => (sent as { input: string[] }).input)
    expect(missing).toContain(texts[bad])
    // What the first provider has made is kept: all of its parts but the one that failed.
    expect(missing.length).toBe(texts.length - (first - 1) * PART)
    expect(await line()).toMatchObject({ status: 200, provider: 'openrouter', cost_usd: expect.any(Number) })
  })
})

describe('a provider that lies', { concurrent: true }, () => {
  const LIES = ['fewer', 'more', 'none', 'shorter', 'empty', 'nan', 'infinite', 'null', 'twice', 'other-model']

  test.for(LIES.flatMap((lie) => [[lie, 'float'] as const, [lie, 'base64'] as const]))(
    'with vectors that are wrong (%s, %s) is failed over from',
    async ([lie, encoding], { expect }) => {
      const input = [`lie-${lie}-${encoding} [[sim openai vectors=${lie}]]`, 'Another text.']
      const { answer, attempts } = await embed({ model: SMALL, input, encoding_format: encoding, dimensions: 16 })
      expect(attempts).toMatch(/^openai:(200|provider-failed),azure:200$/)
      const vectors = input.map((text) => vectorOf(SMALL, text, 16))
      expect(answer.data.map(({ embedding }) => embedding)).toEqual(
        encoding === 'float' ? vectors.map((vector) => [...vector]) : vectors.map(float32Base64),
      )
    },
  )

  test('with an old name of the model is believed', async () => {
    const { answer, attempts } = await embed({ model: 'azure/text-embedding-ada-002', input: 'Old.' })
    expect([attempts, answer.model]).toEqual(['azure:200', 'text-embedding-ada-002'])
  })

  test.for(['reversed', 'other-encoding'])('only in form (%s) is understood', async (lie, { expect }) => {
    const input = [`form-${lie} [[sim openai vectors=${lie}]]`, 'Another text.']
    for (const encoding of ['float', 'base64']) {
      const { answer, attempts } = await embed({ model: SMALL, input, encoding_format: encoding, dimensions: 16 })
      expect(attempts).toBe('openai:200')
      const vectors = input.map((text) => vectorOf(SMALL, text, 16))
      expect(answer.data.map(({ embedding }) => embedding)).toEqual(
        encoding === 'float' ? vectors.map((vector) => [...vector]) : vectors.map(float32Base64),
      )
    }
  })

  test('at all deployments gets the client an error and no vector', async () => {
    const { response, answer, line } = await embed({ model: SMALL, input: ['x [[sim * vectors=shorter]]', 'y'] })
    expect([response.status, answer.error?.code, answer.data]).toEqual([502, 'upstream_error', undefined])
    expect(await line()).toMatchObject({ status: 502 })
  })
})

describe('a call for many vectors ends at once', { concurrent: true }, () => {
  test('where the caller is at fault in one part, and pays for the other parts, which are aborted', async () => {
    const mark = 'caller-fault'
    const texts = textsOf(mark, 4 * PART)
    for (const part of [0, 2, 3]) texts[part * PART] = `${mark} [[sim google latency=9000]]`
    texts[PART + 3] = `${mark} [[sim google status=400 message=input-is-odd]]`
    const { response, answer, line } = await embed({ model: DIVIDED, input: texts, dimensions: 4 })
    expect([response.status, answer.error?.message]).toEqual([400, expect.stringContaining('input-is-odd')])
    const counted = await line()
    expect(counted).toMatchObject({ status: 400, estimated: true, cost_usd: expect.any(Number) })
    expect(counted?.prompt_tokens).toBeGreaterThan(3 * PART)
    await until(() => askedFor(mark).filter(({ aborted }) => aborted).length === 3)
    expect(askedFor(mark).every(({ slot }) => slot === 'google')).toBe(true)
  })

  test('where its client leaves, and what the provider had read is counted', async () => {
    const mark = 'client-leaves'
    const id = 'key_embed_leaves'
    await router9.worker.keys.put('sk-r9k-leaves', { id })
    const input = textsOf(mark, 6 * PART).map((text) => `${text} [[sim google hangbeforeheaders]]`)
    const body = { model: DIVIDED, input, dimensions: 4 }
    const client = openRawClient(`${router9.url}/v1/embeddings`, body, true, 'sk-r9k-leaves')
    await until(() => askedFor(mark).length === 4)
    client.leave('rst')
    await until(() => askedFor(mark).every(({ aborted }) => aborted))
    const line = await until(() => callLines(router9.worker.log()).find((one) => one.key === id))
    expect(line).toMatchObject({ status: 499, left: true, estimated: true })
    expect(line?.prompt_tokens).toBeGreaterThan(4 * PART)
    expect(askedFor(mark)).toHaveLength(4)
  })

  test('where its client leaves or stalls while the vectors are written, and all of them are counted', async () => {
    const input = textsOf('leaves-late', 600)
    const body = { model: LARGE, input, encoding_format: 'base64' }
    for (const [router, leaves] of [
      [router9, true],
      [impatient, false],
    ] as const) {
      const id = `key_embed_late_${leaves}`
      await router.worker.keys.put(`sk-r9k-late-${leaves}`, { id })
      const client = openRawClient(`${router.url}/v1/embeddings`, body, false, `sk-r9k-late-${leaves}`)
      await until(() => client.receivedBytes() > 1)
      client.pause()
      if (leaves) client.leave('rst')
      const line = await until(() => callLines(router.worker.log()).find((one) => one.key === id))
      expect(line).toMatchObject({ status: 200, left: true, prompt_tokens: tokensOf(input) })
      client.leave('rst')
    }
  })
})
