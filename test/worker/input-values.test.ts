import { describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { errorOf, expectRefusal } from './refusal.ts'

const HELLO = [{ role: 'user', content: 'Hello!' }]
const CLAUDE = 'anthropic/claude-sonnet-4-6'
const GEMINI = 'google/gemini-2.5-flash'
const MODELS = ['gpt-4o', CLAUDE, GEMINI]

const router9 = useRouter9()

describe('a number out of its range is refused by name', () => {
  test.each([
    ['temperature', -0.1],
    ['temperature', 2.1],
    ['temperature', 1e308],
    ['top_p', -0.01],
    ['top_p', 1.01],
    ['max_tokens', 0],
    ['max_tokens', -5],
    ['max_tokens', 1.5],
    ['max_completion_tokens', 0],
    ['n', 0],
    ['n', 129],
    ['n', 1.5],
    ['presence_penalty', -2.1],
    ['presence_penalty', 2.1],
    ['frequency_penalty', -3],
    ['frequency_penalty', 3],
    ['top_logprobs', -1],
    ['top_logprobs', 21],
    ['seed', 0.5],
    ['top_k', -1],
  ])('%s: %d', async (param, value) => {
    const response = await router9.chat({ model: 'gpt-4o', messages: HELLO, [param]: value })
    await expectRefusal(response, { status: 400, code: 'invalid_value', param })
  })

  // JSON.parse makes an infinity of a number that is too large.
  test.each(['temperature', 'top_p', 'max_tokens', 'n', 'seed', 'presence_penalty'])('%s: 1e400', async (param) => {
    for (const value of ['1e400', '-1e400']) {
      const response = await router9.chat(`{"model":"gpt-4o","messages":${JSON.stringify(HELLO)},"${param}":${value}}`)
      await expectRefusal(response, { status: 400, code: 'invalid_value', param })
    }
  })

  test.each(['prompt', 'completion'])('a price below nothing: %s', async (name) => {
    const response = await router9.chat({ model: 'gpt-4o', messages: HELLO, provider: { max_price: { [name]: -1 } } })
    await expectRefusal(response, { status: 400, code: 'invalid_value', param: `provider.max_price.${name}` })
  })
})

test.each([
  ['temperature', 0],
  ['temperature', 2],
  ['temperature', -0],
  ['top_p', 0],
  ['top_p', 1],
  ['max_tokens', 1],
  ['max_tokens', 9_007_199_254_740_991],
  ['n', 128],
  ['presence_penalty', -2],
  ['frequency_penalty', 2],
  ['seed', -1],
])('the ends of a range are within it: %s of %d', async (name, value) => {
  const response = await router9.chat({ model: 'gpt-4o', messages: HELLO, [name]: value })
  expect(response.status, await response.text()).toBe(200)
})

test.each(['temperature', 'top_p', 'max_tokens', 'n'])('a number in a string is no number: %s', async (param) => {
  for (const value of ['1', 'NaN', '']) {
    const response = await router9.chat({ model: 'gpt-4o', messages: HELLO, [param]: value })
    await expectRefusal(response, { status: 400, code: 'invalid_value', param })
  }
})

test('the message of a refusal names the field and what it takes', async () => {
  const response = await router9.chat({ model: 'gpt-4o', messages: HELLO, temperature: 3 })
  const { message } = await expectRefusal(response, { status: 400, code: 'invalid_value', param: 'temperature' })
  expect(message).toMatch(/temperature.*2/)
})

describe('conversations that are none', () => {
  const user = HELLO[0]
  const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }
  const missing = 'missing_required_parameter'
  test.each([
    ['no message', [], 'messages', 'invalid_value'],
    ['null for messages', null, 'messages', 'invalid_value'],
    ['a string for messages', 'Hello!', 'messages', 'invalid_value'],
    ['an unknown role', [user, { role: 'wizard', content: 'Hi' }], 'messages[1].role', 'invalid_value'],
    ['a role in capitals', [{ role: 'User', content: 'Hi' }], 'messages[0].role', 'invalid_value'],
    ['no content', [{ role: 'user' }], 'messages[0].content', missing],
    ['null for content', [{ role: 'user', content: null }], 'messages[0].content', 'invalid_value'],
    ['a tool result without its call', [user, { role: 'tool', content: '1' }], 'messages[1].tool_call_id', missing],
    ['a function result without a name', [user, { role: 'function', content: '1' }], 'messages[1].name', missing],
    ['a part without a type', [{ role: 'user', content: [{ text: 'Hi' }] }], 'messages[0].content[0].type', missing],
    [
      'a part without its text',
      [{ role: 'user', content: [{ type: 'text' }] }],
      'messages[0].content[0].text',
      missing,
    ],
    [
      'a picture without its address',
      [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }],
      'messages[0].content[0].image_url.url',
      missing,
    ],
    [
      'a tool call without an id',
      [user, { role: 'assistant', tool_calls: [{ type: 'function', function: call.function }] }],
      'messages[1].tool_calls[0].id',
      missing,
    ],
    [
      'a tool call without its function',
      [user, { role: 'assistant', tool_calls: [{ id: 'call_1', type: 'function' }] }],
      'messages[1].tool_calls[0].function',
      missing,
    ],
  ])('%s', async (_, messages, param, code) => {
    for (const model of MODELS) {
      await expectRefusal(await router9.chat({ model, messages }), { status: 400, code, param })
    }
  })

  test.each(
    MODELS.flatMap((model) => [
      { model, stream: false },
      { model, stream: true },
    ]),
  )(
    'the result of a call that nobody made is the fault of the caller, and told in words of tools: $model (stream: $stream)',
    async ({ model, stream }) => {
      const messages = [user, { role: 'tool', tool_call_id: 'call_9', content: '1' }]
      const response = await router9.chat({ model, messages, stream })
      expect(response.status).toBe(400)
      const { message, type } = await errorOf(response)
      expect(type).toBe('invalid_request_error')
      expect(message).toMatch(/tool/i)
    },
  )

  test('a name that no server has, since it is megabytes long, is kept nowhere', async () => {
    const response = await router9.chat({ model: `ollama/${'m'.repeat(1_000_000)}`, messages: HELLO })
    await expectRefusal(response, { status: 404, code: 'model_not_found', param: 'model' })
  })

  test.each([CLAUDE, GEMINI])('nothing but empty system messages is refused: %s', async (model) => {
    const response = await router9.chat({ model, messages: [{ role: 'system', content: ' ' }] })
    await expectRefusal(response, { status: 400, code: 'invalid_value', param: 'messages' })
  })

  test.each(['gpt-4o', CLAUDE, GEMINI])('nothing but system messages is answered: %s', async (model) => {
    const response = await router9.chat({ model, messages: [{ role: 'system', content: 'Be brief.' }] })
    expect(response.status).toBe(200)
  })

  test.each(MODELS)('arguments of a call that are no JSON object never break us: %s', async (model) => {
    for (const text of ['not json', '[1]', '"a"', '{', '\u0000']) {
      const earlier = { role: 'assistant', tool_calls: [{ ...call, function: { name: 'look', arguments: text } }] }
      const messages = [user, earlier, { role: 'tool', tool_call_id: 'call_1', content: '1' }]
      const response = await router9.chat({ model, messages })
      expect([200, 400]).toContain(response.status)
      if (response.status === 400) {
        const { error } = (await response.json()) as { error: { param: string | null } }
        expect(error.param).toMatch(/^messages\[1\]/)
      }
    }
  })
})

describe('odd strings', () => {
  const NAMES = [
    '',
    ' ',
    '/',
    '//',
    'openai/',
    '/gpt-4o',
    '../../etc/passwd',
    'gpt-4o\u0000',
    'gpt-4o\r\nx-evil: 1',
    '🙂',
    '\ud800',
    'm'.repeat(1_000_000),
  ]
  test.each(NAMES.map((name) => [JSON.stringify(name).slice(0, 40), name]))('the model %s', async (_, model) => {
    const response = await router9.chat({ model, messages: HELLO })
    expect([400, 404]).toContain(response.status)
    expect(response.headers.get('x-evil')).toBeNull()
    const text = await response.text()
    expect(text.length).toBeLessThan(2000)
    expect(JSON.parse(text)).toMatchObject({ error: { param: 'model', type: 'invalid_request_error' } })
  })

  test.each(['ollama/\r\nx-evil: 1', 'ollama/../../v1/x', 'ollama/🙂', `ollama/${'m'.repeat(200)}`])(
    'a model that the catalogue cannot know: %s',
    async (model) => {
      const response = await router9.chat({ model, messages: HELLO })
      expect(response.status).toBe(200)
      expect(response.headers.get('x-evil')).toBeNull()
      for (const { path } of router9.simulator.requests('ollama')) expect(path).toBe('/ollama/chat/completions')
    },
  )

  test.each(MODELS)('half a surrogate pair in a prompt is no fault of ours: %s', async (model) => {
    const body = `{"model":"${model}","messages":[{"role":"user","content":"Hello \\ud83d there"}]}`
    expect((await router9.chat(body)).status).toBe(200)
  })

  test.each(MODELS)('a null character and other controls reach the provider as they are: %s', async (model) => {
    router9.simulator.clearRequests()
    const content = 'a\u0000b\u001bc\u2028d\u200be'
    expect((await router9.chat({ model, messages: [{ role: 'user', content }] })).status).toBe(200)
    expect(JSON.stringify(router9.simulator.requests().at(-1)?.body)).toContain(JSON.stringify(content).slice(1, -1))
  })

  test.each(MODELS)('ten thousand messages and ten thousand parts are taken: %s', async (model) => {
    const messages = Array.from({ length: 9999 }, (_, at) => ({ role: at % 2 ? 'assistant' : 'user', content: 'x' }))
    const parts = Array.from({ length: 10_000 }, () => ({ type: 'text', text: 'x' }))
    const response = await router9.chat({ model, messages: [...messages, { role: 'user', content: parts }] })
    expect(response.status, (await response.text()).slice(0, 300)).toBe(200)
  })

  test.each(MODELS)('two hundred thousand further fields are no fault of ours: %s', async (model) => {
    const fields = Array.from({ length: 200_000 }, (_, at) => `"f${at}":1`).join(',')
    const response = await router9.chat(`{"model":"${model}","messages":${JSON.stringify(HELLO)},${fields}}`)
    expect([200, 400]).toContain(response.status)
    expect([...response.headers].every(([, value]) => value.length < 8000)).toBe(true)
  })
})
