import type { Draft, FormatName, Message } from './draft.ts'
import type { Json, Settings } from './settings.ts'

/** A request as it goes out. */
export interface PlayRequest {
  /** Of the Worker, with `/v1`. */
  readonly path: string
  readonly header: Readonly<Record<string, string>>
  readonly body: Json
}

interface Writing {
  readonly draft: Draft
  readonly settings: Settings
  readonly model: string
}

/** Anthropic's API insists on a bound. */
const ANTHROPIC_MAX_TOKENS = 4096

const WRITERS: Readonly<Record<FormatName, (writing: Writing) => PlayRequest>> = {
  chat: writeChat,
  responses: writeResponses,
  messages: writeMessages,
  gemini: writeGemini,
}

export const FORMATS: Readonly<Record<FormatName, string>> = {
  chat: 'Chat completions',
  responses: 'Responses',
  messages: 'Messages (Anthropic)',
  gemini: 'Gemini',
}

/** The request that the draft describes, in its format. The further JSON is merged in last: it overrides. */
export function writeRequest(draft: Draft, settings: Settings, model: string): PlayRequest {
  const request = WRITERS[draft.format]({ draft, settings, model })
  return { ...request, body: merged(request.body, settings.extra) }
}

/** What `POST /v1/route` is asked: the same as a chat, with what chooses providers. */
export function writePlanRequest(draft: Draft, settings: Settings, model: string): Json {
  const { models, provider } = settings.extra
  const extra = draft.format === 'chat' ? settings.extra : given({ models, provider })
  return merged(writeChat({ draft, settings, model }).body, extra)
}

function writeChat({ draft, settings, model }: Writing): PlayRequest {
  const { tools, schema, temperature, maxTokens } = settings
  const body = given({
    model,
    messages: [
      ...(draft.system ? [{ role: 'system', content: draft.system }] : []),
      ...draft.messages.map(chatMessage),
    ],
    temperature,
    max_tokens: maxTokens,
    reasoning_effort: draft.effort || undefined,
    tools: some(tools.map((tool) => ({ type: 'function', function: tool }))),
    tool_choice: choice(draft.toolChoice, (name) => ({ type: 'function', function: { name } })),
    response_format: schema && { type: 'json_schema', json_schema: { name: 'answer', schema } },
    stream: draft.stream || undefined,
  })
  return { path: '/v1/chat/completions', header: {}, body }
}

function chatMessage({ role, text, images, calls, call }: Message): Json {
  if (role === 'tool') return { role, tool_call_id: call?.id ?? '', content: text }
  const content =
    images.length === 0
      ? text
      : [...texts(text, 'text'), ...images.map((url) => ({ type: 'image_url', image_url: { url } }))]
  if (!calls?.length) return { role, content }
  const tool_calls = calls.map(({ id, name, args }) => ({ id, type: 'function', function: { name, arguments: args } }))
  return { role, content: text || null, tool_calls }
}

function writeResponses({ draft, settings, model }: Writing): PlayRequest {
  const { tools, schema, temperature, maxTokens } = settings
  const body = given({
    model,
    instructions: draft.system || undefined,
    input: draft.messages.flatMap(responseItems),
    temperature,
    max_output_tokens: maxTokens,
    reasoning: draft.effort ? { effort: draft.effort, summary: 'auto' } : undefined,
    tools: some(tools.map((tool) => ({ type: 'function', parameters: {}, ...tool, strict: false }))),
    tool_choice: choice(draft.toolChoice, (name) => ({ type: 'function', name })),
    text: schema && { format: { type: 'json_schema', name: 'answer', schema, strict: false } },
    store: false,
    stream: draft.stream || undefined,
  })
  return { path: '/v1/responses', header: {}, body }
}

function responseItems({ role, text, images, calls = [], call }: Message): readonly Json[] {
  if (role === 'tool') return [{ type: 'function_call_output', call_id: call?.id ?? '', output: text }]
  const parts = [
    ...texts(text, role === 'assistant' ? 'output_text' : 'input_text'),
    ...images.map((image_url) => ({ type: 'input_image', image_url })),
  ]
  return [
    ...(parts.length > 0 ? [{ role, content: parts }] : []),
    ...calls.map(({ id, name, args }) => ({ type: 'function_call', call_id: id, name, arguments: args })),
  ]
}

function writeMessages({ draft, settings, model }: Writing): PlayRequest {
  const { tools, schema, temperature, maxTokens } = settings
  const thinks = draft.effort !== '' && draft.effort !== 'none'
  const output = given({
    effort: thinks ? draft.effort : undefined,
    format: schema && { type: 'json_schema', schema },
  })
  const body = given({
    model,
    max_tokens: maxTokens ?? ANTHROPIC_MAX_TOKENS,
    system: draft.system || undefined,
    messages: joined(draft.messages, anthropicTurn, 'content'),
    temperature,
    thinking: draft.effort === '' ? undefined : { type: thinks ? 'adaptive' : 'disabled' },
    output_config: Object.keys(output).length > 0 ? output : undefined,
    tools: some(tools.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters ?? { type: 'object' } }))),
    tool_choice: anthropicChoice(draft.toolChoice),
    stream: draft.stream || undefined,
  })
  return { path: '/v1/messages', header: { 'anthropic-version': '2023-06-01' }, body }
}

function anthropicTurn({ role, text, images, calls = [], call }: Message): Turn {
  if (role === 'tool') {
    return { role: 'user', parts: [{ type: 'tool_result', tool_use_id: call?.id ?? '', content: text }] }
  }
  const parts = [
    ...images.map((url) => {
      const { type, data } = splitDataUrl(url)
      return { type: 'image', source: { type: 'base64', media_type: type, data } }
    }),
    ...texts(text, 'text'),
    ...calls.map(({ id, name, args }) => ({ type: 'tool_use', id, name, input: argumentsOf(args) })),
  ]
  return { role, parts }
}

function anthropicChoice(name: string): Json | undefined {
  const type = { auto: 'auto', none: 'none', required: 'any' }[name]
  return name === '' ? undefined : type === undefined ? { type: 'tool', name } : { type }
}

function writeGemini({ draft, settings, model }: Writing): PlayRequest {
  const { tools, schema, temperature, maxTokens } = settings
  const config = given({
    temperature,
    maxOutputTokens: maxTokens,
    thinkingConfig: draft.effort ? { thinkingLevel: draft.effort, includeThoughts: true } : undefined,
    responseMimeType: schema && 'application/json',
    responseJsonSchema: schema,
  })
  const functionDeclarations = tools.map(({ parameters, ...tool }) =>
    given({ ...tool, parametersJsonSchema: parameters }),
  )
  const body = given({
    systemInstruction: draft.system ? { parts: [{ text: draft.system }] } : undefined,
    contents: joined(draft.messages, geminiTurn, 'parts'),
    generationConfig: Object.keys(config).length > 0 ? config : undefined,
    tools: functionDeclarations.length > 0 ? [{ functionDeclarations }] : undefined,
    toolConfig: geminiChoice(draft.toolChoice),
  })
  const method = draft.stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return { path: `/v1beta/models/${encodeURIComponent(model)}:${method}`, header: {}, body }
}

function geminiTurn({ role, text, images, calls = [], call }: Message): Turn {
  if (role === 'tool') {
    const response = { id: call?.id, name: call?.name ?? '', response: { output: text } }
    return { role: 'user', parts: [{ functionResponse: given(response) }] }
  }
  const parts = [
    ...images.map((url) => {
      const { type, data } = splitDataUrl(url)
      return { inlineData: { mimeType: type, data } }
    }),
    ...(text ? [{ text }] : []),
    ...calls.map(({ id, name, args }) => ({ functionCall: { id, name, args: argumentsOf(args) } })),
  ]
  return { role: role === 'assistant' ? 'model' : 'user', parts }
}

function geminiChoice(name: string): Json | undefined {
  if (name === '') return undefined
  const mode = { auto: 'AUTO', none: 'NONE', required: 'ANY' }[name]
  const functionCallingConfig = mode === undefined ? { mode: 'ANY', allowedFunctionNames: [name] } : { mode }
  return { functionCallingConfig }
}

interface Turn {
  readonly role: string
  readonly parts: readonly Json[]
}

/** Messages of the same side in a row are one turn: both APIs want the results of parallel calls together. */
function joined(messages: readonly Message[], write: (message: Message) => Turn, member: string): readonly Json[] {
  const turns: { role: string; parts: Json[] }[] = []
  for (const message of messages) {
    const { role, parts } = write(message)
    const last = turns.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else if (parts.length > 0) turns.push({ role, parts: [...parts] })
  }
  return turns.map(({ role, parts }) => ({ role, [member]: parts }))
}

function texts(text: string, type: string): readonly Json[] {
  return text ? [{ type, text }] : []
}

function choice(name: string, forced: (name: string) => Json): Json | string | undefined {
  return name === '' ? undefined : ['auto', 'none', 'required'].includes(name) ? name : forced(name)
}

/** Both APIs want an object; arguments that are none have to be shown to the model all the same. */
function argumentsOf(args: string): unknown {
  try {
    return JSON.parse(args || '{}')
  } catch {
    return { invalid: args }
  }
}

function splitDataUrl(url: string): { type: string; data: string } {
  const comma = url.indexOf(',')
  return { type: url.slice('data:'.length, url.indexOf(';')), data: url.slice(comma + 1) }
}

function some<Entry>(list: readonly Entry[]): readonly Entry[] | undefined {
  return list.length > 0 ? list : undefined
}

/** Without members that are undefined. */
function given(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** Objects are merged member by member, so that one more setting of `generationConfig` does not take the others away. */
function merged(body: Json, extra: Json): Json {
  const all: Record<string, unknown> = { ...body }
  for (const [name, value] of Object.entries(extra)) {
    const before = all[name]
    const areObjects = [before, value].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))
    all[name] = areObjects ? { ...(before as Json), ...(value as Json) } : value
  }
  return all
}
