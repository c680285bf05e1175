import { anyOf, COUNT, type JsonSchema, list, ref, TEXT } from './json-schema.ts'
import type { Operation, Parameter } from './operation.ts'

/** Calls of models, by API, and what is about them. */

/** What a call may end with. */
const CALL_ERRORS = [400, 401, 403, 404, 408, 413, 415, 429, 500, 502, 503, 504]
const STORED_ERRORS = [400, 401, 403, 404, 429, 503]

const HELLO = [{ role: 'user', content: 'Hello!' }]
const CONTENTS = [{ role: 'user', parts: [{ text: 'Hello!' }] }]
const VECTORS = 'text-embedding-3-small'

const CHAT = 'Chat completions'
const RESPONSES = 'Responses'
const MESSAGES = 'Messages'
const GEMINI = 'Gemini API'

const responseId: Parameter = {
  name: 'id',
  in: 'path',
  description: 'the id of a response that was kept',
  schema: TEXT,
}
const include: Parameter = {
  name: 'include',
  in: 'query',
  description: '`reasoning.encrypted_content` shows what is encrypted',
  schema: list(TEXT),
}
const PAGE: readonly Parameter[] = [
  {
    name: 'limit',
    in: 'query',
    description: 'so many items',
    schema: { ...COUNT, minimum: 1, maximum: 100, default: 20 },
  },
  {
    name: 'order',
    in: 'query',
    description: 'the newest first, or the oldest',
    schema: { enum: ['desc', 'asc'], default: 'desc' },
  },
  { name: 'after', in: 'query', description: 'the id of the last item of the page before', schema: TEXT },
]

function geminiModel(example: string): Parameter {
  return { name: 'model', in: 'path', description: 'a model, or `auto`', schema: TEXT, example }
}

function body(name: string, example: unknown): NonNullable<Operation['body']> {
  return { schema: ref(name), example }
}

export const MODEL_OPERATIONS: readonly Operation[] = [
  {
    path: '/v1/chat/completions',
    method: 'post',
    id: 'createChatCompletion',
    tag: CHAT,
    summary: 'Answers a conversation',
    docs: 'chat-completions',
    key: 'model',
    body: body('ChatCompletionRequest', { model: 'auto', messages: HELLO }),
    answer: ref('ChatCompletion'),
    event: ref('ChatCompletionChunk'),
    errors: CALL_ERRORS,
  },
  {
    path: '/v1/route',
    method: 'post',
    id: 'planRoute',
    tag: CHAT,
    summary: 'Says who would be asked, without asking',
    docs: 'routing#see-what-happened',
    key: 'model',
    body: body('RouteRequest', { model: 'auto', messages: HELLO }),
    answer: ref('Route'),
    errors: CALL_ERRORS,
  },
  {
    path: '/v1/completions',
    method: 'post',
    id: 'createCompletion',
    tag: 'Text completions',
    summary: 'Continues a text',
    docs: 'text-completions',
    key: 'model',
    body: body('CompletionRequest', { model: 'auto', prompt: 'The capital of France is', max_tokens: 5 }),
    answer: ref('Completion'),
    event: ref('CompletionChunk'),
    errors: CALL_ERRORS,
  },
  {
    path: '/v1/embeddings',
    method: 'post',
    id: 'createEmbedding',
    tag: 'Embeddings',
    summary: 'Turns texts into vectors',
    docs: 'embeddings',
    key: 'model',
    body: body('EmbeddingRequest', { model: VECTORS, input: ['A text.', 'Another one.'], dimensions: 256 }),
    answer: ref('EmbeddingList'),
    errors: CALL_ERRORS,
  },
  {
    path: '/v1/responses',
    method: 'post',
    id: 'createResponse',
    tag: RESPONSES,
    summary: "Answers a conversation, in the words of OpenAI's Responses API",
    docs: 'responses',
    key: 'model',
    body: body('ResponseRequest', { model: 'auto', input: 'Hello!' }),
    answer: ref('Response'),
    event: ref('ResponseEvent'),
    errors: CALL_ERRORS,
  },
  {
    path: '/v1/responses/input_tokens',
    method: 'post',
    id: 'countResponseTokens',
    tag: RESPONSES,
    summary: 'Says how long a prompt is',
    docs: 'endpoints#counting-tokens',
    key: 'model',
    body: body('ResponseRequest', { model: 'auto', input: 'Hello!' }),
    answer: ref('ResponseInputTokens'),
    errors: CALL_ERRORS,
  },
  {
    path: '/v1/responses/compact',
    method: 'post',
    id: 'compactResponse',
    tag: RESPONSES,
    summary: "Shortens a conversation, with OpenAI's models",
    docs: 'endpoints',
    key: 'model',
    body: body('ResponseCompactRequest', { model: 'auto', input: HELLO }),
    answer: ref('ResponseCompaction'),
    errors: CALL_ERRORS,
  },
  {
    path: '/v1/responses/{id}',
    method: 'get',
    id: 'getResponse',
    tag: RESPONSES,
    summary: 'Reads an answer that was kept',
    docs: 'responses#answers',
    key: 'model',
    parameters: [responseId, include],
    answer: ref('Response'),
    errors: STORED_ERRORS,
  },
  {
    path: '/v1/responses/{id}',
    method: 'delete',
    id: 'deleteResponse',
    tag: RESPONSES,
    summary: 'Deletes an answer that was kept',
    docs: 'responses#answers',
    key: 'model',
    parameters: [responseId],
    answer: ref('DeletedResponse'),
    errors: STORED_ERRORS,
  },
  {
    path: '/v1/responses/{id}/input_items',
    method: 'get',
    id: 'listResponseInputItems',
    tag: RESPONSES,
    summary: 'Lists what a kept response has answered',
    docs: 'responses#answers',
    key: 'model',
    parameters: [responseId, include, ...PAGE],
    answer: ref('ResponseItemList'),
    errors: STORED_ERRORS,
  },
  {
    path: '/v1/responses/{id}/cancel',
    method: 'post',
    id: 'cancelResponse',
    tag: RESPONSES,
    summary: 'Refuses: no response is made in the background',
    docs: 'responses#answers',
    key: 'model',
    parameters: [responseId],
    errors: STORED_ERRORS,
  },
  {
    path: '/v1/messages',
    method: 'post',
    id: 'createMessage',
    tag: MESSAGES,
    summary: "Answers a conversation, in the words of Anthropic's Messages API",
    docs: 'messages',
    key: 'model',
    body: body('MessageRequest', { model: 'auto', max_tokens: 100, messages: HELLO }),
    answer: ref('Message'),
    event: ref('MessageEvent'),
    errors: CALL_ERRORS,
    errorShape: 'MessagesError',
  },
  {
    path: '/v1/messages/count_tokens',
    method: 'post',
    id: 'countMessageTokens',
    tag: MESSAGES,
    summary: 'Says how long a prompt is',
    docs: 'endpoints#counting-tokens',
    key: 'model',
    body: body('MessageCountRequest', { model: 'auto', messages: HELLO }),
    answer: ref('MessageTokens'),
    errors: CALL_ERRORS,
    errorShape: 'MessagesError',
  },
  ...gemini('generateContent', "Answers a conversation, in the words of Google's Gemini API", {
    body: body('GenerateContentRequest', { contents: CONTENTS }),
    answer: ref('GenerateContentResponse'),
  }),
  ...gemini('streamGenerateContent', 'The same as a stream', {
    parameters: [
      geminiModel('auto'),
      {
        name: 'alt',
        in: 'query',
        description: '`sse` for a stream of events; without it, it is one JSON list that grows',
        schema: { enum: ['sse'] },
        example: 'sse',
      },
    ],
    body: body('GenerateContentRequest', { contents: CONTENTS }),
    answer: list(ref('GenerateContentResponse')),
    event: anyOf(ref('GenerateContentResponse'), ref('GeminiError')),
  }),
  ...gemini('countTokens', 'Says how long a prompt is', {
    docs: 'endpoints#counting-tokens',
    body: body('GeminiCountRequest', { contents: CONTENTS }),
    answer: ref('GeminiTokens'),
  }),
  ...gemini('embedContent', 'Turns a text into a vector', {
    parameters: [geminiModel(VECTORS)],
    docs: 'embeddings',
    body: body('EmbedContentRequest', { content: { parts: [{ text: 'A text.' }] }, outputDimensionality: 256 }),
    answer: ref('EmbedContentResponse'),
  }),
  ...gemini('batchEmbedContents', 'Turns texts into vectors', {
    parameters: [geminiModel(VECTORS)],
    docs: 'embeddings',
    body: body('BatchEmbedContentsRequest', {
      requests: [{ content: { parts: [{ text: 'A text.' }] } }, { content: { parts: [{ text: 'Another one.' }] } }],
    }),
    answer: ref('BatchEmbedContentsResponse'),
  }),
]

type Own = { readonly answer: JsonSchema } & Partial<Operation>

function gemini(method: string, summary: string, own: Own): readonly Operation[] {
  return [
    {
      path: `/v1beta/models/{model}:${method}`,
      method: 'post',
      id: method,
      tag: GEMINI,
      summary,
      docs: 'gemini',
      key: 'model',
      parameters: [geminiModel('auto')],
      errors: CALL_ERRORS,
      errorShape: 'GeminiError',
      ...own,
    },
  ]
}
