import { type Chat, ROUTING_FIELDS } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat, Traits } from '../format.ts'
import { nearestEffort, readReasoning } from '../shared/effort.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { isEssential, isNeutralValue } from '../shared/parameters.ts'
import { unsupportedParameter } from '../shared/parts.ts'
import { type AnswerQuirks, createOpenAIReader } from './read-answer.ts'
import { type MessageQuirks, toOpenAIMessages } from './write-messages.ts'

/** How a provider that speaks OpenAI's chat completions differs from OpenAI (translation 3). */
export interface OpenAIQuirks extends AnswerQuirks, MessageQuirks {
  /** The name of the longest answer, where the provider takes only one of OpenAI's two. */
  readonly maxTokens?: 'max_tokens' | 'max_completion_tokens'
  /** Parameters that it does not take and that an answer is right without. */
  readonly drop?: readonly string[]
  /** Parameters that it does not take and without which the answer would be wrong. */
  readonly refuse?: readonly string[]
  readonly rename?: Readonly<Record<string, string>>
  /** Reports usage in streams unasked, and does not know `stream_options`. */
  readonly noStreamOptions?: boolean
  /** Refused only by its reasoning models: harmless ones, and those without which the answer would be wrong. */
  readonly reasoningDrop?: readonly string[]
  readonly reasoningRefuse?: readonly string[]
  /** The only parameters that it takes; it refuses a request with any other. */
  readonly allowedParameters?: ReadonlySet<string>
  /** Fields of other APIs: it refuses a request with any of them. */
  readonly foreignFields?: ReadonlySet<string>
  /** Goes with every request. */
  readonly addedFields?: Readonly<Record<string, unknown>>
  /** How thinking is switched off where a model has a switch. */
  readonly thinkingSwitch?: { readonly off: Readonly<Record<string, unknown>> }
  /** Has JSON output, but not by a schema, whatever its models can do elsewhere. */
  readonly schemaInPrompt?: boolean
  /** Its JSON mode excludes streams and tools, or a schema excludes tools in a stream: then the prompt asks for JSON. */
  readonly exclusiveJson?: 'mode' | 'schema'
  /** Knows the functions that came before tools. */
  readonly legacyFunctions?: boolean
  /** Cannot be told which tool to call, or to call one at all. */
  readonly noToolChoice?: boolean
  /** Wants reasoning asked for as `reasoning: {effort | max_tokens}`. */
  readonly reasoningObject?: boolean
}

/** Sampling parameters, which reasoning models refuse altogether (translation 3, OpenAI). */
const SAMPLING = ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'logit_bias'] as const

/** OpenAI's chat completions, and the many that speak it. */
export const openai: ProviderFormat<OpenAIQuirks> = withFunctionsAsTools(
  { name: 'openai', framing: 'sse', prepare },
  ({ legacyFunctions }) => {
    return legacyFunctions === true
  },
)

function prepare({ chat, model, stream, traits, quirks, newId }: ProviderCall<OpenAIQuirks>): PreparedCall {
  const dropped: string[] = []
  const body = toBody(chat, stream, traits, quirks, dropped)
  body.model = model
  return {
    request: {
      path: '/chat/completions',
      headers: {},
      body: JSON.stringify(body),
    },
    dropped,
    streamReader: () => createOpenAIReader(quirks, newId, traits.opensThinking).chunk,
    readAnswer: (answer) => createOpenAIReader(quirks, newId, traits.opensThinking).body(answer),
  }
}

type Body = Record<string, unknown>

/** What is undefined is not in the JSON. An object that something was deleted from is slow ever after. */
function remove(body: Body, name: string): void {
  if (body[name] !== undefined) body[name] = undefined
}

/** Takes a parameter out; `silently` where nothing is lost with it. */
type Drop = (name: string, silently?: boolean) => void

function toBody(chat: Chat, stream: boolean, traits: Traits, quirks: OpenAIQuirks, dropped: string[]): Body {
  const body: Body = { ...chat, messages: toOpenAIMessages(chat.messages, { ...quirks, noSystem: traits.noSystem }) }
  const drop: Drop = (name, silently = false) => {
    if (body[name] === undefined) return
    body[name] = undefined
    if (!silently) dropped.push(name)
  }
  for (const name of ROUTING_FIELDS) remove(body, name)
  for (const name in body) {
    if (body[name] === null) remove(body, name)
    else if (isUnknown(name, quirks)) dropUnlessEssential(body, name, drop)
  }
  if (quirks.cacheControl !== true) dropCacheMarks(body)
  Object.assign(body, quirks.addedFields)

  const { refuse: never = [], drop: harmless = [], reasoningRefuse = [], reasoningDrop = [] } = quirks
  for (const name of traits.reasoning ? [...never, ...reasoningRefuse] : never) refuse(body, name)
  for (const name of traits.reasoning ? [...harmless, ...reasoningDrop] : harmless) drop(name)
  // Models that can be told not to reason sample then like any other.
  const silent = readReasoning(chat)?.effort === 'none' && traits.efforts?.includes('none') === true
  if (!traits.temperature && !silent) {
    for (const name of SAMPLING) drop(name)
    for (const name of ['logprobs', 'top_logprobs']) refuse(body, name)
  }
  setMaxTokens(body, quirks)
  setReasoning(body, chat, traits, quirks, drop)
  if (quirks.noToolChoice === true) setToolChoice(body, drop)
  setResponseFormat(body, chat, stream, traits, quirks, drop)
  // Without tools these are refused by OpenAI itself; they say nothing then.
  if (!chat.tools?.length) for (const name of ['tools', 'tool_choice', 'parallel_tool_calls']) drop(name, true)
  for (const [from, to] of Object.entries(quirks.rename ?? {})) {
    if (body[from] === undefined) continue
    body[to] = body[from]
    remove(body, from)
  }
  // Usage is asked for always: it is counted, and it closes every stream.
  if (stream && quirks.noStreamOptions !== true) body.stream_options = { ...chat.stream_options, include_usage: true }
  else remove(body, 'stream_options')
  if (stream) body.stream = true
  else remove(body, 'stream')
  return body
}

/** What the dialect itself takes care of is known to everybody. */
const HANDLED = new Set([
  'messages',
  'stream_options',
  'max_completion_tokens',
  'reasoning',
  'seed',
  'logprobs',
  'top_logprobs',
])

function isUnknown(name: string, { allowedParameters, foreignFields }: OpenAIQuirks): boolean {
  return allowedParameters === undefined
    ? foreignFields?.has(name) === true
    : !allowedParameters.has(name) && !HANDLED.has(name)
}

/** What an answer would be wrong without is for another candidate, if it was really asked for. */
function dropUnlessEssential(body: Body, name: string, drop: Drop): void {
  if (isEssential(name)) refuse(body, name)
  else drop(name)
}

function dropCacheMarks(body: Body): void {
  remove(body, 'cache_control')
  if (!Array.isArray(body.tools) || !body.tools.some((tool) => 'cache_control' in tool)) return
  body.tools = body.tools.map(({ cache_control, ...tool }) => tool)
}

function refuse(body: Body, name: string): void {
  const value = body[name]
  // The value that changes nothing is no reason to refuse.
  if (!value || isNeutralValue(name, value)) remove(body, name)
  else throw unsupportedParameter(name)
}

/** A provider that always leaves the choice to the model: fine for `auto`; for `none` there must be no tools. */
function setToolChoice(body: Body, drop: Drop): void {
  if (body.tool_choice === 'none') drop('tools', true)
  else if (body.tool_choice !== undefined && body.tool_choice !== 'auto') throw unsupportedParameter('tool_choice')
  drop('tool_choice', true)
}

function setMaxTokens(body: Body, { maxTokens }: OpenAIQuirks): void {
  if (maxTokens === undefined) return
  const value = body.max_completion_tokens ?? body.max_tokens
  remove(body, 'max_completion_tokens')
  remove(body, 'max_tokens')
  if (value !== undefined) body[maxTokens] = value
}

function setReasoning(body: Body, chat: Chat, traits: Traits, quirks: OpenAIQuirks, drop: Drop): void {
  const asked = readReasoning(chat)
  if (quirks.reasoningObject === true) {
    remove(body, 'reasoning_effort')
    if (asked?.effort !== undefined) body.reasoning = { ...Object(chat.reasoning), effort: asked.effort }
    return
  }
  remove(body, 'reasoning')
  const thinks = traits.reasoning && traits.toggle ? quirks.thinkingSwitch : undefined
  if (thinks !== undefined && lacksThoughts(chat, quirks)) Object.assign(body, thinks.off)
  if (asked === undefined) return
  const level = traits.reasoning ? nearestEffort(asked.effort ?? 'medium', traits) : undefined
  if (asked.effort === 'none' && level === undefined && thinks !== undefined) {
    Object.assign(body, thinks.off)
    drop('reasoning_effort', true)
    return
  }
  // Two models know no more than "as you think fit".
  const word = level ?? (asked.effort !== 'none' && traits.efforts?.includes('default') ? 'default' : undefined)
  body.reasoning_effort = word ?? asked.effort ?? 'medium'
  if (word === undefined) drop('reasoning_effort', asked.effort === 'none' && !traits.reasoning)
}

/** In a tool round that another model began there are no thoughts to send back, and some refuse to think on without. */
function lacksThoughts({ messages }: Chat, { returnedReasoning }: OpenAIQuirks): boolean {
  const last = messages.at(-1)
  const call = messages.findLast(({ role }) => role === 'assistant')
  if (returnedReasoning !== 'reasoning_content' || last?.role !== 'tool' || !call?.tool_calls?.length) return false
  return !call.reasoning_content && !call.reasoning
}

/** JSON by a schema where the model has it, by the prompt where the provider only allowedParameters JSON, else by another candidate. */
function setResponseFormat(
  body: Body,
  chat: Chat,
  stream: boolean,
  traits: Traits,
  quirks: OpenAIQuirks,
  drop: Drop,
): void {
  const format = chat.response_format
  // It is what a model does anyway, and some refuse the word (Fireworks, beside tools).
  if (format?.type === 'text') drop('response_format', true)
  const bySchema = format?.type === 'json_schema'
  if (!bySchema && format?.type !== 'json_object') return
  const tools = Boolean(chat.tools?.length)
  const excluded = bySchema
    ? quirks.exclusiveJson === 'schema' && stream && tools
    : quirks.exclusiveJson === 'mode' && (stream || tools)
  if (excluded || (bySchema && quirks.schemaInPrompt === true)) {
    const schema = bySchema ? JSON.stringify(format.json_schema?.schema ?? {}) : undefined
    const rule = schema === undefined ? '' : ` It must satisfy this JSON Schema: ${schema}`
    const content = `Answer with a single JSON object and nothing else.${rule}`
    body.messages = [{ role: 'system', content }, ...(body.messages as unknown[])]
    if (excluded) drop('response_format')
    else body.response_format = { type: 'json_object' }
  } else if (bySchema && !traits.jsonSchema) throw unsupportedParameter('response_format')
}
