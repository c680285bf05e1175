import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { float32Base64, vectorOf } from '../simulator/embeddings-vectors.ts'

const router9 = useRouter9({ OLLAMA_MODELS: 'nomic-embed-text' })

async function post(path: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${router9.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}

describe('vectors of every provider, as numbers and in base64', { concurrent: true }, () => {
  test.each([
    ['openai/text-embedding-3-small', 'text-embedding-3-small', 1536],
    ['azure/text-embedding-3-large', 'text-embedding-3-large', 3072],
    ['openrouter/text-embedding-ada-002', 'openai/text-embedding-ada-002', 1536],
    ['mistral-embed', 'mistral-embed', 1024],
    ['codestral-embed', 'codestral-embed', 1536],
    ['gemini-embedding-001', 'gemini-embedding-001', 3072],
    ['gemini-embedding-2', 'gemini-embedding-2', 3072],
    ['cohere/embed-v4.0', 'embed-v4.0', 1536],
    ['embed-english-v3.0', 'embed-english-v3.0', 1024],
    ['bedrock/embed-english-v3.0', 'cohere.embed-english-v3', 1024],
    ['titan-embed-text-v2', 'amazon.titan-embed-text-v2:0', 1024],
    ['@cf/baai/bge-base-en-v1.5', '@cf/baai/bge-base-en-v1.5', 768],
    ['nomic-embed-text-v1.5', 'nomic-ai/nomic-embed-text-v1.5', 768],
    ['ollama/nomic-embed-text', 'nomic-embed-text', 768],
  ])('%s', async (model, theirs, dimensions) => {
    const input = [`${model} one`, `${model} two`]
    const expected = input.map((text) => vectorOf(theirs, text, dimensions))
    const floats = await post('/v1/embeddings', { model, input })
    expect(floats.body.data?.map(({ embedding }: { embedding: unknown }) => embedding)).toEqual(
      expected.map((vector) => [...vector]),
    )
    expect(floats.body.usage.prompt_tokens).toBeGreaterThan(0)
    const packed = await post('/v1/embeddings', { model, input, encoding_format: 'base64' })
    expect(packed.body.data?.map(({ embedding }: { embedding: unknown }) => embedding)).toEqual(
      expected.map((vector) => float32Base64(vector)),
    )
  })

  test('a chat with a model at Bedrock is refused', async () => {
    const chat = { model: 'titan-embed-text-v2', messages: [{ role: 'user', content: 'a' }] }
    expect(await post('/v1/chat/completions', chat)).toMatchObject({ status: 400 })
  })
})

describe('Google’s clients', { concurrent: true }, () => {
  const content = (text: string) => ({ parts: [{ text }] })

  test('get Google’s vectors, and those of any other model', async () => {
    for (const [model, dimensions] of [
      ['gemini-embedding-2', 3072],
      ['text-embedding-3-small', 1536],
    ] as const) {
      const one = await post(`/v1beta/models/${model}:embedContent`, { content: content('a') })
      expect(one.body.embedding?.values).toEqual([...vectorOf(model, 'a', dimensions)])
      const requests = ['a', 'b'].map((text) => ({
        model: `models/${model}`,
        content: content(text),
        outputDimensionality: 8,
      }))
      const batch = await post(`/v1beta/models/${model}:batchEmbedContents`, { requests })
      expect(batch.body).toEqual({
        embeddings: ['a', 'b'].map((text) => ({ values: [...vectorOf(model, text, 8)] })),
        usageMetadata: expect.objectContaining({ promptTokenCount: expect.any(Number) }),
      })
    }
  })

  test('are told of faults in Google’s words', async () => {
    const { status, body } = await post('/v1beta/models/gemini-embedding-001:embedContent', { content: {} })
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT', message: "'content' must have parts." })
  })
})

test('models that make vectors are listed with their length, and not to clients that chat', async () => {
  const list = async (path: string, headers = {}) => {
    const response = await fetch(`${router9.url}${path}`, {
      headers: { authorization: `Bearer ${DEMO_KEY}`, ...headers },
    })
    return response.json() as Promise<Record<string, Record<string, unknown>[]>>
  }
  const { data: models = [] } = await list('/v1/models')
  expect(models.find(({ id }) => id === 'text-embedding-3-small')).toMatchObject({
    dimensions: 1536,
    context_length: 8192,
    modalities: { input: ['text'], output: ['embedding'] },
    pricing: { input: 0.02, output: 0 },
  })
  const vectors = new Set(models.flatMap(({ id, dimensions }) => (dimensions === undefined ? [] : [id])))
  const { models: codex = [] } = await list('/v1/models?client_version=1')
  expect(codex.some(({ slug }) => slug === 'gpt-4.1')).toBe(true)
  expect(codex.some(({ slug }) => vectors.has(slug))).toBe(false)
  const { data: anthropic = [] } = await list('/v1/models?limit=1000', { 'anthropic-version': '2023-06-01' })
  expect(anthropic.some(({ id }) => id === 'gpt-4.1')).toBe(true)
  expect(anthropic.some(({ id }) => vectors.has(id))).toBe(false)
})
