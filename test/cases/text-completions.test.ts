import OpenAI from 'openai'
import { beforeAll, describe, expect, test } from 'vitest'
import { DEMO_KEY } from '../harness/worker.ts'
import { useCase } from './router.ts'
import type { Script } from './scripted.ts'
import { chunk, sse, stream, USAGE_CHUNK, whole } from './wires.ts'

/** A chat model, and a model of a server that has text completions itself. */
const CHAT = 'openai/gpt-4o'
const TEXT = 'custom/base-model'

const router9 = useCase((url) => ({ CUSTOM_BASE_URL: `${url}/v1` }))
let client: OpenAI

beforeAll(() => {
  client = new OpenAI({ baseURL: `${router9.url}/v1`, apiKey: DEMO_KEY, maxRetries: 0 })
})

const chatAnswer = (choice: object): Script =>
  whole({
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: 'blue' }, finish_reason: 'stop', ...choice }],
    usage: { prompt_tokens: 4, completion_tokens: 1, total_tokens: 5 },
  })
const textAnswer = (...choices: readonly object[]): Script =>
  whole({ object: 'text_completion', choices, usage: { prompt_tokens: 4, completion_tokens: 1, total_tokens: 5 } })

/** Text and end of each choice of a stream, and the usage in its last chunk. */
async function seeAll(events: AsyncIterable<OpenAI.Completion>) {
  const seen = { texts: [] as string[], finishes: [] as string[], usage: undefined as unknown, object: '' }
  for await (const { object, choices, usage } of events) {
    seen.object = object
    for (const { index, text, finish_reason } of choices) {
      seen.texts[index] = (seen.texts[index] ?? '') + text
      if (finish_reason) seen.finishes[index] = finish_reason
    }
    if (usage) seen.usage = usage
  }
  return seen
}

async function faultOf(body: object): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await client.completions.create(body as OpenAI.CompletionCreateParamsNonStreaming).catch((e) => e)
  expect(error).toBeInstanceOf(OpenAI.APIError)
  return error
}

describe('a chat model', () => {
  test('gets the prompt as one user message, and its answer comes back as text', async () => {
    router9.upstream.play(chatAnswer({}))
    const answer = await client.completions.create({ model: CHAT, prompt: 'The sky is', max_tokens: 5, stop: ['.'] })
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      model: 'gpt-4o',
      choices: [{ text: 'blue', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 4, completion_tokens: 1, total_tokens: 5 },
    })
    const [asked] = router9.upstream.asked()
    expect(asked?.path).toBe('/openai/chat/completions')
    expect(asked?.body).toEqual({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'The sky is' }],
      max_completion_tokens: 5,
      stop: ['.'],
    })
  })

  test('streams its text, with the usage in the chunk that finishes', async () => {
    router9.upstream.play(
      stream(sse(chunk({ content: 'bl' })), sse(chunk({ content: 'ue' }), chunk({}, 'stop'), USAGE_CHUNK)),
    )
    const seen = await seeAll(await client.completions.create({ model: CHAT, prompt: 'The sky is', stream: true }))
    expect(seen).toMatchObject({ texts: ['blue'], finishes: ['stop'], object: 'text_completion' })
    expect(seen.usage).toMatchObject({ total_tokens: expect.any(Number) })
  })

  test('tells log probabilities in the lists of text completions', async () => {
    const content = [
      { token: 'bl', logprob: -0.1, top_logprobs: [{ token: 'bl', logprob: -0.1 }] },
      { token: 'ue', logprob: -0.2, top_logprobs: [] },
    ]
    router9.upstream.play(chatAnswer({ logprobs: { content } }))
    const answer = await client.completions.create({ model: CHAT, prompt: 'The sky is', logprobs: 1 })
    expect(answer.choices[0]?.logprobs).toEqual({
      tokens: ['bl', 'ue'],
      token_logprobs: [-0.1, -0.2],
      top_logprobs: [{ bl: -0.1 }, {}],
      text_offset: [0, 2],
    })
    expect(router9.upstream.asked()[0]?.body).toMatchObject({ logprobs: true, top_logprobs: 1 })
  })

  test.each([
    ['suffix', { suffix: ' today' }],
    ['echo', { echo: true }],
    ['best_of', { best_of: 3 }],
    ['prompt', { prompt: ['a', 'b'] }],
    ['prompt', { prompt: [15496, 11] }],
    ['max_tokens', { max_tokens: 0 }],
  ])('refuses what only a text completion can carry: %s', async (param, body) => {
    router9.upstream.play(chatAnswer({}))
    expect(await faultOf({ model: CHAT, prompt: 'The sky is', ...body })).toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param,
    })
    expect(router9.upstream.asked()).toEqual([])
  })

  test('tells in a header which fields the model does not get', async () => {
    router9.upstream.play(chatAnswer({}))
    const body = { model: CHAT, prompt: 'a', min_p: 0.1, top_k: 5, messages: [] }
    const { response } = await client.completions
      .create(body as OpenAI.CompletionCreateParamsNonStreaming)
      .withResponse()
    expect(response.headers.get('x-router9-dropped-params')).toBe('min_p,messages,top_k')
  })

  test('refuses such a field where all are required', async () => {
    router9.upstream.play(chatAnswer({}))
    const body = { model: CHAT, prompt: 'a', min_p: 0.1, provider: { require_parameters: true } }
    expect(await faultOf(body)).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'min_p' })
    expect(router9.upstream.asked()).toEqual([])
  })

  test('takes values that change nothing', async () => {
    router9.upstream.play(chatAnswer({}))
    const body = { model: CHAT, prompt: ['a'], suffix: null, echo: false, best_of: 1 }
    expect((await client.completions.create(body)).choices[0]?.text).toBe('blue')
  })
})

describe('a server that has text completions', () => {
  test('is asked as the client asked, but for what is meant for Router9', async () => {
    router9.upstream.play(textAnswer({ index: 0, text: 'blue', logprobs: null, finish_reason: 'length' }))
    const body = { prompt: 'The sky is', suffix: '.', echo: true, min_p: 0.1, provider: { sort: 'price' } }
    const answer = await client.completions.create({
      model: TEXT,
      ...body,
    } as OpenAI.CompletionCreateParamsNonStreaming)
    expect(answer.choices).toEqual([{ text: 'blue', index: 0, logprobs: null, finish_reason: 'length' }])
    const [asked] = router9.upstream.asked()
    expect(asked?.path).toBe('/v1/completions')
    expect(asked?.body).toEqual({ model: 'base-model', prompt: 'The sky is', suffix: '.', echo: true, min_p: 0.1 })
  })

  test('answers each of several prompts, streamed too', async () => {
    const piece = (index: number, text: string, finish_reason: string | null = null) => ({
      object: 'text_completion',
      choices: [{ index, text, finish_reason }],
    })
    const usage = { choices: [], usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 } }
    router9.upstream.play(
      stream(sse(piece(0, 'a'), piece(1, 'b'), piece(0, 'c', 'stop'), piece(1, '', 'length'), usage)),
    )
    const seen = await seeAll(await client.completions.create({ model: TEXT, prompt: ['1', '2'], stream: true }))
    expect(seen).toMatchObject({
      texts: ['ac', 'b'],
      finishes: ['stop', 'length'],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    })
    expect(router9.upstream.asked()[0]?.body).toMatchObject({
      prompt: ['1', '2'],
      stream_options: { include_usage: true },
    })
  })

  test('gets no options of a stream without one, and its own fields reach the client', async () => {
    const choice = { index: 0, text: 'blue', finish_reason: 'stop', stop_reason: 'sky' }
    router9.upstream.play(whole({ object: 'text_completion', choices: [choice], system_fingerprint: 'fp' }))
    const answer = await client.completions.create({
      model: TEXT,
      prompt: 'The sky is',
      stream_options: { include_usage: true },
    } as OpenAI.CompletionCreateParamsNonStreaming)
    expect(answer).toMatchObject({ system_fingerprint: 'fp', choices: [{ text: 'blue', stop_reason: 'sky' }] })
    expect(router9.upstream.asked()[0]?.body).toEqual({ model: 'base-model', prompt: 'The sky is' })
  })

  test.each([[[0, 0]], [[-1, 7000]], [[1.5, 'x']]])('may number its choices as it likes: %j', async (indexes) => {
    const choices = indexes.map((index, at) => ({ index, text: 'ab'[at], finish_reason: 'stop' }))
    router9.upstream.play(textAnswer(...choices))
    const answer = await client.completions.create({ model: TEXT, prompt: 'The sky is', n: 2 })
    expect(answer.choices).toMatchObject([
      { index: 0, text: 'a' },
      { index: 1, text: 'b' },
    ])
  })

  test('that sends thousands of choices fails', async () => {
    router9.upstream.play(textAnswer(...Array.from({ length: 5000 }, (_, index) => ({ index, text: 'a' }))))
    expect((await faultOf({ model: TEXT, prompt: 'a' })).status).toBe(502)
  })

  test('is told to refuse a prompt that is too long, where it would cut it off', async () => {
    router9.upstream.play(textAnswer({ index: 0, text: 'blue', finish_reason: 'stop' }))
    await client.completions.create({ model: 'fireworks/deepseek-v4-pro', prompt: 'The sky is' })
    expect(router9.upstream.asked()[0]?.body).toMatchObject({ context_length_exceeded_behavior: 'error' })
  })

  test("keeps the provider's own log probabilities", async () => {
    const logprobs = { tokens: ['blue'], token_logprobs: [-0.1], top_logprobs: null, text_offset: [10] }
    router9.upstream.play(textAnswer({ index: 0, text: 'blue', logprobs, finish_reason: 'stop' }))
    const answer = await client.completions.create({ model: TEXT, prompt: 'The sky is', logprobs: 0 })
    expect(answer.choices[0]?.logprobs).toEqual(logprobs)
  })

  test('may send messages that tell nothing', async () => {
    const choice = { index: 0, text: 'blue', finish_reason: 'stop' }
    router9.upstream.play(stream(sse({}, { choices: null }, { choices: [choice] }, { type: 'ping' }, '[DONE]')))
    const seen = await seeAll(await client.completions.create({ model: TEXT, prompt: 'The sky is', stream: true }))
    expect(seen).toMatchObject({ texts: ['blue'], finishes: ['stop'] })
  })

  test('whose stream is cut breaks the answer in the open', async () => {
    const piece = { object: 'text_completion', choices: [{ index: 0, text: 'bl', finish_reason: null }] }
    router9.upstream.play({ ...stream(sse(piece)), ending: 'cut' })
    const seen = seeAll(await client.completions.create({ model: TEXT, prompt: 'The sky is', stream: true }))
    await expect(seen).rejects.toThrow(/before the answer was complete/)
  })

  test.each([
    ['an error', whole({ error: { message: 'no', type: 'server_error' } })],
    ['a text that is no completion', whole({ hello: 1 })],
  ])('that answers with %s fails', async (_, script) => {
    router9.upstream.play(script)
    expect((await faultOf({ model: TEXT, prompt: 'The sky is' })).status).toBe(502)
  })
})

describe('fill-in-the-middle', () => {
  const FIM = { prompt: 'def f(', suffix: '):', max_tokens: 9, temperature: 0 }

  test('at Mistral has a path and names of its own, and its answer is that of a chat', async () => {
    router9.upstream.play(chatAnswer({ message: { role: 'assistant', content: 'x', tool_calls: null } }))
    const body = { model: 'mistral/codestral-latest', ...FIM, seed: 7, stop: ['\n'], n: 1, user: 'u', min_tokens: 1 }
    const { data, response } = await client.completions.create(body).withResponse()
    expect(data).toMatchObject({
      object: 'text_completion',
      choices: [{ text: 'x', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: { total_tokens: 5 },
    })
    expect(response.headers.get('x-router9-dropped-params')).toBe('user')
    const [asked] = router9.upstream.asked()
    expect(asked?.path).toBe('/mistral/fim/completions')
    expect(asked?.body).toEqual({ model: 'codestral-latest', ...FIM, random_seed: 7, stop: ['\n'], min_tokens: 1 })
  })

  test('at Mistral streams as a chat, without options of a stream', async () => {
    const { usage } = USAGE_CHUNK
    router9.upstream.play(
      stream(
        sse(chunk({ role: 'assistant', content: '' })),
        sse(chunk({ content: 'x' }), { ...chunk({ content: '' }, 'length'), usage }),
      ),
    )
    const asked = { model: 'codestral-latest', ...FIM, stream: true as const, stream_options: { include_usage: true } }
    const seen = await seeAll(await client.completions.create(asked))
    expect(seen).toMatchObject({ texts: ['x'], finishes: ['length'], usage: { total_tokens: usage.total_tokens } })
    expect(router9.upstream.asked()[0]?.body).toEqual({ model: 'codestral-latest', ...FIM, stream: true })
  })

  test('a list of one prompt is a text there', async () => {
    router9.upstream.play(chatAnswer({}))
    await client.completions.create({ model: 'codestral-latest', prompt: ['def f('], suffix: ')' })
    expect(router9.upstream.asked()[0]?.body).toEqual({ model: 'codestral-latest', prompt: 'def f(', suffix: ')' })
  })

  test.each([
    ['mistral/codestral-latest', { n: 2 }],
    ['deepseek/deepseek-v4-pro', { logprobs: 2, echo: false, suffix: '' }],
  ])('is not asked for a plain prompt, which %s answers as a chat', async (model, own) => {
    router9.upstream.play(chatAnswer({}))
    await client.completions.create({ model, prompt: ['def f('], max_tokens: 9, ...own })
    const [asked] = router9.upstream.asked()
    expect(asked?.path).toMatch(/\/chat\/completions$/)
    expect(asked?.body).toMatchObject({ messages: [{ role: 'user', content: 'def f(' }] })
  })

  test('is asked for all else that it has and a chat has not', async () => {
    router9.upstream.play(textAnswer({ index: 0, text: 'def f(x', logprobs: null, finish_reason: 'stop' }))
    await client.completions.create({ model: 'deepseek/deepseek-v4-pro', prompt: 'def f(', echo: true })
    expect(router9.upstream.asked()[0]).toMatchObject({ path: '/deepseek/beta/completions', body: { echo: true } })
  })

  test("at DeepSeek stands beside the version of the base URL, in OpenAI's form", async () => {
    router9.upstream.play(textAnswer({ index: 0, text: 'x', logprobs: null, finish_reason: 'stop' }))
    const own = { session_id: 's', provider: { require_parameters: true } }
    const body = { model: 'deepseek/deepseek-v4-pro', ...FIM, echo: false, logprobs: 2, ...own }
    const answer = await client.completions.create(body)
    expect(answer.choices).toMatchObject([{ text: 'x' }])
    const [asked] = router9.upstream.asked()
    expect(asked?.path).toBe('/deepseek/beta/completions')
    expect(asked?.body).toEqual({ model: 'deepseek-v4-pro', ...FIM, echo: false, logprobs: 2 })
  })

  test.each([
    ['mistral/mistral-large-2512', 'suffix', {}],
    ['deepseek/deepseek-reasoner', 'suffix', {}],
    ['mistral/codestral-latest', 'n', { n: 2 }],
    ['mistral/codestral-latest', 'best_of', { best_of: 2 }],
    ['mistral/codestral-latest', 'echo', { echo: true }],
    ['mistral/codestral-latest', 'logprobs', { logprobs: 0 }],
    ['mistral/codestral-latest', 'prompt', { prompt: ['a', 'b'] }],
    ['mistral/codestral-latest', 'prompt', { prompt: [1, 2] }],
    ['deepseek/deepseek-v4-pro', 'n', { n: 2 }],
    ['deepseek/deepseek-v4-pro', 'prompt', { prompt: [[1, 2]] }],
  ])('%s refuses what it would leave out of the answer: %s', async (model, param, body) => {
    router9.upstream.play(chatAnswer({}))
    expect(await faultOf({ model, ...FIM, ...body })).toMatchObject({ code: 'unsupported_parameter', param })
    expect(router9.upstream.asked()).toEqual([])
  })

  test('is asked of the one model of `auto` that has it, however many come before', async () => {
    router9.upstream.play(textAnswer({ index: 0, text: 'x', logprobs: null, finish_reason: 'stop' }))
    expect(await client.completions.create({ model: 'auto', ...FIM })).toMatchObject({ choices: [{ text: 'x' }] })
    expect(router9.upstream.asked()[0]?.path).toMatch(/completions$/)
  })
})

describe('prompts as token numbers, and prompts that are only scored', () => {
  test.each([[[15496, 11]], [[[15496], [11, 0]]]])('reach a server as they are: %j', async (prompt) => {
    const choices = [0, 1].map((index) => ({ index, text: 'a', finish_reason: 'stop' }))
    router9.upstream.play(textAnswer(...choices))
    await client.completions.create({ model: TEXT, prompt, n: Array.isArray(prompt[0]) ? 1 : 2 })
    expect(router9.upstream.asked()[0]?.body).toMatchObject({ prompt })
  })

  test('the log probabilities of a prompt come back as they are', async () => {
    const logprobs = {
      tokens: ['The', ' sky'],
      token_logprobs: [null, -3.25],
      top_logprobs: [null, { ' sky': -3.25 }],
      text_offset: [0, 3],
    }
    const choice = { index: 0, text: 'The sky', logprobs, finish_reason: 'length' }
    const usage = { prompt_tokens: 2, completion_tokens: 0, total_tokens: 2 }
    router9.upstream.play(whole({ object: 'text_completion', choices: [choice], usage }))
    const body = { model: TEXT, prompt: 'The sky', max_tokens: 0, echo: true, logprobs: 1 }
    const answer = await client.completions.create(body)
    expect(answer.choices).toEqual([choice])
    expect(answer.usage).toMatchObject(usage)
    expect(router9.upstream.asked()[0]?.body).toEqual({ ...body, model: 'base-model' })
  })

  test('without an echo there is an empty text, streamed too', async () => {
    const choice = { index: 0, text: '', logprobs: null, finish_reason: 'length' }
    router9.upstream.play(textAnswer(choice))
    const body = { model: TEXT, prompt: 'The sky', max_tokens: 0 }
    expect((await client.completions.create(body)).choices).toEqual([choice])
    router9.upstream.play(stream(sse({ object: 'text_completion', choices: [choice] })))
    const seen = await seeAll(await client.completions.create({ ...body, stream: true }))
    expect(seen).toMatchObject({ finishes: ['length'] })
  })
})

describe('a model that continues texts and knows no conversations', () => {
  const MODEL = 'openai/gpt-3.5-turbo-instruct'

  test('is asked for text completions', async () => {
    router9.upstream.play(textAnswer({ index: 0, text: 'blue', logprobs: null, finish_reason: 'stop' }))
    const answer = await client.completions.create({ model: 'text-davinci-003', prompt: 'The sky is', best_of: 2 })
    expect(answer).toMatchObject({ model: 'gpt-3.5-turbo-instruct', choices: [{ text: 'blue' }] })
    const [asked] = router9.upstream.asked()
    expect(asked?.path).toBe('/openai/completions')
    expect(asked?.body).toEqual({ model: 'gpt-3.5-turbo-instruct', prompt: 'The sky is', best_of: 2 })
  })

  test.each([
    ['chat/completions', { messages: [{ role: 'user', content: 'a' }] }],
    ['chat/completions', { messages: [{ role: 'user', content: 'a' }], stream: true }],
    ['responses', { input: 'a' }],
    ['messages', { messages: [{ role: 'user', content: 'a' }], max_tokens: 5 }],
  ])('refuses what comes to /v1/%s, and says where it is to go', async (path, body) => {
    router9.upstream.play(chatAnswer({}))
    const response = await fetch(`${router9.url}/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, ...body }),
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining('POST /v1/completions'), type: 'invalid_request_error' },
    })
    expect(router9.upstream.asked()).toEqual([])
  })
})

describe('nesting without end', () => {
  // The engine has a way without recursion, which it leaves where a key is a number.
  const lists = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  const deep = `{"1":0,"lists":${lists}}`
  const filled = (script: Script): Script => ({
    ...script,
    pieces: script.pieces.map((one) => String(one).replaceAll('"@deep@"', deep)),
  })
  const text = (fields: object) => ({ object: 'text_completion', choices: [{ index: 0, text: 'a', ...fields }] })

  test.each([
    ['the first chunk', [text({ finish_reason: null, x: '@deep@' }), text({ finish_reason: 'stop' })]],
    ['a later chunk', [text({}), { ...text({}), x: '@deep@' }, text({ finish_reason: 'stop' })]],
    ['the chunk that ends a choice', [text({}), text({ finish_reason: 'stop', x: '@deep@' })]],
  ])('in %s of a provider is its fault, told as such', async (_, chunks) => {
    router9.upstream.play(filled(stream(sse(...chunks, '[DONE]'))))
    const asked = { model: TEXT, prompt: 'a', stream: true as const, stream_options: { include_usage: true } }
    const seen = client.completions.create(asked).then(seeAll)
    await expect(seen).rejects.toThrow(/provider/)
  })

  test('in a whole answer is the fault of the provider, never ours', async () => {
    router9.upstream.play(filled(whole(text({ finish_reason: 'stop', x: '@deep@' }))))
    expect((await faultOf({ model: TEXT, prompt: 'a' })).status).toBe(502)
  })
})

describe('a request that is not valid', () => {
  test.each([
    ['prompt', {}, 'missing_required_parameter'],
    ['prompt', { prompt: [] }, 'invalid_value'],
    ['prompt', { prompt: [[1, 2], []] }, 'invalid_value'],
    ['temperature', { prompt: 'a', temperature: 3 }, 'invalid_value'],
    ['logprobs', { prompt: 'a', logprobs: true }, 'invalid_value'],
    ['n', { prompt: ['a', 'b'], n: 100 }, 'invalid_value'],
    ['suffix', { prompt: 'a', suffix: 1 }, 'invalid_value'],
    ['echo', { prompt: 'a', echo: 'yes' }, 'invalid_value'],
    ['best_of', { prompt: 'a', best_of: 0 }, 'invalid_value'],
  ])('names the field at fault: %s in %j', async (param, body, code) => {
    expect(await faultOf({ model: CHAT, ...body })).toMatchObject({ status: 400, param, code })
  })

  test.each([
    ['messages[0].content', 'prompt'],
    ['max_completion_tokens', 'max_tokens'],
    ['top_logprobs', 'logprobs'],
    ['stop', 'stop'],
  ])("is told in this API's words what a provider refuses of the chat: %s", async (theirs, param) => {
    const error = { message: `Invalid '${theirs}'`, param: theirs, type: 'invalid_request_error' }
    router9.upstream.play(whole({ error }, 400))
    expect(await faultOf({ model: CHAT, prompt: 'a' })).toMatchObject({
      param,
      message: expect.stringContaining(`Invalid '${param}'`),
    })
  })
})

describe('with health', () => {
  const withHealth = useCase({ HEALTH: 'on' })
  const MODEL = 'fireworks/deepseek-v4-pro'
  const ask = async (path: string, body: object): Promise<number> => {
    const response = await fetch(`${withHealth.url}/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, provider: { only: ['fireworks'] }, ...body }),
    })
    await response.text()
    return response.status
  }
  const statesOf = async (provider: string): Promise<object> => {
    const listed = await fetch(`${withHealth.url}/v1/providers`, { headers: { authorization: `Bearer ${DEMO_KEY}` } })
    const { data } = (await listed.json()) as { data: { id: string; deployments: { id: string; state: string }[] }[] }
    const deployments = data.find(({ id }) => id === provider)?.deployments ?? []
    return Object.fromEntries(deployments.map(({ id, state }) => [id.replace(/.*\//, ''), state]))
  }

  test('a server without the endpoint goes on answering chats', async () => {
    const error = { message: 'The model deepseek-v4-pro was not found', code: 'model_not_found' }
    withHealth.upstream.play(({ path }) =>
      path.endsWith('/chat/completions') ? chatAnswer({}) : whole({ error }, 404),
    )
    for (let at = 0; at < 8; at++) expect(await ask('completions', { prompt: 'a' })).toBe(404)
    expect(await ask('chat/completions', { messages: [{ role: 'user', content: 'a' }] })).toBe(200)
    expect(await statesOf('fireworks')).toEqual({ 'deepseek-v4-pro': 'closed' })
  })

  test.each([
    ['fireworks', {}],
    ['deepseek', { suffix: ')' }],
  ])('an endpoint at %s that fails opens a circuit of its own, and chats go on', async (only, own) => {
    withHealth.upstream.play(({ path }) =>
      path.endsWith('/chat/completions') ? chatAnswer({}) : whole({ error: { message: 'broken' } }, 500),
    )
    const provider = { only: [only] }
    const asked = { model: 'deepseek-v4-pro', provider }
    await ask('chat/completions', { ...asked, messages: [{ role: 'user', content: 'a' }] })
    for (let at = 0; at < 8; at++)
      expect(await ask('completions', { ...asked, prompt: 'a', ...own })).toBeGreaterThan(500)
    expect(await ask('chat/completions', { ...asked, messages: [{ role: 'user', content: 'a' }] })).toBe(200)
    expect(await statesOf(only)).toMatchObject({
      'deepseek-v4-pro': 'closed',
      'deepseek-v4-pro#openai-completions': 'open',
    })
  })
})
