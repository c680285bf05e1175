import type { Chat, Message } from '../../chat/request.ts'
import { createJsonBudget } from '../../stream/json-bounds.ts'
import type { PreparedCall, ProviderCall, ProviderFormat } from '../format.ts'
import { withCustomToolsAsFunctions } from '../shared/custom-tools.ts'
import { type Effort, readReasoning } from '../shared/effort.ts'
import { isJsonObject, type JsonObject, omitNull } from '../shared/fields.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { checkParameters, nativeFields, stopSequences } from '../shared/parameters.ts'
import { partsOf, readArguments, readDataUrl, unsupportedContent, unsupportedParameter } from '../shared/parts.ts'
import { createOllamaReader } from './read-answer.ts'

/** Ollama's own chat API, which it has beside an OpenAI-compatible one (translation 3.3; docs.ollama.com, "Chat"). */
export const ollama: ProviderFormat = withFunctionsAsTools(
  withCustomToolsAsFunctions({ name: 'ollama', framing: 'ndjson', prepare }),
)

function prepare({ chat, model, stream, traits, newId, promptTokens = () => 0 }: ProviderCall<object>): PreparedCall {
  const dropped = checkParameters(chat, 'ollama')
  const body: Record<string, unknown> = { model, messages: toMessages(chat.messages), stream }
  const tools = toTools(chat)
  if (tools.length > 0) body.tools = tools
  const format = chat.response_format
  if (format?.type === 'json_object') body.format = 'json'
  if (format?.type === 'json_schema') body.format = format.json_schema?.schema ?? 'json'
  const asked = readReasoning(chat)
  if (asked !== undefined && traits.reasoning) body.think = THINK[asked.effort ?? 'medium']
  const { options: own, ...others } = nativeFields(chat, 'ollama')
  const options = { ...toOptions(chat), ...(isJsonObject(own) ? own : {}) }
  if (Object.keys(options).length > 0) body.options = options
  Object.assign(body, others)
  const reader = () => createOllamaReader(newId, promptTokens)
  return {
    request: { path: '/chat', headers: {}, body: JSON.stringify(body) },
    dropped,
    streamReader: reader,
    readAnswer: (answer) => reader()(answer, ''),
  }
}

const THINK: Readonly<Record<Effort, boolean | string>> = {
  none: false,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}

function toMessages(messages: readonly Message[]): JsonObject[] {
  const names = new Map<string, string>()
  const fits = createJsonBudget()
  return messages.map((message, at) => {
    const path = `messages[${at}]`
    const content = toContent(message, path)
    if (message.role === 'tool') return { role: 'tool', ...content, tool_name: names.get(message.tool_call_id ?? '') }
    if (message.role !== 'assistant') return { role: message.role === 'user' ? 'user' : 'system', ...content }
    const calls = (message.tool_calls ?? []).map(({ id, function: called }, call) => {
      const where = `${path}.tool_calls[${call}]`
      if (called === undefined) throw unsupportedContent(where, 'custom tool calls')
      names.set(id, called.name)
      const given = readArguments(called.arguments, `${where}.function.arguments`, fits)
      return { function: { name: called.name, arguments: given } }
    })
    const thinking = message.reasoning_content || message.reasoning
    return {
      role: 'assistant',
      ...content,
      ...(thinking ? { thinking } : {}),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    }
  })
}

/** Ollama wants the text in one piece, and images as base64: it fetches nothing. */
function toContent(message: Message, path: string): JsonObject {
  let text = ''
  const images: string[] = []
  partsOf(message.content).forEach((part, at) => {
    const param = `${path}.content[${at}]`
    const said = part.text ?? part.refusal
    const image = readDataUrl(part.image_url?.url ?? '', param)
    if (image !== undefined) images.push(image.data)
    else if (said !== undefined) text += said
    else throw unsupportedContent(param, `parts of type '${part.type}' here`)
  })
  return { content: text || (message.refusal ?? ''), ...(images.length > 0 ? { images } : {}) }
}

/** Ollama leaves it to the model whether to call a tool; for `none` no tools are sent. */
function toTools({ tools, tool_choice: choice }: Chat): JsonObject[] {
  if (!tools?.length || choice === 'none') return []
  if (choice === 'required' || isJsonObject(choice)) throw unsupportedParameter('tool_choice')
  return tools.map(({ function: called }, at) => {
    if (called === undefined) throw unsupportedParameter(`tools[${at}]`)
    const { name, description, parameters } = called
    return {
      type: 'function',
      function: { name, description: description ?? '', parameters: parameters ?? { type: 'object', properties: {} } },
    }
  })
}

function toOptions(chat: Chat): JsonObject {
  const given = {
    num_predict: chat.max_completion_tokens ?? chat.max_tokens,
    temperature: chat.temperature,
    top_p: chat.top_p,
    top_k: chat.top_k,
    seed: chat.seed,
    stop: stopSequences(chat),
    presence_penalty: chat.presence_penalty,
    frequency_penalty: chat.frequency_penalty,
  }
  return omitNull(given)
}
