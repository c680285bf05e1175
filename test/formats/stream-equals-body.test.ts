import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAnthropicReader } from '../../src/formats/anthropic-messages/read-answer.ts'
import { createCohereReader } from '../../src/formats/cohere/read-answer.ts'
import { createGeminiReader } from '../../src/formats/gemini/read-answer.ts'
import { createOpenAIReader } from '../../src/formats/openai-chat/read-answer.ts'
import type { Json } from './asking.ts'
import { completion, counting, type Message, readMessages, readWhole } from './reading.ts'
import { anthropicEvents, cohereEvents, geminiEvent } from './streams.ts'

const words = fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1, maxLength: 4 })
const args = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.parse(JSON.stringify(value)) as Json)
/** Of something said, none is no count. */
const tokens = fc.integer({ min: 1, max: 10_000 })

/** A JSON text in pieces of `length` characters. */
function pieces(text: string, length: number): string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, at) => text.slice(at * length, (at + 1) * length))
}

const openaiChoice = fc.record({
  reasoning: fc.option(words),
  content: fc.option(words),
  refusal: fc.option(words),
  calls: fc.array(fc.record({ name: fc.string({ minLength: 1 }), args }), { maxLength: 3 }),
  logprobs: fc.boolean(),
  finish_reason: fc.constantFrom('stop', 'length', 'content_filter'),
})

test('openai: an answer streamed is the answer whole', () => {
  fc.assert(
    fc.property(
      fc.array(openaiChoice, { minLength: 1, maxLength: 3 }),
      tokens,
      tokens,
      fc.integer({ min: 1, max: 9 }),
      (given, p, c, length) => {
        const usage = { prompt_tokens: p, completion_tokens: c, total_tokens: p + c }
        const call = (index: number, at: number, name: string, text: string) => ({
          id: `call_${index}_${at}`,
          type: 'function',
          function: { name, arguments: text },
        })
        const choices = given.map(({ reasoning, content, refusal, calls, logprobs, finish_reason }, index) => ({
          index,
          message: {
            role: 'assistant',
            content: content?.join('') ?? null,
            ...(reasoning && { reasoning_content: reasoning.join('') }),
            ...(refusal && { refusal: refusal.join('') }),
            ...(calls.length > 0 && {
              tool_calls: calls.map(({ name, args: value }, at) => call(index, at, name, JSON.stringify(value))),
            }),
          },
          ...(logprobs && content ? { logprobs: { content } } : {}),
          finish_reason,
        }))
        const deltas = given.map(({ reasoning, content, refusal, calls, logprobs, finish_reason }, index): Json[] => [
          ...(reasoning ?? []).map((text) => ({ index, delta: { reasoning_content: text }, finish_reason: null })),
          ...(content ?? []).map((text) => ({
            index,
            delta: { content: text },
            finish_reason: null,
            ...(logprobs && { logprobs: { content: [text] } }),
          })),
          ...(refusal ?? []).map((text) => ({ index, delta: { refusal: text }, finish_reason: null })),
          ...calls.flatMap(({ name, args: value }, at) => [
            { index, delta: { tool_calls: [{ index: at, ...call(index, at, name, '') }] }, finish_reason: null },
            ...pieces(JSON.stringify(value), length).map((text) => ({
              index,
              delta: { tool_calls: [{ index: at, function: { arguments: text } }] },
              finish_reason: null,
            })),
          ]),
          { index, delta: {}, finish_reason },
        ])
        const longest = Math.max(...deltas.map((list) => list.length))
        const messages: Message[] = [
          ...Array.from({ length: longest }, (_, at) => deltas.flatMap((list) => list[at] ?? [])).flatMap((row) =>
            row.map((choice) => ({ choices: [choice] })),
          ),
          { choices: [], usage },
          '[DONE]',
        ]
        const streamed = readMessages(createOpenAIReader({}, counting()).chunk, messages)
        const whole = readWhole(createOpenAIReader({}, counting()).body({ choices, usage }))
        expect(completion(streamed)).toEqual(completion(whole))
      },
    ),
  )
})

const anthropicBlock = fc.oneof(
  fc.record({ type: fc.constant('text' as const), words }),
  fc.record({ type: fc.constant('thinking' as const), words, signature: fc.string({ minLength: 1 }) }),
  fc.record({ type: fc.constant('redacted_thinking' as const), data: fc.string({ minLength: 1 }) }),
  fc.record({
    type: fc.constant('tool_use' as const),
    id: fc.stringMatching(/^toolu_[a-z]{4}$/),
    name: fc.constantFrom('f', 'json'),
    input: args,
  }),
  fc.record({
    type: fc.constant('server_tool_use' as const),
    id: fc.constant('srv_1'),
    name: fc.constant('web'),
    input: args,
  }),
)

test('anthropic: an answer streamed is the answer whole', () => {
  const reasons = fc.constantFrom('end_turn', 'tool_use', 'max_tokens', 'refusal', 'pause_turn')
  const jsonTool = fc.constantFrom('json', undefined)
  fc.assert(
    fc.property(
      fc.array(anthropicBlock, { maxLength: 5 }),
      reasons,
      jsonTool,
      tokens,
      fc.integer({ min: 1, max: 9 }),
      (blocks, stop_reason, tool, output_tokens, length) => {
        const content = blocks.map((block): Json => {
          if (block.type === 'text') return { type: block.type, text: block.words.join('') }
          if (block.type === 'thinking')
            return { type: block.type, thinking: block.words.join(''), signature: block.signature }
          return block
        })
        const { start, open, grow, close, delta, stop, ping } = anthropicEvents
        const events = blocks.flatMap((block, index): Json[] => {
          const inner = (): Json[] => {
            switch (block.type) {
              case 'text':
                return block.words.map((text) => grow(index, { type: 'text_delta', text }))
              case 'thinking':
                return [
                  ...block.words.map((thinking) => grow(index, { type: 'thinking_delta', thinking })),
                  grow(index, { type: 'signature_delta', signature: block.signature }),
                ]
              case 'redacted_thinking':
                return []
              default:
                return pieces(JSON.stringify(block.input), length).map((partial_json) =>
                  grow(index, { type: 'input_json_delta', partial_json }),
                )
            }
          }
          const opened = {
            ...content[index],
            ...(block.type === 'text' && { text: '' }),
            ...(block.type === 'thinking' && { thinking: '', signature: '' }),
          }
          return [open(index, 'input' in block ? { ...opened, input: {} } : opened), ping, ...inner(), close(index)]
        })
        const messages = [start(7), ...events, delta(stop_reason, { usage: { output_tokens } }), stop]
        const usage = { input_tokens: 7, output_tokens }
        const streamed = readMessages(createAnthropicReader(tool).readEvent, messages)
        const whole = readWhole(createAnthropicReader(tool).readBody({ type: 'message', content, stop_reason, usage }))
        expect(completion(streamed)).toEqual(completion(whole))
      },
    ),
  )
})

const geminiParts = fc.array(
  fc.oneof(
    fc.record({ text: fc.string({ unit: 'binary', minLength: 1 }) }),
    fc.record({ text: fc.string({ minLength: 1 }), thought: fc.constant(true) }),
    fc.record({ text: fc.constant(''), thoughtSignature: fc.string({ minLength: 1 }) }),
    fc.record({ functionCall: fc.record({ name: fc.string({ minLength: 1 }), args }, { requiredKeys: ['name'] }) }),
    fc.record({ inlineData: fc.record({ mimeType: fc.constant('image/png'), data: fc.base64String() }) }),
  ),
  { maxLength: 5 },
)

test('gemini: an answer streamed is the answer whole', () => {
  fc.assert(
    fc.property(
      geminiParts,
      fc.constantFrom('STOP', 'MAX_TOKENS', 'SAFETY'),
      tokens,
      (parts, reason, candidatesTokenCount) => {
        const usageMetadata = { promptTokenCount: 3, candidatesTokenCount }
        const messages = [...parts.map((part) => geminiEvent([part])), geminiEvent([], reason, { usageMetadata })]
        const streamed = readMessages(createGeminiReader(counting()).readEvent, messages)
        const whole = readWhole(createGeminiReader(counting()).readBody(geminiEvent(parts, reason, { usageMetadata })))
        expect(completion(streamed)).toEqual(completion(whole))
      },
    ),
  )
})

const cohereMessage = fc.record({
  plan: fc.option(words),
  blocks: fc.array(fc.record({ type: fc.constantFrom('text', 'thinking'), words }), { maxLength: 4 }),
  calls: fc.array(fc.record({ name: fc.string({ minLength: 1 }), args: fc.option(args) }), { maxLength: 3 }),
  citations: fc.array(fc.record({ start: fc.nat(), end: fc.nat(), text: fc.string() }), { maxLength: 2 }),
})

test('cohere: an answer streamed is the answer whole', () => {
  const reasons = fc.constantFrom('COMPLETE', 'STOP_SEQUENCE', 'MAX_TOKENS', 'TOOL_CALL', 'BRAND_NEW')
  fc.assert(
    fc.property(
      cohereMessage,
      reasons,
      tokens,
      fc.integer({ min: 1, max: 9 }),
      ({ plan, blocks, calls, citations }, finish_reason, output_tokens, length) => {
        const usage = { tokens: { input_tokens: 7, output_tokens, reasoning_tokens: 1 }, cached_tokens: 2 }
        const message = {
          role: 'assistant',
          ...(plan && { tool_plan: plan.join('') }),
          content: blocks.map(({ type, words: said }) => ({ type, [type]: said.join('') })),
          tool_calls: calls.map(({ name, args: value }, at) => ({
            id: `call_${at}`,
            type: 'function',
            function: { name, arguments: value && JSON.stringify(value) },
          })),
          citations,
        }
        const { start, open, grow, close, call, closeCall, cite, closeCite, end } = cohereEvents
        const messages = [
          start,
          ...(plan ?? []).map(cohereEvents.plan),
          ...blocks.flatMap(({ type, words: said }, at) => [
            open(at, { type, [type]: '' }),
            ...said.map((text) => grow(at, { [type]: text })),
            close(at),
          ]),
          ...citations.flatMap((citation, at) => [cite(at, citation), closeCite(at)]),
          ...calls.flatMap(({ name, args: value }, at) => [
            call(at, `call_${at}`, name, value ? '' : null),
            ...(value ? pieces(JSON.stringify(value), length).map((text) => cohereEvents.args(at, text)) : []),
            closeCall(at),
          ]),
          end(finish_reason, { usage }),
        ]
        const streamed = readMessages(createCohereReader(counting()).event, messages)
        const whole = readWhole(createCohereReader(counting()).body({ id: 'a', message, finish_reason, usage }))
        expect(completion(streamed)).toEqual(completion(whole))
      },
    ),
  )
})
