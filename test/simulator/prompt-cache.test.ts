import { expect, test } from 'vitest'
import { ask, saying, sayingToClaude, sayingToGemini, sayingToResponses, useSimulator } from './asking.ts'
import { type Fields, fieldsOf } from './json.ts'
import { startSimulator } from './server.ts'

useSimulator()

const LONG = 'All that was said before. '.repeat(400)

function detailOf(usage: unknown, path: string): unknown {
  return path.split('.').reduce((value: unknown, field) => fieldsOf(value)?.[field], usage)
}

test.each<[string, (text: string) => Fields, string, string]>([
  ['/openai/v1/chat/completions', saying, 'usage', 'prompt_tokens_details.cached_tokens'],
  ['/deepseek/v1/chat/completions', saying, 'usage', 'prompt_cache_hit_tokens'],
  ['/openai/v1/responses', sayingToResponses, 'usage', 'input_tokens_details.cached_tokens'],
  ['/gemini/v1beta/models/gemini-3-pro:generateContent', sayingToGemini, 'usageMetadata', 'cachedContentTokenCount'],
  [
    '/anthropic/v1/messages',
    (text) => sayingToClaude(text, { cache_control: { type: 'ephemeral' } }),
    'usage',
    'cache_read_input_tokens',
  ],
])('%s counts the beginning of a prompt that it has seen', async (path, body, usage, field) => {
  const cached = async (text: string): Promise<unknown> =>
    detailOf((await ask(path, body(text))).json[usage], field) ?? 0
  const prompt = `${path} ${LONG}`
  expect(await cached(prompt)).toBe(0)
  const again = Number(await cached(`${prompt} And this is new.`))
  expect(again % 128).toBe(0)
  expect(again).toBeGreaterThan(2400)
  expect(again).toBeLessThanOrEqual(prompt.length / 4)
  // The first words differ, so nothing is known.
  expect(await cached(`x${prompt}`)).toBe(0)
  // Too short to be kept.
  expect(await cached('Hello')).toBe(0)
  expect(await cached('Hello')).toBe(0)
})

test('another key of the cache, another model and other tools know nothing of it', async () => {
  const cached = async (more: Fields): Promise<unknown> => {
    const { json } = await ask('/openai/v1/chat/completions', saying(`apart ${LONG}`, more))
    return detailOf(json.usage, 'prompt_tokens_details.cached_tokens')
  }
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
  for (const more of [{}, { prompt_cache_key: 'a' }, { model: 'gpt-4.1' }, { tools }])
    expect(await cached(more)).toBe(0)
  expect(await cached({ prompt_cache_key: 'a' })).toBeGreaterThan(2400)
})

test('Anthropic counts apart what it writes, and caches nothing that is not marked', async () => {
  const usage = async (more: Fields): Promise<Fields> => {
    const { json } = await ask('/anthropic/v1/messages', sayingToClaude(`parts ${LONG}`, more))
    return fieldsOf(json.usage) ?? {}
  }
  expect(await usage({})).toMatchObject({ cache_creation_input_tokens: 0, cache_read_input_tokens: 0 })
  const marked = { cache_control: { type: 'ephemeral' } }
  const first = await usage(marked)
  const second = await usage(marked)
  expect(first.cache_read_input_tokens).toBe(0)
  expect(first.cache_creation_input_tokens).toBeGreaterThan(2400)
  expect(second.cache_read_input_tokens).toBe(first.cache_creation_input_tokens)
  expect(second.input_tokens).toBe(first.input_tokens)
})

test('a simulator that repeats itself has no cache', async () => {
  const repeating = await startSimulator({ repeatable: true })
  const texts = await Promise.all(
    [1, 2].map(async () => {
      const headers = { authorization: 'Bearer key' }
      const body = JSON.stringify(saying(LONG))
      return (await fetch(`${repeating.url}/openai/v1/chat/completions`, { method: 'POST', headers, body })).text()
    }),
  )
  expect(texts[0]).toBe(texts[1])
  await repeating.close()
})
