import { beforeAll, describe, expect, test } from 'vitest'
import { usePlatformRouter9 } from '../harness/platform-router9.ts'
import { expectRefusal } from './refusal.ts'

const KEY = 'sk-r9k-by-alias'
const authorization = `Bearer ${KEY}`
const KEY_AT_ONE = 'sk-r9k-at-one-provider'
const REFUSAL = { status: 403, code: 'model_not_allowed', param: 'model' }

const router9 = usePlatformRouter9()
beforeAll(async () => {
  await router9.worker.keys.put(KEY, { models: ['auto', 'claude-3-sonnet'] })
  await router9.worker.keys.put(KEY_AT_ONE, { models: ['auto', 'azure/gpt-4o'] })
})

const get = (path: string) => fetch(router9.url + path, { headers: { authorization } })
const ask = (model: string) =>
  router9.chat({ model, messages: [{ role: 'user', content: 'Hello!' }] }, { authorization })

test('a list that names a model by an alias holds for the models that are listed', async () => {
  const { data } = (await (await get('/v1/models')).json()) as { data: { id: string }[] }
  expect(data.map(({ id }) => id)).toEqual(['auto', 'claude-sonnet-4-5'])
})

test.each(['claude-3-sonnet', 'claude-sonnet-4-5', 'anthropic/claude-sonnet-4-5', 'claude-sonnet-4-5-20250929'])(
  'it holds for every name of that model: %s',
  async (name) => {
    expect((await get(`/v1/models/${name}`)).status).toBe(200)
    const response = await ask(name)
    expect(response.status, await response.clone().text()).toBe(200)
    expect(await response.json()).toMatchObject({ model: 'claude-sonnet-4-5' })
  },
)

test('it holds for auto', async () => {
  expect(await (await ask('auto')).json()).toMatchObject({ model: 'claude-sonnet-4-5' })
})

test.each(['claude-sonnet-4-6', 'gpt-4o'])('it holds for no other model: %s', async (name) => {
  await expectRefusal(await get(`/v1/models/${name}`), REFUSAL)
  await expectRefusal(await ask(name), REFUSAL)
})

describe('a list that names a provider before a model', () => {
  const atOne = { authorization: `Bearer ${KEY_AT_ONE}` }
  const askOne = (model: string, more = {}) =>
    router9.chat({ model, messages: [{ role: 'user', content: 'Hello!' }], ...more }, atOne)

  test.each(['gpt-4o', 'azure/gpt-4o', 'auto'])(
    'lets %s through to that provider only, also where it fails',
    async (model) => {
      router9.simulator.setFault('azure', { status: 500 })
      const failed = await askOne(model, { provider: { allow_fallbacks: true } })
      router9.simulator.clearFaults()
      expect(failed.status).toBe(502)
      expect(failed.headers.get('x-router9-attempts')).toMatch(/^azure:500:\d+ms(,azure:500:\d+ms)?$/)
      const answered = await askOne(model)
      expect(answered.headers.get('x-router9-provider')).toBe('azure')
      expect(await answered.json()).toMatchObject({ model: 'gpt-4o' })
    },
  )

  test('refuses that model elsewhere', async () => {
    await expectRefusal(await askOne('openai/gpt-4o'), REFUSAL)
  })

  test('is shown that model with that provider, and no other', async () => {
    const list = await fetch(`${router9.url}/v1/models`, { headers: atOne })
    const { data } = (await list.json()) as { data: { id: string; providers: string[] }[] }
    expect(data.slice(1)).toMatchObject([{ id: 'gpt-4o', providers: ['azure'] }])
    const one = await fetch(`${router9.url}/v1/models/gpt-4o`, { headers: atOne })
    expect(await one.json()).toMatchObject({ id: 'gpt-4o', providers: ['azure'] })
    await expectRefusal(await fetch(`${router9.url}/v1/models/openai/gpt-4o`, { headers: atOne }), REFUSAL)
  })
})
