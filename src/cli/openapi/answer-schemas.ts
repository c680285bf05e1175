import {
  anyOf,
  COUNT,
  FLAG,
  type JsonSchema,
  list,
  MAP,
  maybe,
  NUMBER,
  object,
  only,
  ref,
  some,
  TEXT,
} from './json-schema.ts'

/** Answers of models, in the words of each API. Members that only some providers have may stand beside these. */

const usage: JsonSchema = object(
  {
    prompt_tokens: COUNT,
    completion_tokens: COUNT,
    total_tokens: COUNT,
    prompt_tokens_details: some({ cached_tokens: COUNT }),
    completion_tokens_details: some({ reasoning_tokens: COUNT }),
    estimated: { const: true, description: 'the provider reported no usage, or numbers that cannot be true' },
  },
  'prompt_tokens_details',
  'completion_tokens_details',
  'estimated',
)

const FINISH = only('stop', 'length', 'tool_calls', 'content_filter', 'function_call')
const OBJECT = only('text_completion', 'chat.completion')
const CHUNK_OBJECT = only('text_completion', 'chat.completion.chunk')

const toolCall: JsonSchema = object(
  {
    id: TEXT,
    type: only('function', 'custom'),
    function: object({ name: TEXT, arguments: TEXT }),
    custom: object({ name: TEXT, input: TEXT }),
  },
  'function',
  'custom',
)
const toolCallDelta: JsonSchema = some({
  index: COUNT,
  id: TEXT,
  type: TEXT,
  function: some({ name: TEXT, arguments: TEXT }),
  custom: some({ name: TEXT, input: TEXT }),
})

const chatMessage: JsonSchema = object(
  {
    role: only('assistant'),
    content: maybe(TEXT),
    refusal: maybe(TEXT),
    reasoning_content: maybe(TEXT),
    tool_calls: list(toolCall),
    annotations: list(MAP),
  },
  'refusal',
  'reasoning_content',
  'tool_calls',
  'annotations',
)
const logprobs = maybe(MAP)

const chatCompletion: JsonSchema = object({
  id: TEXT,
  object: OBJECT,
  created: COUNT,
  model: { ...TEXT, description: 'the model that answered' },
  choices: list(object({ index: COUNT, message: chatMessage, finish_reason: FINISH, logprobs }, 'logprobs')),
  usage: ref('Usage'),
})
const chatChunk: JsonSchema = object(
  {
    id: TEXT,
    object: CHUNK_OBJECT,
    created: COUNT,
    model: TEXT,
    choices: list(
      object(
        {
          index: COUNT,
          delta: some({
            role: only('assistant'),
            content: maybe(TEXT),
            refusal: maybe(TEXT),
            reasoning_content: maybe(TEXT),
            tool_calls: list(toolCallDelta),
          }),
          finish_reason: maybe(FINISH),
          logprobs,
        },
        'finish_reason',
        'logprobs',
      ),
    ),
    usage: maybe(ref('Usage')),
    error: { ...MAP, description: 'in the last chunk of a stream that broke' },
  },
  'usage',
  'error',
)

const completionChoice = (finish: JsonSchema) => object({ index: COUNT, text: TEXT, finish_reason: finish, logprobs })
const completion: JsonSchema = object({
  id: TEXT,
  object: only('text_completion'),
  created: COUNT,
  model: TEXT,
  choices: list(completionChoice(FINISH)),
  usage: ref('Usage'),
})
const completionChunk: JsonSchema = object(
  {
    id: TEXT,
    object: only('text_completion'),
    created: COUNT,
    model: TEXT,
    choices: list(completionChoice(maybe(FINISH))),
    usage: maybe(ref('Usage')),
    error: MAP,
  },
  'usage',
  'error',
)

const vector = anyOf(list(NUMBER), { ...TEXT, description: 'base64' })
const embeddings: JsonSchema = object({
  object: only('list'),
  data: list(object({ object: only('embedding'), index: COUNT, embedding: vector })),
  model: TEXT,
  usage: object({ prompt_tokens: COUNT, total_tokens: COUNT, estimated: FLAG }, 'estimated'),
})

const responseUsage: JsonSchema = object({
  input_tokens: COUNT,
  input_tokens_details: some({ cached_tokens: COUNT }),
  output_tokens: COUNT,
  output_tokens_details: some({ reasoning_tokens: COUNT }),
  total_tokens: COUNT,
})
const responseItem: JsonSchema = object({ type: TEXT, id: TEXT }, 'id')
const response: JsonSchema = object({
  id: TEXT,
  object: only('response'),
  created_at: COUNT,
  model: TEXT,
  status: only('completed', 'incomplete', 'failed', 'in_progress'),
  error: maybe(object({ code: TEXT, message: TEXT })),
  incomplete_details: maybe(object({ reason: TEXT })),
  output: list(responseItem),
  usage: maybe(responseUsage),
  instructions: {},
  metadata: maybe(MAP),
  previous_response_id: maybe(TEXT),
  store: FLAG,
  tools: list(MAP),
})
const responseEvent: JsonSchema = object(
  {
    type: TEXT,
    sequence_number: COUNT,
    response: ref('Response'),
    item: responseItem,
    output_index: COUNT,
    delta: TEXT,
  },
  'response',
  'item',
  'output_index',
  'delta',
)
const compaction: JsonSchema = object({
  id: TEXT,
  object: only('response.compaction'),
  created_at: COUNT,
  output: list(responseItem),
  usage: responseUsage,
})

const messageUsage: JsonSchema = object(
  {
    input_tokens: COUNT,
    cache_creation_input_tokens: maybe(COUNT),
    cache_read_input_tokens: maybe(COUNT),
    output_tokens: COUNT,
  },
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
)
const block: JsonSchema = object(
  { type: TEXT, text: TEXT, thinking: TEXT, signature: TEXT, id: TEXT, name: TEXT, input: MAP },
  ...['text', 'thinking', 'signature', 'id', 'name', 'input'],
)
const STOP = only(
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'refusal',
  'pause_turn',
  'model_context_window_exceeded',
)
const message: JsonSchema = object({
  id: TEXT,
  type: only('message'),
  role: only('assistant'),
  model: TEXT,
  content: list(block),
  stop_reason: maybe(STOP),
  stop_sequence: maybe(TEXT),
  usage: messageUsage,
})
const messageEvent: JsonSchema = anyOf(
  object({ type: only('message_start'), message: ref('Message') }),
  object({ type: only('content_block_start'), index: COUNT, content_block: block }),
  object({ type: only('content_block_delta'), index: COUNT, delta: object({ type: TEXT }) }),
  object({ type: only('content_block_stop'), index: COUNT }),
  object({ type: only('message_delta'), delta: object({ stop_reason: STOP, stop_sequence: maybe(TEXT) }), usage: MAP }),
  object({ type: only('message_stop', 'ping') }),
  object({ type: only('error'), error: object({ type: TEXT, message: TEXT }) }),
)

const geminiUsage: JsonSchema = object(
  {
    promptTokenCount: COUNT,
    cachedContentTokenCount: COUNT,
    candidatesTokenCount: COUNT,
    thoughtsTokenCount: COUNT,
    totalTokenCount: COUNT,
  },
  ...['cachedContentTokenCount', 'candidatesTokenCount', 'thoughtsTokenCount'],
)
const generated: JsonSchema = object({
  candidates: list(
    object(
      {
        content: object({ role: only('model'), parts: list(MAP) }),
        finishReason: TEXT,
        index: COUNT,
        logprobsResult: MAP,
        groundingMetadata: MAP,
      },
      ...['finishReason', 'index', 'logprobsResult', 'groundingMetadata'],
    ),
  ),
  usageMetadata: geminiUsage,
  modelVersion: TEXT,
  responseId: TEXT,
})
const values: JsonSchema = object({ values: list(NUMBER) })
const embedUsage = some({ promptTokenCount: COUNT })

const error: JsonSchema = object({
  error: object({
    message: { ...TEXT, description: 'says what to change' },
    type: TEXT,
    param: { ...maybe(TEXT), description: 'the path of the field at fault' },
    code: maybe(TEXT),
  }),
})
const messagesError: JsonSchema = object({
  type: only('error'),
  error: object({ type: TEXT, message: TEXT }),
  request_id: TEXT,
})
const geminiError: JsonSchema = object({
  error: object({ code: COUNT, message: TEXT, status: TEXT, details: list(object({ '@type': TEXT })) }, 'details'),
})

/** By the names that they have in the document. */
export const ANSWER_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Usage: usage,
  ChatCompletion: chatCompletion,
  ChatCompletionChunk: chatChunk,
  Completion: completion,
  CompletionChunk: completionChunk,
  EmbeddingList: embeddings,
  Response: response,
  ResponseEvent: responseEvent,
  ResponseCompaction: compaction,
  ResponseInputTokens: object({ object: only('response.input_tokens'), input_tokens: COUNT }),
  ResponseItemList: object({
    object: only('list'),
    data: list(responseItem),
    first_id: maybe(TEXT),
    last_id: maybe(TEXT),
    has_more: FLAG,
  }),
  DeletedResponse: object({ id: TEXT, object: only('response'), deleted: only(true) }),
  Message: message,
  MessageEvent: messageEvent,
  MessageTokens: object({ input_tokens: COUNT }),
  GenerateContentResponse: generated,
  GeminiTokens: object({ totalTokens: COUNT }),
  EmbedContentResponse: object({ embedding: values, usageMetadata: embedUsage }, 'usageMetadata'),
  BatchEmbedContentsResponse: object({ embeddings: list(values), usageMetadata: embedUsage }, 'usageMetadata'),
  Error: error,
  MessagesError: messagesError,
  GeminiError: geminiError,
}
