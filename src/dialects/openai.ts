import { type Chat, type Message, ROUTING_FIELDS } from '../chat/request.ts'
import type { Call, Dialect, Prepared, Traits } from './dialect.ts'
import { nearestEffort, readReasoning } from './effort.ts'
import { type AnswerQuirks, createOpenAIReader } from './openai-answer.ts'
import { unsupported } from './parts.ts'

/** How a provider that speaks OpenAI's chat completions differs from OpenAI (translation 3). */
export interface OpenAIQuirks extends AnswerQuirks {
  /** Appended to the base URL. */
  readonly path?: string
  /** The name of the longest answer, where the provider takes only one of OpenAI's two. */
  readonly maxTokens?: 'max_tokens' | 'max_completion_tokens'
  /** Parameters that it does not take and that an answer is right without. */
  readonly drop?: readonly string[]
  /** Parameters that it does not take and without which the answer would be wrong. */
  readonly refuse?: readonly string[]
  readonly rename?: Readonly<Record<string, string>>
  /** Has the `developer` role; elsewhere it becomes `system`. */
  readonly developerRole?: boolean
  /** What it takes back of an assistant's earlier reasoning; nothing where absent. */
  readonly reasoningBack?: 'reasoning_content' | 'reasoning' | 'reasoning_details'
  /** Reports usage in streams unasked, and does not know `stream_options`. */
  readonly noStreamOptions?: boolean
  /** Takes prompt cache marks (`cache_control`) on parts and tools. */
  readonly cacheControl?: boolean
  /** Wants reasoning asked for as `reasoning: {effort | max_tokens}`. */
  readonly reasoningObject?: boolean
}

/** Sampling parameters, which reasoning models refuse altogether (translation 3, OpenAI). */
const SAMPLING = ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'logit_bias'] as const

/** OpenAI's chat completions, and the many that speak it. */
export const openai: Dialect<OpenAIQuirks> = { prepare }

function prepare({ chat, model, stream, traits, quirks, newId }: Call<OpenAIQuirks>): Prepared {
  const dropped: string[] = []
  const body = toBody(chat, stream, traits, quirks, dropped)
  body.model = model
  return {
    request: {
      path: quirks.path ?? '/chat/completions',
      headers: {},
      body: JSON.stringify(body),
    },
    dropped,
    decoder: () => createOpenAIReader(quirks, newId).chunk,
    answer: (answer) => createOpenAIReader(quirks, newId).body(answer),
  }
}

type Body = Record<string, unknown>

function toBody(chat: Chat, stream: boolean, traits: Traits, quirks: OpenAIQuirks, dropped: string[]): Body {
  const body: Body = { ...chat, messages: toMessages(chat.messages, quirks) }
  const drop = (name: string, silently = false) => {
    if (!(name in body)) return
    delete body[name]
    if (!silently) dropped.push(name)
  }
  for (const name of ROUTING_FIELDS) delete body[name]
  for (const name in body) if (body[name] === null) delete body[name]

  for (const name of quirks.refuse ?? []) refuse(body, name)
  for (const name of quirks.drop ?? []) drop(name)
  if (!traits.temperature) {
    for (const name of SAMPLING) drop(name)
    for (const name of ['logprobs', 'top_logprobs']) refuse(body, name)
  }
  setMaxTokens(body, quirks)
  setReasoning(body, chat, traits, quirks, drop)
  // Without tools these are refused by OpenAI itself; they say nothing then.
  if (!chat.tools?.length) for (const name of ['tools', 'tool_choice', 'parallel_tool_calls']) drop(name, true)
  for (const [from, to] of Object.entries(quirks.rename ?? {})) {
    if (!(from in body)) continue
    body[to] = body[from]
    delete body[from]
  }
  // Usage is asked for always: it is counted, and it closes every stream.
  if (stream && quirks.noStreamOptions !== true) body.stream_options = { ...chat.stream_options, include_usage: true }
  else delete body.stream_options
  if (stream) body.stream = true
  else delete body.stream
  return body
}

function refuse(body: Body, name: string): void {
  const value = body[name]
  // The value that changes nothing is no reason to refuse.
  const harmless = !value || (name === 'n' && value === 1)
  if (harmless) delete body[name]
  else throw unsupported(name)
}

function setMaxTokens(body: Body, { maxTokens }: OpenAIQuirks): void {
  if (maxTokens === undefined) return
  const value = body.max_completion_tokens ?? body.max_tokens
  delete body.max_completion_tokens
  delete body.max_tokens
  if (value !== undefined) body[maxTokens] = value
}

function setReasoning(
  body: Body,
  chat: Chat,
  traits: Traits,
  quirks: OpenAIQuirks,
  drop: (name: string) => void,
): void {
  const asked = readReasoning(chat)
  if (quirks.reasoningObject === true) {
    delete body.reasoning_effort
    if (asked?.effort !== undefined) body.reasoning = { ...Object(chat.reasoning), effort: asked.effort }
    return
  }
  delete body.reasoning
  if (asked === undefined) return
  const effort = asked.effort ?? 'medium'
  const nearest = traits.efforts === undefined ? effort : nearestEffort(effort, traits)
  body.reasoning_effort = nearest
  if (!traits.reasoning || nearest === undefined) drop('reasoning_effort')
}

/** Messages as they came, but for what this provider would refuse; the same objects where nothing changes. */
function toMessages(messages: readonly Message[], quirks: OpenAIQuirks): unknown[] {
  return messages.map((message) => {
    const role = message.role === 'developer' && quirks.developerRole !== true ? 'system' : message.role
    if (role === message.role && message.role !== 'assistant') return withoutCacheMarks(message, quirks)
    const { reasoning_content, reasoning, reasoning_details, tool_calls, ...rest } = message
    const thoughts = reasoning_content ?? reasoning
    return {
      ...withoutCacheMarks(rest as Message, quirks),
      role,
      ...(tool_calls?.length ? { tool_calls: tool_calls.map(({ extra_content, ...call }) => call) } : {}),
      ...(quirks.reasoningBack === 'reasoning_details' && reasoning_details ? { reasoning_details } : {}),
      ...(quirks.reasoningBack === 'reasoning_content' && thoughts ? { reasoning_content: thoughts } : {}),
      ...(quirks.reasoningBack === 'reasoning' && thoughts ? { reasoning: thoughts } : {}),
    }
  })
}

function withoutCacheMarks(message: Message, { cacheControl }: OpenAIQuirks): Message {
  if (cacheControl === true || !Array.isArray(message.content)) return message
  if (!message.content.some((part) => 'cache_control' in part)) return message
  return { ...message, content: message.content.map(({ cache_control, ...part }) => part) }
}
