import { describe, expect, test } from 'vitest'
import { DEMO_KEY } from '../harness/worker.ts'
import { type Body, useCase } from './router.ts'
import { completion, generated, message, whole } from './wires.ts'

const router9 = useCase()

const HI = { role: 'user', content: 'Hi' }
const FUNCTION = { type: 'function', name: 'f', parameters: { type: 'object', properties: {} } }
const TOOL = { name: 'f', input_schema: { type: 'object', properties: {} } }
const SEARCH = { type: 'web_search', user_location: { type: 'approximate', city: 'Bern' } }
const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Yes.', annotations: [] }] }],
  usage: { input_tokens: 5, output_tokens: 7, total_tokens: 12 },
}
const ANSWERS = {
  claude: message([{ type: 'text', text: 'Yes.' }], 'end_turn'),
  gemini: generated([{ text: 'Yes.' }], 'STOP'),
  chat: completion({ content: 'Yes.' }, 'stop'),
  responses: RESPONSE,
}

async function ask(path: string, only: string, body: Body, answer: keyof typeof ANSWERS) {
  router9.upstream.play(whole(ANSWERS[answer]))
  const response = await fetch(router9.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, provider: { only: [only] } }),
  })
  const json = JSON.parse(await response.text())
  const [asked] = router9.upstream.asked()
  return { status: response.status, json, asked, dropped: response.headers.get('x-router9-dropped-params') }
}

const viaResponses = (model: string, only: string, more: Body, answer: keyof typeof ANSWERS) =>
  ask('/v1/responses', only, { model, input: 'Hi', store: false, ...more }, answer)
const viaMessages = (model: string, only: string, more: Body, answer: keyof typeof ANSWERS) =>
  ask('/v1/messages', only, { model, max_tokens: 50, messages: [HI], ...more }, answer)

describe('a search of the web beside a client’s own tools', () => {
  test('is the provider’s own where that goes together', async () => {
    const tools = [FUNCTION, SEARCH]
    const { status, asked, dropped } = await viaResponses('claude-sonnet-4-5', 'anthropic', { tools }, 'claude')
    expect(status).toBe(200)
    const user_location = { type: 'approximate', city: 'Bern' }
    expect(asked?.body.tools).toEqual([
      expect.objectContaining({ name: 'f' }),
      { type: 'web_search_20250305', name: 'web_search', user_location },
    ])
    expect(dropped).toBeNull()
  })

  test('is so too where a provider of the same API lacks another of the tools', async () => {
    const tools = [{ type: 'custom', name: 'patch' }, SEARCH]
    const { asked, dropped } = await viaResponses('grok-4.3', 'xai', { tools }, 'responses')
    expect(asked?.path).toMatch(/\/responses$/)
    expect(asked?.body.tools).toMatchObject([{ type: 'function', name: 'patch' }, SEARCH])
    expect(dropped).toBeNull()
  })

  test.each([
    ['gemini-2.5-flash', 'google', 'gemini'],
    ['mistral-large-2512', 'mistral', 'chat'],
  ] as const)('is left out, and listed, elsewhere: %s', async (model, only, answer) => {
    const asResponse = await viaResponses(model, only, { tools: [FUNCTION, SEARCH] }, answer)
    expect([asResponse.status, asResponse.dropped]).toEqual([200, 'tools[1]'])
    const tools = [TOOL, { type: 'web_search_20250305', name: 'web_search' }]
    const asMessage = await viaMessages(model, only, { tools }, answer)
    expect([asMessage.status, asMessage.dropped]).toEqual([200, 'tools.web_search'])
    for (const { asked } of [asResponse, asMessage]) expect(JSON.stringify(asked?.body)).not.toMatch(/search/i)
  })
})

describe('a search of the web that a request is for', () => {
  test.each([
    ['alone', [SEARCH], {}],
    ['forced', [FUNCTION, SEARCH], { tool_choice: { type: 'web_search' } }],
  ])('is refused by name where a provider has none: %s', async (_, tools, more) => {
    const { status, json, asked } = await viaResponses('mistral-large-2512', 'mistral', { tools, ...more }, 'chat')
    expect(status).toBe(400)
    expect(json.error).toMatchObject({ code: 'model_not_capable', param: `tools[${tools.length - 1}].type` })
    expect(json.error.message).toContain("'web_search'")
    expect(asked).toBeUndefined()
  })

  test('is refused to a client of Messages too', async () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }]
    const { status, json, asked } = await viaMessages('mistral-large-2512', 'mistral', { tools }, 'chat')
    expect(status).toBe(400)
    expect(json.error.message).toContain('web_search_20250305')
    expect(asked).toBeUndefined()
  })

  test('reaches GPT in the API in which it searches', async () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }]
    const { status, asked } = await viaMessages('gpt-4o', 'openai', { tools }, 'responses')
    expect(status).toBe(200)
    expect(asked?.path).toMatch(/\/responses$/)
    expect(asked?.body.tools).toEqual([{ type: 'web_search' }])
  })
})
