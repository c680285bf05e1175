import { COMMON, IGNORED, KEY, LIMITS } from '../../access/records-input.ts'
import { PROVIDERS } from '../../catalog/providers.ts'
import { REQUIRED as CHAT_REQUIRED, SCHEMAS as CHAT_SCHEMAS, ROUTING_FIELDS } from '../../chat/request.ts'
import { SHARED_FIELDS as MESSAGES_SHARED } from '../../formats/anthropic-messages/read-request.ts'
import { SCHEMAS as MESSAGES_SCHEMAS } from '../../formats/anthropic-messages/request-schema.ts'
import { SAME_FIELDS } from '../../formats/gemini/read-config.ts'
import { SCHEMAS as GEMINI_SCHEMAS } from '../../formats/gemini/request-schema.ts'
import { SHARED_FIELDS as COMPLETIONS_SHARED } from '../../formats/openai-completions/read-request.ts'
import {
  SCHEMAS as RESPONSES_SCHEMAS,
  SHARED_FIELDS as RESPONSES_SHARED,
} from '../../formats/openai-responses/read-request-schema.ts'
import { allParameters } from '../../formats/shared/parameters.ts'
import { MAX_INPUTS } from '../../formats/shared/vectors.ts'
import { NOTES } from '../docs/parameters.ts'
import { type Notes, notesIn } from './field-notes.ts'
import { fieldsOf } from './from-zod.ts'
import { anyOf, FLAG, type JsonSchema, list, maybe, object, ref, TEXT } from './json-schema.ts'

/** The bodies of requests, from the schemas by which the Worker checks them. Those that it checks by hand are written here. */

type Fields = Readonly<Record<string, JsonSchema>>

/** @param required names that must be there. Other members than these pass, unless `others` says no. */
function body(fields: Fields, required: Iterable<string>, notes: Notes, more: JsonSchema = {}): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(fields).map(([name, schema]) => {
      const note = notes.get(name)
      return [name, note === undefined || schema.description !== undefined ? schema : { ...schema, description: note }]
    }),
  )
  return { type: 'object', properties, required: [...required], ...more }
}

const chatNotes: Notes = new Map([
  ...[...NOTES].map(([name, note]): [string, string] => [name, `By provider: ${note}.`]),
  ...notesIn('chat-completions', 'field'),
])

function chatFields(names?: readonly string[]): Fields {
  return fieldsOf(CHAT_SCHEMAS, names)
}

/** Fields that are not checked, and mean something to some provider. */
function furtherFields(): Fields {
  return Object.fromEntries([...allParameters()].map((name) => [name, {}]))
}

const chat = body({ ...furtherFields(), ...chatFields(), session_id: {} }, CHAT_REQUIRED, chatNotes)

const MAX_PROMPTS = 128
const tokens: JsonSchema = { ...list({ type: 'integer', minimum: 0 }), minItems: 1 }

const completion = body(
  {
    model: {},
    prompt: anyOf(
      TEXT,
      tokens,
      { ...list(TEXT), minItems: 1, maxItems: MAX_PROMPTS },
      {
        ...list(tokens),
        minItems: 1,
        maxItems: MAX_PROMPTS,
      },
    ),
    ...chatFields(COMPLETIONS_SHARED),
    max_tokens: maybe({ type: 'integer', minimum: 0 }),
    logprobs: maybe({ type: 'integer', minimum: 0, maximum: 20 }),
    suffix: maybe(TEXT),
    echo: maybe(FLAG),
    best_of: maybe({ type: 'integer', minimum: 1, maximum: MAX_PROMPTS }),
  },
  ['model', 'prompt'],
  chatNotes,
)

const texts: JsonSchema = { type: 'string', minLength: 1 }
const embedding = body(
  {
    model: {},
    input: anyOf(texts, { ...list(texts), minItems: 1, maxItems: MAX_INPUTS }, tokens, {
      ...list(tokens),
      minItems: 1,
      maxItems: MAX_INPUTS,
    }),
    encoding_format: maybe({ enum: ['float', 'base64', 'base64_int8', 'base64_binary'] }),
    dimensions: maybe({ type: 'integer', minimum: 1 }),
    input_type: maybe(TEXT),
    ...chatFields(['model', 'user', 'provider']),
  },
  ['model', 'input'],
  notesIn('embeddings', 'field'),
)

const responseFields: Fields = {
  ...chatFields(RESPONSES_SHARED),
  ...fieldsOf(RESPONSES_SCHEMAS),
  background: { enum: [false, null], description: '`true` is refused: nothing but OpenAI can do it' },
}
const response = body(responseFields, ['model', 'input'], chatNotes)
const { stream: _, ...compactFields } = responseFields

const messagesFields: Fields = {
  ...chatFields(MESSAGES_SHARED),
  ...fieldsOf(MESSAGES_SCHEMAS),
  max_tokens: { type: 'integer', minimum: 0 },
  service_tier: {},
}
const message = body(messagesFields, ['model', 'messages', 'max_tokens'], chatNotes)
const messageCount = body(messagesFields, ['model', 'messages'], chatNotes)

function geminiFields(): Fields {
  const { generationConfig = {}, ...others } = fieldsOf(GEMINI_SCHEMAS)
  const chat = chatFields()
  const same = SAME_FIELDS.map(([own, name]) => [own, chat[name]])
  const properties = { ...Object.fromEntries(same), ...generationConfig.properties }
  return { ...others, generationConfig: { ...generationConfig, properties }, ...chatFields(ROUTING_FIELDS) }
}
const generate = body(geminiFields(), ['contents'], chatNotes)
const geminiCount = body(
  {
    ...geminiFields(),
    generateContentRequest: { ...ref('GenerateContentRequest'), description: 'a whole request, in place of the rest' },
  },
  [],
  chatNotes,
  { oneOf: [{ required: ['contents'] }, { required: ['generateContentRequest'] }] },
)

const part: JsonSchema = {
  type: 'object',
  properties: { text: { description: "a text; parts without one are for Google's models" } },
}
const embedFields: Fields = {
  content: object({ parts: { ...list(anyOf(part, TEXT)), minItems: 1 } }),
  taskType: TEXT,
  title: {},
  outputDimensionality: { type: 'integer', minimum: 1 },
}
const embed = body(embedFields, ['content'], new Map())
const oneOfBatch = body({ model: TEXT, ...embedFields }, ['content'], new Map([['model', 'that of the address']]))
const batchEmbed = body(
  { requests: { ...list(oneOfBatch), minItems: 1, maxItems: MAX_INPUTS } },
  ['requests'],
  new Map(),
)

/** What is not known in a body about keys is refused. */
const CLOSED: JsonSchema = { additionalProperties: false }
/** The members have the names of the program's options. */
const keyNotes: Notes = new Map([
  ...notesIn('keys', 'member of the body'),
  ...[...notesIn('keys', 'option')].map(([name, note]): [string, string] => [name.replace(/^--/, ''), note]),
])

/** Of what there was no limit before, nothing begins anew. */
const RESET_OF_LIMIT: JsonSchema = {
  allOf: [
    {
      if: { properties: { limit_reset: { enum: ['daily', 'weekly', 'monthly'] } }, required: ['limit_reset'] },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word.
      then: { required: ['limit'] },
    },
  ],
}

function limitedBody(schemas: typeof LIMITS, required: readonly string[]): JsonSchema {
  const ignored = Object.fromEntries([...IGNORED].map((name) => [name, { description: 'means nothing here' }]))
  const { providers, ...fields } = fieldsOf(Object.entries(schemas))
  const known = providers && { providers: { ...providers, items: { enum: PROVIDERS.map(({ id }) => id) } } }
  const more = required.length === 0 ? CLOSED : { ...CLOSED, ...RESET_OF_LIMIT }
  return body({ ...fields, ...known, ...ignored }, required, keyNotes, more)
}

/** Schemas of bodies by the names that they have in the document. */
export const REQUEST_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  ChatCompletionRequest: chat,
  CompletionRequest: completion,
  EmbeddingRequest: embedding,
  ResponseRequest: response,
  ResponseCompactRequest: body(compactFields, ['model', 'input'], chatNotes),
  MessageRequest: message,
  MessageCountRequest: messageCount,
  GenerateContentRequest: generate,
  GeminiCountRequest: geminiCount,
  EmbedContentRequest: embed,
  BatchEmbedContentsRequest: batchEmbed,
  RouteRequest: anyOf(ref('ChatCompletionRequest'), ref('EmbeddingRequest')),
  KeyRequest: limitedBody(KEY, ['name']),
  KeyChange: limitedBody(KEY, []),
  KeyRotation: body(
    {
      grace_seconds: {
        type: 'integer',
        minimum: 0,
        maximum: 2_592_000,
        description: 'how long the old key goes on working',
      },
    },
    [],
    new Map(),
    CLOSED,
  ),
  TeamRequest: limitedBody(COMMON, ['name']),
  TeamChange: limitedBody(COMMON, []),
  ProviderChange: limitedBody(LIMITS, []),
}
