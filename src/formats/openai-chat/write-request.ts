import type { Failure } from '../../chat/failure.ts'
import { type Chat, ROUTING_FIELDS } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat } from '../format.ts'
import { withCustomToolsAsFunctions } from '../shared/custom-tools.ts'
import { nearestEffort, readReasoning } from '../shared/effort.ts'
import type { JsonObject } from '../shared/fields.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { isEssential, isNeutralValue } from '../shared/parameters.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { type AnswerQuirks, createOpenAIReader } from './read-answer.ts'
import { type MessageQuirks, toOpenAIMessages } from './write-messages.ts'

/** How a provider of this format differs from OpenAI (translation 3.1). */
export interface OpenAIQuirks extends AnswerQuirks, MessageQuirks {
  /** The parameter for the longest answer, where the provider takes only one of OpenAI's two. */
  readonly maxTokens?: 'max_tokens' | 'max_completion_tokens'
  /** Parameters that it does not take, and that an answer is right without. */
  readonly drop?: readonly string[]
  /** Parameters that it does not take, and that an answer would be wrong without. */
  readonly refuse?: readonly string[]
  readonly rename?: Readonly<Record<string, string>>
  /** Reports usage in streams without being asked, and does not know `stream_options`. */
  readonly noStreamOptions?: boolean
  /** As `drop` and `refuse`, for its reasoning models only. */
  readonly reasoningDrop?: readonly string[]
  readonly reasoningRefuse?: readonly string[]
  /** The only parameters that it takes: it refuses a request with any other. */
  readonly allowedParameters?: ReadonlySet<string>
  /** Fields of other APIs: it refuses a request with any of them. */
  readonly foreignFields?: ReadonlySet<string>
  /** Fields that go with every request. */
  readonly addedFields?: Readonly<Record<string, unknown>>
  /** The fields that switch reasoning off, where a model has a switch. */
  readonly thinkingSwitch?: { readonly off: Readonly<Record<string, unknown>> }
  /** Has JSON output but none by a schema, whatever its models can do at other providers. */
  readonly schemaInPrompt?: boolean
  /** `mode`: JSON output excludes streams and tools. `schema`: a schema excludes tools in a stream. The prompt asks then. */
  readonly exclusiveJson?: 'mode' | 'schema'
  /** Has the functions that OpenAI had before tools. */
  readonly legacyFunctions?: boolean
  /** Has custom tools, whose input is a text. */
  readonly customTools?: boolean
  /** Cannot be told which tool to call, or that one must be called. */
  readonly noToolChoice?: boolean
  /** Takes reasoning as `reasoning: {effort | max_tokens}`. */
  readonly reasoningObject?: boolean
  /** Where it takes the name of a session, to find the prompt in its cache. */
  readonly sessionKey?: { readonly field: string } | { readonly header: string }
}

/** Sampling parameters, which reasoning models refuse (translation 3.1). */
const SAMPLING = ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'logit_bias'] as const

/** OpenAI's chat completions, for OpenAI and all who copy it. */
export const openai: ProviderFormat<OpenAIQuirks> = withFunctionsAsTools(
  withCustomToolsAsFunctions(
    { name: 'openai-chat', framing: 'sse', prepare },
    ({ customTools }) => customTools === true,
  ),
  ({ legacyFunctions }) => legacyFunctions === true,
)

function prepare(call: ProviderCall<OpenAIQuirks>): PreparedCall {
  const { quirks, newId, traits } = call
  const { body, dropped } = write(call)
  const headers = sessionHeader(call)
  const requestOf = (content: object) => ({ path: '/chat/completions', headers, body: JSON.stringify(content) })
  return {
    request: requestOf(body),
    dropped,
    requestAfter: (failure) => {
      const written = body.messages as readonly JsonObject[]
      const messages = wantsReasoning(failure) ? written.map(withSomeReasoning) : written
      return messages.some((message, at) => message !== written[at]) ? requestOf({ ...body, messages }) : undefined
    },
    streamReader: () => createOpenAIReader(quirks, newId, traits.opensThinking).chunk,
    readAnswer: (answer) => createOpenAIReader(quirks, newId, traits.opensThinking).body(answer),
  }
}

/** DeepSeek and Kimi refuse a call without the reasoning before it, of which another maker's model has given none. */
function wantsReasoning({ message, details: { upstreamStatus } }: Failure): boolean {
  return upstreamStatus === 400 && /reasoning_content/.test(message) && /missing|must be passed/i.test(message)
}

/** They refuse an empty one, too. */
function withSomeReasoning(message: JsonObject): JsonObject {
  return message.role !== 'assistant' || message.reasoning_content ? message : { ...message, reasoning_content: '.' }
}

type Body = Record<string, unknown>

const OF_TOOLS = ['tools', 'tool_choice', 'parallel_tool_calls'] as const
const NONE: readonly string[] = []

/** A request while it is written. */
interface Draft {
  readonly call: ProviderCall<OpenAIQuirks>
  readonly body: Body
  /** Parameters that were left out although they ask for something. */
  readonly dropped: string[]
}

function write(call: ProviderCall<OpenAIQuirks>): Draft {
  const { chat, model, traits, quirks } = call
  const messages = toOpenAIMessages(chat.messages, quirks, traits.noSystem)
  const draft: Draft = { call, body: { ...chat, messages }, dropped: [] }
  const { body } = draft
  dropUnknown(draft)
  if (quirks.cacheControl !== true) removeCacheMarks(body)
  Object.assign(body, quirks.addedFields)
  dropRefused(draft)
  setMaxTokens(body, quirks)
  setReasoning(draft)
  if (quirks.noToolChoice === true) setToolChoice(body)
  setResponseFormat(draft)
  // OpenAI refuses these without tools, where they mean nothing.
  if (!chat.tools?.length) for (const name of OF_TOOLS) remove(body, name)
  if (quirks.rename !== undefined) rename(body, quirks.rename)
  setStream(draft)
  setSessionKey(draft)
  body.model = model
  return draft
}

/** Takes a field out where nothing is lost. JSON leaves out undefined; an object with a deleted member stays slow. */
function remove(body: Body, name: string): void {
  if (body[name] !== undefined) body[name] = undefined
}

function rename(body: Body, names: Readonly<Record<string, string>>): void {
  for (const from in names) {
    const to = names[from]
    if (to === undefined || body[from] === undefined) continue
    body[to] = body[from]
    remove(body, from)
  }
}

/** Takes a parameter out that asks for something. */
function drop({ body, dropped }: Draft, name: string): void {
  if (body[name] === undefined) return
  body[name] = undefined
  dropped.push(name)
}

/** Refuses a parameter, unless its value asks for nothing. @throws Failure `unsupported-parameter` */
function refuse(body: Body, name: string): void {
  const value = body[name]
  if (!value || isNeutralValue(name, value)) remove(body, name)
  else throw unsupportedParameter(name)
}

/** Fields that this format handles itself, so that they need not be among a provider's parameters. */
const HANDLED = new Set([
  'messages',
  'stream_options',
  'max_completion_tokens',
  'reasoning',
  'seed',
  'logprobs',
  'top_logprobs',
])

/** Takes out what is for Router9, what is null, and what this provider does not know. */
function dropUnknown(draft: Draft): void {
  const { body, call } = draft
  for (const name of ROUTING_FIELDS) remove(body, name)
  for (const name in body) {
    if (body[name] === null) remove(body, name)
    else if (!isUnknown(name, call.quirks)) continue
    // Another candidate may have what an answer would be wrong without.
    else if (isEssential(name)) refuse(body, name)
    else drop(draft, name)
  }
}

function isUnknown(name: string, { allowedParameters, foreignFields }: OpenAIQuirks): boolean {
  return allowedParameters === undefined
    ? foreignFields?.has(name) === true
    : !allowedParameters.has(name) && !HANDLED.has(name)
}

function removeCacheMarks(body: Body): void {
  remove(body, 'cache_control')
  if (!Array.isArray(body.tools) || !body.tools.some((tool) => 'cache_control' in tool)) return
  body.tools = body.tools.map(({ cache_control, ...tool }) => tool)
}

/** Takes out or refuses what this provider, or this model, is known not to take. */
function dropRefused(draft: Draft): void {
  const { body, call } = draft
  const { chat, traits, quirks } = call
  for (const name of quirks.refuse ?? NONE) refuse(body, name)
  for (const name of quirks.drop ?? NONE) drop(draft, name)
  if (traits.reasoning) {
    for (const name of quirks.reasoningRefuse ?? NONE) refuse(body, name)
    for (const name of quirks.reasoningDrop ?? NONE) drop(draft, name)
  }
  if (traits.temperature) return
  // A reasoning model that is told not to reason samples like any other.
  if (readReasoning(chat)?.effort === 'none' && traits.efforts?.includes('none') === true) return
  for (const name of SAMPLING) drop(draft, name)
  for (const name of ['logprobs', 'top_logprobs']) refuse(body, name)
}

function setMaxTokens(body: Body, { maxTokens }: OpenAIQuirks): void {
  if (maxTokens === undefined) return
  const value = body.max_completion_tokens ?? body.max_tokens
  remove(body, 'max_completion_tokens')
  remove(body, 'max_tokens')
  if (value !== undefined) body[maxTokens] = value
}

function setReasoning(draft: Draft): void {
  const { body, call } = draft
  const { chat, traits, quirks } = call
  const asked = readReasoning(chat)
  if (quirks.reasoningObject === true) {
    remove(body, 'reasoning_effort')
    if (asked?.effort !== undefined) body.reasoning = { ...Object(chat.reasoning), effort: asked.effort }
    return
  }
  remove(body, 'reasoning')
  const reasoningSwitch = traits.reasoning && traits.toggle ? quirks.thinkingSwitch : undefined
  if (reasoningSwitch !== undefined && lacksReasoning(chat, quirks)) Object.assign(body, reasoningSwitch.off)
  if (asked === undefined) return
  const level = traits.reasoning ? nearestEffort(asked.effort ?? 'medium', traits) : undefined
  if (asked.effort === 'none' && level === undefined && reasoningSwitch !== undefined) {
    Object.assign(body, reasoningSwitch.off)
    remove(body, 'reasoning_effort')
    return
  }
  // Two models have no other level than `default`.
  const word = level ?? (asked.effort !== 'none' && traits.efforts?.includes('default') ? 'default' : undefined)
  body.reasoning_effort = word ?? asked.effort ?? 'medium'
  if (word !== undefined) return
  // A model that does not reason does as it is asked.
  if (asked.effort === 'none' && !traits.reasoning) remove(body, 'reasoning_effort')
  else drop(draft, 'reasoning_effort')
}

/** Whether a tool round goes on without the reasoning of its call, as where another model began it. Some providers refuse to reason then. */
function lacksReasoning({ messages }: Chat, { returnedReasoning }: OpenAIQuirks): boolean {
  const last = messages.at(-1)
  const call = messages.findLast(({ role }) => role === 'assistant')
  if (returnedReasoning !== 'reasoning_content' || last?.role !== 'tool' || !call?.tool_calls?.length) return false
  return !call.reasoning_content && !call.reasoning
}

/** For a provider that leaves the choice to the model. That is right for `auto`; for `none` no tools are sent. */
function setToolChoice(body: Body): void {
  if (body.tool_choice === 'none') remove(body, 'tools')
  else if (body.tool_choice !== undefined && body.tool_choice !== 'auto') throw unsupportedParameter('tool_choice')
  remove(body, 'tool_choice')
}

/** JSON by a schema where the model has it, by the prompt where the provider has only JSON; else another candidate is asked. */
function setResponseFormat(draft: Draft): void {
  const { body, call } = draft
  const { chat, stream, traits, quirks } = call
  const format = chat.response_format
  // Text is what a model answers anyway, and Fireworks refuses the word beside tools.
  if (format?.type === 'text') remove(body, 'response_format')
  const bySchema = format?.type === 'json_schema'
  if (!bySchema && format?.type !== 'json_object') return
  const hasTools = Boolean(chat.tools?.length)
  const isExcluded = bySchema
    ? quirks.exclusiveJson === 'schema' && stream && hasTools
    : quirks.exclusiveJson === 'mode' && (stream || hasTools)
  if (isExcluded || (bySchema && quirks.schemaInPrompt === true)) {
    const schema = bySchema ? JSON.stringify(format.json_schema?.schema ?? {}) : undefined
    const rule = schema === undefined ? '' : ` It must satisfy this JSON Schema: ${schema}`
    const content = `Answer with a single JSON object and nothing else.${rule}`
    body.messages = [{ role: 'system', content }, ...(body.messages as unknown[])]
    if (isExcluded) drop(draft, 'response_format')
    else body.response_format = { type: 'json_object' }
  } else if (bySchema && !traits.jsonSchema) throw unsupportedParameter('response_format')
}

/** Usage is always asked for: Router9 counts it, and it may come in the last chunk only. */
function setStream({ body, call }: Draft): void {
  const { chat, stream, quirks } = call
  if (stream && quirks.noStreamOptions !== true) body.stream_options = { ...chat.stream_options, include_usage: true }
  else remove(body, 'stream_options')
  if (stream) body.stream = true
  else remove(body, 'stream')
}

/** What the client says of its session or user itself serves the same end. */
function setSessionKey({ body, call }: Draft): void {
  const { sessionKey, quirks } = call
  if (sessionKey === undefined || quirks.sessionKey === undefined || !('field' in quirks.sessionKey)) return
  const { field } = quirks.sessionKey
  if (body[field] === undefined && body.user === undefined) body[field] = sessionKey
}

function sessionHeader({ sessionKey, quirks }: ProviderCall<OpenAIQuirks>): Record<string, string> {
  const place = quirks.sessionKey
  return sessionKey !== undefined && place !== undefined && 'header' in place ? { [place.header]: sessionKey } : {}
}
