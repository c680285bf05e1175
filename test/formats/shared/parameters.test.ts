import { describe, expect, test } from 'vitest'
import { parseChat } from '../../../src/chat/request.ts'
import {
  allParameters,
  checkParameters,
  isEssential,
  NATIVE_FIELDS,
  policyFor,
  TRANSLATED_FORMATS,
} from '../../../src/formats/shared/parameters.ts'

/** A value for each parameter that asks for something. */
const ASKING: Record<string, unknown> = {
  max_tokens: 5,
  max_completion_tokens: 5,
  temperature: 0.5,
  top_p: 0.5,
  top_k: 5,
  stop: ['x'],
  n: 2,
  seed: 7,
  presence_penalty: 0.5,
  frequency_penalty: 0.5,
  logit_bias: { 1: 1 },
  logprobs: true,
  top_logprobs: 2,
  tools: [{ type: 'function', function: { name: 'f' } }],
  tool_choice: 'auto',
  parallel_tool_calls: false,
  response_format: { type: 'json_object' },
  reasoning_effort: 'low',
  reasoning: { effort: 'low' },
  web_search_options: {},
  modalities: ['text', 'image'],
  audio: { voice: 'alloy', format: 'wav' },
  functions: [{ name: 'f' }],
  function_call: 'auto',
  user: 'u',
  safety_identifier: 'u',
  service_tier: 'auto',
  prediction: { type: 'content', content: 'x' },
  verbosity: 'low',
  store: true,
  metadata: { a: 'b' },
  prompt_cache_key: 'k',
  prompt_cache_retention: '24h',
}

function chatWith(fields: Record<string, unknown>) {
  return parseChat({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...fields })
}

test('every parameter of the table is tried here', () => {
  expect(Object.keys(ASKING).sort()).toEqual([...allParameters()].sort())
})

test('only what an answer would be wrong without is refused', () => {
  const refused = [...allParameters()].filter((name) =>
    TRANSLATED_FORMATS.some((format) => policyFor(name, format) === 'refused'),
  )
  expect(refused.sort()).toEqual(['audio', 'logprobs', 'modalities', 'n', 'stop', 'web_search_options'])
  expect(refused.every(isEssential)).toBe(true)
})

describe.each(TRANSLATED_FORMATS)('in the format of %s', (format) => {
  test.each([...allParameters()])('%s is treated as the policy says', (name) => {
    const chat = chatWith({ [name]: ASKING[name] })
    if (policyFor(name, format) === 'refused') {
      expect(() => checkParameters(chat, format)).toThrow(
        expect.objectContaining({ kind: 'unsupported-parameter', details: { param: name } }),
      )
    } else expect(checkParameters(chat, format)).toEqual(policyFor(name, format) === 'dropped' ? [name] : [])
  })

  test('a parameter that nobody knows is dropped, and its own fields are not', () => {
    const own = Object.fromEntries(NATIVE_FIELDS[format].map((name) => [name, {}]))
    expect(checkParameters(chatWith({ ...own, brand_new: 1, constructor: 2 }), format)).toEqual([
      'brand_new',
      'constructor',
    ])
  })

  test('what asks for nothing is no reason to refuse', () => {
    const idle = { n: 1, logprobs: false, modalities: ['text'], audio: null }
    expect(checkParameters(chatWith(idle), format)).toEqual([])
  })
})
