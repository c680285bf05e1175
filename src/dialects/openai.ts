import { type Chat, ROUTING_FIELDS } from '../chat/request.ts'
import type { Call, Dialect, Prepared, Traits } from './dialect.ts'
import { nearestEffort, readReasoning } from './effort.ts'
import { type AnswerQuirks, createOpenAIReader } from './openai-answer.ts'
import { type MessageQuirks, toOpenAIMessages } from './openai-messages.ts'
import { unsupported } from './parts.ts'

/** How a provider that speaks OpenAI's chat completions differs from OpenAI (translation 3). */
export interface OpenAIQuirks extends AnswerQuirks, MessageQuirks {
  /** Appended to the base URL. */
  readonly path?: string
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
  /** Cannot be told which tool to call, or to call one at all. */
  readonly noToolChoice?: boolean
  /** Wants reasoning asked for as `reasoning: {effort | max_tokens}`. */
  readonly reasoningObject?: boolean
}

/** Sampling parameters, which reasoning models refuse altogether (translation 3, OpenAI). */
const SAMPLING = ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'logit_bias'] as const

/** OpenAI's chat completions, and the many that speak it. */
export const openai: Dialect<OpenAIQuirks> = { name: 'openai', prepare }

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
  const body: Body = { ...chat, messages: toOpenAIMessages(chat.messages, quirks) }
  const drop = (name: string, silently = false) => {
    if (!(name in body)) return
    delete body[name]
    if (!silently) dropped.push(name)
  }
  for (const name of ROUTING_FIELDS) delete body[name]
  for (const name in body) if (body[name] === null) delete body[name]

  const { refuse: never = [], drop: harmless = [], reasoningRefuse = [], reasoningDrop = [] } = quirks
  for (const name of traits.reasoning ? [...never, ...reasoningRefuse] : never) refuse(body, name)
  for (const name of traits.reasoning ? [...harmless, ...reasoningDrop] : harmless) drop(name)
  if (!traits.temperature) {
    for (const name of SAMPLING) drop(name)
    for (const name of ['logprobs', 'top_logprobs']) refuse(body, name)
  }
  setMaxTokens(body, quirks)
  setReasoning(body, chat, traits, quirks, drop)
  if (quirks.noToolChoice === true) setToolChoice(body, drop)
  // It is what a model does anyway, and some refuse the word (Fireworks, beside tools).
  if (chat.response_format?.type === 'text') drop('response_format', true)
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
  const harmless = !value || (name === 'n' && value === 1) || (Array.isArray(value) && value.length === 0)
  if (harmless) delete body[name]
  else throw unsupported(name)
}

/** A provider that always leaves the choice to the model: fine for `auto`; for `none` there must be no tools. */
function setToolChoice(body: Body, drop: (name: string, silently?: boolean) => void): void {
  if (body.tool_choice === 'none') drop('tools', true)
  else if (body.tool_choice !== undefined && body.tool_choice !== 'auto') throw unsupported('tool_choice')
  drop('tool_choice', true)
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
  drop: (name: string, silently?: boolean) => void,
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
