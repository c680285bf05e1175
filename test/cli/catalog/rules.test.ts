import { describe, expect, test } from 'vitest'
import { allModels, findDeployment, findModel } from '../../../src/catalog/models.ts'
import { deploymentOf, onlyFormatOf } from '../../../src/cli/catalog/deployment.ts'
import { FIXED_TEMPERATURE, NOT_CHAT, OWNERS_BY_NAME, RARE_TRAITS } from '../../../src/cli/catalog/rules.ts'
import type { Facts, Offer } from '../../../src/cli/catalog/source.ts'

const facts: Facts = {
  release_date: '2025-06-01',
  tool_call: false,
  temperature: true,
  reasoning: false,
  reasoning_options: [],
  limit: { context: 1000, output: 100 },
  modalities: { input: ['text'], output: ['text'] },
} as unknown as Facts

function traitsOf(provider: string, id: string, changes: Partial<Facts> = {}) {
  return deploymentOf({ provider, id, facts: { ...facts, ...changes } } as Offer).traits
}

/** The traits that rules give, by the providers' own names of the models. */
const PECULIAR = [...new Set(RARE_TRAITS.map(({ trait }) => trait))]
const peculiar = (provider: string, id: string) => {
  const traits = traitsOf(provider, id)
  return PECULIAR.filter((trait) => traits[trait] === true)
}

describe('what the data does not tell is known of', () => {
  test.each<[string, string, string[]]>([
    ['google', 'gemma-4-31b-it', ['noSystem']],
    ['google', 'gemma-3n-e4b-it', ['noSystem']],
    ['google', 'gemini-2.5-flash', []],
    ['azure', 'o1-mini', ['noSystem']],
    ['azure', 'o1', []],
    ['openrouter', 'google/gemma-4-31b-it', []],
    ['anthropic', 'claude-fable-5', ['noForcedTool']],
    ['anthropic', 'claude-mythos-5', ['noForcedTool']],
    ['anthropic', 'claude-opus-4-8', []],
    ['google', 'gemini-3-pro-image-preview', ['signsCalls']],
    ['google', 'gemini-3.1-flash-image', ['signsCalls']],
    ['google', 'gemini-10-flash-image', ['signsCalls']],
    ['google', 'gemini-2.5-flash-image', []],
    ['workers-ai', '@cf/deepseek-ai/deepseek-r1-distill-qwen-32b', ['opensThinking']],
    ['openrouter', 'deepseek/deepseek-r1-distill-llama-70b', []],
  ])('%s %s: %j', (provider, id, expected) => {
    expect(peculiar(provider, id)).toEqual(expected)
  })

  test('the catalogue as it stands', () => {
    const at = (name: string, provider: string) =>
      findModel(name)?.deployments.find((deployment) => deployment.provider === provider)?.traits
    expect(at('gemma-4-31b-it', 'google')?.noSystem).toBe(true)
    expect(at('gemma-4-31b-it', 'together')?.noSystem).toBeUndefined()
    expect(at('openai/o1-mini', 'azure')?.noSystem).toBe(true)
    expect(at('claude-fable-5', 'anthropic')?.noForcedTool).toBe(true)
    expect(at('gemini-3-pro-image-preview', 'google')?.signsCalls).toBe(true)
    expect(at('deepseek-r1-distill-qwen-32b', 'workers-ai')?.opensThinking).toBe(true)
  })
})

test.each([
  ['kimi-k2.5', true],
  ['accounts/fireworks/models/kimi-k2p6', true],
  ['kimi-k2-thinking', false],
  ['kimi-k2-0905-preview', false],
])('a temperature of its own: %s %s', (id, fixed) => {
  expect(FIXED_TEMPERATURE.test(id)).toBe(fixed)
  expect(traitsOf('moonshot', id).temperature).toBe(!fixed)
})

test.each([
  ['anthropic', 'claude-haiku-4-5', true],
  ['anthropic', 'claude-opus-4-1', true],
  ['anthropic', 'claude-sonnet-5', true],
  ['anthropic', 'claude-sonnet-4-20250514', false],
  ['anthropic', 'claude-3-7-sonnet', false],
  ['perplexity', 'sonar-pro', true],
  ['groq', 'llama-3.3-70b-versatile', false],
])('output by JSON schema where the data is silent: %s %s %s', (provider, id, expected) => {
  expect(traitsOf(provider, id).jsonSchema).toBe(expected)
  expect(traitsOf(provider, id, { structured_output: !expected }).jsonSchema, 'the data wins').toBe(!expected)
})

test.each([
  ['openai', 'gpt-3.5-turbo', true],
  ['azure', 'gpt-3.5-turbo-1106', true],
  ['azure', 'gpt-3.5-turbo-0301', false],
  ['openai', 'gpt-4', false],
])('tools where the data has none: %s %s %s', (provider, id, expected) => {
  expect(traitsOf(provider, id).tools).toBe(expected)
})

test.each([
  ['gpt-4o', 'openai'],
  ['o3-mini', 'openai'],
  ['gemma-2-9b', 'google'],
  ['meta-llama-3-8b', 'meta'],
  ['magistral-small', 'mistral'],
  ['kimi-k2', 'moonshotai'],
  ['zai-glm-4.7', 'z-ai'],
  ['qwq-32b', 'qwen'],
  ['phi-4', 'microsoft'],
  ['unheard-of', undefined],
])('%s is known to be from %s', (name, owner) => {
  expect(OWNERS_BY_NAME.find(([pattern]) => pattern.test(name))?.[1]).toBe(owner)
})

test.each([
  ['text-embedding-3-small', true],
  ['llama-guard-4-12b', true],
  ['whisper-large-v3', true],
  ['gpt-4o', false],
  ['command-a-03-2025', false],
])('%s is no chat model: %s', (name, expected) => {
  expect(NOT_CHAT.some(([pattern]) => pattern.test(name))).toBe(expected)
})

test.each([
  ['openai', 'o3-pro', 'openai-responses'],
  ['openai', 'gpt-5.2-pro', 'openai-responses'],
  ['azure', 'gpt-5-codex', 'openai-responses'],
  ['xai', 'grok-4.20-multi-agent-0309', 'openai-responses'],
  ['openai', 'gpt-3.5-turbo-instruct', 'openai-completions'],
  ['azure', 'gpt-3.5-turbo-instruct', 'openai-completions'],
  ['openai', 'gpt-3.5-turbo', undefined],
  ['openai', 'o3', undefined],
  ['openai', 'gpt-5.2', undefined],
  ['openrouter', 'openai/o3-pro', undefined],
  ['openrouter', 'openai/gpt-3.5-turbo-instruct', undefined],
])('%s serves %s in one format alone: %s', (provider, id, expected) => {
  expect(onlyFormatOf(provider, id)).toBe(expected)
})

test('models that are in one format alone are asked in it', () => {
  for (const { id, deployments } of allModels()) {
    for (const { provider, upstreamModel, format } of deployments) {
      expect([id, provider, format]).toEqual([id, provider, onlyFormatOf(provider, upstreamModel)])
    }
  }
  expect(findDeployment('openai', 'gpt-5.3-codex')?.deployment.format).toBe('openai-responses')
})

test.each([
  ['gpt-3.5-turbo-instruct', 'gpt-3.5-turbo-instruct'],
  ['gpt-3.5-turbo-instruct-0914', 'gpt-3.5-turbo-instruct'],
  ['text-davinci-003', 'gpt-3.5-turbo-instruct'],
  ['davinci', 'davinci-002'],
  ['babbage-002', 'babbage-002'],
])('%s is %s, which the source does not list at OpenAI', (name, id) => {
  const found = findDeployment('openai', name)
  expect([found?.model.id, found?.deployment.format]).toEqual([id, 'openai-completions'])
})
