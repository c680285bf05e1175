import type { Piece, Script } from './scripted.ts'

const EVENT_STREAM = { 'content-type': 'text/event-stream; charset=utf-8' }

/** The wire formats, `custom` standing for those that resemble OpenAI's, and a model that is asked in each. */
export const FORMATS = {
  openai: { model: 'openai/gpt-4o' },
  custom: { model: 'custom/some-model' },
  anthropic: { model: 'anthropic/claude-sonnet-4-5' },
  gemini: { model: 'google/gemini-2.5-flash' },
  cohere: { model: 'cohere/command-a-03-2025' },
} as const

export type FormatName = keyof typeof FORMATS
export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[]

/** Events as most providers write them; text is taken as it is, such as [DONE]. */
export function sse(...events: readonly unknown[]): string {
  return events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('')
}

/** Events under the name of their type, as Anthropic and Cohere write them. */
export function named(...events: readonly { readonly type: string; readonly [field: string]: unknown }[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}

/** Events as Gemini writes them. */
export function crlf(...events: readonly unknown[]): string {
  return events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')
}

/** A stream of these pieces. */
export function stream(...pieces: readonly Piece[]): Script {
  return { headers: EVENT_STREAM, pieces }
}

/** A stream that ends other than it should. */
export function broken(ending: Exclude<Script['ending'], undefined>, ...pieces: readonly Piece[]): Script {
  return { headers: EVENT_STREAM, pieces, ending }
}

/** A whole answer. */
export function whole(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Script {
  return { status, headers: { 'content-type': 'application/json', ...headers }, pieces: [JSON.stringify(body)] }
}

type Fields = Readonly<Record<string, unknown>>

/** A chunk of OpenAI's form with one choice. */
export function chunk(delta: Fields, finish: string | null = null, more: Fields = {}): Fields {
  return {
    id: 'chatcmpl-upstream',
    object: 'chat.completion.chunk',
    created: 1_767_225_600,
    model: 'upstream-model',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...more,
  }
}

/** A whole completion of OpenAI's form with one choice. */
export function completion(message: Fields, finish: string, more: Fields = {}): Fields {
  return {
    id: 'chatcmpl-upstream',
    object: 'chat.completion',
    created: 1_767_225_600,
    model: 'upstream-model',
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    ...more,
  }
}

/** The usage chunk that comes after all others where it was asked for. */
export const USAGE_CHUNK = {
  ...chunk({}),
  choices: [],
  usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
}

export const MESSAGE_START = {
  type: 'message_start',
  message: {
    id: 'msg_upstream',
    type: 'message',
    role: 'assistant',
    model: 'claude-upstream',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 11, output_tokens: 1 },
  },
}
export const MESSAGE_STOP = { type: 'message_stop' }

/** The last events of a message of Anthropic's. */
export function messageEnd(stopReason: string, more: Fields = {}) {
  const delta = { stop_reason: stopReason, stop_sequence: null, ...more }
  return [{ type: 'message_delta', delta, usage: { output_tokens: 7 } }, MESSAGE_STOP]
}

/** The events of a block of Anthropic's: its start, its deltas, its stop. */
export function block(index: number, content: Fields, ...deltas: readonly Fields[]) {
  return [
    { type: 'content_block_start', index, content_block: content },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

export function textBlock(index: number, ...texts: readonly string[]) {
  return block(index, { type: 'text', text: '' }, ...texts.map((text) => ({ type: 'text_delta', text })))
}

export function toolBlock(index: number, id: string, name: string, ...fragments: readonly string[]) {
  const deltas = fragments.map((partial_json) => ({ type: 'input_json_delta', partial_json }))
  return block(index, { type: 'tool_use', id, name, input: {} }, ...deltas)
}

/** A whole message of Anthropic's. */
export function message(content: readonly Fields[], stopReason: string, more: Fields = {}): Fields {
  return {
    ...MESSAGE_START.message,
    content,
    stop_reason: stopReason,
    usage: { input_tokens: 11, output_tokens: 7 },
    ...more,
  }
}

/** An answer of Gemini's, whole or as an event. */
export function generated(parts: readonly Fields[] | undefined, finishReason?: string, more: Fields = {}): Fields {
  return {
    candidates: [
      {
        index: 0,
        ...(parts === undefined ? {} : { content: { role: 'model', parts } }),
        ...(finishReason === undefined ? {} : { finishReason }),
      },
    ],
    usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 },
    modelVersion: 'gemini-upstream',
    responseId: 'upstream',
    ...more,
  }
}

const COHERE_USAGE = {
  billed_units: { input_tokens: 3, output_tokens: 7 },
  tokens: { input_tokens: 11, output_tokens: 7 },
}

export function cohereText(text: string) {
  return { type: 'content-delta', index: 0, delta: { message: { content: { text } } } }
}

export function cohereCall(index: number, id: string, name: string, ...fragments: readonly string[]) {
  const call = { id, type: 'function', function: { name, arguments: '' } }
  return [
    { type: 'tool-call-start', index, delta: { message: { tool_calls: call } } },
    ...fragments.map((text) => ({
      type: 'tool-call-delta',
      index,
      delta: { message: { tool_calls: { function: { arguments: text } } } },
    })),
    { type: 'tool-call-end', index },
  ]
}

export function cohereEnd(finish: string) {
  return { type: 'message-end', delta: { finish_reason: finish, usage: COHERE_USAGE } }
}

export const COHERE_START = { type: 'message-start', id: 'upstream', delta: { message: { role: 'assistant' } } }

/** A whole answer of Cohere's. */
export function cohereAnswer(message: Fields, finish: string): Fields {
  return { id: 'upstream', message: { role: 'assistant', ...message }, finish_reason: finish, usage: COHERE_USAGE }
}

/** One plain text in each format, streamed piece by piece and whole. */
export const SAYING: Readonly<
  Record<keyof typeof FORMATS, { streamed: (...texts: readonly string[]) => string; whole: (text: string) => Fields }>
> = {
  openai: { streamed: openaiText, whole: (content) => completion({ content }, 'stop') },
  custom: { streamed: openaiText, whole: (content) => completion({ content }, 'stop') },
  anthropic: {
    streamed: (...texts) => named(MESSAGE_START, ...textBlock(0, ...texts), ...messageEnd('end_turn')),
    whole: (text) => message([{ type: 'text', text }], 'end_turn'),
  },
  gemini: {
    streamed: (...texts) => crlf(...texts.map((text) => generated([{ text }])), generated([{ text: '' }], 'STOP')),
    whole: (text) => generated([{ text }], 'STOP'),
  },
  cohere: {
    streamed: (...texts) => `${named(COHERE_START, ...texts.map(cohereText), cohereEnd('COMPLETE'))}${sse('[DONE]')}`,
    whole: (text) => cohereAnswer({ content: [{ type: 'text', text }] }, 'COMPLETE'),
  },
}

function openaiText(...texts: readonly string[]): string {
  const chunks = texts.map((content) => chunk({ content }))
  return sse(chunk({ role: 'assistant', content: '' }), ...chunks, chunk({}, 'stop'), USAGE_CHUNK, '[DONE]')
}

/** The first events of an answer, `One two three`, without its end. */
export const BEGINNINGS: Readonly<Record<keyof typeof FORMATS, readonly string[]>> = {
  openai: ['One', ' two', ' three'].map((content) => sse(chunk({ content }))),
  custom: ['One', ' two', ' three'].map((content) => sse(chunk({ content }))),
  anthropic: [MESSAGE_START, ...textBlock(0, 'One', ' two', ' three').slice(0, -1)].map((event) => named(event)),
  gemini: ['One', ' two', ' three'].map((text) => crlf(generated([{ text }]))),
  cohere: [COHERE_START, ...['One', ' two', ' three'].map(cohereText)].map((event) => named(event)),
}
