import { describe, expect, test } from 'vitest'
import { chunksOf, useCase } from './router.ts'
import type { Asked, Script } from './scripted.ts'
import { BEGINNINGS, broken, FORMATS, SAYING, stream, whole } from './wires.ts'

const router9 = useCase({ AUTO_MODELS: 'gpt-4,gpt-4o,mistral-large-2512' })

const BOTH = { provider: { only: ['openai', 'mistral'] } }
/** A model at one provider, and another at the other. */
const FIRST_AND_SECOND = { models: ['mistral-large-2512'], ...BOTH }

const providerOf = ({ path }: Asked) => path.split('/')[1]
const askedProviders = () => router9.upstream.asked().map(providerOf)
const failing = (status: number, headers: Readonly<Record<string, string>> = {}) =>
  whole({ error: { message: 'Not now.', type: 'server_error', param: null, code: null } }, status, headers)
const saying = (text: string, streamed: boolean): Script =>
  streamed ? stream(SAYING.openai.streamed(text)) : whole(SAYING.openai.whole(text))

describe('after the first word nobody else goes on with the answer', () => {
  test.each(['openai', 'anthropic', 'gemini', 'cohere'] as const)('of %s', async (format) => {
    const { model } = FORMATS[format]
    router9.upstream.play(broken('cut', ...BEGINNINGS[format]), saying(' four', true))
    const response = await router9.post({
      model,
      models: ['mistral-large-2512'],
      provider: { only: [model.split('/')[0], 'mistral'], allow_fallbacks: true },
      messages: [{ role: 'user', content: 'Count.' }],
      stream: true,
    })
    const raw = await response.text()
    const chunks = chunksOf(raw)
    expect(response.status).toBe(200)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('One two three')
    expect(chunks.at(-1)?.error).toMatchObject({ type: 'upstream_error' })
    expect(raw).not.toContain('[DONE]')
    expect(router9.upstream.asked()).toHaveLength(1)
  })
})

test.each([408, 409, 429, 500, 502, 503, 504, 520, 522, 524, 529])('after a %i another is asked', async (status) => {
  const { choice } = await router9.whole('gpt-4o', [failing(status), saying('One', false)], FIRST_AND_SECOND)
  expect(choice.text).toBe('One')
  expect(askedProviders()).toEqual(['openai', 'mistral'])
})

describe('without health nothing is left alone for what it did before', () => {
  test.each([
    ['failures', failing(500)],
    ['a rate limit of a minute', failing(429, { 'retry-after': '60' })],
    ['refused credentials', failing(401)],
  ])('%s', async (_, failure) => {
    router9.upstream.play((asked) => (providerOf(asked) === 'openai' ? failure : saying('One', false)))
    for (let asked = 0; asked < 8; asked++) {
      const messages = [{ role: 'user', content: 'Hello!' }]
      const response = await router9.post({ model: 'gpt-4o', ...FIRST_AND_SECOND, messages })
      expect(response.status, await response.text()).toBe(200)
    }
    expect(askedProviders()).toEqual(Array(8).fill(['openai', 'mistral']).flat())
  })
})

describe('auto', () => {
  test('takes a prompt of 100,000 tokens, to a model that has room for it', async () => {
    // The same words at two lengths: it is the length that passes over the model with the small window.
    const ask = async (words: number) => {
      const content = 'word '.repeat(words)
      const { headers, choice } = await router9.whole('auto', saying('One', false), {
        ...BOTH,
        messages: [{ role: 'user', content }],
      })
      expect(choice.text).toBe('One')
      const [sent] = router9.upstream.asked()
      expect(sent?.body.messages).toEqual([{ role: 'user', content }])
      return { model: headers.get('x-router9-model'), sentTo: sent?.body.model }
    }
    expect((await ask(100)).model).toBe('gpt-4')
    // Five bytes a word; 3.2 bytes are taken for a token.
    expect(await ask(64_000)).toEqual({ model: 'gpt-4o', sentTo: 'gpt-4o' })
  })

  test.each([false, true])('is answered in the name of the model that won (stream: %s)', async (streamed) => {
    router9.upstream.play((asked) => (providerOf(asked) === 'openai' ? failing(500) : saying('One', streamed)))
    const messages = [{ role: 'user', content: 'Hello!' }]
    const response = await router9.post({ model: 'auto', ...BOTH, messages, stream: streamed })
    const raw = await response.text()
    const parts = streamed ? chunksOf(raw) : [JSON.parse(raw)]
    expect(new Set(parts.map((part: object) => 'model' in part && part.model))).toEqual(new Set(['mistral-large-2512']))
    expect(response.headers.get('x-router9-model')).toBe('mistral-large-2512')
    expect(response.headers.get('x-router9-requested-model')).toBe('auto')
  })

  test.each([false, true])('that fails says whom it asked, and when to come again (stream: %s)', async (stream) => {
    const limits = [failing(429, { 'retry-after': '9' }), failing(429, { 'retry-after': '4' })]
    const { status, headers, error } = await router9.refused('auto', [...limits, failing(429)], { ...BOTH, stream })
    expect(status).toBe(429)
    const asked = router9.upstream.asked().map((one) => `${providerOf(one)}/${one.body.model}`)
    expect(new Set(asked).size).toBeGreaterThan(1)
    for (const name of asked) expect(error.message).toContain(name)
    expect(headers.get('retry-after')).toBe('4')
    expect(headers.get('retry-after-ms')).toBe('4000')
  })
})

describe('a variant behind a name', () => {
  test.each([
    ['claude-sonnet-4-5', 'anthropic', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['google/gemini-2.5-flash', 'gemini', { tools: [{ googleSearch: {} }] }],
    ['perplexity/sonar', 'custom', { model: 'sonar', web_search_options: {} }],
    ['openrouter/openai/gpt-4o', 'custom', { model: 'openai/gpt-4o:online' }],
  ] as const)('%s:online searches the web', async (model, format, expected) => {
    const { headers, answer } = await router9.whole(`${model}:online`, whole(SAYING[format].whole('Yes.')))
    expect(router9.upstream.asked().map(({ body }) => body)).toMatchObject([expected])
    expect(headers.get('x-router9-dropped-params')).toBeNull()
    expect(headers.get('x-router9-requested-model')).toBe(`${model}:online`)
    expect(answer.model).not.toContain(':online')
  })

  test('that nobody can give is refused before anybody is asked', async () => {
    const online = await router9.refused('openai/gpt-4o:online', whole({}))
    expect([online.status, online.error.code, online.error.param]).toEqual([400, 'model_not_capable', 'web_search'])
    const free = await router9.refused('gpt-4o:free', whole({}))
    expect([free.status, free.error.code, free.error.param]).toEqual([404, 'model_not_found', 'model'])
    expect(router9.upstream.asked()).toEqual([])
  })

  test.each(['nitro', 'floor'])(':%s reaches nobody but OpenRouter, which has such names itself', async (variant) => {
    const script = whole(SAYING.openai.whole('Yes.'))
    const { answer } = await router9.whole(`openai/gpt-4o:${variant}`, script)
    expect([answer.model, router9.upstream.asked()[0]?.body.model]).toEqual(['gpt-4o', 'gpt-4o'])
    await router9.whole(`openrouter/openai/gpt-4o:${variant}`, script)
    expect(router9.upstream.asked()[0]?.body.model).toBe(`openai/gpt-4o:${variant}`)
  })
})
