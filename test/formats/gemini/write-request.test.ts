import { describe, expect, test } from 'vitest'
import type { Traits } from '../../../src/formats/format.ts'
import { gemini } from '../../../src/formats/gemini/write-request.ts'
import { createAsker, type Json, refusal } from '../asking.ts'

const ask = createAsker(gemini, {})
const bodyOf = (fields: Json, traits?: Partial<Traits>) => ask(fields, traits).body
const configOf = (fields: Json, traits?: Partial<Traits>) => bodyOf(fields, traits).generationConfig

const parameters = { type: 'object', properties: { city: { const: 'Paris' } } }
const weather = { type: 'function', function: { name: 'weather', description: 'Tells it.', parameters } }
const clock = { type: 'function', function: { name: 'clock' } }
const named = { type: 'function', function: { name: 'weather' } }
const format = { type: 'json_schema', json_schema: { name: 'a', schema: parameters } }

const THREE: Partial<Traits> = { reasoning: true, efforts: ['minimal', 'low', 'medium', 'high'] }
const FLASH: Partial<Traits> = { reasoning: true, toggle: true, budget: { min: 0, max: 24_576 } }
const PRO: Partial<Traits> = { reasoning: true, budget: { min: 128, max: 32_768 } }

test('a minimal request is asked of its model, whole or streamed', () => {
  const { body, path } = ask({})
  expect(path).toBe('/v1beta/models/theirs:generateContent')
  expect(body).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hello!' }] }], generationConfig: {} })
  expect(ask({}, {}, { stream: true }).path).toBe('/v1beta/models/theirs:streamGenerateContent?alt=sse')
})

test('the instruction stands beside the contents', () => {
  const messages = [
    { role: 'system', content: 'a' },
    { role: 'user', content: 'b' },
  ]
  expect(bodyOf({ messages }).systemInstruction).toEqual({ parts: [{ text: 'a' }] })
})

describe('a parameter is translated', () => {
  test.each<[string, Json, Json]>([
    ['max_tokens', { max_tokens: 10 }, { maxOutputTokens: 10 }],
    ['max_completion_tokens first', { max_completion_tokens: 20, max_tokens: 10 }, { maxOutputTokens: 20 }],
    ['more tokens than the model can write', { max_tokens: 100_000 }, { maxOutputTokens: 64_000 }],
    ['temperature', { temperature: 1.7 }, { temperature: 1.7 }],
    ['temperature 0', { temperature: 0 }, { temperature: 0 }],
    ['top_p and top_k', { top_p: 0.5, top_k: 5 }, { topP: 0.5, topK: 5 }],
    ['stop as text', { stop: 'a' }, { stopSequences: ['a'] }],
    ['stop as a list', { stop: ['a', 'b'] }, { stopSequences: ['a', 'b'] }],
    ['no stop at all', { stop: [] }, {}],
    ['n', { n: 3 }, { candidateCount: 3 }],
    ['n 1', { n: 1 }, {}],
    [
      'seed and penalties',
      { seed: 7, presence_penalty: 1, frequency_penalty: -1 },
      { seed: 7, presencePenalty: 1, frequencyPenalty: -1 },
    ],
    ['logprobs', { logprobs: true }, { responseLogprobs: true }],
    ['logprobs with others', { logprobs: true, top_logprobs: 3 }, { responseLogprobs: true, logprobs: 3 }],
    ['logprobs with no others', { logprobs: true, top_logprobs: 0 }, { responseLogprobs: true }],
    ['no logprobs', { logprobs: false }, {}],
    ['JSON', { response_format: { type: 'json_object' } }, { responseMimeType: 'application/json' }],
    ['plain text', { response_format: { type: 'text' } }, {}],
    [
      'JSON by a schema',
      { response_format: format },
      {
        responseMimeType: 'application/json',
        responseJsonSchema: { type: 'object', properties: { city: { enum: ['Paris'] } } },
      },
    ],
  ])('%s', (_, fields, expected) => {
    expect(configOf(fields)).toEqual(expected)
  })

  test('safety_settings', () => {
    const safety_settings = [{ category: 'a', threshold: 'b' }]
    expect(bodyOf({ safety_settings }).safetySettings).toEqual(safety_settings)
  })

  test('web search', () => {
    expect(bodyOf({ web_search_options: {} }).tools).toEqual([{ googleSearch: {} }])
  })
})

test('what has no form in Gemini is dropped, and told', () => {
  const fields = {
    user: 'u',
    metadata: {},
    store: true,
    service_tier: 'auto',
    logit_bias: {},
    parallel_tool_calls: false,
  }
  const { body, dropped } = ask({ ...fields, brand_new: 1 })
  expect(Object.keys(body).sort()).toEqual(['contents', 'generationConfig'])
  expect([...dropped].sort()).toEqual([...Object.keys(fields), 'brand_new'].sort())
})

test('top_logprobs without logprobs asks for nothing: it is dropped, and told', () => {
  const { body, dropped } = ask({ top_logprobs: 2 })
  expect(body.generationConfig).toEqual({})
  expect(dropped).toEqual(['top_logprobs'])
})

test.each<[string, Json, string]>([
  ['audio', { modalities: ['audio'] }, 'modalities'],
  ['more than five stop sequences', { stop: ['1', '2', '3', '4', '5', '6'] }, 'stop'],
  ['JSON beside tools before Gemini 3', { response_format: format, tools: [weather] }, 'response_format'],
])('%s is refused, for the answer would be wrong without', (_, fields, param) => {
  expect(refusal(() => ask(fields, FLASH))).toEqual({ code: 'unsupported_parameter', param })
})

test('JSON beside tools is fine from Gemini 3 on', () => {
  expect(configOf({ response_format: format, tools: [weather] }, THREE)).toMatchObject({
    responseMimeType: 'application/json',
  })
})

describe('tools', () => {
  test('are one list of declarations, with plain JSON Schema', () => {
    expect(bodyOf({ tools: [weather, clock] }).tools).toEqual([
      {
        functionDeclarations: [
          {
            name: 'weather',
            description: 'Tells it.',
            parametersJsonSchema: { type: 'object', properties: { city: { enum: ['Paris'] } } },
          },
          { name: 'clock' },
        ],
      },
    ])
  })

  test('have parameters that are an object, also where the schema does not say so', () => {
    const clockWith = (parameters: Json) => ({ type: 'function', function: { name: 'clock', parameters } })
    const [tools] = bodyOf({ tools: [clockWith({ properties: { a: {} } }), clockWith({ $ref: '#/$defs/a' })] })
      .tools as Json[]
    expect(tools?.functionDeclarations).toMatchObject([
      { parametersJsonSchema: { type: 'object', properties: { a: {} } } },
      { parametersJsonSchema: { $ref: '#/$defs/a' } },
    ])
  })

  test.each<[string, unknown, Json | undefined]>([
    ['nothing', undefined, undefined],
    ['auto', 'auto', { mode: 'AUTO' }],
    ['none', 'none', { mode: 'NONE' }],
    ['required', 'required', { mode: 'ANY' }],
    ['a name', named, { mode: 'ANY', allowedFunctionNames: ['weather'] }],
    [
      'a list of which one must be called',
      { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named] } },
      { mode: 'ANY', allowedFunctionNames: ['weather'] },
    ],
  ])('are chosen by %s', (_, tool_choice, functionCallingConfig) => {
    const expected = functionCallingConfig && { functionCallingConfig }
    expect(bodyOf({ tools: [weather, clock], tool_choice }).toolConfig).toEqual(expected)
  })

  test('of which none is allowed are refused, and allowed ones that are not there are passed over', () => {
    const other = { type: 'function', function: { name: 'other' } }
    const allowed = (...tools: Json[]) => ({ type: 'allowed_tools', allowed_tools: { mode: 'auto', tools } })
    expect(refusal(() => ask({ tools: [weather], tool_choice: allowed(other) }))).toEqual({
      code: 'invalid_value',
      param: 'tool_choice',
    })
    expect(bodyOf({ tools: [weather], tool_choice: allowed(other, named) }).toolConfig).toEqual({
      functionCallingConfig: { mode: 'VALIDATED', allowedFunctionNames: ['weather'] },
    })
  })

  test('that are not there need no choice', () => {
    expect(bodyOf({ tools: [], tool_choice: 'required' })).not.toHaveProperty('toolConfig')
  })
})

describe('reasoning', () => {
  test.each([
    ['none', 'minimal'],
    ['minimal', 'minimal'],
    ['medium', 'medium'],
    ['xhigh', 'high'],
  ])('of Gemini 3: %s is the level %s', (reasoning_effort, thinkingLevel) => {
    const includeThoughts = reasoning_effort !== 'none'
    expect(configOf({ reasoning_effort }, THREE)).toEqual({ thinkingConfig: { thinkingLevel, includeThoughts } })
  })

  test.each([
    ['none', FLASH, 0],
    ['none', PRO, 128],
    ['minimal', FLASH, 1024],
    ['low', FLASH, 1024],
    ['medium', FLASH, 8192],
    ['high', FLASH, 24_576],
    ['high', PRO, 24_576],
    ['max', FLASH, 24_576],
    ['max', PRO, 32_768],
  ])('of Gemini 2.5: %s', (reasoning_effort, traits, thinkingBudget) => {
    expect(configOf({ reasoning_effort }, traits)).toMatchObject({ thinkingConfig: { thinkingBudget } })
  })

  test('by a number of tokens is taken as it is', () => {
    expect(configOf({ reasoning: { max_tokens: 500 } }, FLASH)).toMatchObject({
      thinkingConfig: { thinkingBudget: 500 },
    })
  })

  test('that nobody asked for is left to the model', () => {
    expect(configOf({}, THREE)).toEqual({})
  })

  test('is dropped, and told, on a model that does not reason', () => {
    const { body, dropped } = ask({ reasoning_effort: 'high' })
    expect(body.generationConfig).toEqual({})
    expect(dropped).toEqual(['reasoning_effort'])
  })
})
