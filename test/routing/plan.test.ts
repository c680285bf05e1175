import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import { parseChat } from '../../src/chat/request.ts'
import { needsOf } from '../../src/routing/needs.ts'
import { plan } from '../../src/routing/plan.ts'
import type { PlanInput } from '../../src/routing/plan-input.ts'

type Json = Record<string, unknown>

const hello = { role: 'user', content: 'Hello!' }
const ALL = ['openai', 'anthropic', 'google', 'azure', 'openrouter', 'groq']
const picture = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.example/' } }] }
const tool = { type: 'function', function: { name: 'f' } }

/** What a request is planned as, `provider/model` each. */
function planned(fields: Json, situation: Partial<PlanInput> = {}, configured = ALL): string[] {
  const chat = parseChat({ messages: [hello], ...fields })
  const autoModels = ['claude-sonnet-4-6', 'gpt-4.1']
  const base: PlanInput = {
    request: chat,
    needs: needsOf(chat),
    configured: new Set(configured),
    autoModels,
    autoChosen: true,
    ownModels: new Map(),
  }
  const { candidates, isSingle: single } = plan({ ...base, ...situation })
  return candidates.slice(0, single ? 1 : undefined).map(({ model, deployment }) => `${deployment.provider}/${model}`)
}

function refused(ask: () => unknown): { status: number; code: string | null; param: string | null } {
  try {
    ask()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { code, param } = error.toError()
    return { status: error.status, code, param }
  }
  throw new Error('it was planned')
}

describe('a named model', () => {
  test('goes to its providers that are configured, in the catalogue’s order', () => {
    expect(planned({ model: 'gpt-4.1' })).toEqual(['openai/gpt-4.1', 'azure/gpt-4.1', 'openrouter/gpt-4.1'])
    expect(planned({ model: 'gpt-4.1' }, {}, ['openrouter'])).toEqual(['openrouter/gpt-4.1'])
  })

  test('is followed by the further models of the request (contract 8)', () => {
    expect(planned({ model: 'gpt-4.1', models: ['claude-sonnet-4-6'] }, {}, ['openai', 'anthropic'])).toEqual([
      'openai/gpt-4.1',
      'anthropic/claude-sonnet-4-6',
    ])
  })

  test('is asked once though it is named twice', () => {
    expect(planned({ model: 'gpt-4.1', models: ['gpt-4.1', 'openai/gpt-4.1'] }, {}, ['openai'])).toEqual([
      'openai/gpt-4.1',
    ])
  })

  test('is asked once, with each of its providers, however often its names are repeated', () => {
    const models = ['gpt-4o', 'gpt-4.1', 'gpt-4o', 'openai/gpt-4.1', 'azure/gpt-4o', 'gpt-4o', 'gpt-4.1']
    expect(planned({ model: 'gpt-4.1', models }, {}, ['openai', 'azure'])).toEqual([
      'openai/gpt-4.1',
      'azure/gpt-4.1',
      'openai/gpt-4o',
      'azure/gpt-4o',
    ])
  })

  test('is alone where the caller wants no fallbacks', () => {
    expect(planned({ model: 'gpt-4.1', models: ['gpt-4o'], provider: { allow_fallbacks: false } })).toEqual([
      'openai/gpt-4.1',
    ])
  })

  test.each<[string, Json, string | null]>([
    ['an unknown model', { model: 'nothing-like-it' }, 'model'],
    ['an unknown further model', { model: 'gpt-4.1', models: ['gpt-4o', 'nothing-like-it'] }, 'models[1]'],
    ['a name of an object', { model: '__proto__' }, 'model'],
    ['an unknown model of a provider', { model: 'openai/nothing-like-it' }, 'model'],
    ['a very long name', { model: 'x'.repeat(100_000) }, 'model'],
  ])('that is %s is 404', (_, fields, param) => {
    expect(refused(() => planned(fields))).toEqual({ status: 404, code: 'model_not_found', param })
  })

  test('without a configured provider is 404, and the message says what to set', () => {
    expect(refused(() => planned({ model: 'gpt-4.1' }, {}, ['groq']))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
    expect(() => planned({ model: 'gpt-4.1' }, {}, ['groq'])).toThrow(/OPENAI_API_KEY/)
  })
})

describe('provider/model', () => {
  test('pins the provider', () => {
    expect(planned({ model: 'azure/gpt-4.1' })).toEqual(['azure/gpt-4.1'])
  })

  test('goes elsewhere only where the caller says so', () => {
    expect(planned({ model: 'azure/gpt-4.1', provider: { allow_fallbacks: true } })).toEqual([
      'azure/gpt-4.1',
      'openai/gpt-4.1',
      'openrouter/gpt-4.1',
    ])
  })

  test('may be any model of a server that the operator runs', () => {
    expect(planned({ model: 'ollama/whatever:7b' }, {}, ['ollama'])).toEqual(['ollama/ollama/whatever:7b'])
    expect(refused(() => planned({ model: 'ollama/whatever:7b' }, {}, ['openai'])).status).toBe(404)
  })
})

describe('a variant, written behind a name', () => {
  const planOf = (model: string, fields: Json = {}, situation: Partial<PlanInput> = {}) => {
    const chat = parseChat({ messages: [hello], model, ...fields })
    return plan({
      request: chat,
      needs: needsOf(chat),
      configured: new Set([...ALL, 'ollama', 'perplexity', 'together', 'fireworks']),
      autoModels: ['claude-sonnet-4-6', 'gpt-4.1'],
      autoChosen: true,
      ownModels: new Map(),
      ...situation,
    })
  }
  const ofPlan = ({ candidates, ...others }: ReturnType<typeof plan>) => ({
    ...others,
    candidates: candidates.map(({ model, deployment, tier }) => [model, deployment.provider, tier]),
  })

  test.each([
    ['nitro', 'throughput'],
    ['floor', 'price'],
  ])('%s is the same as sorting by %s', (variant, sort) => {
    for (const model of ['llama-3.3-70b-instruct', 'openai/gpt-4.1', 'gpt-4.1', 'auto']) {
      expect(ofPlan(planOf(`${model}:${variant}`))).toEqual(ofPlan(planOf(model, { provider: { sort } })))
      expect(planOf(`${model}:${variant}`).candidates.every((target) => target.variant === variant)).toBe(true)
    }
    const only = ['openai', 'openrouter']
    expect(ofPlan(planOf(`gpt-4.1:${variant}`, { provider: { only } }))).toEqual(
      ofPlan(planOf('gpt-4.1', { provider: { only, sort } })),
    )
    expect(planOf('gpt-4.1:floor', { provider: { sort: 'latency' } }).sort).toBe('latency')
  })

  test('floor puts the cheapest provider first', () => {
    const prices = planOf('llama-3.3-70b-instruct:floor').candidates.map(
      ({ deployment: { price } }) => price?.input ?? 0,
    )
    expect(prices.length).toBeGreaterThan(2)
    expect(prices).toEqual(prices.toSorted((a, b) => a - b))
  })

  test('free is the model of that name that costs nothing, and nothing else', () => {
    const [target, ...others] = planOf('gemma-4-31b-it:free').candidates
    expect([target?.model, target?.deployment.price, others]).toEqual([
      'gemma-4-31b-it:free',
      { input: 0, output: 0 },
      [],
    ])
    expect(refused(() => planOf('gpt-4.1:free'))).toEqual({ status: 404, code: 'model_not_found', param: 'model' })
    expect(() => planOf('gpt-4.1:free')).toThrow(/no free variant/)
  })

  test('online keeps to those who can search the web', () => {
    const providers = (model: string) => planOf(model).candidates.map(({ deployment }) => deployment.provider)
    expect(providers('claude-sonnet-4-6:online')).toEqual(['anthropic', 'openrouter'])
    expect(providers('gpt-4.1:online')).toEqual(['openrouter'])
    expect(providers('sonar:online')).toEqual(['perplexity', 'openrouter'])
    expect(providers('auto:online')).toEqual(['anthropic', 'openrouter', 'openrouter'])
    expect(refused(() => planOf('openai/gpt-4.1:online'))).toEqual({
      status: 400,
      code: 'model_not_capable',
      param: 'web_search',
    })
  })

  test('is part of the name where a server of the operator’s own has such names', () => {
    const ownModels = new Map([['ollama', ['llama3:nitro', 'mine']]])
    const named = (model: string) => {
      return planOf(model, {}, { ownModels }).candidates.map(({ deployment, variant }) => [
        deployment.upstreamModel,
        variant,
      ])
    }
    expect(named('ollama/llama3:nitro')).toEqual([['llama3:nitro', undefined]])
    expect(named('llama3:nitro')).toEqual([['llama3:nitro', undefined]])
    expect(named('mine:nitro')).toEqual([['mine', 'nitro']])
    expect(planOf('ollama/other:free').candidates[0]?.deployment.upstreamModel).toBe('other:free')
  })

  test.each(['nothing:nitro', ':nitro', 'gpt-4.1:quick', 'gpt-4.1:', 'openai/nothing:floor', 'gpt-4.1:nitro:floor'])(
    'that leads nowhere is 404: %s',
    (model) => {
      expect(refused(() => planOf(model))).toEqual({ status: 404, code: 'model_not_found', param: 'model' })
    },
  )

  test('is allowed where its model is', () => {
    const allowed = ['gpt-4.1']
    expect(planOf('gpt-4.1:nitro', {}, { allowed }).candidates[0]?.model).toBe('gpt-4.1')
    expect(refused(() => planOf('gpt-4o:nitro', {}, { allowed })).code).toBe('model_not_allowed')
  })

  test('and the same model without it are two wishes', () => {
    const only = { provider: { only: ['anthropic'] } }
    const { candidates } = planOf('claude-sonnet-4-6:online', { models: ['claude-sonnet-4-6'], ...only })
    expect(candidates.map(({ variant }) => variant)).toEqual(['online', undefined])
  })
})

describe("the caller's preferences (contract 8)", () => {
  test.each<[string, Json, string[]]>([
    ['only', { only: ['azure'] }, ['azure']],
    ['ignore', { ignore: ['openai', 'azure'] }, ['openrouter']],
    ['order', { order: ['openrouter', 'azure'] }, ['openrouter', 'azure', 'openai']],
    ['a price', { max_price: { prompt: 2, completion: 8 } }, ['openai', 'azure', 'openrouter']],
  ])('%s', (_, provider, expected) => {
    expect(planned({ model: 'gpt-4.1', provider }).map((name) => name.split('/')[0])).toEqual(expected)
  })

  test.each<[string, Json]>([
    ['a price', { sort: 'price' }],
    ['an order that begins with another provider', { order: ['openrouter', 'anthropic'] }],
    ['both', { order: ['anthropic'], sort: 'price' }],
  ])('%s does not let a further model overtake the one that was asked for', (_, provider) => {
    const models = ['gpt-4o-mini', 'claude-sonnet-4-6', 'gpt-oss-120b']
    const targets = planned({ model: 'gpt-4.1', models, provider })
    const order = [...new Set(targets.map((name) => name.slice(name.indexOf('/') + 1)))]
    expect(order).toEqual(['gpt-4.1', ...models])
  })

  test('an order without fallbacks is all that may be asked', () => {
    const asked = (order: readonly string[], configured?: string[]) =>
      planned({ model: 'gpt-4.1', provider: { order, allow_fallbacks: false } }, {}, configured)
    expect(asked(['azure'])).toEqual(['azure/gpt-4.1'])
    expect(asked(['openrouter', 'azure'], ['openai', 'azure'])).toEqual(['azure/gpt-4.1'])
    expect(refused(() => asked(['azure'], ['openai', 'openrouter']))).toMatchObject({ status: 404, param: 'model' })
    expect(asked([])).toEqual(['openai/gpt-4.1'])
  })

  test('a price orders the providers of each model, the cheapest first', () => {
    const targets = planned({
      model: 'llama-3.3-70b-instruct',
      models: ['gpt-4.1', 'gpt-oss-120b'],
      provider: { sort: 'price' },
    })
    expect(targets).toEqual([
      'openrouter/llama-3.3-70b-instruct',
      'groq/llama-3.3-70b-instruct',
      'azure/llama-3.3-70b-instruct',
      'openai/gpt-4.1',
      'azure/gpt-4.1',
      'openrouter/gpt-4.1',
      'openrouter/gpt-oss-120b',
      'groq/gpt-oss-120b',
    ])
  })

  test('an order orders the providers of each model', () => {
    const provider = { order: ['openrouter', 'azure'] }
    expect(planned({ model: 'gpt-4.1', models: ['gpt-4o'], provider })).toEqual([
      'openrouter/gpt-4.1',
      'azure/gpt-4.1',
      'openai/gpt-4.1',
      'openrouter/gpt-4o',
      'azure/gpt-4o',
      'openai/gpt-4o',
    ])
  })

  test.each<[Json]>([
    [{ only: ['groq'] }],
    [{ ignore: ['openai', 'azure', 'openrouter'] }],
    [{ max_price: { prompt: 0.01 } }],
  ])('%j leaves nothing: 404, with the reason', (provider) => {
    expect(refused(() => planned({ model: 'gpt-4.1', provider }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
  })
})

describe('auto', () => {
  test("is the operator's models, best first", () => {
    expect(planned({ model: 'auto' }, {}, ['openai', 'anthropic'])).toEqual([
      'anthropic/claude-sonnet-4-6',
      'openai/gpt-4.1',
    ])
  })

  test('takes array content and tools', () => {
    expect(planned({ model: 'auto', messages: [picture], tools: [tool], stream: true }, {}, ['openai'])).toEqual([
      'openai/gpt-4.1',
    ])
  })

  test('goes beyond our favourites where none of them is up to the request, but never beyond the operator’s list', () => {
    const sound = { role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }] }
    const fields = { model: 'auto', messages: [sound] }
    const targets = planned(fields, { autoChosen: false })
    expect(targets.length).toBeGreaterThan(0)
    expect(targets.join(' ')).toMatch(/google\/gemini/)
    expect(refused(() => planned(fields))).toMatchObject({ code: 'model_not_capable', param: 'audio' })
  })

  test('takes whatever there is where none of our own favourites is configured', () => {
    const targets = planned({ model: 'auto' }, { autoChosen: false }, ['groq'])
    expect(targets.length).toBeGreaterThan(0)
    for (const target of targets) expect(target).toMatch(/^groq\//)
  })

  test('is nothing where the operator chose models that are not configured', () => {
    expect(refused(() => planned({ model: 'auto' }, {}, ['groq']))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
  })

  test('keeps nothing of one request for the next: whoever allowed other providers did so for himself', () => {
    const configured = new Set(['openai', 'azure'])
    const autoModels = ['openai/gpt-4o']
    const asked = (fields: Json) => planned({ model: 'auto', ...fields }, { configured, autoModels })
    const before = asked({ provider: { allow_fallbacks: true } })
    expect(asked({})).toEqual(['openai/gpt-4o'])
    expect(before).toEqual(['openai/gpt-4o'])
  })

  test('prefers models that reason for whoever asks for reasoning, and still has the others', () => {
    const autoModels = ['gpt-4o', 'gpt-4.1', 'claude-sonnet-4-6', 'gpt-5.4']
    const asked = (fields: Json) => planned({ model: 'auto', ...fields }, { autoModels }, ['openai', 'anthropic'])
    const usual = ['openai/gpt-4o', 'openai/gpt-4.1', 'anthropic/claude-sonnet-4-6', 'openai/gpt-5.4']
    const reasoning = ['anthropic/claude-sonnet-4-6', 'openai/gpt-5.4', 'openai/gpt-4o', 'openai/gpt-4.1']
    for (const fields of [
      { reasoning_effort: 'low' },
      { reasoning: { effort: 'high' } },
      { reasoning: { max_tokens: 2000 } },
      { thinking: { type: 'enabled', budget_tokens: 2000 } },
      { reasoning_effort: 'low', provider: { ignore: ['azure'] } },
    ]) {
      expect(asked(fields), JSON.stringify(fields)).toEqual(reasoning)
    }
    for (const fields of [{}, { reasoning_effort: 'none' }, { reasoning: { enabled: false } }]) {
      expect(asked(fields), JSON.stringify(fields)).toEqual(usual)
    }
    const cheapest = asked({ reasoning_effort: 'low', provider: { sort: 'price' } })
    expect(cheapest.slice(0, 2).toSorted()).toEqual(reasoning.slice(0, 2).toSorted())
  })

  test('takes a model that reasons from beyond our favourites, but never from beyond the operator’s list', () => {
    const fields = { model: 'auto', reasoning_effort: 'high' }
    const situation = { autoModels: ['llama-3.3-70b-instruct'] }
    const [first, ...others] = planned(fields, { ...situation, autoChosen: false }, ['groq'])
    expect(first).toBe('groq/gpt-oss-120b')
    expect(others).toContain('groq/llama-3.3-70b-instruct')
    expect(planned(fields, situation, ['groq'])).toEqual(['groq/llama-3.3-70b-instruct'])
  })

  test('never takes a model whose window is too small', () => {
    const needs = { ...needsOf(parseChat({ model: 'auto', messages: [hello] })), promptTokens: () => 500_000 }
    const autoModels = ['gpt-4o', 'gpt-4.1']
    expect(planned({ model: 'auto' }, { needs, autoModels }, ['openai'])).toEqual(['openai/gpt-4.1'])
  })
})

describe("a key's list", () => {
  test('lets through what is on it, by any of its names', () => {
    expect(planned({ model: 'gpt-4.1' }, { allowed: ['gpt-4.1'] }, ['openai'])).toEqual(['openai/gpt-4.1'])
    expect(planned({ model: 'openai/gpt-4.1' }, { allowed: ['gpt-4.1'] }, ['openai'])).toEqual(['openai/gpt-4.1'])
  })

  test.each<[Json, string]>([
    [{ model: 'gpt-4o' }, 'model'],
    [{ model: 'auto' }, 'model'],
    [{ model: 'gpt-4.1', models: ['gpt-4o'] }, 'models[0]'],
  ])('refuses %j with 403', (fields, param) => {
    expect(refused(() => planned(fields, { allowed: ['gpt-4.1'] }))).toEqual({
      status: 403,
      code: 'model_not_allowed',
      param,
    })
  })

  test.each(['claude-3-sonnet', 'anthropic/claude-3-sonnet', 'claude-3-sonnet-20240229'])(
    'that names a model by an alias holds for all its names: %s',
    (alias) => {
      const situation = { allowed: [alias] }
      for (const model of ['claude-sonnet-4-5', 'anthropic/claude-sonnet-4-5', 'claude-3-sonnet']) {
        expect(planned({ model }, situation, ['anthropic'])).toEqual(['anthropic/claude-sonnet-4-5'])
      }
      expect(refused(() => planned({ model: 'claude-sonnet-4-6' }, situation, ['anthropic'])).status).toBe(403)
    },
  )

  test('that names a provider before a model allows that provider only, by whichever name it is asked for', () => {
    const situation = { allowed: ['openai/gpt-4o', 'openrouter/openai/gpt-4.1', 'ollama/llama9'] }
    const configured = ['openai', 'azure', 'openrouter', 'ollama']
    const asked = (model: string, more: Json = {}) => planned({ model, ...more }, situation, configured)
    for (const name of ['gpt-4o', 'openai/gpt-4o', 'GPT-4o']) {
      expect(asked(name), name).toEqual(['openai/gpt-4o'])
    }
    expect(asked('openai/gpt-4o', { provider: { allow_fallbacks: true } })).toEqual(['openai/gpt-4o'])
    expect(asked('gpt-4.1')).toEqual(['openrouter/gpt-4.1'])
    expect(asked('ollama/llama9')).toEqual(['ollama/ollama/llama9'])
    for (const model of ['azure/gpt-4o', 'openai/gpt-4.1', 'ollama/other', 'auto']) {
      expect(refused(() => asked(model)).code, model).toBe('model_not_allowed')
    }
    expect(() => planned({ model: 'gpt-4o' }, situation, ['azure'])).toThrow(/Set OPENAI_API_KEY\.$/)
  })

  test('that names a provider before a model keeps auto there', () => {
    const allowed = ['auto', 'azure/gpt-4.1']
    const autoModels = ['claude-sonnet-4-6', 'gpt-4.1']
    expect(planned({ model: 'auto' }, { allowed, autoModels }, ['openai', 'azure', 'anthropic'])).toEqual([
      'azure/gpt-4.1',
    ])
  })

  test('that names a model alone and at a provider allows all of its providers', () => {
    const situation = { allowed: ['azure/gpt-4.1', 'gpt-4.1'] }
    expect(planned({ model: 'gpt-4.1' }, situation, ['openai', 'azure'])).toEqual(['openai/gpt-4.1', 'azure/gpt-4.1'])
  })

  test('that names a model by an alias restricts what auto may become', () => {
    const allowed = ['auto', 'claude-3-sonnet']
    const autoModels = ['gpt-4.1', 'claude-sonnet-4-6', 'claude-sonnet-4-5']
    expect(planned({ model: 'auto' }, { allowed, autoModels }, ['openai', 'anthropic'])).toEqual([
      'anthropic/claude-sonnet-4-5',
    ])
  })

  test('restricts what auto may become', () => {
    expect(planned({ model: 'auto' }, { allowed: ['auto', 'gpt-4.1'] }, ['openai', 'anthropic'])).toEqual([
      'openai/gpt-4.1',
    ])
    expect(planned({ model: 'auto' }, { allowed: ['auto'] }, ['openai'])).toEqual(['openai/gpt-4.1'])
  })
})

describe('a model that cannot do what is asked', () => {
  test('is 400 with what is lacking, not 500', () => {
    expect(refused(() => planned({ model: 'gpt-oss-120b', messages: [picture] }))).toEqual({
      status: 400,
      code: 'model_not_capable',
      param: 'vision',
    })
  })

  test('is passed over where another can', () => {
    const targets = planned({ model: 'gpt-oss-120b', models: ['gpt-4.1'], messages: [picture] })
    expect(targets.length).toBeGreaterThan(0)
    for (const target of targets) expect(target).toMatch(/\/gpt-4\.1$/)
  })
})

test('no provider at all is 503, and the message says what to set', () => {
  expect(refused(() => planned({ model: 'auto' }, {}, []))).toMatchObject({
    status: 503,
    code: 'no_provider_configured',
  })
  expect(() => planned({ model: 'auto' }, {}, [])).toThrow(/_API_KEY/)
})

describe('where somebody has to know what an answer costs', () => {
  const isPriced = ({ provider }: { provider: string }) => provider === 'azure'

  test('nobody is asked of whom that is not known', () => {
    expect(planned({ model: 'gpt-4.1' }, { isPriced })).toEqual(['azure/gpt-4.1'])
  })

  test('a model that nobody knows the price of is refused, and it is said how to set one', () => {
    const ask = () => planned({ model: 'groq/llama-3.3-70b-versatile' }, { isPriced })
    expect(refused(ask)).toEqual({ status: 403, code: 'unpriced_model', param: 'model' })
    expect(ask).toThrow('MODEL_PRICES set: groq/llama-3.3-70b-versatile=INPUT:OUTPUT')
  })
})
