import { describe, expect, test } from 'vitest'
import { chunksOf, useCase } from './router.ts'
import type { Script } from './scripted.ts'
import {
  block,
  COHERE_START,
  chunk,
  cohereAnswer,
  cohereCall,
  cohereEnd,
  cohereText,
  completion,
  crlf,
  FORMATS,
  generated,
  MESSAGE_START,
  message,
  messageEnd,
  named,
  sse,
  stream,
  textBlock,
  toolBlock,
  USAGE_CHUNK,
  whole,
} from './wires.ts'

const router9 = useCase()

const WORDS = new Set(['stop', 'length', 'tool_calls', 'content_filter', 'function_call'])

function finishesOf(raw: string) {
  return chunksOf(raw).flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason))
}

const saysItOften: readonly { who: string; model: string; streamed: Script }[] = [
  {
    who: 'Gemini',
    model: FORMATS.gemini.model,
    streamed: stream(crlf(...['One', ' two', ' three'].map((text) => generated([{ text }], 'STOP')))),
  },
  {
    who: "a provider of OpenAI's form",
    model: FORMATS.custom.model,
    streamed: stream(sse(...['One', ' two', ' three'].map((content) => chunk({ content }, 'stop')), '[DONE]')),
  },
  {
    who: 'OpenRouter, which finishes twice',
    model: 'openrouter/openai/gpt-4o',
    streamed: stream(
      sse(
        chunk({ content: 'One two three' }),
        chunk({ content: '' }, 'stop'),
        chunk({ content: '' }, 'stop', { usage: USAGE_CHUNK.usage }),
        '[DONE]',
      ),
    ),
  },
]

test.each(saysItOften)('only the last chunk has a finish_reason, however often $who says it', async (row) => {
  const { raw, choice } = await router9.streamed(row.model, row.streamed)
  const finishes = finishesOf(raw)
  expect(finishes.at(-1)).toBe('stop')
  expect(finishes.slice(0, -1).every((finish) => finish === null)).toBe(true)
  expect(choice.text).toBe('One two three')
})

const CALLS = [{ id: 'call_a', type: 'function', function: { name: 'get_weather', arguments: '{}' } }]
const called: readonly { who: string; model: string; streamed: Script; body: Script }[] = [
  {
    who: 'Gemini, STOP',
    model: FORMATS.gemini.model,
    streamed: stream(crlf(generated([{ functionCall: { name: 'get_weather', args: {} } }], 'STOP'))),
    body: whole(generated([{ functionCall: { name: 'get_weather', args: {} } }], 'STOP')),
  },
  {
    who: 'Gemini, STOP in a later event',
    model: FORMATS.gemini.model,
    streamed: stream(
      crlf(generated([{ functionCall: { name: 'get_weather', args: {} } }]), generated([{ text: '' }], 'STOP')),
    ),
    body: whole(generated([{ text: 'Wait.' }, { functionCall: { name: 'get_weather' } }], 'STOP')),
  },
  {
    who: 'Anthropic, end_turn',
    model: FORMATS.anthropic.model,
    streamed: stream(named(MESSAGE_START, ...toolBlock(0, 'call_a', 'get_weather'), ...messageEnd('end_turn'))),
    body: whole(message([{ type: 'tool_use', id: 'call_a', name: 'get_weather', input: {} }], 'end_turn')),
  },
  {
    who: 'Cohere, COMPLETE',
    model: FORMATS.cohere.model,
    streamed: stream(named(COHERE_START, ...cohereCall(0, 'call_a', 'get_weather', '{}'), cohereEnd('COMPLETE'))),
    body: whole(cohereAnswer({ tool_calls: CALLS }, 'COMPLETE')),
  },
  ...['stop', 'eos', 'STOP'].map((word) => ({
    who: `a provider of OpenAI's form, ${word}`,
    model: 'ollama/llama3',
    streamed: stream(
      sse(chunk({ tool_calls: CALLS.map((call) => ({ index: 0, ...call })) }), chunk({}, word), '[DONE]'),
    ),
    body: whole(completion({ content: '', tool_calls: CALLS }, word)),
  })),
]

describe.each(called)('an answer that calls a tool and ends as if it were text ($who)', (row) => {
  test('finishes with tool_calls in a stream', async () => {
    const { choice } = await router9.streamed(row.model, row.streamed)
    expect([choice.toolCalls.length, choice.finishReason]).toEqual([1, 'tool_calls'])
  })

  test('finishes with tool_calls in a body', async () => {
    const { choice } = await router9.whole(row.model, row.body)
    expect([choice.toolCalls.length, choice.finishReason]).toEqual([1, 'tool_calls'])
  })
})

function anthropicSays(word: string) {
  return {
    model: FORMATS.anthropic.model,
    streamed: stream(named(MESSAGE_START, ...textBlock(0, 'Some text'), ...messageEnd(word))),
    body: whole(message([{ type: 'text', text: 'Some text' }], word)),
  }
}

function geminiSays(word: string) {
  return {
    model: FORMATS.gemini.model,
    streamed: stream(crlf(generated([{ text: 'Some text' }], word))),
    body: whole(generated([{ text: 'Some text' }], word)),
  }
}

function cohereSays(word: string) {
  return {
    model: FORMATS.cohere.model,
    streamed: stream(named(COHERE_START, cohereText('Some text'), cohereEnd(word))),
    body: whole(cohereAnswer({ content: [{ type: 'text', text: 'Some text' }] }, word)),
  }
}

function customSays(word: string) {
  return {
    model: FORMATS.custom.model,
    streamed: stream(sse(chunk({ content: 'Some text' }), chunk({}, word), '[DONE]')),
    body: whole(completion({ content: 'Some text' }, word)),
  }
}

const WAYS = { Anthropic: anthropicSays, Gemini: geminiSays, Cohere: cohereSays, custom: customSays }

const native: readonly [who: keyof typeof WAYS, word: string, told: string][] = [
  ['Anthropic', 'end_turn', 'stop'],
  ['Anthropic', 'stop_sequence', 'stop'],
  ['Anthropic', 'pause_turn', 'stop'],
  ['Anthropic', 'tool_use', 'stop'],
  ['Anthropic', 'a word of tomorrow', 'stop'],
  ['Gemini', 'STOP', 'stop'],
  ['Gemini', 'MAX_TOKENS', 'length'],
  ['Gemini', 'SAFETY', 'content_filter'],
  ['Gemini', 'RECITATION', 'content_filter'],
  ['Gemini', 'MALFORMED_FUNCTION_CALL', 'stop'],
  ['Gemini', 'A_WORD_OF_TOMORROW', 'stop'],
  ['Cohere', 'COMPLETE', 'stop'],
  ['Cohere', 'STOP_SEQUENCE', 'stop'],
  ['Cohere', 'MAX_TOKENS', 'length'],
  ['Cohere', 'TOOL_CALL', 'stop'],
  ['custom', 'tool_calls', 'stop'],
  ['custom', 'eos', 'stop'],
  ['custom', 'end_turn', 'stop'],
  ['custom', 'STOP', 'stop'],
  ['custom', 'model_length', 'length'],
  ['custom', 'MAX_TOKENS', 'length'],
  ['custom', 'sensitive', 'content_filter'],
  ['custom', 'SAFETY', 'content_filter'],
  ['custom', 'a word of tomorrow', 'stop'],
]

test.each(native)("%s's own word %s is told as %s, streamed and whole", async (who, word, told) => {
  const { model, streamed, body } = WAYS[who](word)
  const seen = await router9.streamed(model, streamed)
  expect([seen.choice.text, seen.choice.finishReason]).toEqual(['Some text', told])
  expect(finishesOf(seen.raw).every((finish) => finish === null || WORDS.has(finish))).toBe(true)
  const read = await router9.whole(model, body)
  expect([read.choice.text, read.choice.finishReason]).toEqual(['Some text', told])
})

test("Anthropic's tool_use is stop where only its own servers' tools were used", async () => {
  const search = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }
  const blocks = [
    ...block(0, search, { type: 'input_json_delta', partial_json: '{"query":"x"}' }),
    ...textBlock(1, 'So.'),
  ]
  const streamed = stream(named(MESSAGE_START, ...blocks, ...messageEnd('tool_use')))
  const told = { text: 'So.', toolCalls: [], finishReason: 'stop' }
  expect((await router9.streamed(FORMATS.anthropic.model, streamed)).choice).toMatchObject(told)
  const body = whole(message([search, { type: 'text', text: 'So.' }], 'tool_use'))
  expect((await router9.whole(FORMATS.anthropic.model, body)).choice).toMatchObject(told)
})

test.each(['max_tokens', 'model_context_window_exceeded'])("Anthropic's %s is length", async (word) => {
  const { model, streamed, body } = anthropicSays(word)
  expect((await router9.streamed(model, streamed)).choice.finishReason).toBe('length')
  expect((await router9.whole(model, body)).choice.finishReason).toBe('length')
})

test('a call that the limit cut keeps its half arguments as they are, and says length', async () => {
  const events = [...toolBlock(0, 'call_a', 'get_weather', '{"city":"Pa'), ...messageEnd('max_tokens')]
  const { choice } = await router9.streamed(FORMATS.anthropic.model, stream(named(MESSAGE_START, ...events)))
  expect(choice).toMatchObject({ finishReason: 'length', toolCalls: [{ arguments: '{"city":"Pa' }] })
})

test('an empty finish_reason is none', async () => {
  const deltas = ['One', ' two'].map((content) => chunk({ content }, ''))
  const { raw, choice } = await router9.streamed('ollama/llama3', stream(sse(...deltas, chunk({}, 'stop'), '[DONE]')))
  expect(finishesOf(raw).every((finish) => finish === null || finish === 'stop')).toBe(true)
  expect([choice.text, choice.finishReason]).toEqual(['One two', 'stop'])
})

test('a stream whose only finish_reason is empty is cut where it just ends, and whole where it says [DONE]', async () => {
  const deltas = sse(chunk({ content: 'One' }), chunk({ content: ' two' }, ''))
  const cut = await router9.streamed('ollama/llama3', stream(deltas))
  expect([cut.answer.done, cut.answer.error === undefined]).toEqual([false, false])
  const ended = await router9.streamed('ollama/llama3', stream(deltas, sse('[DONE]')))
  expect([ended.answer.done, ended.choice.finishReason]).toEqual([true, 'stop'])
})

test('a body with an empty finish_reason gets a proper one', async () => {
  const { choice } = await router9.whole('ollama/llama3', whole(completion({ content: 'One' }, '')))
  expect(choice).toMatchObject({ text: 'One', finishReason: 'stop' })
})

const details = { type: 'refusal', category: 'cyber', explanation: 'That would do harm.' }
const refusals = [
  { what: 'without a word', content: [], more: {}, refusal: '' },
  { what: 'after a few words', content: ['Well,'], more: {}, refusal: '' },
  { what: 'with an explanation', content: [], more: { stop_details: details }, refusal: details.explanation },
]

test.each(refusals)("Claude's refusal $what is content_filter", async ({ content, more, refusal }) => {
  const blocks = content.flatMap((text, index) => textBlock(index, text))
  const streamed = stream(named(MESSAGE_START, ...blocks, ...messageEnd('refusal', more)))
  const told = { finishReason: 'content_filter', text: content.join(''), refusal }
  expect((await router9.streamed(FORMATS.anthropic.model, streamed)).choice).toMatchObject(told)
  const body = message(
    content.map((text) => ({ type: 'text', text })),
    'refusal',
    more,
  )
  expect((await router9.whole(FORMATS.anthropic.model, whole(body))).choice).toMatchObject(told)
})

const silent = [
  { what: 'no content', parts: undefined },
  { what: 'no parts', parts: [] },
  { what: 'an empty text', parts: [{ text: '' }] },
]
const silentEnds = [
  { word: 'MAX_TOKENS', told: 'length' },
  { word: 'SAFETY', told: 'content_filter' },
  { word: 'STOP', told: 'stop' },
]

test.each(silent.flatMap((row) => silentEnds.map((end) => ({ ...row, ...end }))))(
  'a Gemini candidate with $what that ends with $word is one choice with empty content and $told',
  async ({ parts, word, told }) => {
    const { choice, raw } = await router9.whole(FORMATS.gemini.model, whole(generated(parts, word)))
    expect(JSON.parse(raw).choices).toMatchObject([{ index: 0, message: { content: '' }, finish_reason: told }])
    expect(choice.finishReason).toBe(told)
    const streamed = await router9.streamed(FORMATS.gemini.model, stream(crlf(generated(parts, word))))
    expect(streamed.answer.choices).toMatchObject([{ index: 0, text: '', finishReason: told }])
  },
)

test('a Gemini body without candidates is an error, never an answer without choices', async () => {
  const body = { usageMetadata: { promptTokenCount: 11, totalTokenCount: 11 }, modelVersion: 'gemini-upstream' }
  const { status, error } = await router9.refused(FORMATS.gemini.model, whole(body))
  expect([status, error.code]).toEqual([502, 'upstream_error'])
})
