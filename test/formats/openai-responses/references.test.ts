import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/chat/failure.ts'
import { responseReferences } from '../../../src/formats/openai-responses/references.ts'

const { read, resolve, isStored, inputItems } = responseReferences
const reference = (id: unknown) => ({ type: 'item_reference', id })
const user = (text: string) => ({ role: 'user', content: text })

describe('what a request refers to', () => {
  test.each([
    [{ input: 'Hi' }, undefined],
    [{ input: [user('Hi')], previous_response_id: null }, undefined],
    [
      { input: 'Hi', previous_response_id: 'resp_1' },
      { response: 'resp_1', items: [] },
    ],
    [{ input: [user('Hi'), reference('msg_1')] }, { items: ['msg_1'] }],
  ])('%j', (body, found) => {
    expect(read(body)).toEqual(found)
  })

  test.each([
    [{ input: 'Hi', previous_response_id: 5 }, 'previous_response_id'],
    [{ input: 'Hi', previous_response_id: 'r'.repeat(300) }, 'previous_response_id'],
    [{ input: [user('Hi'), reference('')] }, 'input[1].id'],
    [{ input: Array.from({ length: 3000 }, () => reference('msg_1')) }, 'input'],
  ])('is refused where it is no id, or too much', (body, param) => {
    expect(() => read(body)).toThrow(Failure)
    expect(() => read(body)).toThrow(`'${param}'`)
  })
})

test('an answer is continued with its input and its output, and an item stands where it was referred to', () => {
  const body = { model: 'm', instructions: 'New', input: [reference('msg_2'), user('And?')] }
  const response = { input: [user('Hi')], response: { instructions: 'Old', output: [{ id: 'msg_1' }] } }
  const items = new Map([['msg_2', { id: 'msg_2', type: 'message' }]])
  expect(resolve(body, { response, items })).toEqual({
    model: 'm',
    instructions: 'New',
    input: [user('Hi'), { id: 'msg_1' }, { id: 'msg_2', type: 'message' }, user('And?')],
  })
})

test('a conversation may have as many items as a request, and no more', () => {
  const continued = (items: number) => {
    const response = { input: Array(items).fill(user('Hi')), response: { output: [] } }
    return () => resolve({ input: 'And?' }, { response, items: new Map() })
  }
  expect(continued(9999)).not.toThrow()
  expect(continued(10_000)).toThrow('10000 items')
})

test('answers are kept unless the request says not to', () => {
  expect([{}, { store: null }, { store: true }, { store: false }].map(isStored)).toEqual([true, true, true, false])
})

test('every item that is kept has an id and a type', () => {
  const input = [user('Hi'), { type: 'function_call', call_id: 'c' }, { type: 'reasoning', id: 'rs_1' }]
  expect(inputItems({ input }, () => 'x')).toMatchObject([
    { id: 'msg_x', type: 'message' },
    { id: 'fc_x', type: 'function_call' },
    { id: 'rs_1', type: 'reasoning' },
  ])
  expect(inputItems({ input: 'Hi' }, () => 'x')).toMatchObject([{ id: 'msg_x', content: [{ text: 'Hi' }] }])
})

test('an item stands once, however often a request refers to it, and where it is a part of the continued answer', () => {
  const items = new Map(['msg_1', 'msg_2'].map((id) => [id, { id, type: 'message' }]))
  const response = { input: [], response: { output: [{ id: 'msg_1' }] } }
  const twice = { input: [...Array.from({ length: 2000 }, () => reference('msg_2')), reference('msg_1'), user('And?')] }
  const second = { id: 'msg_2', type: 'message' }
  expect(resolve(twice, { response, items }).input).toEqual([{ id: 'msg_1' }, second, user('And?')])
  expect(inputItems(twice, () => 'x')).toHaveLength(3)
  // What a client repeats itself is its own.
  expect(resolve({ input: [user('Hi'), user('Hi')] }, { items }).input).toHaveLength(2)
})
