import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { type Router9Answer, readRouter9Body, readRouter9Stream } from './answer.ts'
import { readGeminiAnswerBody, readGeminiAnswerStream } from './answer-gemini.ts'
import { readMessagesAnswerBody, readMessagesAnswerStream } from './answer-messages.ts'
import { readResponsesAnswerBody, readResponsesAnswerStream } from './answer-responses.ts'
import { schemaProblems } from './answer-schemas.ts'
import { anthropicProblems } from './anthropic-schemas.ts'
import { readEvents } from './events.ts'
import type { Api } from './expected.ts'
import { geminiProblems } from './gemini-schemas.ts'
import { arrayOf, at, objectOf, parseJson, textOf } from './json.ts'
import { openResponsesProblems } from './open-responses.ts'
import { readOpenAiSpec } from './openai-spec.ts'
import { OPENAI_WIRE } from './openai-wire.ts'

const router9 = useRouter9()
// Without the document, what it says is not checked; the rest is.
const spec = readOpenAiSpec(process.env.OPENAI_SPEC, OPENAI_WIRE)

const MODELS = ['openai/gpt-5.4', 'anthropic/claude-sonnet-4-5', 'google/gemini-2.5-flash'] as const
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const PARAMETERS = { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] }
const CALL = '[[sim * call=get_weather {"location":"Rome"}]]'

const user = (content: unknown) => ({ type: 'message', role: 'user', content })
const tools = [{ type: 'function', name: 'get_weather', description: 'The weather', parameters: PARAMETERS }]
const image = { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}` }

/** What a stranger's suite asks of the Responses API. */
const RESPONSES: Readonly<Record<string, object>> = {
  'a text': { input: [user('Say hello in exactly 3 words.')] },
  'a system prompt': { input: [{ type: 'message', role: 'system', content: 'Be a pirate.' }, user('Say hello.')] },
  'a tool call': { input: [user(`What is the weather in Rome? ${CALL}`)], tools },
  'an image': { input: [user([{ type: 'input_text', text: 'What is this?' }, image])] },
  'several turns': {
    input: [user('I am Alice.'), { type: 'message', role: 'assistant', content: 'Hello Alice!' }, user('Who am I?')],
  },
  reasoning: { input: 'Think about 17 times 23.', reasoning: { effort: 'medium', summary: 'auto' } },
  'a short answer': { input: [user('Count to 100, one number a line, in words.')], max_output_tokens: 16 },
}

const MESSAGES: Readonly<Record<string, object>> = {
  'a text': { messages: [{ role: 'user', content: 'Say hello.' }] },
  'a tool call': {
    messages: [{ role: 'user', content: `What is the weather in Rome? ${CALL}` }],
    tools: [{ name: 'get_weather', input_schema: PARAMETERS }],
  },
  thinking: {
    messages: [{ role: 'user', content: 'Think about 17 times 23.' }],
    thinking: { type: 'enabled', budget_tokens: 1024 },
  },
}

const declarations = [{ name: 'get_weather', description: 'The weather', parameters: PARAMETERS }]
const GEMINI: Readonly<Record<string, object>> = {
  'a text': { contents: [{ role: 'user', parts: [{ text: 'Say hello.' }] }] },
  'a tool call': {
    contents: [{ role: 'user', parts: [{ text: `What is the weather in Rome? ${CALL}` }] }],
    tools: [{ functionDeclarations: declarations }],
  },
  thinking: {
    contents: [{ role: 'user', parts: [{ text: 'Think about 17 times 23.' }] }],
    generationConfig: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } },
  },
  'a short answer': {
    contents: [{ role: 'user', parts: [{ text: 'Count to 100, one number a line, in words.' }] }],
    generationConfig: { maxOutputTokens: 16 },
  },
}

const CHATS: Readonly<Record<string, object>> = {
  'a text': { messages: [{ role: 'user', content: 'Say hello.' }] },
  'a tool call': {
    messages: [{ role: 'user', content: `What is the weather in Rome? ${CALL}` }],
    tools: [{ type: 'function', function: { name: 'get_weather', parameters: PARAMETERS } }],
  },
}

async function ask(path: string, body: object): Promise<{ status: number; text: string }> {
  const headers = {
    authorization: `Bearer ${DEMO_KEY}`,
    'content-type': 'application/json',
    'x-router9-object': 'openai',
  }
  const response = await fetch(`${router9.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, text: await response.text() }
}

function readAnswer(api: Api, stream: boolean, text: string): Router9Answer {
  if (api === 'responses') return stream ? readResponsesAnswerStream(text) : readResponsesAnswerBody(parseJson(text))
  if (api === 'gemini') return stream ? readGeminiAnswerStream(text) : readGeminiAnswerBody(parseJson(text))
  if (api === 'messages') return stream ? readMessagesAnswerStream(text) : readMessagesAnswerBody(parseJson(text))
  return stream ? readRouter9Stream(text) : readRouter9Body(parseJson(text), { object: 'chat.completion' })
}

/** Asks, and reads the answer by the rules and the schemas of its API. */
async function answerTo(api: Api, path: string, body: object, stream: boolean): Promise<Router9Answer> {
  // Of Gemini's requests the path says whether they want a stream.
  const { status, text } = await ask(path, api === 'gemini' ? body : { ...body, stream })
  expect(status, text.slice(0, 300)).toBe(200)
  const answer = readAnswer(api, stream, text)
  const own = api === 'responses' ? openResponsesOf(stream, text) : []
  const { problems, roleProblems, usageProblems } = answer
  const all = [...problems, ...roleProblems, ...usageProblems, ...own, ...schemaProblems(api, stream, text, spec)]
  expect([...new Set(all)]).toEqual([])
  expect(answer.done).toBe(true)
  return answer
}

function openResponsesOf(stream: boolean, text: string): string[] {
  if (!stream) return openResponsesProblems(parseJson(text))
  const responses = readEvents(text).events.flatMap(({ data }) => at(parseJson(data), 'response') ?? [])
  return responses.flatMap(openResponsesProblems)
}

const both = [false, true]
const inputs = (cases: Readonly<Record<string, object>>) =>
  MODELS.flatMap((model) =>
    Object.keys(cases).flatMap((name) => both.map((stream) => [name, model, stream ? 'stream' : 'body'] as const)),
  )

describe('answers of the Responses API are as the public specifications have them', { concurrent: true }, () => {
  test.each(inputs(RESPONSES))('%s, from %s, as a %s', async (name, model, form) => {
    const answer = await answerTo('responses', '/v1/responses', { model, ...RESPONSES[name] }, form === 'stream')
    const [choice] = answer.choices
    const calls = choice?.toolCalls.map((call) => [call.name, parseJson(call.arguments)])
    if (name === 'a tool call') expect(calls).toEqual([['get_weather', { location: 'Rome' }]])
    else expect(choice?.text).not.toBe('')
    if (name === 'a short answer') expect(choice?.finishReason).toBe('length')
  })

  test.each(MODELS)('an answer of %s is continued by its id, with the result of its call', async (model) => {
    const first = await ask('/v1/responses', { model, input: `What is the weather in Rome? ${CALL}`, tools })
    const call = arrayOf(at(parseJson(first.text), 'output')).find((item) => at(item, 'type') === 'function_call')
    const result = { type: 'function_call_output', call_id: at(call, 'call_id'), output: '18 degrees' }
    const previous = { previous_response_id: at(parseJson(first.text), 'id'), model, tools }
    const answer = await answerTo('responses', '/v1/responses', { ...previous, input: [result] }, false)
    expect(answer.choices[0]).toMatchObject({ finishReason: 'stop' })
    expect(answer.choices[0]?.text).toContain('18 degrees')
  })

  test('a broken stream ends in a failed response, as the specification has it', async () => {
    const input = 'Repeat exactly: one two three four five six. [[sim * cut=3]]'
    const { text } = await ask('/v1/responses', { model: 'google/gemini-2.5-flash', input, stream: true })
    const answer = readResponsesAnswerStream(text)
    expect([
      ...answer.problems,
      ...openResponsesOf(true, text),
      ...schemaProblems('responses', true, text, spec),
    ]).toEqual([])
    expect(answer).toMatchObject({ done: false, error: { code: 'server_error' } })
  })
})

describe("answers of the Messages API are as its maker's client has them", { concurrent: true }, () => {
  test.each(inputs(MESSAGES))('%s, from %s, as a %s', async (name, model, form) => {
    const body = { model, max_tokens: 2048, ...MESSAGES[name] }
    const answer = await answerTo('messages', '/v1/messages', body, form === 'stream')
    const calls = answer.choices[0]?.toolCalls.map((call) => [call.name, parseJson(call.arguments)])
    if (name === 'a tool call') expect(calls).toEqual([['get_weather', { location: 'Rome' }]])
    else expect(answer.choices[0]?.text).not.toBe('')
  })

  test('an error is as it is there, before an answer and within one', async () => {
    const early = await ask('/v1/messages', { model: 'nothing', max_tokens: 9, messages: [] })
    expect(anthropicProblems('error', parseJson(early.text))).toEqual([])
    const messages = [{ role: 'user', content: 'Repeat exactly: one two three four five six. [[sim * cut=3]]' }]
    const late = await ask('/v1/messages', { model: 'google/gemini-2.5-flash', max_tokens: 99, stream: true, messages })
    const answer = readMessagesAnswerStream(late.text)
    expect([...answer.problems, ...schemaProblems('messages', true, late.text)]).toEqual([])
    expect(answer).toMatchObject({ done: false, error: { type: 'api_error' } })
    const last = readEvents(late.text).events.at(-1)
    expect(textOf(objectOf(parseJson(last?.data ?? '')).type)).toBe('error')
  })
})

const geminiPath = (model: string, stream: boolean) =>
  `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`

describe("answers of the Gemini API are as its maker's client has them", { concurrent: true }, () => {
  test.each(inputs(GEMINI))('%s, from %s, as a %s', async (name, model, form) => {
    const stream = form === 'stream'
    const answer = await answerTo('gemini', geminiPath(model, stream), GEMINI[name] ?? {}, stream)
    const [choice] = answer.choices
    const calls = choice?.toolCalls.map((call) => [call.name, parseJson(call.arguments)])
    if (name === 'a tool call') expect(calls).toEqual([['get_weather', { location: 'Rome' }]])
    else expect(choice?.text).not.toBe('')
    if (name === 'a short answer') expect(choice?.finishReason).toBe('length')
  })

  test.each(MODELS)('a call of %s is answered in the next turn, with all that came with it', async (model) => {
    const [first] = Object.values(GEMINI).slice(1)
    const { text } = await ask(geminiPath(model, false), first ?? {})
    const content = objectOf(at(parseJson(text), 'candidates', 0, 'content'))
    const call = arrayOf(content.parts).find((part) => at(part, 'functionCall') !== undefined)
    const id = at(call, 'functionCall', 'id')
    const response = { ...(id === undefined ? {} : { id }), name: 'get_weather', response: { output: '18 degrees' } }
    const contents = [
      ...arrayOf(at(first, 'contents')),
      content,
      { role: 'user', parts: [{ functionResponse: response }] },
    ]
    const answer = await answerTo('gemini', geminiPath(model, true), { ...first, contents }, true)
    expect(answer.choices[0]).toMatchObject({ finishReason: 'stop' })
    expect(answer.choices[0]?.text).toContain('18 degrees')
  })

  test('an error is as it is there, before an answer and within one, and a count is a count', async () => {
    const early = await ask(geminiPath('nothing', true), { contents: [] })
    expect([early.status, geminiProblems('error', parseJson(early.text))]).toEqual([400, []])
    const unknown = await ask(geminiPath('nothing', false), GEMINI['a text'] ?? {})
    expect([unknown.status, geminiProblems('error', parseJson(unknown.text))]).toEqual([404, []])
    const contents = [{ parts: [{ text: 'Repeat exactly: one two three four five six. [[sim * cut=3]]' }] }]
    for (const model of ['anthropic/claude-sonnet-4-5', 'google/gemini-2.5-flash']) {
      const late = await ask(geminiPath(model, true), { contents })
      const answer = readGeminiAnswerStream(late.text)
      expect([...answer.problems, ...schemaProblems('gemini', true, late.text)]).toEqual([])
      expect(answer).toMatchObject({ done: false, error: { status: 'UNAVAILABLE' } })
    }
    const counted = await ask('/v1beta/models/google/gemini-2.5-flash:countTokens', GEMINI['a text'] ?? {})
    expect([counted.status, geminiProblems('tokens', parseJson(counted.text))]).toEqual([200, []])
  })
})

describe("answers of chat completions are as OpenAI's document has them", { concurrent: true }, () => {
  test.each(inputs(CHATS))('%s, from %s, as a %s', async (name, model, form) => {
    const answer = await answerTo('chat', '/v1/chat/completions', { model, ...CHATS[name] }, form === 'stream')
    expect(answer.choices[0]?.finishReason).toBe(name === 'a tool call' ? 'tool_calls' : 'stop')
  })
})
