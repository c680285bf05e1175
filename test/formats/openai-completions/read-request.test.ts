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

test('a suffix counts as a part of the prompt', () => {
  expect(read({ suffix: 'z' }).chat.messages).toEqual([{ role: 'user', content: 'a\nz' }])
})

test('names the fields that a chat has no place for', () => {
  const body = { min_p: 0.1, tools: [], messages: [{}], best_of: 1, echo: false, suffix: '', nothing: null }
  const { chat, source } = read(body)
  expect(source?.dropped).toEqual(['min_p', 'tools', 'messages'])
  expect(chat).toEqual({ model: 'base', messages: [{ role: 'user', content: 'a' }] })
})

test('a field named as a prototype is one of many', () => {
  const { chat, source } = read(JSON.parse('{"__proto__": {"n": 100}, "constructor": 1}'))
  expect(source?.dropped).toEqual(['__proto__', 'constructor'])
  expect(chat.n).toBeUndefined()
})
