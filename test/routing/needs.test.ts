import { describe, expect, test } from 'vitest'
import { parseChat } from '../../src/chat/request.ts'
import { fits, missingCapability, needsOf } from '../../src/routing/needs.ts'
import { unlistedModelTraits } from '../../src/routing/unlisted-model.ts'

type Json = Record<string, unknown>

const ask = (fields: Json) =>
  needsOf(parseChat({ model: 'a', messages: [{ role: 'user', content: 'Hello!' }], ...fields }))
const withPart = (part: Json) => ask({ messages: [{ role: 'user', content: [part] }] })
const tool = { type: 'function', function: { name: 'f', description: 'x'.repeat(320) } }
const textOnly = { ...unlistedModelTraits, input: new Set(['text'] as const), tools: false }

describe('what is asked tells what is needed', () => {
  test.each<[string, Json, string]>([
    ['a picture', { type: 'image_url', image_url: { url: 'https://a.example/' } }, 'vision'],
    ['a sound', { type: 'input_audio', input_audio: { data: '', format: 'wav' } }, 'audio'],
    ['a film', { type: 'video_url', video_url: { url: 'https://a.example/' } }, 'video'],
    ['a PDF', { type: 'file', file: { file_data: 'data:application/pdf;base64,AA==' } }, 'pdf'],
  ])('%s', (_, part, lack) => {
    expect(missingCapability(withPart(part), textOnly)).toBe(lack)
    expect(missingCapability(withPart(part), unlistedModelTraits)).toBeUndefined()
  })

  test('tools, unless none may be used', () => {
    expect(missingCapability(ask({ tools: [tool] }), textOnly)).toBe('tools')
    expect(missingCapability(ask({ tools: [tool], tool_choice: 'none' }), textOnly)).toBeUndefined()
    expect(missingCapability(ask({ tools: [] }), textOnly)).toBeUndefined()
  })

  test('functions, as tools were called before, unless none may be used', () => {
    const functions = [{ name: 'f' }]
    expect(missingCapability(ask({ functions }), textOnly)).toBe('tools')
    expect(missingCapability(ask({ functions, function_call: 'none' }), textOnly)).toBeUndefined()
    expect(missingCapability(ask({ functions: [] }), textOnly)).toBeUndefined()
  })

  test.each<[Json, string]>([
    [{}, 'none'],
    [{ reasoning_effort: 'none' }, 'none'],
    [{ reasoning: { enabled: false } }, 'none'],
    [{ thinking: { type: 'disabled' } }, 'none'],
    [{ thinking: null }, 'none'],
    [{ reasoning_effort: 'minimal' }, 'some'],
    [{ reasoning_effort: 'medium' }, 'some'],
    [{ reasoning: { enabled: true } }, 'some'],
    [{ reasoning: { max_tokens: 2000 } }, 'some'],
    [{ thinking: { type: 'enabled', budget_tokens: 2000 } }, 'some'],
    [{ reasoning_effort: 'high' }, 'most'],
    [{ reasoning_effort: 'max' }, 'most'],
    [{ reasoning: { max_tokens: 20_000 } }, 'most'],
    [{ thinking: { type: 'enabled', budget_tokens: 20_000 } }, 'most'],
  ])('how much it is to reason: %j', (fields, reasoning) => {
    expect(ask(fields).reasoning).toBe(reasoning)
  })

  test('only text', () => {
    expect(missingCapability(withPart({ type: 'text', text: 'a' }), textOnly)).toBeUndefined()
  })

  test('the longest answer', () => {
    expect(ask({}).outputTokens).toBe(0)
    expect(ask({ max_tokens: 5 }).outputTokens).toBe(5)
    expect(ask({ max_completion_tokens: 6, max_tokens: 5 }).outputTokens).toBe(6)
  })
})

describe('the prompt is estimated', () => {
  const tokens = (fields: Json) => ask(fields).promptTokens()

  test('by its bytes over 3.2, wherever its text stands (routing 2.4)', () => {
    const text = 'x'.repeat(3200)
    expect(tokens({ messages: [{ role: 'user', content: text }] })).toBe(1000)
    expect(tokens({ messages: [{ role: 'user', content: [{ type: 'text', text }] }] })).toBe(1000)
  })

  test('with tools, calls, pictures, and scripts of more bytes', () => {
    const plain = tokens({})
    const tool_calls = [{ id: 'a', type: 'function', function: { name: 'f', arguments: `"${'x'.repeat(320)}"` } }]
    expect(tokens({ tools: [tool] })).toBeGreaterThanOrEqual(plain + 100)
    expect(tokens({ messages: [{ role: 'assistant', content: null, tool_calls }] })).toBeGreaterThanOrEqual(100)
    expect(withPart({ type: 'image_url', image_url: { url: 'https://a.example/' } }).promptTokens()).toBeGreaterThan(
      500,
    )
    expect(tokens({ messages: [{ role: 'user', content: '你'.repeat(100) }] })).toBeGreaterThan(
      tokens({ messages: [{ role: 'user', content: 'x'.repeat(100) }] }),
    )
  })
})

test.each([
  [1000, 100, 1100, true],
  [1000, 101, 1100, false],
  [1000, 0, 999, false],
  [1_000_000, 0, 0, true],
])('a prompt of %i and an answer of %i tokens in a window of %i: %s', (prompt, answer, contextTokens, expected) => {
  const needs = { ...ask({}), promptTokens: () => prompt, outputTokens: answer }
  expect(fits(needs, { ...unlistedModelTraits, contextTokens })).toBe(expected)
})

test('several prompts are counted together, and each has a window of its own', () => {
  const chat = parseChat({ model: 'a', messages: [{ role: 'user', content: '' }], max_tokens: 10 })
  const needs = needsOf(chat, {
    prompts: { all: ['a'.repeat(32), [1, 2, 3], 'a'.repeat(64)], suffix: 'z'.repeat(96) },
    answers: 6,
  })
  expect([needs.promptTokens(), needs.answers, needs.prompts]).toEqual([123, 6, { count: 3, longestTokens: 50 }])
  expect(fits(needs, { ...unlistedModelTraits, contextTokens: 60 })).toBe(true)
  expect(fits(needs, { ...unlistedModelTraits, contextTokens: 59 })).toBe(false)
})

test('pictures are at most so long, and what else is in a prompt is bounded by nothing but the window', () => {
  const most = (...parts: Record<string, unknown>[]) =>
    ask({ messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, ...parts] }] }).mostPromptTokens?.()
  const image = { type: 'image_url', image_url: { url: 'https://images.example/a.png' } }
  expect(most()).toBeUndefined()
  expect(most(image, image)).toBe(10_001)
  expect(most(image, { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } })).toBe(
    Number.POSITIVE_INFINITY,
  )
  expect(most({ type: 'file', file: { file_id: 'file-1' } })).toBe(Number.POSITIVE_INFINITY)
})
