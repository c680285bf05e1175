import { expect, test } from 'vitest'
import catalog from '../../src/catalog/models.json' with { type: 'json' }
import { allModels, findDeployment, findModel } from '../../src/catalog/models.ts'
import { isPathStep } from '../../src/catalog/names.ts'

const idOf = (name: string) => findModel(name)?.id

test('every model is found by its own id, and no two share one', () => {
  const models = allModels()
  expect(models.length).toBe(catalog.rows.length)
  expect(new Set(models.map(({ id }) => id)).size).toBe(models.length)
  for (const model of models) expect(findModel(model.id)).toBe(model)
})

test("every deployment is found by its provider and the provider's own id, and by the public id", () => {
  for (const model of allModels()) {
    for (const deployment of model.deployments) {
      const { provider, upstreamModel } = deployment
      expect(findDeployment(provider, upstreamModel)).toEqual({ model, deployment })
      expect(findDeployment(provider, model.id)).toEqual({ model, deployment })
      expect(findDeployment(provider, upstreamModel.toUpperCase())?.deployment).toBe(deployment)
    }
  }
})

test("no provider's own id climbs out of a path", () => {
  const names = allModels().flatMap(({ id, deployments }) => [id, ...deployments.map((one) => one.upstreamModel)])
  expect(names.filter((name) => !isPathStep(name))).toEqual([])
})

test('every model reads text and writes text or vectors; it has a window; each provider offers it once', () => {
  for (const { id, deployments, created, owner } of allModels()) {
    expect(deployments.length, id).toBeGreaterThan(0)
    expect(new Set(deployments.map(({ provider }) => provider)).size, id).toBe(deployments.length)
    expect(created, id).toBeGreaterThan(1_500_000_000)
    expect(id).toMatch(/^[^|\s,A-Z]+$/)
    expect(owner).not.toBe('')
    for (const { traits, price } of deployments) {
      const { dimensions } = traits.embedding ?? {}
      expect(traits.input.has('text') && traits.output.has(dimensions === undefined ? 'text' : 'embedding'), id).toBe(
        true,
      )
      // One length of all vectors, wherever they come from.
      expect(dimensions, id).toBe(deployments[0]?.traits.embedding?.dimensions)
      expect(traits.contextTokens, id).toBeGreaterThan(0)
      expect(Number.isFinite(traits.outputTokens), id).toBe(true)
      if (price) for (const dollars of Object.values(price)) expect(dollars, id).toBeGreaterThanOrEqual(0)
    }
  }
})

test('case, dots, dates and the maker in front do not hide a model', () => {
  expect(idOf('GPT-4O')).toBe('gpt-4o')
  expect(idOf('claude-opus-4.6')).toBe('claude-opus-4-6')
  expect(idOf('anthropic/claude-sonnet-4.5')).toBe('claude-sonnet-4-5')
  expect(idOf('anthropic/claude-sonnet-4-5')).toBe('claude-sonnet-4-5')
  expect(idOf('gpt-4.1-2025-04-14')).toBe('gpt-4.1')
  expect(idOf('claude-sonnet-4-5-20250929')).toBe('claude-sonnet-4-5')
  expect(idOf('claude-sonnet-4-5@20250929')).toBe('claude-sonnet-4-5')
  expect(idOf('gpt-4-0613')).toBe('gpt-4')
  expect(idOf('gemini-2.5-flash-preview-05-20')).toBe('gemini-2.5-flash')
  expect(idOf('meta-llama/llama-3.3-70b-instruct')).toBe('llama-3.3-70b-instruct')
  expect(idOf('mistralai/mistral-large-2411')).toBe('mistral-large-2411')
  expect(idOf('zai-org/GLM-5.2')).toBe('glm-5.2')
  expect(idOf('mistral-large-latest')).toBe('mistral-large-2512')
})

test('a dated model that is sold as such is not its undated sibling', () => {
  expect(idOf('gpt-4o-2024-08-06')).toBe('gpt-4o-2024-08-06')
  expect(idOf('deepseek-r1-0528')).toBe('deepseek-r1-0528')
})

test('a number that is no date does not fall off', () => {
  expect(findModel('gpt-4o-9999')).toBeUndefined()
  expect(findModel('gpt-4o-2024-13-40')).toBeUndefined()
})

test('a retired name is answered by its successor, dated or not', () => {
  expect(idOf('claude-3-sonnet')).toBe('claude-sonnet-4-5')
  expect(idOf('claude-3-sonnet-20240229')).toBe('claude-sonnet-4-5')
  expect(idOf('claude-3-5-sonnet-latest')).toBe('claude-sonnet-4-5')
  expect(idOf('claude-3-5-haiku-20241022')).toBe('claude-haiku-4-5')
  expect(idOf('claude-3-opus-20240229')).toBe('claude-opus-4-5')
  expect(idOf('gemini-1.5-pro-002')).toBe('gemini-2.5-pro')
  expect(idOf('gemini-2.0-flash')).toBe('gemini-2.5-flash')
  expect(idOf('gpt-4-vision-preview')).toBe('gpt-4o')
  expect(idOf('o1-mini')).toBe('o4-mini')
})

test('a provider that still serves a retired model serves it under its own name there', () => {
  expect(findDeployment('openrouter', 'anthropic/claude-3-haiku')?.deployment.upstreamModel).toBe(
    'anthropic/claude-3-haiku',
  )
  expect(findDeployment('azure', 'o1-mini')?.deployment.upstreamModel).toBe('o1-mini')
  expect(findDeployment('anthropic', 'claude-3-haiku')?.deployment.upstreamModel).toBe('claude-haiku-4-5')
})

test('distilled, free and faster variants are models of their own', () => {
  expect(idOf('deepseek-r1-distill-qwen-32b')).toBe('deepseek-r1-distill-qwen-32b')
  expect(idOf('meta-llama/llama-3.3-70b-instruct:free')).toBe('llama-3.3-70b-instruct:free')
  expect(idOf('kimi-k2.7-code-highspeed')).toBe('kimi-k2.7-code-highspeed')
  expect(findDeployment('together', 'pearl-ai/gemma-4-31b-it')?.model.id).toBe('pearl-ai/gemma-4-31b-it')
})

test('a pinned provider answers to the short form of its own id', () => {
  expect(findDeployment('groq', 'compound')?.deployment.upstreamModel).toBe('groq/compound')
  expect(findDeployment('openrouter', 'auto')?.model.id).toBe('openrouter/auto')
  expect(findDeployment('anthropic', 'claude-opus-4.6')?.deployment.upstreamModel).toBe('claude-opus-4-6')
  expect(findDeployment('fireworks', 'glm-5.2')?.deployment.upstreamModel).toBe('accounts/fireworks/models/glm-5p2')
})

test('a pin on a provider that lacks the model finds nothing', () => {
  expect(findDeployment('google', 'gpt-4o')).toBeUndefined()
  expect(findDeployment('nobody', 'gpt-4o')).toBeUndefined()
})

test('unknown names are unknown: prototype members, strange makers, separators, megabytes', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'auto', '', '/', '|', 'x/', '-', '=', 'nobody/gpt-4o']) {
    expect(findModel(name), name).toBeUndefined()
    expect(findDeployment('openai', name), name).toBeUndefined()
    expect(findDeployment(name, 'gpt-4o'), name).toBeUndefined()
  }
  expect(findModel('gpt-4o'.repeat(200_000))).toBeUndefined()
})

test('the maker comes first, then direct providers, then OpenRouter', () => {
  const providers = (name: string) => findModel(name)?.deployments.map(({ provider }) => provider)
  expect(providers('gpt-4o')).toEqual(['openai', 'azure', 'openrouter'])
  expect(providers('claude-sonnet-4-5')).toEqual(['anthropic', 'openrouter'])
  expect(providers('gpt-oss-120b')?.at(-1)).toBe('openrouter')
})

test('a row tells limits, abilities, reasoning and price', () => {
  const found = findDeployment('google', 'gemini-2.5-flash')
  expect(found?.model).toMatchObject({
    owner: 'google',
    created: Date.UTC(2025, 5, 17) / 1000,
  })
  expect(found?.deployment).toEqual({
    provider: 'google',
    upstreamModel: 'gemini-2.5-flash',
    traits: {
      contextTokens: 1_048_576,
      outputTokens: 65_536,
      input: new Set(['text', 'image', 'audio', 'video', 'pdf']),
      output: new Set(['text']),
      tools: true,
      jsonSchema: true,
      temperature: true,
      reasoning: true,
      toggle: true,
      budget: { min: 0, max: 24_576 },
    },
    price: { input: 0.3, output: 2.5, cacheRead: 0.03 },
  })
})

test('a model that is met again is the same object', () => {
  expect(findModel('claude-opus-4.6')).toBe(findModel('claude-opus-4-6'))
})

test('a version of a model that makes vectors leads to no other version', () => {
  expect(idOf('mistral-embed')).toBe('mistral-embed')
  expect(idOf('mistral-embed-2312')).toBe('mistral-embed')
  for (const name of ['mistral-embed-2612', 'text-embedding-ada-001', 'gemini-embedding', 'gemini-embedding-005']) {
    expect(idOf(name), name).toBeUndefined()
  }
  expect(idOf('bge-base-en-v1.5')).toBeUndefined()
  expect(idOf('@cf/baai/bge-base-en-v1.5')).toBe('@cf/baai/bge-base-en-v1.5')
})
