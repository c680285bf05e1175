import { expect, test } from 'vitest'
import { type Env, readSettings } from '../../src/env.ts'
import { rightsOf, settingsFor } from '../../src/gateway/caller-settings.ts'
import { planInputOf } from '../../src/gateway/route.ts'
import { NO_NEEDS } from '../../src/routing/needs.ts'
import { plan } from '../../src/routing/plan.ts'
import { everyProviderAt } from '../harness/worker.ts'

function settings(vars: Record<string, string> = {}) {
  return readSettings({ KEYS: {}, ...everyProviderAt('http://127.0.0.1:1'), ...vars } as unknown as Env)
}
const ids = (of: ReturnType<typeof settings>) => [...of.providers.keys()]
const PLACES = { PROVIDER_REGIONS: 'mistral=eu, openai=us', NO_DATA_COLLECTION: 'openai,groq' }

test.each([
  ['the providers of its list, by any of their names', { providers: ['gemini', 'mistralai'] }, ['google', 'mistral']],
  ['only those that the operator says are in its regions', { policy: { regions: ['eu'] } }, ['mistral']],
  ['only those that the operator says keep nothing', { policy: { dataCollection: 'deny' } }, ['openai', 'groq']],
  ['what all of its bounds leave', { providers: ['openai', 'mistral'], policy: { regions: ['us'] } }, ['openai']],
] as const)('a key may use %s', (_, key, expected) => {
  const all = settings(PLACES)
  const own = settingsFor(all, key as never)
  expect(ids(own).toSorted()).toEqual([...expected].toSorted())
  // The plans of a key are cached by what it is configured with.
  expect(settingsFor(all, key as never)).toBe(own)
  expect(own.withheld?.size).toBe(all.providers.size - expected.length)
})

test('a key without bounds has the settings as they are', () => {
  const all = settings()
  expect(settingsFor(all, {})).toBe(all)
  expect(settingsFor(all, { policy: { dataCollection: 'allow', builtinTools: true } })).toBe(all)
})

test('a model at providers that the key may not use is refused as the key’s, not as a setting that is lacking', () => {
  const planFor = (providers: string[], model: string) => {
    const own = settingsFor(settings(), { providers })
    const request = { model, messages: [{ role: 'user', content: 'Hi' }] }
    return () => plan(planInputOf({ settings: own, caller: { providers } as never }, request as never, NO_NEEDS))
  }
  expect(planFor(['mistral'], 'openai/gpt-4o')).toThrow('may not use the providers')
  expect(planFor([], 'openai/gpt-4o')).toThrow('none of the configured providers')
  const { candidates } = planFor(['openai'], 'gpt-4o')()
  expect(new Set(candidates.map(({ deployment }) => deployment.provider))).toEqual(new Set(['openai']))
  const auto = planFor(['mistral'], 'auto')()
  expect(new Set(auto.candidates.map(({ deployment }) => deployment.provider))).toEqual(new Set(['mistral']))
})

test('a key’s policy goes before the settings, which allow nothing unless they say so', () => {
  expect(rightsOf({}, settings())).toEqual({ builtinTools: false, accountFields: false })
  const allowing = settings({ ALLOW_BUILTIN_TOOLS: 'on', ALLOW_ACCOUNT_FIELDS: 'on' })
  expect(rightsOf({}, allowing)).toEqual({ builtinTools: true, accountFields: true })
  expect(rightsOf({ policy: { builtinTools: false } }, allowing)).toEqual({ builtinTools: false, accountFields: true })
  expect(rightsOf({ policy: { accountFields: true } }, settings())).toEqual({
    builtinTools: false,
    accountFields: true,
  })
})

test.each([
  ['PROVIDER_REGIONS', 'mistral'],
  ['PROVIDER_REGIONS', 'nobody=eu'],
  ['NO_DATA_COLLECTION', 'nobody'],
])('%s=%s is refused', (name, value) => {
  expect(() => settings({ [name]: value })).toThrow(name)
})
