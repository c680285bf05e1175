import { expect, test } from 'vitest'
import { checks } from './compare.ts'
import type { HttpAnswer } from './compare-errors.ts'
import type { Expected } from './expected.ts'
import { sse } from './hand-made.ts'

const ENVELOPE = {
  id: `chatcmpl-${'a1'.repeat(12)}`,
  object: 'chat.completion.chunk',
  created: 1_800_000_000,
  model: 'm',
}
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const CALL = { index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }
const EXPECTED: Expected = {
  outcome: 'answer',
  choices: [
    {
      index: 0,
      text: 'hello',
      reasoning: 'so',
      refusal: '',
      toolCalls: [{ index: 0, id: null, name: 'f', arguments: '{"a":1}', byValue: true }],
      finishReason: 'tool_calls',
    },
  ],
  usage: { prompt: 3, completion: 2, total: 5, cached: 0 },
  notes: [],
}

const piece = (delta: object, finish: string | null = null, more: object = {}) => ({
  ...ENVELOPE,
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
})
const GOOD: unknown[] = [
  piece({ role: 'assistant' }),
  piece({ reasoning_content: 'so' }),
  piece({ content: 'hel' }),
  piece({ content: 'lo' }),
  piece({ tool_calls: [CALL] }),
  piece({}, 'tool_calls', { usage: USAGE }),
  '[DONE]',
]

function answer(body: string, given: Partial<HttpAnswer> = {}): HttpAnswer {
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'r' }
  return { status: 200, headers, body, ...given }
}

function failing(expected: Expected, actual: HttpAnswer, asked = { stream: true }): string[] {
  return [...new Set(checks(expected, actual, asked).flatMap(({ name, ok }) => (ok ? [] : [name])))]
}

const withEvent = (position: number, event: unknown) => answer(sse(...GOOD.with(position, event)))

test('an answer that says all of it passes', () => {
  expect(failing(EXPECTED, answer(sse(...GOOD)))).toEqual([])
})

test('each fault of a stream fails its own check', () => {
  expect(failing(EXPECTED, withEvent(0, piece({})))).toEqual(['role-first'])
  expect(failing(EXPECTED, withEvent(2, piece({ role: 'assistant', content: 'hel' })))).toEqual(['role-first'])
  expect(failing(EXPECTED, withEvent(1, piece({ reasoning: 'so' })))).toEqual(['reasoning'])
  expect(failing(EXPECTED, withEvent(3, piece({ content: 'l' })))).toEqual(['text'])
  expect(failing(EXPECTED, withEvent(4, piece({ tool_calls: [{ ...CALL, index: 1 }] })))).toEqual(['tool-calls'])
  expect(failing(EXPECTED, withEvent(4, piece({ tool_calls: [{ ...CALL, id: '' }] })))).toEqual(['tool-calls', 'shape'])
  expect(failing(EXPECTED, withEvent(5, piece({}, 'STOP', { usage: USAGE })))).toEqual(['finish_reason'])
  expect(failing(EXPECTED, withEvent(5, piece({}, 'tool_calls')))).toEqual(['usage'])
  expect(failing(EXPECTED, withEvent(1, { ...piece({ reasoning_content: 'so' }), id: 'x' }))).toEqual(['shape'])
  expect(failing(EXPECTED, answer(sse(...GOOD.slice(0, -1))))).toEqual(['done'])
  expect(failing(EXPECTED, answer(`event: x\n${sse(...GOOD)}`))).toContain('shape')
  expect(failing(EXPECTED, answer(sse(...GOOD), { headers: {} }))).toEqual(['shape'])
})

test('an answer in the name of another model than the one that was asked fails', () => {
  const named = (model: string) => checks(EXPECTED, answer(sse(...GOOD)), { stream: true, model })
  expect(named('m').every(({ ok }) => ok)).toBe(true)
  expect(named('other').filter(({ ok }) => !ok)).toMatchObject([{ name: 'shape', actual: 'model is m, not other' }])
})

test('usage that does not add up, or that was made up in silence, fails', () => {
  const off = piece({}, 'tool_calls', { usage: { ...USAGE, total_tokens: 6 } })
  expect(failing(EXPECTED, withEvent(5, off))).toEqual(['usage'])
  const { usage: _, ...unreported } = EXPECTED
  expect(failing(unreported, answer(sse(...GOOD)))).toEqual(['usage'])
  const marked = piece({}, 'tool_calls', { usage: { ...USAGE, estimated: true } })
  expect(failing(unreported, withEvent(5, marked))).toEqual([])
})

test('usage that was asked for comes in a last chunk of its own, and null in all others', () => {
  const asked = { stream: true, includeUsage: true }
  const nulled: unknown[] = GOOD.map((event) =>
    typeof event === 'string' ? event : { ...(event as object), usage: null },
  )
  const last = { ...ENVELOPE, choices: [], usage: USAGE }
  expect(failing(EXPECTED, answer(sse(...nulled.toSpliced(-1, 0, last))), asked)).toEqual([])
  expect(failing(EXPECTED, answer(sse(...GOOD)), asked)).toEqual(['usage'])
})

test('a broken stream must carry its error, and no [DONE]', () => {
  const { usage: _, ...rest } = EXPECTED
  const broken: Expected = { ...rest, outcome: 'error-after-content', error: { messageIncludes: 'gone' } }
  const error = { message: 'it is gone', type: 'upstream_error', param: null, code: null }
  const last = piece({}, 'error', { error })
  const events = [...GOOD.slice(0, 5), last]
  expect(failing(broken, answer(sse(...events)))).toEqual([])
  expect(failing(broken, answer(sse(...events, '[DONE]')))).toEqual(['done', 'shape'])
  expect(failing(broken, answer(sse(...GOOD)))).toContain('error')
  const terse = piece({}, 'error', { error: { message: 'it is gone' } })
  expect(failing(broken, answer(sse(...events.with(-1, terse))))).toEqual(['error'])
})

test('a body is held to the shape of the reference', () => {
  const { index: _, ...call } = CALL
  const message = { role: 'assistant', content: 'hello', reasoning_content: 'so', tool_calls: [call] }
  const body = {
    ...ENVELOPE,
    object: 'text_completion',
    choices: [{ index: 0, message, finish_reason: 'tool_calls' }],
    usage: USAGE,
  }
  const headers = { 'content-type': 'application/json', 'x-request-id': 'r' }
  const check = (given: unknown) => failing(EXPECTED, answer(JSON.stringify(given), { headers }), { stream: false })
  expect(check(body)).toEqual([])
  expect(check({ ...body, object: 'chat.completion' })).toEqual(['shape'])
  expect(check({ ...body, created: 1_800_000_000_000 })).toEqual(['shape'])
  expect(check({ ...body, usage: undefined })).toEqual(['usage'])
})

test('an HTTP error is compared member by member', () => {
  const wanted: Expected = {
    outcome: 'error-before-content',
    choices: [],
    error: { status: 429, type: 'rate_limit_error', param: null, code: 'upstream_rate_limited' },
    notes: [],
  }
  const error = { message: 'busy', type: 'rate_limit_error', param: null, code: 'upstream_rate_limited' }
  const headers = { 'content-type': 'application/json', 'x-request-id': 'r' }
  const waits = { ...headers, 'retry-after': '1', 'retry-after-ms': '900', 'x-should-retry': 'true' }
  const body = JSON.stringify({ error })
  expect(failing(wanted, answer(body, { status: 429, headers: waits }))).toEqual([])
  expect(failing(wanted, answer(body, { status: 429, headers }))).toEqual(['error'])
  expect(failing(wanted, answer(body, { status: 500, headers: waits }))).toEqual(['outcome'])
  const numbered = JSON.stringify({ error: { ...error, code: 429 } })
  expect(failing(wanted, answer(numbered, { status: 429, headers: waits }))).toEqual(['error'])
})

test('where two answers are allowed, the second will do', () => {
  const other: Expected = {
    ...EXPECTED,
    orElse: { outcome: 'error-before-content', choices: [], error: {}, notes: [] },
  }
  const error = { message: 'no', type: 'upstream_error', param: null, code: null }
  const headers = { 'content-type': 'application/json', 'x-request-id': 'r' }
  expect(failing(other, answer(JSON.stringify({ error }), { status: 502, headers }))).toEqual([])
  expect(failing(EXPECTED, answer(JSON.stringify({ error }), { status: 502, headers }))).toEqual(['outcome'])
})

test('shown code does not count, and white space does', () => {
  const [choice] = EXPECTED.choices
  if (choice === undefined) throw new Error('no choice')
  const wider = { ...EXPECTED, choices: [{ ...choice, text: 'hello ', reasoning: '\nso' }] }
  expect(failing(wider, answer(sse(...GOOD)))).toEqual(['text', 'reasoning'])
  const split = { ...EXPECTED, choices: [{ ...choice, pieces: ['he', 'o'] }] }
  expect(failing(split, answer(sse(...GOOD)))).toEqual([])
  expect(
    failing({ ...EXPECTED, choices: [{ ...choice, pieces: ['o', 'he'], text: 'ohe' }] }, answer(sse(...GOOD))),
  ).toEqual(['text'])
})
