import { createAnthropicReader } from '../../src/formats/anthropic-messages/read-answer.ts'
import { createCohereReader } from '../../src/formats/cohere/read-answer.ts'
import { createGeminiReader } from '../../src/formats/gemini/read-answer.ts'
import { type AnswerQuirks, createOpenAIReader } from '../../src/formats/openai-chat/read-answer.ts'
import { createResponsesReader } from '../../src/formats/openai-responses/read-answer.ts'
import type { MessageReader } from '../../src/stream/decode.ts'
import type { Json } from './asking.ts'
import { counting, type Message } from './reading.ts'

/** A provider's stream, and after how many of its messages its answer is complete. */
export interface StreamFixture {
  readonly name: string
  readonly createReader: () => MessageReader
  readonly messages: readonly Message[]
  readonly completeAfter: number
  readonly text: string
}

const openaiReader = (quirks: AnswerQuirks = {}) => createOpenAIReader(quirks, counting()).chunk

/** A chunk in OpenAI's form. */
export function chunk(delta: Json, finish_reason: string | null = null, further: Json = {}): Json {
  const base = { id: 'c-1', object: 'chat.completion.chunk', created: 1, model: 'm' }
  return { ...base, choices: [{ index: 0, delta, finish_reason }], ...further }
}

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const usageChunk = { ...chunk({}), choices: [], usage }

/** The events of Anthropic's streams. */
export const anthropicEvents = {
  start: (input_tokens = 3): Json => ({
    type: 'message_start',
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      content: [],
      usage: { input_tokens, output_tokens: 1 },
    },
  }),
  open: (index: number, content_block: Json): Json => ({ type: 'content_block_start', index, content_block }),
  grow: (index: number, delta: Json): Json => ({ type: 'content_block_delta', index, delta }),
  close: (index: number): Json => ({ type: 'content_block_stop', index }),
  delta: (stop_reason: string | null, further: Json = {}): Json => ({
    type: 'message_delta',
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: 2 },
    ...further,
  }),
  stop: { type: 'message_stop' } as Json,
  ping: { type: 'ping' } as Json,
}

const { start, open, grow, close, delta, stop, ping } = anthropicEvents

/** An event of a Gemini stream. */
export function geminiEvent(parts: readonly Json[], finishReason?: string, further: Json = {}): Json {
  const candidate = { content: { role: 'model', parts }, index: 0, ...(finishReason && { finishReason }) }
  return { candidates: [candidate], usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 }, ...further }
}

/** The events of Cohere's streams. */
export const cohereEvents = {
  start: {
    id: 'c-1',
    type: 'message-start',
    delta: { message: { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] } },
  } as Json,
  plan: (tool_plan: string): Json => ({ type: 'tool-plan-delta', delta: { message: { tool_plan } } }),
  open: (index: number, content: Json): Json => ({ type: 'content-start', index, delta: { message: { content } } }),
  grow: (index: number, content: Json): Json => ({ type: 'content-delta', index, delta: { message: { content } } }),
  close: (index: number): Json => ({ type: 'content-end', index }),
  call: (index: number, id: unknown, name: string, args: unknown = ''): Json => ({
    type: 'tool-call-start',
    index,
    delta: { message: { tool_calls: { id, type: 'function', function: { name, arguments: args } } } },
  }),
  args: (index: number, args: unknown): Json => ({
    type: 'tool-call-delta',
    index,
    delta: { message: { tool_calls: { function: { arguments: args } } } },
  }),
  closeCall: (index: number): Json => ({ type: 'tool-call-end', index }),
  cite: (index: number, citations: unknown): Json => ({
    type: 'citation-start',
    index,
    delta: { message: { citations } },
  }),
  closeCite: (index: number): Json => ({ type: 'citation-end', index }),
  end: (finish_reason: unknown, further: Json = {}): Json => ({
    type: 'message-end',
    delta: { finish_reason, usage: { tokens: { input_tokens: 3, output_tokens: 2 } }, ...further },
  }),
}

const anthropicReader = () => createAnthropicReader(undefined).readEvent
const geminiReader = () => createGeminiReader(counting()).readEvent
const cohereReader = () => createCohereReader(counting()).event

const responsesReader = () =>
  createResponsesReader({ isNative: false, newId: counting(), reasoningFormat: 'f' }).message

/** The events of streams of OpenAI's Responses. */
export const responsesEvents = {
  open: (output_index: number, item: Json): Json => ({ type: 'response.output_item.added', output_index, item }),
  grow: (output_index: number, kind: string, delta: string, further: Json = {}): Json => ({
    type: `response.${kind}.delta`,
    output_index,
    delta,
    ...further,
  }),
  close: (output_index: number, item: Json): Json => ({ type: 'response.output_item.done', output_index, item }),
  end: (output: readonly Json[] = [], further: Json = {}): Json => ({
    type: 'response.completed',
    response: {
      object: 'response',
      status: 'completed',
      output,
      usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
      ...further,
    },
  }),
}

export const STREAMS: readonly StreamFixture[] = [
  {
    name: 'OpenAI, usage in a chunk of its own',
    createReader: openaiReader,
    messages: [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'Hel' }),
      chunk({ content: 'lo' }),
      chunk({}, 'stop'),
      usageChunk,
      '[DONE]',
    ],
    completeAfter: 4,
    text: 'Hello',
  },
  {
    name: 'OpenAI, two choices',
    createReader: openaiReader,
    messages: [
      chunk({ content: 'a' }),
      { ...chunk({}), choices: [{ index: 1, delta: { content: 'b' }, finish_reason: null }] },
      chunk({}, 'stop'),
      { ...chunk({}), choices: [{ index: 1, delta: {}, finish_reason: 'length' }] },
      '[DONE]',
    ],
    completeAfter: 4,
    text: 'a',
  },
  {
    name: 'OpenAI, a tool call and no finish reason at all',
    createReader: openaiReader,
    messages: [
      chunk({ tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] }),
      '[DONE]',
    ],
    completeAfter: 3,
    text: '',
  },
  {
    name: 'Perplexity, thinking in tags and no [DONE]',
    createReader: () => openaiReader({ thinkTags: true }),
    messages: [
      chunk({ content: '<thi' }),
      chunk({ content: 'nk>Hm' }),
      chunk({ content: '</think>\n\nSo' }),
      chunk({ content: '.' }, 'stop', { usage }),
    ],
    completeAfter: 4,
    text: 'So.',
  },
  {
    name: 'Mistral, everything in the last chunk',
    createReader: openaiReader,
    messages: [
      chunk({ role: 'assistant', content: '' }),
      chunk({ tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{"x":1}' }, index: 0 }] }, 'tool_calls', {
        usage,
      }),
      '[DONE]',
    ],
    completeAfter: 2,
    text: '',
  },
  {
    name: 'Anthropic, thinking, text and a tool',
    createReader: anthropicReader,
    messages: [
      start(),
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      grow(0, { type: 'thinking_delta', thinking: 'Hm' }),
      grow(0, { type: 'signature_delta', signature: 's' }),
      close(0),
      ping,
      open(1, { type: 'text', text: '' }),
      grow(1, { type: 'text_delta', text: 'So.' }),
      close(1),
      open(2, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }),
      grow(2, { type: 'input_json_delta', partial_json: '{"x":1}' }),
      close(2),
      delta('tool_use'),
      stop,
    ],
    completeAfter: 13,
    text: 'So.',
  },
  {
    name: 'Responses, reasoning, text and a call',
    createReader: responsesReader,
    messages: [
      { type: 'response.created', response: { status: 'in_progress', output: [] } },
      responsesEvents.open(0, { type: 'reasoning', summary: [] }),
      responsesEvents.grow(0, 'reasoning_summary_text', 'Hm', { summary_index: 0 }),
      responsesEvents.close(0, { type: 'reasoning', summary: [{ text: 'Hm' }], encrypted_content: 'e' }),
      responsesEvents.open(1, { type: 'message', content: [] }),
      responsesEvents.grow(1, 'output_text', 'So', { content_index: 0 }),
      responsesEvents.grow(1, 'output_text', '.', { content_index: 0 }),
      responsesEvents.open(2, { type: 'function_call', call_id: 'c', name: 'f', arguments: '' }),
      responsesEvents.grow(2, 'function_call_arguments', '{}'),
      responsesEvents.end(),
    ],
    completeAfter: 10,
    text: 'So.',
  },
  {
    name: 'Gemini, thought and text, usage after the finish',
    createReader: geminiReader,
    messages: [
      geminiEvent([{ text: 'Hm', thought: true }]),
      geminiEvent([{ text: 'So' }]),
      geminiEvent([{ text: '.' }], 'STOP'),
      { usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 9 } },
    ],
    completeAfter: 3,
    text: 'So.',
  },
  {
    name: 'Cohere, thinking, text and a citation',
    createReader: cohereReader,
    messages: [
      cohereEvents.start,
      cohereEvents.open(0, { type: 'thinking', thinking: '' }),
      cohereEvents.grow(0, { thinking: 'Hm' }),
      cohereEvents.close(0),
      cohereEvents.open(1, { type: 'text', text: '' }),
      cohereEvents.grow(1, { text: 'So.' }),
      cohereEvents.cite(0, { start: 0, end: 2, text: 'So', sources: [] }),
      cohereEvents.closeCite(0),
      cohereEvents.close(1),
      cohereEvents.end('COMPLETE'),
      '[DONE]',
    ],
    completeAfter: 10,
    text: 'So.',
  },
  {
    name: 'Cohere, a plan and two tool calls, one without arguments',
    createReader: cohereReader,
    messages: [
      cohereEvents.start,
      cohereEvents.plan('Hm.'),
      cohereEvents.call(0, 'a', 'f'),
      cohereEvents.args(0, '{"x":'),
      cohereEvents.args(0, '1}'),
      cohereEvents.closeCall(0),
      cohereEvents.call(1, 'b', 'g'),
      cohereEvents.closeCall(1),
      cohereEvents.end('TOOL_CALL'),
    ],
    completeAfter: 9,
    text: '',
  },
]
