import { expect, test } from 'vitest'
import { parseChat } from '../../../src/chat/request.ts'
import { type Effort, nearestEffort, readReasoning, weakestEffort } from '../../../src/formats/shared/effort.ts'
import type { Json } from '../asking.ts'

const read = (fields: Json) =>
  readReasoning(parseChat({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...fields }))

test.each<[Json, ReturnType<typeof read>]>([
  [{}, undefined],
  [{ reasoning_effort: null }, undefined],
  [{ reasoning_effort: 'low' }, { effort: 'low' }],
  [{ reasoning: { effort: 'high' } }, { effort: 'high' }],
  [{ reasoning: { max_tokens: 500, effort: 'high' } }, { tokens: 500 }],
  [{ reasoning: { enabled: true } }, { effort: 'medium' }],
  [{ reasoning: { enabled: false } }, { effort: 'none' }],
  [{ reasoning: { effort: 'extreme' } }, undefined],
  [{ reasoning: 'high' }, undefined],
  [{ reasoning_effort: 'low', reasoning: { effort: 'high' } }, { effort: 'low' }],
])('%j asks for %j', (fields, expected) => {
  expect(read(fields)).toEqual(expected)
})

test.each<[Effort, string[] | undefined, Effort | undefined]>([
  ['low', ['low', 'high'], 'low'],
  ['none', ['low', 'high'], undefined],
  ['none', ['none', 'high'], 'none'],
  ['low', ['none', 'high'], 'high'],
  ['high', ['none'], undefined],
  ['minimal', ['low', 'medium'], 'low'],
  ['medium', ['low', 'high'], 'low'],
  ['xhigh', ['low', 'medium', 'high', 'max'], 'max'],
  ['xhigh', ['low', 'medium', 'high'], 'high'],
  ['max', ['low', 'high'], 'high'],
  ['high', ['unheard-of'], undefined],
  ['high', [], undefined],
  ['high', undefined, undefined],
])('%s among %j is %s', (asked, efforts, expected) => {
  expect(nearestEffort(asked, efforts === undefined ? {} : { efforts })).toBe(expected)
})

test('the least thinking that a model can be asked for', () => {
  expect(weakestEffort({ efforts: ['high', 'low'] })).toBe('low')
  expect(weakestEffort({ efforts: ['none', 'high'] })).toBe('none')
  expect(weakestEffort({})).toBeUndefined()
})
