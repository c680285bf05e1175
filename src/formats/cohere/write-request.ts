import { Failure } from '../../chat/failure.ts'
import type { Chat, Message, Part, Tool } from '../../chat/request.ts'
import { createJsonBudget } from '../../stream/json-bounds.ts'
import type { PreparedCall, ProviderCall, ProviderFormat, Traits } from '../format.ts'
import { withCustomToolsAsFunctions } from '../shared/custom-tools.ts'
import { BUDGET_TOKENS, readReasoning } from '../shared/effort.ts'
import { isJsonObject, type JsonObject, omitNull } from '../shared/fields.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { checkParameters, nativeFields, stopSequences } from '../shared/parameters.ts'
import {
  emptyConversation,
  partsOf,
  readArguments,
  textContent,
  unsupportedContent,
  unsupportedParameter,
  withUserTurn,
} from '../shared/parts.ts'
import { allowedTools, UNKNOWN_TOOL_MESSAGE } from '../shared/tool-choice.ts'
import { createCohereReader } from './read-answer.ts'

const MAX_STOP_SEQUENCES = 5
const MAX_TOP_K = 500
/** Cohere asks to leave so many tokens for the answer where thinking has a budget (docs.cohere.com, "Reasoning"). */
const ANSWER_TOKENS = 1000

/** Cohere's chat, version 2 (translation 3.2; docs.cohere.com, "Chat"). */
export const cohere: ProviderFormat = withFunctionsAsTools(
  withCustomToolsAsFunctions({ name: 'cohere', framing: 'sse', prepare }),
)

type Body = Record<string, unknown>

function prepare({ chat, model, stream, traits, newId }: ProviderCall<object>): PreparedCall {
  const dropped = checkParameters(chat, 'cohere')
  if (Array.isArray(chat.stop) && chat.stop.length > MAX_STOP_SEQUENCES) throw unsupportedParameter('stop')
  const fits = createJsonBudget()
  const messages = withUserTurn(chat.messages)
    .map((message, at) => toMessage(message, at, fits))
    .filter(hasContent)
  if (messages.length === 0) throw emptyConversation()
  const body: Body = { model, messages, stream }
  Object.assign(body, nativeFields(chat, 'cohere'))
  setTools(body, chat)
  setSampling(body, chat, traits)
  setThinking(body, chat, traits, dropped)
  setResponseFormat(body, chat)
  return {
    request: { path: '/v2/chat', headers: {}, body: JSON.stringify(body) },
    dropped,
    streamReader: () => createCohereReader(newId).event,
    readAnswer: (answer) => createCohereReader(newId).body(answer),
  }
}

/** Cohere refuses empty messages, but for a tool's result, which must be there. */
function hasContent({ role, content, tool_calls }: JsonObject): boolean {
  if (role === 'tool' || tool_calls !== undefined) return true
  return Array.isArray(content) ? content.length > 0 : content !== ''
}

function toMessage(message: Message, at: number, fits: (text: string) => boolean): JsonObject {
  const path = `messages[${at}]`
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'system', content: textContent(message.content, `${path}.content`) }
    case 'user':
      return { role: 'user', content: toContent(message.content, path) }
    case 'assistant':
      return toAssistant(message, path, fits)
    case 'tool':
    // `withFunctionsAsTools` has made tools of functions.
    case 'function':
      return {
        role: 'tool',
        tool_call_id: message.tool_call_id,
        content: textContent(message.content, `${path}.content`),
      }
    default:
      return message.role satisfies never
  }
}

function toContent(content: Message['content'], path: string): unknown {
  if (typeof content === 'string') return content
  return partsOf(content)
    .map((part, at) => toPart(part, `${path}.content[${at}]`))
    .filter((part) => part.text !== '')
}

function toPart(part: Part, path: string): JsonObject {
  if (part.type === 'text') return { type: 'text', text: part.text ?? '' }
  if (part.type === 'image_url') return { type: 'image_url', image_url: part.image_url }
  throw unsupportedContent(path, `parts of type '${part.type}'`)
}

function toAssistant(message: Message, path: string, fits: (text: string) => boolean): JsonObject {
  const text = textContent(message.content, `${path}.content`) || (message.refusal ?? '')
  const calls = (message.tool_calls ?? []).map((call, at) => {
    if (call.function === undefined) throw unsupportedContent(`${path}.tool_calls[${at}]`, 'custom tool calls')
    const { name } = call.function
    const args = readArguments(call.function.arguments, `${path}.tool_calls[${at}].function.arguments`, fits)
    return { id: call.id, type: 'function', function: { name, arguments: JSON.stringify(args) } }
  })
  // Beside calls Cohere takes no text: the text goes as the plan.
  if (calls.length === 0) return { role: 'assistant', content: text }
  const plan = [message.reasoning_content || message.reasoning, text].filter(Boolean).join('\n')
  return { role: 'assistant', tool_calls: calls, ...(plan === '' ? {} : { tool_plan: plan }) }
}

function toTool(tool: Tool, at: number): JsonObject {
  if (tool.function === undefined) throw unsupportedParameter(`tools[${at}]`)
  const { name, description, parameters } = tool.function
  return {
    type: 'function',
    function: {
      name,
      ...(description ? { description } : {}),
      parameters: parameters ?? { type: 'object', properties: {} },
    },
  }
}

/** Cohere can force a call, but not the call of one tool: then only this tool is offered. */
function setTools(body: Body, chat: Chat): void {
  if (!chat.tools?.length) return
  const choice = chat.tool_choice
  const named = isJsonObject(choice) && isJsonObject(choice.function) ? new Set([choice.function.name]) : undefined
  const allowed = allowedTools(choice)
  const names = named ?? allowed?.names
  const wanted = names === undefined ? chat.tools : chat.tools.filter((tool) => names.has(tool.function?.name))
  if (wanted.length === 0) throw new Failure('invalid-value', UNKNOWN_TOOL_MESSAGE, { param: 'tool_choice' })
  body.tools = wanted.map(toTool)
  if (choice === 'none') body.tool_choice = 'NONE'
  if (choice === 'required' || named !== undefined || allowed?.mode === 'required') body.tool_choice = 'REQUIRED'
  if (wanted.some((tool) => tool.function?.strict === true)) body.strict_tools = true
}

function setSampling(body: Body, chat: Chat, { outputTokens }: Traits): void {
  const asked = chat.max_completion_tokens ?? chat.max_tokens
  const given = {
    max_tokens: asked && outputTokens > 0 ? Math.min(asked, outputTokens) : asked,
    // Cohere's scales end at 1 and 0.99.
    temperature: clamp(chat.temperature, 0, 1),
    p: clamp(chat.top_p, 0.01, 0.99),
    k: clamp(chat.top_k, 0, MAX_TOP_K),
    seed: chat.seed,
    stop_sequences: stopSequences(chat),
    presence_penalty: clamp(chat.presence_penalty, 0, 1),
    frequency_penalty: clamp(chat.frequency_penalty, 0, 1),
  }
  Object.assign(body, omitNull(given))
}

function clamp(value: number | null | undefined, min: number, max: number): number | undefined {
  return typeof value === 'number' ? Math.min(Math.max(value, min), max) : undefined
}

function setThinking(body: Body, chat: Chat, traits: Traits, dropped: string[]): void {
  const { reasoning } = traits
  const asked = readReasoning(chat)
  if (asked === undefined || body.thinking !== undefined) return
  if (asked.effort === 'none') {
    if (reasoning) body.thinking = { type: 'disabled' }
  } else if (reasoning) {
    const wanted = asked.tokens ?? BUDGET_TOKENS[asked.effort ?? 'medium']
    body.thinking = { type: 'enabled', token_budget: Math.min(wanted, maxThinking(traits)) }
  } else {
    dropped.push(chat.reasoning_effort ? 'reasoning_effort' : 'reasoning')
  }
}

/** Thinking and answer together must not exceed the model's longest output. */
function maxThinking({ outputTokens, budget }: Traits): number {
  const room = outputTokens > ANSWER_TOKENS ? outputTokens - ANSWER_TOKENS : Number.POSITIVE_INFINITY
  return Math.min(room, budget?.max ?? room)
}

function setResponseFormat(body: Body, { response_format: format }: Chat): void {
  if (format?.type !== 'json_object' && format?.type !== 'json_schema') return
  // Cohere refuses the two together.
  if (body.tools !== undefined) throw unsupportedParameter('response_format')
  const schema = format.type === 'json_schema' ? format.json_schema?.schema : undefined
  body.response_format = { type: 'json_object', ...(schema ? { json_schema: schema } : {}) }
}
