/** Which wire format the mock upstream speaks. */
export type Wire = 'openai' | 'anthropic' | 'gemini' | 'cohere'

/** How the vectors of an answer are written. */
export type Encoding = 'float' | 'base64'

const DIMENSIONS = 1536

/** So many vectors of a small model of OpenAI's, all the same. */
export function vectorAnswer(count: number, encoding: Encoding): string {
  const vector = Float32Array.from({ length: DIMENSIONS }, (_, at) => Math.sin(at) / 32)
  const embedding = encoding === 'float' ? [...vector] : Buffer.from(vector.buffer).toString('base64')
  const data = Array.from({ length: count }, (_, index) => ({ object: 'embedding', index, embedding }))
  const usage = { prompt_tokens: USED.input * count, total_tokens: USED.input * count }
  return JSON.stringify({ object: 'list', data, model: 'text-embedding-3-small', usage })
}

const TOKENS = 100
const USED = { input: 19, output: TOKENS }

/** Words that all differ, some of them not ASCII: a token that is lost, doubled or cut in two shows. */
export function wordAt(at: number): string {
  return at % 7 === 3 ? ` wörd${at}` : ` word${at}`
}

/** The whole text of a stream of so many events. */
export function textOf(events: number): string {
  let text = ''
  for (let at = 0; at < events; at++) text += wordAt(at)
  return text
}

/** The text of a whole answer. */
const ANSWER_TEXT = 'The quick brown fox jumps over the lazy dog.'.repeat(5)

/** A whole answer in a provider's own format. */
export function wholeAnswer(wire: Wire): string {
  return JSON.stringify(WHOLE[wire])
}

/** A stream: what comes before the words, each word, what comes after; each the text of one or more SSE events. */
export interface StreamScript {
  readonly opening: string
  readonly word: (text: string) => string
  readonly closing: string
}

export function streamScript(wire: Wire): StreamScript {
  return STREAMS[wire]
}

const OPENAI_CHUNK = {
  id: 'chatcmpl-Bench000000000000000000000001',
  object: 'chat.completion.chunk',
  created: 1_760_000_000,
  model: 'gpt-4o-mini-2024-07-18',
  service_tier: 'default',
  system_fingerprint: 'fp_0123456789',
}
const OPENAI_USAGE = {
  prompt_tokens: USED.input,
  completion_tokens: USED.output,
  total_tokens: USED.input + USED.output,
}
const GEMINI_USAGE = {
  promptTokenCount: USED.input,
  candidatesTokenCount: USED.output,
  totalTokenCount: USED.input + USED.output,
}
const GEMINI_NAMES = { modelVersion: 'gemini-2.5-flash', responseId: 'bench00000000000000001' }
const COHERE_USAGE = { tokens: { input_tokens: USED.input, output_tokens: USED.output } }
const ANTHROPIC_MESSAGE = {
  id: 'msg_01Bench000000000000000001',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5',
}

const WHOLE: Readonly<Record<Wire, object>> = {
  openai: {
    ...OPENAI_CHUNK,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: ANSWER_TEXT, refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      ...OPENAI_USAGE,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
  },
  anthropic: {
    ...ANTHROPIC_MESSAGE,
    content: [{ type: 'text', text: ANSWER_TEXT }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: USED.input,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: USED.output,
    },
  },
  gemini: {
    candidates: [{ content: { parts: [{ text: ANSWER_TEXT }], role: 'model' }, finishReason: 'STOP', index: 0 }],
    usageMetadata: GEMINI_USAGE,
    ...GEMINI_NAMES,
  },
  cohere: {
    id: '00000000-0000-4000-8000-000000000001',
    message: { role: 'assistant', content: [{ type: 'text', text: ANSWER_TEXT }] },
    finish_reason: 'COMPLETE',
    usage: COHERE_USAGE,
  },
}

function data(json: object): string {
  return `data: ${JSON.stringify(json)}\n\n`
}

function named(json: { readonly type: string }): string {
  return `event: ${json.type}\n${data(json)}`
}

function openaiChunk(delta: object, finish: string | null): string {
  return data({ ...OPENAI_CHUNK, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })
}

function geminiChunk(text: string, rest: object): string {
  // Google ends its lines with CRLF.
  const candidate = { content: { parts: [{ text }], role: 'model' }, ...rest, index: 0 }
  return `data: ${JSON.stringify({ candidates: [candidate], usageMetadata: GEMINI_USAGE, ...GEMINI_NAMES })}\r\n\r\n`
}

const STREAMS: Readonly<Record<Wire, StreamScript>> = {
  openai: {
    opening: openaiChunk({ role: 'assistant', content: '', refusal: null }, null),
    word: (content) => openaiChunk({ content }, null),
    closing: `${openaiChunk({}, 'stop')}${data({ ...OPENAI_CHUNK, choices: [], usage: OPENAI_USAGE })}data: [DONE]\n\n`,
  },
  anthropic: {
    opening:
      named({
        type: 'message_start',
        ...{ message: { ...ANTHROPIC_MESSAGE, content: [], usage: { input_tokens: USED.input, output_tokens: 1 } } },
      }) +
      named({ type: 'content_block_start', ...{ index: 0, content_block: { type: 'text', text: '' } } }) +
      named({ type: 'ping' }),
    word: (text) => named({ type: 'content_block_delta', ...{ index: 0, delta: { type: 'text_delta', text } } }),
    closing:
      named({ type: 'content_block_stop', ...{ index: 0 } }) +
      named({
        type: 'message_delta',
        ...{ delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: USED.output } },
      }) +
      named({ type: 'message_stop' }),
  },
  gemini: {
    opening: '',
    word: (text) => geminiChunk(text, {}),
    closing: geminiChunk('', { finishReason: 'STOP' }),
  },
  cohere: {
    opening:
      named({ type: 'message-start', ...{ id: 'bench', delta: { message: { role: 'assistant', content: [] } } } }) +
      named({
        type: 'content-start',
        ...{ index: 0, delta: { message: { content: { type: 'text', text: '' } } } },
      }),
    word: (text) => named({ type: 'content-delta', ...{ index: 0, delta: { message: { content: { text } } } } }),
    closing:
      named({ type: 'content-end', ...{ index: 0 } }) +
      named({ type: 'message-end', ...{ delta: { finish_reason: 'COMPLETE', usage: COHERE_USAGE } } }) +
      'data: [DONE]\n\n',
  },
}
