import { describe, expect, test } from 'vitest'
import { createCohereReader } from '../../../src/formats/cohere/read-answer.ts'
import type { Json } from '../asking.ts'
import { answerOf, completion, counting, failureOf, readMessages, readWhole } from '../reading.ts'
import { cohereEvents } from '../streams.ts'

const { start, plan, open, grow, close, call, args, closeCall, cite, closeCite, end } = cohereEvents

const stream = (...events: Json[]) => readMessages(createCohereReader(counting()).event, events)
const body = (given: unknown) => readWhole(createCohereReader(counting()).body(given))
const answer = (message: Json, finish_reason: unknown = 'COMPLETE', further: Json = {}) => ({
  id: 'c-1',
  message: { role: 'assistant', ...message },
  finish_reason,
  usage: { tokens: { input_tokens: 3, output_tokens: 2 } },
  ...further,
})
const text = (said: string) => ({ content: [{ type: 'text', text: said }] })
const toolCall = (id: unknown, name: string, given: unknown) => ({
  id,
  type: 'function',
  function: { name, arguments: given },
})
const callsOf = (said: Json) =>
  (said.tool_calls as { id: string; function: Json }[]).map(({ id, function: f }) => `${id} ${f.name} ${f.arguments}`)

describe('the finish reason', () => {
  test.each([
    ['COMPLETE', 'stop'],
    ['STOP_SEQUENCE', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['BRAND_NEW', 'stop'],
  ])('%s is %s', (word, reason) => {
    const expected = { content: 'a', finish_reason: reason }
    expect(answerOf(body(answer(text('a'), word)))).toMatchObject(expected)
    expect(answerOf(stream(start, grow(0, { text: 'a' }), end(word)))).toMatchObject(expected)
  })

  test.each(['TOOL_CALL', 'COMPLETE', 'BRAND_NEW'])('%s with calls is tool_calls', (word) => {
    expect(answerOf(body(answer({ tool_calls: [toolCall('a', 'f', '{}')] }, word))).finish_reason).toBe('tool_calls')
    expect(answerOf(stream(start, call(0, 'a', 'f'), end(word))).finish_reason).toBe('tool_calls')
  })

  test.each(['COMPLETE', 'MAX_TOKENS'])('%s with nothing said is one choice with empty content', (word) => {
    const finish_reason = word === 'COMPLETE' ? 'stop' : 'length'
    const choices = [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason }]
    expect(completion(body(answer({ content: [] }, word))).choices).toEqual(choices)
    expect(completion(body(answer({}, word))).choices).toEqual(choices)
    expect(completion(stream(start, end(word))).choices).toEqual(choices)
  })

  test.each(['ERROR', 'TIMEOUT'])('%s is no end but a failure of the provider, before and after text', (word) => {
    const failed = { kind: 'provider-failed', failover: true }
    expect(failureOf(body(answer(text('a'), word)))).toMatchObject(failed)
    expect(failureOf(stream(start, end(word)))).toMatchObject(failed)
    expect(failureOf(stream(start, grow(0, { text: 'a' }), end(word)))).toMatchObject(failed)
  })

  test('ERROR tells what went wrong, where Cohere does', () => {
    expect(failureOf(stream(start, end('ERROR', { error: 'The tool broke.' }))).message).toBe('The tool broke.')
    expect(failureOf(body(answer({}, 'TIMEOUT'))).message).toContain('TIMEOUT')
  })
})

describe('content', () => {
  test('is text and thinking, each in its place', () => {
    const content = [
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'text', text: 'So' },
      { type: 'text', text: '.' },
    ]
    const expected = { reasoning_content: 'Hm.', content: 'So.' }
    expect(answerOf(body(answer({ content })))).toMatchObject(expected)
    const said = stream(
      start,
      open(0, { type: 'thinking', thinking: '' }),
      grow(0, { thinking: 'H' }),
      grow(0, { thinking: 'm.' }),
      close(0),
      open(1, { type: 'text', text: 'S' }),
      grow(1, { text: 'o' }),
      close(1),
      grow(2, { text: '.' }),
      end('COMPLETE'),
    )
    expect(answerOf(said)).toMatchObject(expected)
  })

  test('that is a plain text is the text', () => {
    expect(answerOf(body(answer({ content: 'a' }))).content).toBe('a')
    const said = stream(
      start,
      { type: 'content-delta', index: 0, delta: { message: { content: 'a' } } },
      end('COMPLETE'),
    )
    expect(answerOf(said).content).toBe('a')
  })

  test('that cannot be read is a failure, never an empty success', () => {
    const hologram = { type: 'hologram', hologram: 'x' }
    expect(failureOf(body(answer({ content: [hologram] }))).kind).toBe('provider-failed')
    expect(failureOf(stream(start, grow(0, hologram), end('COMPLETE'))).kind).toBe('provider-failed')
    expect(failureOf(body(answer({ content: { answer: 'x' } }))).kind).toBe('provider-failed')
    expect(answerOf(stream(start, open(0, { type: 'text' }), close(0), end('COMPLETE'))).content).toBe('')
  })

  test('of unknown kinds, and events of unknown types, are passed over', () => {
    const content = [{ type: 'hologram', hologram: 'x' }, 'y', null, { type: 'text', text: 'a' }]
    expect(answerOf(body(answer({ content }))).content).toBe('a')
    const said = stream(start, { type: 'debug' }, grow(0, { hologram: 'x' }), grow(0, { text: 'a' }), end('COMPLETE'))
    expect(answerOf(said).content).toBe('a')
  })

  test.each<[string, Json]>([
    ['no delta', { type: 'content-delta', index: 0 }],
    ['a delta that is null', { type: 'content-delta', index: 0, delta: null }],
    ['no content', { type: 'content-delta', index: 0, delta: { message: {} } }],
    ['a call that is null', { type: 'tool-call-start', index: 0, delta: { message: { tool_calls: null } } }],
    ['arguments of a call that never began', args(7, '{}')],
  ])('is untouched by an event with %s', (_, event) => {
    expect(answerOf(stream(start, event, grow(0, { text: 'a' }), end('COMPLETE')))).toMatchObject({
      content: 'a',
      finish_reason: 'stop',
    })
  })
})

test('arguments of a call that never began are refused, not lost', () => {
  expect(failureOf(stream(start, args(7, '{"x":1}'), end('TOOL_CALL'))).message).toMatch(/arguments of no call/)
})

describe('tool calls', () => {
  test('come with their plan as reasoning, not as content', () => {
    const expected = { content: null, reasoning_content: 'I will look.', finish_reason: 'tool_calls' }
    const calls = [toolCall('a', 'f', '{"x":1}')]
    const whole = answerOf(body(answer({ tool_plan: 'I will look.', tool_calls: calls }, 'TOOL_CALL')))
    expect(whole).toMatchObject(expected)
    const said = stream(start, plan('I will'), plan(' look.'), call(0, 'a', 'f', '{"x":1}'), end('TOOL_CALL'))
    expect(answerOf(said)).toMatchObject(expected)
    expect(callsOf(whole)).toEqual(['a f {"x":1}'])
    expect(callsOf(answerOf(said))).toEqual(['a f {"x":1}'])
  })

  test('in pieces grow each by its own index, and are counted from 0', () => {
    const said = stream(
      start,
      call(3, 'a', 'f'),
      call(4, 'b', 'f'),
      args(4, '{"y":'),
      args(3, '{"x":'),
      args(3, '1}'),
      args(4, '2}'),
      closeCall(3),
      closeCall(4),
      end('TOOL_CALL'),
    )
    expect(said.filter((item) => item.type === 'tool-start').map(({ index }) => index)).toEqual([0, 1])
    expect(callsOf(answerOf(said))).toEqual(['a f {"x":1}', 'b f {"y":2}'])
  })

  test.each([[''], [null], [undefined]])('with the arguments %j have an object all the same', (given) => {
    expect(callsOf(answerOf(body(answer({ tool_calls: [toolCall('a', 'f', given)] }, 'TOOL_CALL'))))).toEqual([
      'a f {}',
    ])
    expect(callsOf(answerOf(stream(start, call(0, 'a', 'f', given), args(0, given), end('TOOL_CALL'))))).toEqual([
      'a f {}',
    ])
  })

  test('without an id are given one each', () => {
    const calls = [toolCall('', 'f', '{}'), toolCall(undefined, 'g', '{}')]
    expect(callsOf(answerOf(body(answer({ tool_calls: calls }))))).toEqual(['made_1 f {}', 'made_2 g {}'])
    expect(callsOf(answerOf(stream(start, call(0, null, 'f'), call(1, '', 'g'), end('TOOL_CALL'))))).toEqual([
      'made_1 f {}',
      'made_2 g {}',
    ])
  })
})

test('citations reach the client as Cohere tells them', () => {
  const one = { start: 0, end: 1, text: 'a', sources: [{ type: 'document', id: 'd' }] }
  const two = { start: 2, end: 3, text: 'b', sources: [] }
  expect(answerOf(body(answer({ ...text('a b'), citations: [one, two] }))).citations).toEqual([one, two])
  const said = stream(start, grow(0, { text: 'a b' }), cite(0, one), closeCite(0), cite(1, [two]), end('COMPLETE'))
  expect(answerOf(said).citations).toEqual([one, two])
  expect(answerOf(body(answer({ ...text('a'), citations: [] })))).not.toHaveProperty('citations')
})

describe('usage', () => {
  const usageOf = (usage: unknown) => answerOf(body(answer(text('a'), 'COMPLETE', { usage }))).usage

  test('counts what went through the model, not what is billed', () => {
    const usage = {
      billed_units: { input_tokens: 5, output_tokens: 6 },
      tokens: { input_tokens: 500, output_tokens: 20, reasoning_tokens: 9 },
      cached_tokens: 448,
    }
    const expected = {
      prompt_tokens: 500,
      completion_tokens: 20,
      total_tokens: 520,
      prompt_tokens_details: { cached_tokens: 448 },
      completion_tokens_details: { reasoning_tokens: 9 },
    }
    expect(usageOf(usage)).toEqual(expected)
    expect(answerOf(stream(start, grow(0, { text: 'a' }), end('COMPLETE', { usage }))).usage).toEqual(expected)
  })

  test('is estimated where a count is missing', () => {
    expect(usageOf({ tokens: { input_tokens: 4, output_tokens: null } })).toEqual({
      prompt_tokens: 4,
      completion_tokens: 1,
      total_tokens: 5,
      prompt_tokens_details: { cached_tokens: 0 },
      estimated: true,
    })
  })

  test.each([undefined, null, {}, { billed_units: { input_tokens: 5 } }])('%j is none: it is estimated', (usage) => {
    expect(usageOf(usage)).toMatchObject({ estimated: true })
  })
})

describe('an error', () => {
  test('is what a stream without its message-end has', () => {
    expect(failureOf(stream(start, grow(0, { text: 'a' }), close(0))).kind).toBe('provider-failed')
    expect(failureOf(stream(start)).kind).toBe('provider-failed')
  })

  test.each<[string, Json]>([
    ['in Cohere’s own shape', { id: 'e-1', message: 'Something broke.' }],
    ['in OpenAI’s shape', { error: { message: 'Something broke.' } }],
  ])('%s ends a stream, also after text, in its own words', (_, error) => {
    for (const events of [[error], [start, grow(0, { text: 'a' }), error, end('COMPLETE')]]) {
      const { kind, message } = failureOf(stream(...events))
      expect(kind).toBe('provider-failed')
      expect(message).toContain('Something broke.')
    }
  })

  test.each<[string, unknown]>([
    ['an error', { id: 'e-1', message: 'Something broke.' }],
    ['text', 'a'],
    ['nothing', {}],
    ['null', null],
    ['a list', []],
  ])('is what a body that is %s is', (_, given) => {
    expect(failureOf(body(given)).kind).toBe('provider-failed')
  })

  test('is what an event that is no object is', () => {
    const said = createCohereReader(counting()).event('a', '')
    expect(said).toMatchObject([{ type: 'error', failure: { kind: 'provider-failed' } }])
  })
})

test('calls that all have the same number have indices of their own, and arguments may be the object itself', () => {
  const said = stream(
    start,
    call(0, 'a', 'f'),
    args(0, { x: 1 }),
    call(0, 'b', 'g', '{}'),
    call(0, 'c', 'h', 'null'),
    end('TOOL_CALL'),
  )
  expect(callsOf(answerOf(said))).toEqual(['a f {"x":1}', 'b g {}', 'c h {}'])
})
