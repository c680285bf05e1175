import { expect, test } from 'vitest'
import { attemptsOf } from '../harness/attempts.ts'
import { callLines } from '../harness/log-lines.ts'
import { until } from '../harness/until.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { useCase } from './router.ts'
import type { Asked, Script } from './scripted.ts'

const router9 = useCase({ CUSTOM_MODELS: 'twin', OLLAMA_MODELS: 'twin', TOTAL_TIMEOUT_MS: '2000' })
const healthy = useCase({ HEALTH: 'on' })
const SMALL = 'text-embedding-3-small'

async function embed(body: object, { url } = router9) {
  const response = await fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  const attempts = attemptsOf(response.headers)
    .join(',')
    .replace(/:\d+ms/g, '')
  return { status: response.status, attempts, text, answer: JSON.parse(text) }
}

const JSON_BODY = { 'content-type': 'application/json' }

function vectors(asked: Asked, length: number, more: object = {}): Script {
  const input = asked.body.input as unknown
  const count = Array.isArray(input) ? input.length : 1
  const data = Array.from({ length: count }, (_, index) => ({ index, embedding: Array(length).fill(index) }))
  const usage = { prompt_tokens: 5, total_tokens: 5 }
  return { headers: JSON_BODY, pieces: [JSON.stringify({ object: 'list', data, usage, ...more })] }
}

test('an answer of another model of the catalogue is none, but a provider may spell the model as it likes', async () => {
  router9.upstream.play(
    (asked) => vectors(asked, 8, { model: 'text-embedding-3-large' }),
    (asked) => vectors(asked, 8, { model: `${SMALL}-v7` }),
  )
  const { status, attempts, answer } = await embed({ model: SMALL, input: 'x', dimensions: 8 })
  expect([status, attempts, answer.model]).toEqual([200, 'openai:provider-failed,azure:200', SMALL])
})

test('vectors of two lengths never come together, whoever made them', async () => {
  let asked = 0
  // The first server makes the first part, and breaks with the next one; its twin makes shorter vectors.
  router9.upstream.play((call) => {
    asked += 1
    if (asked === 1) return vectors(call, 8)
    return asked === 2 ? { status: 500, headers: JSON_BODY, pieces: ['{}'] } : vectors(call, 4)
  })
  const { status, answer, attempts } = await embed({ model: 'twin', input: Array(50).fill('text') })
  expect([status, answer.error?.code, answer.data]).toEqual([502, 'upstream_error', undefined])
  expect(attempts).toMatch(/^(custom|ollama):500,(custom|ollama):provider-failed$/)
})

test('an answer that never ends is left when it is longer than the vectors can be', async () => {
  const endless = { repeat: `${'0.1,'.repeat(4096)}`, while: () => true }
  router9.upstream.play({ headers: JSON_BODY, pieces: ['{"data":[{"index":0,"embedding":[', endless] }, (asked) =>
    vectors(asked, 8),
  )
  const { status, attempts } = await embed({ model: SMALL, input: 'x', dimensions: 8 })
  expect([status, attempts]).toEqual([200, 'openai:200,azure:200'])
})

test('a count of tokens that cannot be true is not believed', async () => {
  for (const usage of [{ prompt_tokens: 1e9 }, { prompt_tokens: -5 }, { prompt_tokens: 'many' }, undefined]) {
    router9.upstream.play((asked) => vectors(asked, 8, { usage }))
    const { answer } = await embed({ model: SMALL, input: 'Four words of text.', dimensions: 8 })
    expect(answer.usage).toEqual({ prompt_tokens: 6, total_tokens: 6, estimated: true })
  }
})

test('a true count is believed of a text whose samples are cheap and whose rest is not', async () => {
  const length = 40_000
  const text = Array.from({ length }, (_, at) => (at % 13_000 < 1001 ? 'a' : 'ꀀ'))
    .join('')
    .slice(0, length)
  router9.upstream.play((asked) => vectors(asked, 8, { usage: { prompt_tokens: 60_000 } }))
  const { answer } = await embed({ model: 'openrouter/qwen3-embedding-8b', input: text, dimensions: 8 })
  expect(answer.usage).toMatchObject({ prompt_tokens: 60_000, total_tokens: 60_000 })
  expect(answer.usage.estimated).toBeUndefined()
})

test('more calls than a request may make are refused before the first of them', async () => {
  router9.upstream.play((asked) => vectors(asked, 8))
  const { status, answer } = await embed({ model: 'titan-embed-text-v2', input: Array(41).fill('text') })
  expect([status, answer.error.code, answer.error.param]).toEqual([400, 'model_not_capable', 'input'])
  expect(answer.error.message).toContain('41 calls')
  expect(router9.upstream.asked()).toEqual([])
})

test('a caller takes no provider out for others by a field that makes its vectors shorter', async () => {
  const stateOf = async (name: string) => {
    const headers = { authorization: `Bearer ${DEMO_KEY}` }
    const { data } = (await (await fetch(`${healthy.url}/v1/providers`, { headers })).json()) as {
      data: { id: string; deployments: { model: string; state: string }[] }[]
    }
    const deployments = data.flatMap((provider) => (provider.id === 'openai' ? provider.deployments : []))
    // What nothing is known of is not listed.
    return deployments.find(({ model }) => model === name)?.state ?? 'closed'
  }
  for (const [model, more] of [
    [SMALL, { output_dimension: 4 }],
    ['text-embedding-3-large', {}],
  ] as const) {
    healthy.upstream.play((asked) => vectors(asked, 4))
    for (let n = 0; n < 8; n++) {
      expect((await embed({ model: `openai/${model}`, input: 'x', ...more }, healthy)).status).toBe(502)
    }
  }
  expect([await stateOf(SMALL), await stateOf('text-embedding-3-large')]).toEqual(['closed', 'open'])
})

test('what a reseller says of its cost counts part by part, also where another bill comes for the tokens', async () => {
  const cost = { cost: 0.001, is_byok: true, cost_details: { upstream_inference_cost: 0.02 } }
  router9.upstream.play((asked) =>
    vectors(asked, 3072, { usage: { prompt_tokens: 1000, total_tokens: 1000, ...cost } }),
  )
  const input = Array(200).fill('text '.repeat(60))
  const body = { model: 'openrouter/text-embedding-3-large', input, encoding_format: 'base64' }
  const { status } = await embed(body)
  const parts = router9.upstream.asked().length
  expect([status, parts > 1]).toEqual([200, true])
  const line = await until(() =>
    callLines(router9.worker.log()).find((one) => body.model === `${one.provider}/${one.model}`),
  )
  expect(line?.cost_usd).toBeCloseTo(parts * 0.021, 9)
})

/** The first call for vectors is answered, and then one is limited, as the provider says for so long. */
function limitOnce(retryAfter: string): (asked: Asked) => Script {
  let asked = 0
  return (call) => {
    asked += 1
    return asked === 2
      ? {
          status: 429,
          headers: { ...JSON_BODY, 'retry-after': retryAfter },
          pieces: ['{"error":{"message":"Slow down."}}'],
        }
      : vectors(call, 3072)
  }
}

test('where one provider alone makes the vectors, a short limit of its calls is waited for, and a long one is not', async () => {
  const body = { model: 'openai/text-embedding-3-large', input: Array(200).fill('text') }
  router9.upstream.play(limitOnce('1'))
  const { status, attempts, answer } = await embed(body)
  expect([status, attempts, answer.data.length]).toEqual([200, 'openai:200', 200])
  router9.upstream.play(limitOnce('30'))
  expect((await embed(body)).status).toBe(429)
})

test('vectors that were made with a field do not mix with those made without: all are made again', async () => {
  let asked = 0
  router9.upstream.play((call) => {
    asked += 1
    if (call.path.includes(':batchEmbedContents')) {
      if (asked > 1) return { status: 500, headers: JSON_BODY, pieces: ['{}'] }
      const { requests } = call.body as { requests: unknown[] }
      return { headers: JSON_BODY, pieces: [JSON.stringify({ embeddings: requests.map(() => ({ values: [1, 1] })) })] }
    }
    return vectors(call, 2)
  })
  const post = (taskType: string) => {
    const requests = Array.from({ length: 200 }, () => ({
      content: { parts: [{ text: 'x' }] },
      taskType,
      outputDimensionality: 2,
    }))
    asked = 0
    return fetch(`${router9.url}/v1beta/models/gemini-embedding-001:batchEmbedContents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ requests }),
    })
  }
  const madeElsewhere = () =>
    router9.upstream.asked().flatMap(({ body }) => (Array.isArray(body.input) ? body.input : [])).length
  expect([(await post('SEMANTIC_SIMILARITY')).status, madeElsewhere()]).toEqual([200, 200])
  expect([(await post('RETRIEVAL_DOCUMENT')).status, madeElsewhere()]).toEqual([200, 300])
})

test('as many token numbers as OpenAI takes at once go there, where a chat’s body may not hold so many values', async () => {
  router9.upstream.play((asked) => vectors(asked, 2))
  const input = Array.from({ length: 1000 }, () => Array(300).fill(123))
  const { status, answer } = await embed({ model: 'openai/text-embedding-3-small', input, dimensions: 2 })
  expect([status, answer.data?.length, answer.error]).toEqual([200, 1000, undefined])
})

test('usage that is nested too deeply to be passed on is that of a broken answer, and the next deployment is asked', async () => {
  // The engine writes lists without recursion, but not beside a key that is a number.
  const deep = `{"1":0,"lists":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  const pieces = [`{"data":[{"index":0,"embedding":[${Array(8).fill(1)}]}],"usage":{"prompt_tokens":5,"deep":${deep}}}`]
  router9.upstream.play({ headers: JSON_BODY, pieces }, (asked) => vectors(asked, 8))
  const { status, attempts, answer } = await embed({ model: SMALL, input: 'x', dimensions: 8 })
  expect([status, attempts, answer.data.length]).toEqual([200, 'openai:200,azure:200', 1])
})
