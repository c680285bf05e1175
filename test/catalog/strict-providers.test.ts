import { describe, expect, test } from 'vitest'
import { findProvider, PROVIDERS } from '../../src/catalog/providers.ts'
import { parseChat } from '../../src/chat/request.ts'
import type { Traits } from '../../src/formats/format.ts'
import { unlistedModelTraits } from '../../src/routing/unlisted-model.ts'

type Json = Record<string, unknown>

function ask(
  name: string,
  fields: Json,
  traits: Partial<Traits> = {},
  stream = false,
): { body: Json; dropped: readonly string[] } {
  const provider = findProvider(name)
  if (provider === undefined) throw new TypeError(`no provider ${name}`)
  const chat = parseChat({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...fields })
  const whole = { ...unlistedModelTraits, ...traits }
  const { request, dropped } = provider.format.prepare({ chat, model: 't', stream, traits: whole, newId: () => 'i' })
  return { body: JSON.parse(request.body) as Json, dropped }
}

describe('Mistral', () => {
  test('gets only the parameters that it takes, and is said to have lost the others', () => {
    const { body, dropped } = ask('mistral', {
      verbosity: 'low',
      prompt_cache_key: 'k',
      brand_new: 1,
      top_p: 0.5,
      seed: 7,
    })
    expect(Object.keys(body).sort()).toEqual(['messages', 'model', 'prompt_cache_key', 'random_seed', 'top_p'])
    expect([...dropped].sort()).toEqual(['brand_new', 'verbosity'])
  })

  test.each([
    ['web_search_options', {}],
    ['modalities', ['text', 'audio']],
    ['audio', { voice: 'alloy', format: 'wav' }],
  ])('and others that take but what they know do not answer without %s', (name, value) => {
    for (const provider of ['mistral', 'groq', 'cerebras']) {
      expect(() => ask(provider, { [name]: value })).toThrow(
        expect.objectContaining({ kind: 'unsupported-parameter', details: { param: name }, failover: true }),
      )
      const { body, dropped } = ask(provider, { modalities: ['text'] })
      expect([Object.keys(body).sort(), dropped]).toEqual([['messages', 'model'], []])
    }
  })

  test('gets messages with OpenAI’s fields alone, and a last one of the assistant as a prefix', () => {
    const messages = [
      { role: 'user', content: 'a', name: 'ann', client_id: 7 },
      { role: 'assistant', content: 'b', annotations: [{}], refusal: null },
    ]
    expect(ask('mistral', { messages }).body.messages).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b', prefix: true },
    ])
  })
})

describe('thinking', () => {
  const reasons = { reasoning: true, toggle: true }

  test.each([
    ['deepseek', { thinking: { type: 'disabled' } }],
    ['moonshot', { thinking: { type: 'disabled' } }],
    ['together', { reasoning: { enabled: false } }],
  ])('is switched off at %s in its own way', (name, off) => {
    const { body } = ask(name, { reasoning_effort: 'none' }, { ...reasons, efforts: ['high', 'max'] })
    expect(body).toMatchObject(off)
    expect(body).not.toHaveProperty('reasoning_effort')
  })

  test('goes on without thoughts at DeepSeek only by not thinking, in a round that another model began', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
    const round = (message: Json) => [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: null, tool_calls: [call], ...message },
      { role: 'tool', tool_call_id: 'c', content: 'x' },
    ]
    expect(ask('deepseek', { messages: round({}) }, reasons).body).toMatchObject({ thinking: { type: 'disabled' } })
    expect(ask('deepseek', { messages: round({ reasoning_content: 'Hm.' }) }, reasons).body).not.toHaveProperty(
      'thinking',
    )
  })
})

describe('JSON by a schema', () => {
  const response_format = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } }

  test('is refused where the model has none, so that another candidate is asked', () => {
    expect(() => ask('groq', { response_format }, { jsonSchema: false })).toThrow(
      expect.objectContaining({ kind: 'unsupported-parameter', failover: true }),
    )
  })

  test('is asked for in words at DeepSeek, which knows JSON but no schemas', () => {
    const { body } = ask('deepseek', { response_format })
    expect(body.response_format).toEqual({ type: 'json_object' })
    expect(JSON.stringify(body.messages)).toContain('JSON Schema')
  })
})

test.each([
  ['groq', 'groq', { stream: true, response_format: { type: 'json_object' } }],
  ['cerebras', 'cerebras', { stream: true, tools: true, response_format: { type: 'json_schema', json_schema: {} } }],
])('%s has no JSON mode beside what excludes it there', (_, name, { stream, tools, response_format }: Json) => {
  const clock = { type: 'function', function: { name: 'clock' } }
  const fields = { response_format, ...(tools ? { tools: [clock] } : {}) }
  const { body, dropped } = ask(name, fields, {}, stream === true)
  expect(body).not.toHaveProperty('response_format')
  expect(dropped).toEqual(['response_format'])
  expect(ask(name, { response_format }).body).toHaveProperty('response_format')
})

test('functions from before tools reach only those who still know them', () => {
  const functions = [{ name: 'clock' }]
  const withTools = PROVIDERS.filter(({ id }) => id !== 'perplexity' && id !== 'bedrock')
  const knowing = withTools.filter(({ id }) => 'functions' in ask(id, { functions }).body)
  expect(knowing.map(({ id }) => id)).toEqual(['openai', 'azure'])
})

test('Perplexity gets turns that alternate, the user first', () => {
  const messages = [
    { role: 'assistant', content: 'How can I help?' },
    { role: 'user', content: 'a' },
    { role: 'system', content: 's' },
    { role: 'user', content: 'b' },
  ]
  const roles = (ask('perplexity', { messages }).body.messages as Json[]).map(({ role }) => role)
  expect(roles).toEqual(['system', 'user', 'assistant', 'user'])
})

test('cache marks reach nobody who does not know them', () => {
  const tools = [{ type: 'function', function: { name: 'f' }, cache_control: { type: 'ephemeral' } }]
  expect(JSON.stringify(ask('openai', { tools, cache_control: {} }).body)).not.toContain('cache_control')
  expect(JSON.stringify(ask('openrouter', { tools }).body)).toContain('cache_control')
})
