import { expect, test } from 'vitest'
import { ask, useSimulator } from './asking.ts'
import { type Fields, rowsOf } from './json.ts'

useSimulator()

const BEARER = { authorization: 'Bearer key' }
const INSTRUCT = { model: 'gpt-3.5-turbo-instruct', prompt: 'The sky is' }
const FIM = { prompt: 'def f(', suffix: '):', max_tokens: 9 }

const post = (path: string, body: Fields) => ask(path, body, BEARER)

test('a prompt is continued, as often as it is asked', async () => {
  const { status, json } = await post('/openai/v1/completions', { ...INSTRUCT, prompt: ['a b', 'c'], n: 2 })
  expect(status).toBe(200)
  expect(json).toMatchObject({ object: 'text_completion', usage: { prompt_tokens: 2 } })
  expect(rowsOf(json.choices).map(({ index }) => index)).toEqual([0, 1, 2, 3])
})

test('a scored prompt comes back with its log probabilities and nothing new', async () => {
  const body = { ...INSTRUCT, echo: true, max_tokens: 0, logprobs: 1 }
  const { json } = await post('/openai/v1/completions', body)
  expect(json).toMatchObject({
    choices: [
      {
        text: 'The sky is',
        finish_reason: 'length',
        logprobs: { tokens: ['The', ' sky', ' is'], token_logprobs: [null, -0.5, -0.375], text_offset: [0, 3, 7] },
      },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 },
  })
})

test("DeepSeek's fill-in-the-middle has a text, Mistral's a message", async () => {
  const deepseek = await post('/deepseek/beta/completions', { model: 'deepseek-v4-pro', ...FIM })
  expect(deepseek.json).toMatchObject({ object: 'text_completion', choices: [{ text: expect.any(String) }] })
  const mistral = await post('/mistral/v1/fim/completions', { model: 'codestral-latest', ...FIM })
  expect(mistral.json).toMatchObject({
    object: 'chat.completion',
    choices: [{ message: { role: 'assistant', content: expect.any(String) } }],
  })
})

test.each([
  ['a chat model', '/openai/v1/completions', { model: 'gpt-4o', prompt: 'a' }, 404, /This is a chat model/],
  ['a field that is not its own', '/openai/v1/completions', { ...INSTRUCT, top_k: 1 }, 400, /Unrecognized/],
  ['a token that it does not know', '/openai/v1/completions', { ...INSTRUCT, prompt: [123_456] }, 400, /Invalid token/],
  ['less than nothing', '/openai/v1/completions', { ...INSTRUCT, max_tokens: -1 }, 400, /below minimum/],
  ['more than its window', '/openai/v1/completions', { ...INSTRUCT, max_tokens: 4096 }, 400, /maximum context length/],
  ['a lower best_of', '/openai/v1/completions', { ...INSTRUCT, n: 3, best_of: 2 }, 400, /best_of must be >= n/],
  ['the usual address', '/deepseek/v1/completions', { model: 'deepseek-chat', ...FIM }, 400, /beta/],
  ['the reasoner', '/deepseek/beta/completions', { model: 'deepseek-reasoner', ...FIM }, 400, /Model Not Exist/],
  ['a list', '/deepseek/beta/completions', { model: 'deepseek-chat', prompt: ['a'] }, 422, /string/],
  ['another model', '/mistral/v1/fim/completions', { model: 'mistral-small', ...FIM }, 400, /Invalid model/],
  ['an unknown field', '/mistral/v1/fim/completions', { model: 'codestral-latest', ...FIM, seed: 1 }, 422, /permitted/],
  ['the usual address', '/mistral/v1/completions', { model: 'codestral-latest', ...FIM }, 404, /no Route/],
])('refused as its provider refuses it: %s at %s', async (_, path, body, status, message) => {
  const answer = await post(path, body)
  expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(message)])
})
