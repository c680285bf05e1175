import { findProvider } from '../../catalog/providers.ts'
import { Failure } from '../../chat/failure.ts'
import { anthropicMessages } from '../../formats/anthropic-messages/client.ts'
import type { ClientFormat, ProviderFormat, Traits } from '../../formats/format.ts'
import { geminiClient } from '../../formats/gemini/client.ts'
import { openaiCompletionsClient } from '../../formats/openai-completions/client.ts'
import { openaiResponses } from '../../formats/openai-responses/client.ts'

type Fields = Readonly<Record<string, unknown>>

/** A client's format, a request of it, and for each field a value that asks for something, with what it needs beside it. */
interface Client {
  readonly path: string
  readonly format: ClientFormat
  readonly base: Fields
  readonly fields: Readonly<Record<string, { readonly value: unknown; readonly beside?: Fields }>>
}

const RESPONSES_TOOLS = { tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }] }
const MESSAGES_TOOLS = { tools: [{ name: 'f', input_schema: { type: 'object' } }] }

const GEMINI_TOOLS = { tools: [{ functionDeclarations: [{ name: 'f' }] }] }

const CLIENTS: readonly Client[] = [
  {
    path: '/v1/responses',
    format: openaiResponses,
    base: { model: 'm', input: 'Hi' },
    fields: {
      instructions: { value: 'x' },
      max_output_tokens: { value: 100 },
      temperature: { value: 0.5 },
      top_p: { value: 0.5 },
      top_logprobs: { value: 2 },
      reasoning: { value: { effort: 'low' } },
      text: { value: { format: { type: 'json_object' } } },
      tools: { value: RESPONSES_TOOLS.tools },
      tool_choice: { value: 'required', beside: RESPONSES_TOOLS },
      parallel_tool_calls: { value: false, beside: RESPONSES_TOOLS },
      max_tool_calls: { value: 2 },
      user: { value: 'u' },
      safety_identifier: { value: 'u' },
      service_tier: { value: 'auto' },
      prompt_cache_key: { value: 'k' },
      prompt_cache_retention: { value: '24h' },
      truncation: { value: 'auto' },
      metadata: { value: { a: 'b' } },
      include: { value: ['reasoning.encrypted_content'] },
      store: { value: true },
      background: { value: true },
      conversation: { value: 'conv_1' },
      prompt: { value: { id: 'pmpt_1' } },
    },
  },
  {
    path: '/v1/messages',
    format: anthropicMessages,
    base: { model: 'm', max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] },
    fields: {
      max_tokens: { value: 100 },
      system: { value: 'x' },
      temperature: { value: 0.5 },
      top_p: { value: 0.5 },
      top_k: { value: 5 },
      stop_sequences: { value: ['x'] },
      tools: { value: MESSAGES_TOOLS.tools },
      tool_choice: { value: { type: 'any' }, beside: MESSAGES_TOOLS },
      thinking: { value: { type: 'enabled', budget_tokens: 2000 } },
      output_config: { value: { effort: 'low' }, beside: { thinking: { type: 'adaptive' } } },
      output_format: { value: { type: 'json_schema', schema: { type: 'object', properties: {} } } },
      metadata: { value: { user_id: 'u' } },
      service_tier: { value: 'standard_only' },
      context_management: { value: { edits: [] } },
      container: { value: 'c' },
      mcp_servers: { value: [{ type: 'url', url: 'https://example.com', name: 'n' }] },
    },
  },
  {
    path: '/v1beta/models/{model}:generateContent',
    format: geminiClient,
    base: { model: 'm', contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] },
    fields: {
      systemInstruction: { value: { parts: [{ text: 'x' }] } },
      tools: { value: GEMINI_TOOLS.tools },
      toolConfig: { value: { functionCallingConfig: { mode: 'ANY' } }, beside: GEMINI_TOOLS },
      safetySettings: { value: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }] },
      cachedContent: { value: 'cachedContents/x' },
      'generationConfig.maxOutputTokens': { value: 100 },
      'generationConfig.temperature': { value: 0.5 },
      'generationConfig.topP': { value: 0.5 },
      'generationConfig.topK': { value: 5 },
      'generationConfig.candidateCount': { value: 2 },
      'generationConfig.stopSequences': { value: ['x'] },
      'generationConfig.seed': { value: 1 },
      'generationConfig.presencePenalty': { value: 0.5 },
      'generationConfig.frequencyPenalty': { value: 0.5 },
      'generationConfig.responseLogprobs': { value: true },
      'generationConfig.responseMimeType': { value: 'application/json' },
      'generationConfig.responseJsonSchema': { value: { type: 'object', properties: {} } },
      'generationConfig.responseModalities': { value: ['AUDIO'] },
      'generationConfig.thinkingConfig': { value: { thinkingLevel: 'low' } },
      'generationConfig.speechConfig': { value: { languageCode: 'en-US' } },
    },
  },
  {
    path: '/v1/completions',
    format: openaiCompletionsClient,
    base: { model: 'm', prompt: 'Hi' },
    fields: {
      max_tokens: { value: 100 },
      temperature: { value: 0.5 },
      top_p: { value: 0.5 },
      stop: { value: ['x'] },
      n: { value: 2 },
      seed: { value: 1 },
      presence_penalty: { value: 0.5 },
      frequency_penalty: { value: 0.5 },
      logit_bias: { value: { 1: 1 } },
      logprobs: { value: 2 },
      user: { value: 'u' },
      suffix: { value: 'x' },
      echo: { value: true },
      best_of: { value: 2 },
    },
  },
]

/** A model that can do everything. */
const TRAITS: Traits = {
  contextTokens: 200_000,
  outputTokens: 64_000,
  input: new Set(['text', 'image']),
  output: new Set(['text']),
  tools: true,
  jsonSchema: true,
  temperature: true,
  reasoning: true,
  efforts: ['low', 'medium', 'high'],
  toggle: true,
}

/** The formats of providers, each as one provider has it. */
function providerFormats(): readonly (readonly [name: string, format: Pick<ProviderFormat, 'name' | 'prepare'>])[] {
  const bound = (id: string, name?: string) => {
    const provider = findProvider(id)
    const format = provider?.moreFormats?.find((further) => further.name === name) ?? provider?.format
    if (format === undefined) throw new Error(`there is no provider ${id}`)
    return { name: format.name, prepare: format.prepare }
  }
  return [
    ['chat (OpenAI)', bound('openai')],
    ['responses', bound('openai', 'openai-responses')],
    ['anthropic', bound('anthropic')],
    ['gemini', bound('google')],
    ['cohere', bound('cohere')],
  ]
}

interface Written {
  readonly body: string
  readonly dropped: readonly string[]
}

/** What a provider would be sent. @throws Failure where it would not be. */
function write(client: ClientFormat, provider: Pick<ProviderFormat, 'name' | 'prepare'>, body: Fields): Written {
  const sealer = { seal: () => '', open: () => ({ kind: 'foreign' }) as const }
  const header = () => null
  const { chat, source } = client.readRequest(structuredClone(body), { header, sealer })
  const isSame = source?.format === provider.name
  if (!isSame && source?.requires !== undefined) throw source.requires
  const call = { chat, model: 'm', stream: false, traits: TRAITS, quirks: {}, newId: () => 'id', header }
  const prepared = provider.prepare(isSame ? { ...call, source } : call)
  return { body: prepared.request.body, dropped: [...(isSame ? [] : (source?.dropped ?? [])), ...prepared.dropped] }
}

/** The field of a body; one within another is named with a dot. */
function fieldOf(name: string, value: unknown): Fields {
  const [outer = '', inner] = name.split('.')
  return { [outer]: inner === undefined ? value : { [inner]: value } }
}

/** What becomes of a field: found out by sending it, so that it is what the code does. */
function fateOf(
  { format, base, fields }: Client,
  name: string,
  provider: Pick<ProviderFormat, 'name' | 'prepare'>,
): string {
  const { value, beside } = fields[name] ?? { value: undefined }
  const without = write(format, provider, { ...base, ...beside })
  try {
    const { body, dropped } = write(format, provider, { ...base, ...beside, ...fieldOf(name, value) })
    if (provider.name === format.name) return 'as it came'
    if (dropped.length > without.dropped.length) return 'dropped'
    return body === without.body ? "Router9's own" : 'translated'
  } catch (error) {
    if (error instanceof Failure) return 'refused'
    throw error
  }
}

/** The tables of all APIs but the chat's, for `src/docs/parameters.md`. */
export function clientParametersPart(): string {
  const providers = providerFormats()
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return CLIENTS.map((client) => {
    const head = ['parameter', ...providers.map(([name]) => name)]
    const rows = Object.keys(client.fields).map((name) =>
      row([`\`${name}\``, ...providers.map(([, provider]) => fateOf(client, name, provider))]),
    )
    return [`### ${client.path}`, '', row(head), row(head.map(() => '---')), ...rows].join('\n')
  }).join('\n\n')
}
