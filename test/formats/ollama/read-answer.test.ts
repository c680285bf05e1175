import { describe, expect, test } from 'vitest'
import { createOllamaReader } from '../../../src/formats/ollama/read-answer.ts'
import { createNdjsonParser } from '../../../src/stream/ndjson.ts'
import type { Json } from '../asking.ts'
import { answerOf, counting, failureOf, readMessages, readWhole } from '../reading.ts'

const reader = () => createOllamaReader(counting(), () => 11)
const stream = (...lines: Json[]) => readMessages(reader(), lines)
const says = (message: Json, further: Json = {}) => ({ model: 'm', message, done: false, ...further })
const over = (further: Json = {}) => says({ content: '' }, { done: true, done_reason: 'stop', ...further })
const counts = { prompt_eval_count: 5, eval_count: 3 }

test('lines are pieces of one answer, the last one with its end and its usage', () => {
  const said = stream(says({ thinking: 'Hm.' }), says({ content: 'Hello' }), says({ content: '!' }), over(counts))
  expect(answerOf(said)).toEqual({
    role: 'assistant',
    reasoning_content: 'Hm.',
    content: 'Hello!',
    index: 0,
    finish_reason: 'stop',
    usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
  })
})

test('a whole body says what its stream would have said', () => {
  const body = says({ content: 'Hello!', thinking: 'Hm.' }, { done: true, done_reason: 'length', ...counts })
  expect(answerOf(readWhole(reader()(body, '')))).toMatchObject({
    reasoning_content: 'Hm.',
    content: 'Hello!',
    finish_reason: 'length',
    usage: { total_tokens: 8 },
  })
})

test('an answer to a bare prompt is read like one to a chat', () => {
  const said = stream({ response: 'Hel', done: false }, { response: 'lo', done: false }, { response: '', done: true })
  expect(answerOf(said)).toMatchObject({ content: 'Hello', finish_reason: 'stop' })
})

test('calls come whole, count from 0 over all lines and get the ids that they lack', () => {
  const call = (name: string, given?: Json) => ({ function: { name, ...(given && { arguments: given }) } })
  const said = stream(says({ tool_calls: [call('a', { x: 1 })] }), says({ tool_calls: [call('b')] }), over())
  expect(answerOf(said)).toMatchObject({
    content: null,
    finish_reason: 'tool_calls',
    tool_calls: [
      { id: 'made_1', function: { name: 'a', arguments: '{"x":1}' } },
      { id: 'made_2', function: { name: 'b', arguments: '{}' } },
    ],
  })
})

test('reasoning in tags is separated from text, also where the answer ends within one', () => {
  expect(answerOf(stream(says({ content: '<thi' }), says({ content: 'nk>Hm.</think>So' }), over()))).toMatchObject({
    reasoning_content: 'Hm.',
    content: 'So',
  })
  expect(answerOf(stream(says({ content: 'a' }), says({ content: '<' }), over()))).toMatchObject({ content: 'a<' })
})

test('a prompt that was cached is not counted by Ollama: its tokens are estimated', () => {
  expect(answerOf(stream(says({ content: 'a' }), over({ eval_count: 3 }))).usage).toMatchObject({ prompt_tokens: 11 })
})

describe('an answer breaks', () => {
  test.each<[string, Json[], string]>([
    ['with an error on its own line', [says({ content: 'a' }), { error: 'out of memory' }], 'out of memory'],
    ['before its end', [says({ content: 'a' })], 'ended before'],
  ])('%s', (_, lines, words) => {
    expect(failureOf(stream(...lines)).message).toContain(words)
  })

  test('with something that is no object', () => {
    expect(failureOf(readWhole(reader()([], ''))).kind).toBe('provider-failed')
  })
})

test('lines are told apart wherever the bytes are cut, and however they end', () => {
  const lines = [says({ content: 'Grüße 🙂' }), over()].map((line) => JSON.stringify(line))
  for (const end of ['\n', '\r\n', '\n\n']) {
    const bytes = new TextEncoder().encode(lines.map((line) => line + end).join(''))
    for (const size of [1, 3, 64, bytes.length]) {
      const parser = createNdjsonParser()
      const data: string[] = []
      for (let at = 0; at < bytes.length; at += size) {
        data.push(...parser.push(bytes.subarray(at, at + size)).map((message) => message.data))
      }
      expect([...data, ...parser.end().map((message) => message.data)]).toEqual(lines)
    }
  }
})

test('a last line counts though nothing ends it', () => {
  const parser = createNdjsonParser()
  expect(parser.push(new TextEncoder().encode('{"a":1}\n{"b":2}'))).toHaveLength(1)
  expect(parser.end()).toEqual([{ event: '', data: '{"b":2}' }])
})

test('content that is a value is its JSON, and arguments may be a text', () => {
  const call = (given: unknown) => ({ tool_calls: [{ function: { name: 'f', arguments: given } }] })
  expect(answerOf(stream(says({ content: { a: 1 } }), over())).content).toBe('{"a":1}')
  const said = answerOf(stream(says(call('{"a":1}')), says(call(null)), says(call('null')), over()))
  expect(said.tool_calls).toMatchObject([
    { function: { arguments: '{"a":1}' } },
    { function: { arguments: '{}' } },
    { function: { arguments: '{}' } },
  ])
})
