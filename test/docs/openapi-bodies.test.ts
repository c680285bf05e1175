import { expect, test } from 'vitest'
import { changedKey, changedProvider, changedTeam } from '../../src/access/records-input.ts'
import { Failure } from '../../src/chat/failure.ts'
import { openApiDocument } from '../../src/cli/openapi/document.ts'
import { anthropicMessages } from '../../src/formats/anthropic-messages/client.ts'
import type { ClientFormat } from '../../src/formats/format.ts'
import { geminiClient } from '../../src/formats/gemini/client.ts'
import { geminiBatchEmbedClient, geminiEmbedClient } from '../../src/formats/gemini/embed-client.ts'
import { openaiChat } from '../../src/formats/openai-chat/client.ts'
import { openaiCompletionsClient } from '../../src/formats/openai-completions/client.ts'
import { openaiEmbeddingsClient } from '../../src/formats/openai-embeddings/client.ts'
import { openaiResponses } from '../../src/formats/openai-responses/client.ts'
import { PLAIN_SEALER } from '../formats/plain-sealer.ts'
import { bodiesOf, createFaultsOf } from './openapi-bodies.ts'

type Fields = Readonly<Record<string, unknown>>

const INPUT = { header: () => null, sealer: PLAIN_SEALER }
/** The least name of a model, which requests of a batch repeat. */
const IN_PATH = { model: 'sample' }
const LIMITED = { name: 'One', created: '2026-01-01T00:00:00Z', limits: { budget: 1 } }

function reading({ readRequest }: ClientFormat, outer: Fields = {}) {
  return (body: Fields) => readRequest({ ...body, ...outer }, INPUT)
}

function counting({ readPrompt }: ClientFormat, outer: Fields = {}) {
  return (body: Fields) => readPrompt?.({ ...body, ...outer }, INPUT)
}

/** What reads each body in the Worker. */
const READERS: readonly (readonly [string, (body: Fields) => unknown])[] = [
  ['ChatCompletionRequest', reading(openaiChat)],
  ['CompletionRequest', reading(openaiCompletionsClient)],
  ['EmbeddingRequest', (body) => openaiEmbeddingsClient.readRequest(body, INPUT.header)],
  ['ResponseRequest', (body) => reading(openaiResponses)(withInput(body))],
  ['MessageRequest', (body) => reading(anthropicMessages)(asWritten(body))],
  ['MessageCountRequest', (body) => counting(anthropicMessages)(asWritten(body))],
  ['GenerateContentRequest', (body) => reading(geminiClient, IN_PATH)(withContents(body))],
  ['GeminiCountRequest', (body) => counting(geminiClient, IN_PATH)(withContents(body))],
  ['EmbedContentRequest', (body) => geminiEmbedClient.readRequest({ ...body, ...IN_PATH }, INPUT.header)],
  ['BatchEmbedContentsRequest', (body) => geminiBatchEmbedClient.readRequest({ ...body, ...IN_PATH }, INPUT.header)],
  ['KeyChange', (body) => changedKey({ id: 'key_1', ...LIMITED }, body, 0)],
  ['TeamChange', (body) => changedTeam({ id: 'team_1', ...LIMITED }, body)],
  ['ProviderChange', (body) => changedProvider(LIMITED.limits, body)],
]

/** A list with one more, so that there is something to answer. What is referred to has been looked up before a body is read. */
function withOneMore(list: unknown, more: object): unknown {
  const isLookedUp = (one: Fields | null) => one?.type === 'item_reference' && typeof one.id === 'string'
  return Array.isArray(list) ? [...list.filter((one) => !isLookedUp(one)), more] : list
}

function withInput(body: Fields): Fields {
  return { ...body, input: withOneMore(body.input, { role: 'user', content: 'Hello!' }) }
}

function withContents(body: Fields): Fields {
  const { contents, generationConfig: config, generateContentRequest: inner } = body
  const more = { parts: [{ text: 'Hello!' }] }
  return {
    ...body,
    ...(contents === undefined ? {} : { contents: withOneMore(ofModel(contents, 'functionCall', 'model'), more) }),
    // Without log probabilities, nobody reads how many.
    ...(Object(config).logprobs == null ? {} : { generationConfig: { ...Object(config), responseLogprobs: true } }),
    ...(inner === undefined ? {} : { generateContentRequest: withContents(inner as Fields) }),
  }
}

/** What only a model writes stands in a message of its own. */
function asWritten(body: Fields): Fields {
  const messages = ofModel(body.messages, '"(?:thinking|redacted_thinking|tool_use)"', 'assistant')
  return messages === body.messages
    ? body
    : { ...body, messages: withOneMore(messages, { role: 'user', content: '.' }) }
}

function ofModel(list: unknown, mark: string, role: string): unknown {
  const isMarked = (one: Fields | null) =>
    new RegExp(mark).test(JSON.stringify(one)) && (one?.role ?? 'user') === 'user'
  return Array.isArray(list) && list.some(isMarked) ? list.map((one) => (isMarked(one) ? { ...one, role } : one)) : list
}

/** The status with which a body is refused; 200 where it is not. */
function statusOf(read: (body: Fields) => unknown, body: Fields): number {
  try {
    read(body)
    return 200
  } catch (error) {
    if (error instanceof Failure) return error.status
    throw error
  }
}

const document = openApiDocument()
const faultsOf = createFaultsOf(document)

test.each(READERS)('the Worker takes and refuses the same bodies as %s', (name, read) => {
  const { taken, refused } = bodiesOf(document, faultsOf, name)
  expect(taken.length).toBeGreaterThan(3)
  expect(refused.length).toBeGreaterThan(3)
  const text = (body: Fields) => JSON.stringify(body)
  expect(taken.filter((body) => statusOf(read, body) !== 200).map(text)).toEqual([])
  expect(refused.filter((body) => statusOf(read, body) !== 400).map(text)).toEqual([])
})
