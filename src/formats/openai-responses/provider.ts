import type { Failure } from '../../chat/failure.ts'
import { GATEWAY_FIELDS } from '../../chat/request.ts'
import type { PreparedCall, ProviderCall, ProviderFormat, RequestSource } from '../format.ts'
import { withCustomToolsAsFunctions } from '../shared/custom-tools.ts'
import { isJsonObject, jsonObjectsIn } from '../shared/fields.ts'
import { withFunctionsAsTools } from '../shared/legacy-functions.ts'
import { pickFields, tokenCount } from '../shared/token-count.ts'
import { createResponsesReader } from './read-answer.ts'
import { OPENAI_RESPONSES } from './read-request.ts'
import {
  ENCRYPTED_REASONING,
  OPENAI_REASONING_FORMAT,
  type ResponsesQuirks,
  setSessionKey,
  writeChat,
} from './write-request.ts'

/** OpenAI's Responses, for OpenAI and those who copy them. Nothing is stored there: Router9 keeps answers itself. */
export const openaiResponses: ProviderFormat<ResponsesQuirks> = withFunctionsAsTools(
  withCustomToolsAsFunctions(
    { name: OPENAI_RESPONSES, framing: 'sse', hasSearch: true, prepare },
    ({ lackedTools }) => !lackedTools?.has('custom'),
  ),
)

/** What of a request belongs to the prompt (platform.openai.com, "Get input token counts"). */
const COUNTED_FIELDS = [
  ...['model', 'input', 'instructions', 'tools', 'tool_choice', 'parallel_tool_calls'],
  ...['reasoning', 'text', 'truncation'],
]

function prepare(call: ProviderCall<ResponsesQuirks>): PreparedCall {
  const { source, quirks, newId } = call
  const isNative = source?.format === OPENAI_RESPONSES && !asksForLackedTool(source, quirks)
  if (!isNative && source?.requires !== undefined) throw source.requires
  const { body, dropped } = isNative ? { body: passOn(call, source), dropped: [] } : writeChat(withOffer(call))
  const createReader = () =>
    createResponsesReader({ isNative, newId, reasoningFormat: quirks.reasoningFormat ?? OPENAI_REASONING_FORMAT })
  const path = (isNative && source.path) || '/responses'
  const requestOf = (content: object) => ({ path, headers: {}, body: JSON.stringify(content) })
  const request = requestOf(body)
  return {
    request,
    dropped: isNative ? dropped : [...(source?.dropped ?? []), ...dropped],
    count: tokenCount(request, {
      path: '/responses/input_tokens',
      body: () => pickFields(body, COUNTED_FIELDS),
      member: 'input_tokens',
    }),
    requestAfter: (failure) => {
      const { input } = body
      if (!isAboutReasoning(failure) || !Array.isArray(input) || !input.some(isReasoning)) return undefined
      return requestOf({ ...body, input: input.filter((item) => !isReasoning(item)).map(withoutId) })
    },
    streamReader: () => createReader().message,
    readAnswer: (answer) => createReader().body(answer),
  }
}

/** The chat with the search that its client offers beside its own tools. */
function withOffer(call: ProviderCall<ResponsesQuirks>): ProviderCall<ResponsesQuirks> {
  const { chat, source } = call
  if (source?.offersSearch === undefined) return call
  return { ...call, chat: { ...chat, web_search_options: source.offersSearch.web_search_options } }
}

/** Whether it offers a tool that this provider lacks. The chat that was read from it has functions in the place of such tools. */
function asksForLackedTool({ body }: RequestSource, { lackedTools }: ResponsesQuirks): boolean {
  return lackedTools !== undefined && jsonObjectsIn(body.tools).some(({ type }) => lackedTools.has(String(type)))
}

/**
 * Whether a provider cannot read the reasoning of earlier turns: another account, or another provider, has encrypted it, or was
 * to store it. The conversation goes on without it then, as it does where another model takes over.
 */
function isAboutReasoning({ message, details: { code, upstreamStatus } }: Failure): boolean {
  return (
    (upstreamStatus === 400 || upstreamStatus === 404) &&
    (code === 'invalid_encrypted_content' || /encrypted.content|decrypt|\brs_\w+' not found/i.test(message))
  )
}

function isReasoning(item: unknown): boolean {
  return isJsonObject(item) && item.type === 'reasoning'
}

/** By its id OpenAI would know the reasoning that an item came with, and refuses the item without it. */
function withoutId(item: unknown): unknown {
  if (!isJsonObject(item) || !/^(?:message|function_call|custom_tool_call)$/.test(String(item.type))) return item
  const { id, ...rest } = item
  return rest
}

/** Without what the official client's helpers add to an answer that goes back, and OpenAI refuses. */
function withoutParsed(item: unknown): unknown {
  if (!isJsonObject(item)) return item
  const { parsed_arguments, content } = item
  const isParsed = Array.isArray(content) && content.some((part) => isJsonObject(part) && 'parsed' in part)
  if (parsed_arguments === undefined && !isParsed) return item
  const { parsed_arguments: _, ...rest } = item
  return isParsed ? { ...rest, content: jsonObjectsIn(content).map(({ parsed, ...part }) => part) } : rest
}

/** The request as it came, but that its state is ours: earlier answers have been put into its input already. */
function passOn(
  { model, stream, traits, sessionKey }: ProviderCall<ResponsesQuirks>,
  { body: given, path }: RequestSource,
): Record<string, unknown> {
  const body: Record<string, unknown> = { ...given, model }
  if (Array.isArray(body.input)) body.input = body.input.map(withoutParsed)
  for (const name of [...GATEWAY_FIELDS, 'previous_response_id']) delete body[name]
  // Other endpoints do not have the fields that follow.
  if (path !== undefined) return body
  body.store = false
  setSessionKey(body, sessionKey)
  if (stream !== (body.stream === true)) body.stream = stream
  if (traits.reasoning) {
    const included = Array.isArray(body.include) ? body.include : []
    if (!included.includes(ENCRYPTED_REASONING)) body.include = [...included, ENCRYPTED_REASONING]
  }
  return body
}
