import { describe, expect, test } from 'vitest'
import { allModels } from '../../src/catalog/models.ts'
import { RESELLERS } from '../../src/catalog/names.ts'
import { findProvider, maxInputsOf, PROVIDERS, providerForBaseUrl } from '../../src/catalog/providers.ts'
import { parseChat } from '../../src/chat/request.ts'
import { unlistedModelTraits } from '../../src/routing/unlisted-model.ts'

type Json = Record<string, unknown>

/** What contract 9 calls their settings. */
const SETTINGS = [
  ['openai', 'OPENAI'],
  ['anthropic', 'ANTHROPIC'],
  ['gemini', 'GEMINI'],
  ['groq', 'GROQ'],
  ['mistral', 'MISTRAL'],
  ['deepseek', 'DEEPSEEK'],
  ['xai', 'XAI'],
  ['together', 'TOGETHER'],
  ['fireworks', 'FIREWORKS'],
  ['openrouter', 'OPENROUTER'],
  ['cerebras', 'CEREBRAS'],
  ['perplexity', 'PERPLEXITY'],
  ['moonshot', 'MOONSHOT'],
  ['cohere', 'COHERE'],
  ['azure', 'AZURE_OPENAI'],
  ['workers-ai', 'WORKERS_AI'],
  ['bedrock', 'BEDROCK'],
  ['ollama', 'OLLAMA'],
  ['custom', 'CUSTOM'],
] as const

test.each(SETTINGS)('%s is configured by %s_…', (name, setting) => {
  expect(findProvider(name)?.settingPrefix).toBe(setting)
  expect(findProvider(name.toUpperCase())).toBe(findProvider(name))
})

test('every provider is listed here with its settings', () => {
  expect(PROVIDERS.map(({ settingPrefix }) => settingPrefix).sort()).toEqual(
    SETTINGS.map(([, setting]) => setting).sort(),
  )
})

test('no two providers share a name or a setting', () => {
  const names = PROVIDERS.flatMap(({ id, aliases }) => [id, ...(aliases ?? [])])
  expect(new Set(names).size).toBe(names.length)
  expect(new Set(PROVIDERS.map(({ settingPrefix }) => settingPrefix)).size).toBe(PROVIDERS.length)
  for (const name of names) expect(name).toMatch(/^[a-z0-9-]+$/)
})

test.each(['', 'constructor', '__proto__', 'nobody'])('%j is no provider', (name) => {
  expect(findProvider(name)).toBeUndefined()
})

test('resellers are the same in the rows and in the index of names', () => {
  expect(new Set(PROVIDERS.flatMap(({ id, isReseller }) => (isReseller ? [id] : [])))).toEqual(RESELLERS)
})

test('every provider of the catalogue has a row', () => {
  const named = new Set(allModels().flatMap(({ deployments }) => deployments.map(({ provider }) => provider)))
  for (const name of named) expect(PROVIDERS.map(({ id }) => id)).toContain(name)
})

const ROWS = PROVIDERS.map((provider) => [provider.id, provider] as const)

test.each(ROWS)('%s has an https address without a slash at its end, or needs one from the operator', (_, provider) => {
  const { baseUrl } = provider
  if (baseUrl === undefined) expect(provider.keyOptional === true || provider.id === 'azure').toBe(true)
  else expect(baseUrl.replace('{REGION}', 'eu')).toMatch(/^https:\/\/[a-z0-9.-]+(\/[^?#]*[^/?#])?$/)
})

test.each([
  ['anthropic', { 'x-api-key': 'k' }],
  ['gemini', { 'x-goog-api-key': 'k' }],
  ['azure', { 'api-key': 'k' }],
  ['openai', { authorization: 'Bearer k' }],
  ['ollama', { authorization: 'Bearer k' }],
])('%s is sent the key as %j', (name, headers) => {
  expect(findProvider(name)?.authHeaders('k')).toEqual(headers)
})

test('Ollama’s own API sends lines of JSON', () => {
  const ollama = findProvider('ollama')
  expect(ollama && providerForBaseUrl(ollama, 'http://localhost:11434/api').format.framing).toBe('ndjson')
  expect(ollama?.format.framing).toBe('sse')
})

function bodyFor(provider: (typeof PROVIDERS)[number], fields: Json, stream = false): Json {
  const chat = parseChat({ model: 'a', messages: [{ role: 'user', content: 'a' }], ...fields })
  const { request } = provider.format.prepare({
    chat,
    model: 'theirs',
    stream,
    traits: unlistedModelTraits,
    newId: () => 'id',
  })
  return JSON.parse(request.body) as Json
}

test('Bedrock refuses chats, and says what it is for', () => {
  const bedrock = findProvider('amazon-bedrock')
  expect(() => bedrock && bodyFor(bedrock, {})).toThrow(/vectors alone: use POST \/v1\/embeddings/)
})

/** Those that answer chats. */
const CHATTING = ROWS.filter(([id]) => id !== 'bedrock')

test.each(CHATTING)('%s has a path of its own, and gets no routing fields', (_, provider) => {
  const chat = parseChat({
    model: 'a',
    messages: [{ role: 'user', content: 'b' }],
    models: ['other'],
    provider: { only: ['c'] },
  })
  const { request } = provider.format.prepare({
    chat,
    model: 'theirs',
    stream: false,
    traits: unlistedModelTraits,
    newId: () => 'id',
  })
  expect(request.path).toMatch(/^\/.*(chat|messages|generateContent)/)
  expect(request.body).not.toMatch(/"models"|"provider"|other/)
})

describe('what a provider refuses is not sent to it (translation 3)', () => {
  test.each<[string, Json, string[]]>([
    ['openai', { max_tokens: 5 }, ['max_tokens']],
    ['mistral', { seed: 7 }, ['seed']],
    ['groq', { logit_bias: { 1: 1 } }, ['logit_bias']],
    [
      'cerebras',
      { presence_penalty: 1, frequency_penalty: 1, logit_bias: {} },
      ['presence_penalty', 'frequency_penalty', 'logit_bias'],
    ],
    ['fireworks', { seed: 7 }, ['seed']],
    ['ollama', { logit_bias: {}, user: 'a' }, ['logit_bias', 'user']],
  ])('%s: %j', (name, fields, absent) => {
    const provider = findProvider(name)
    const body = provider && bodyFor(provider, fields)
    for (const field of absent) expect(body).not.toHaveProperty(field)
  })

  test('mistral has its own name for seed', () => {
    const provider = findProvider('mistral')
    expect(provider && bodyFor(provider, { seed: 7 })).toMatchObject({ random_seed: 7 })
  })

  test.each(['deepseek', 'groq', 'perplexity', 'ollama'])('%s cannot give several answers', (name) => {
    const provider = findProvider(name)
    expect(() => provider && bodyFor(provider, { n: 2 })).toThrow(/'n'/)
  })

  test('groq takes no names of messages', () => {
    const provider = findProvider('groq')
    const messages = [{ role: 'user', name: 'ann', content: 'a' }]
    expect(JSON.stringify(provider && bodyFor(provider, { messages }))).not.toContain('ann')
  })

  test.each(['perplexity', 'mistral'])('%s reports usage unasked and is not sent stream_options', (name) => {
    const provider = findProvider(name)
    expect(provider && bodyFor(provider, { stream: true }, true)).not.toHaveProperty('stream_options')
  })
})

const ASKED = { dimensions: 2, user: 'u', encoding_format: 'base64' }

describe('embeddings', () => {
  const vectors = allModels().flatMap(({ deployments }) => deployments.filter(({ traits }) => traits.embedding))

  test('every provider of a model that makes vectors can be asked for them', () => {
    expect(new Set(vectors.map(({ provider }) => provider)).size).toBeGreaterThan(7)
    for (const { provider } of vectors) expect(findProvider(provider)?.embeddings, provider).toBeDefined()
    const served = new Set(vectors.map(({ provider }) => provider))
    const asked = PROVIDERS.filter(({ id, embeddings, anyModel }) => embeddings && !anyModel && !served.has(id))
    expect(asked.map(({ id }) => id)).toEqual([])
  })

  test.each([
    ['bedrock', 'amazon.titan-embed-text-v2:0', 1],
    ['bedrock', 'cohere.embed-v4:0', 96],
    ['workers-ai', '@cf/qwen/qwen3-embedding-0.6b', 32],
    ['workers-ai', '@cf/baai/bge-m3', 100],
    ['openai', 'text-embedding-3-small', 2048],
  ])('%s takes of %s so many texts a call: %i', (provider, model, expected) => {
    const { embeddings } = findProvider(provider) ?? {}
    expect(embeddings && maxInputsOf(embeddings, model)).toBe(expected)
  })

  test.each([
    ['mistral', '/embeddings', { model: 'm', input: 'a', output_dimension: 2, encoding_format: 'base64' }],
    ['perplexity', '/v1/embeddings', { model: 'm', input: 'a', dimensions: 2 }],
    ['fireworks', '/embeddings', { model: 'm', input: 'a', dimensions: 2 }],
    ['openrouter', '/embeddings', { ...ASKED, model: 'm', input: 'a', input_type: 'query' }],
    ['openai', '/embeddings', { ...ASKED, model: 'm', input: 'a' }],
    ['ollama', '/embeddings', { model: 'm', input: 'a', dimensions: 2, encoding_format: 'base64' }],
  ])('%s is sent what it takes', (provider, path, expected) => {
    const request = { ...ASKED, model: 'p', inputs: ['a'], encoding: 'base64' as const, inputType: 'search_query' }
    const further = { input_type: 'query' }
    const call = { request: { ...request, further }, inputs: ['a'], offset: 0, model: 'm', traits: unlistedModelTraits }
    const prepared = findProvider(provider)?.embeddings?.format.prepare(call)
    expect(prepared?.request.path).toBe(path)
    expect(JSON.parse(prepared?.request.body ?? '')).toEqual(expected)
  })

  test('Ollama’s own API has embeddings of its own', () => {
    const ollama = findProvider('ollama')
    expect(ollama && providerForBaseUrl(ollama, 'http://localhost:11434/api').embeddings?.format.name).toBe('ollama')
  })
})

test.each([
  ['https://r.openai.azure.com/openai/v1', ['openai-responses', 'openai-completions']],
  ['https://r.openai.azure.com/openai/deployments/{MODEL}?api-version=2024-10-21', ['openai-completions']],
])('Azure at %s has these beside chats: %j', (baseUrl, names) => {
  const azure = findProvider('azure')
  expect(azure && providerForBaseUrl(azure, baseUrl).moreFormats?.map(({ name }) => name)).toEqual(names)
})
