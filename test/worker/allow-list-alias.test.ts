import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Router9, startRouter9 } from '../harness/router9.ts'
import { expectRefusal } from './refusal.ts'

const KEY = 'sk-r9k-by-alias'
const authorization = `Bearer ${KEY}`
const REFUSAL = { status: 403, code: 'model_not_allowed', param: 'model' }

let router9: Router9
beforeAll(async () => {
  router9 = await startRouter9()
  await router9.worker.keys.put(KEY, { models: ['auto', 'claude-3-sonnet'] })
})
afterAll(() => router9.stop())

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
