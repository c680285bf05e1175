import { describe, expect, test } from 'vitest'
import { readCompletionRequest } from '../../../src/formats/openai-completions/read-request.ts'

const read = (body: object) => readCompletionRequest({ model: 'base', prompt: 'a', ...body })

describe('how many answers are written', () => {
  test.each([
    [1, {}],
    [3, { n: 3 }],
    [5, { n: 2, best_of: 5 }],
    [2, { n: 2, best_of: 1 }],
    [12, { prompt: ['a', 'b', 'c'], n: 2, best_of: 4 }],
  ])('%d for %j', (answers, body) => {
    expect(read(body).answers).toBe(answers)
  })
})

describe('what of the prompt the chat does not hold', () => {
  test.each([
    ['nothing of a text', 'a', undefined, undefined],
    ['nothing of a list with one text', ['a'], '', undefined],
    ['a suffix', 'a', 'z', { all: ['a'], suffix: 'z' }],
    ['several texts', ['a', 'b'], null, { all: ['a', 'b'], suffix: '' }],
    ['tokens', [5, 6, 7], undefined, { all: [[5, 6, 7]], suffix: '' }],
    ['several lists of tokens', [[5], [6, 7]], 'z', { all: [[5], [6, 7]], suffix: 'z' }],
  ])('%s', (_, prompt, suffix, expected) => {
    expect(read({ prompt, suffix }).prompts).toEqual(expected)
  })
})

test.each([
  [[0]],
  [[2 ** 31 - 1]],
  [[[0], [1, 2]]],
  [Array.from({ length: 200_000 }, (_, at) => at)],
  [Array.from({ length: 128 }, () => [1])],
])('token numbers are a prompt', (prompt) => {
  const { chat, source } = read({ prompt })
  expect(source?.body.prompt).toBe(prompt)
  expect(source?.requires).toMatchObject({ kind: 'unsupported-parameter', details: { param: 'prompt' } })
  expect(chat.messages).toEqual([{ role: 'user', content: '' }])
})

test.each([
  [[]],
  [[[]]],
  [[-1]],
  [[1.5]],
  [[2 ** 31]],
  [[true]],
  [[null]],
  [[[1], 2]],
  [['a', 1]],
  [[['a']]],
  [[[[1]]]],
  [{ length: 1 }],
  [7],
  [true],
  [Array.from({ length: 129 }, () => 'a')],
  [Array.from({ length: 129 }, () => [1])],
])('%j is no prompt', (prompt) => {
  expect(() => read({ prompt })).toThrow(
    expect.objectContaining({ kind: 'invalid-value', details: expect.objectContaining({ param: 'prompt' }) }),
  )
})

test('to ask for no answer is for those who can echo: a chat always answers', () => {
  const { chat, source } = read({ max_tokens: 0 })
  expect(source?.body.max_tokens).toBe(0)
  expect(source?.requires).toMatchObject({ kind: 'unsupported-parameter', details: { param: 'max_tokens' } })
  expect(chat.max_tokens).toBe(1)
  expect(read({ max_tokens: 0, echo: true }).source?.requires?.details.param).toBe('echo')
  expect(() => read({ max_tokens: -1 })).toThrow(/max_tokens/)
})

test('names the fields that a chat has no place for', () => {
  const body = {
    session_id: 's',
    min_p: 0.1,
    tools: [],
    messages: [{}],
    best_of: 1,
    echo: false,
    suffix: '',
    nothing: null,
  }
  const { chat, source } = read(body)
  expect(source?.dropped).toEqual(['min_p', 'tools', 'messages'])
  expect(chat).toEqual({ model: 'base', messages: [{ role: 'user', content: 'a' }] })
})

test('a field named as a prototype is one of many', () => {
  const { chat, source } = read(JSON.parse('{"__proto__": {"n": 100}, "constructor": 1}'))
  expect(source?.dropped).toEqual(['__proto__', 'constructor'])
  expect(chat.n).toBeUndefined()
})
