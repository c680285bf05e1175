import { curlCommand, quoted } from '../../parts/curl.ts'
import type { Draft, FormatName } from './draft.ts'
import type { PlayRequest } from './requests.ts'
import { isObject, type Json } from './settings.ts'

export const SNIPPETS = ['curl', 'TypeScript', 'Python', 'Claude Code'] as const
export type SnippetName = (typeof SNIPPETS)[number]

export interface SnippetInput {
  readonly request: PlayRequest
  readonly draft: Draft
  readonly model: string
  /** Of the Worker, without a slash at its end. */
  readonly address: string
  readonly key: string
}

/** The present request as code that can be run as it is. */
export function writeSnippet(name: SnippetName, input: SnippetInput): string {
  if (name === 'curl') return curl(input)
  if (name === 'Claude Code') return claudeCode(input)
  return (name === 'Python' ? PYTHON : TYPESCRIPT)[input.draft.format](input)
}

function curl({ request: { path, header, body }, draft, address, key }: SnippetInput): string {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', ...header }
  return curlCommand({ method: 'POST', url: address + path, headers, body: json(body), streams: draft.stream })
}

function claudeCode({ draft, model, address, key }: SnippetInput): string {
  const prompt = draft.messages.findLast(({ role }) => role === 'user')?.text ?? ''
  return [
    'unset ANTHROPIC_API_KEY',
    `export ANTHROPIC_BASE_URL=${quoted(address)}`,
    `export ANTHROPIC_AUTH_TOKEN=${quoted(key)}`,
    `export ANTHROPIC_MODEL=${quoted(model)}`,
    `export ANTHROPIC_DEFAULT_HAIKU_MODEL=${quoted(model)}`,
    `claude${draft.system ? ` --append-system-prompt ${quoted(draft.system)}` : ''} -p ${quoted(prompt)}`,
  ].join('\n')
}

const TYPESCRIPT: Readonly<Record<FormatName, (input: SnippetInput) => string>> = {
  chat: (input) => openAiTs(input, 'chat.completions', 'event.choices[0]?.delta', 'answer.choices[0]?.message'),
  responses: (input) => openAiTs(input, 'responses', 'event', 'answer.output_text'),
  messages: ({ request: { body }, address, key }) =>
    ts(
      "import Anthropic from '@anthropic-ai/sdk'",
      `const client = new Anthropic({ baseURL: ${text(address)}, apiKey: ${text(key)} })`,
      `client.messages.create(${json(body)})`,
      body.stream === true ? 'event' : undefined,
      'answer.content',
    ),
  gemini: (input) => {
    const { address, key, draft } = input
    return ts(
      "import { GoogleGenAI } from '@google/genai'",
      `const ai = new GoogleGenAI({ apiKey: ${text(key)}, httpOptions: { baseUrl: ${text(address)} } })`,
      `ai.models.${draft.stream ? 'generateContentStream' : 'generateContent'}(${json(geminiCall(input))})`,
      draft.stream ? 'event.text' : undefined,
      'answer.text',
    )
  },
}

function openAiTs({ request: { body }, address, key }: SnippetInput, path: string, event: string, answer: string) {
  return ts(
    "import OpenAI from 'openai'",
    `const client = new OpenAI({ baseURL: ${text(`${address}/v1`)}, apiKey: ${text(key)} })`,
    `client.${path}.create(${json(body)})`,
    body.stream === true ? event : undefined,
    answer,
  )
}

/** @param event what is shown of each event, where the answer is a stream */
function ts(library: string, client: string, call: string, event: string | undefined, answer: string): string {
  const shown =
    event === undefined ? `console.log(${answer})` : `for await (const event of answer) console.log(${event})`
  return `${library}\n\n${client}\nconst answer = await ${call}\n${shown}`
}

const PYTHON: Readonly<Record<FormatName, (input: SnippetInput) => string>> = {
  chat: (input) => openAiPython(input, 'chat.completions', 'answer.choices[0].message'),
  responses: (input) => openAiPython(input, 'responses', 'answer.output_text'),
  messages: ({ request: { body }, address, key }) =>
    [
      'from anthropic import Anthropic',
      '',
      `client = Anthropic(base_url=${text(address)}, api_key=${text(key)})`,
      `answer = client.messages.create(${keywords(body, ANTHROPIC_WORDS)})`,
      shownInPython(body.stream === true, 'event', 'answer.content'),
    ].join('\n'),
  gemini: (input) => {
    const { address, key, draft } = input
    const method = draft.stream ? 'generate_content_stream' : 'generate_content'
    return [
      'from google import genai',
      '',
      `client = genai.Client(api_key=${text(key)}, http_options={"base_url": ${text(address)}})`,
      `answer = client.models.${method}(${keywords(geminiCall(input))})`,
      shownInPython(draft.stream, 'event.text', 'answer.text'),
    ].join('\n')
  },
}

function openAiPython({ request: { body }, address, key }: SnippetInput, path: string, answer: string): string {
  return [
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url=${text(`${address}/v1`)}, api_key=${text(key)})`,
    `answer = client.${path}.create(${keywords(body, OPENAI_WORDS)})`,
    shownInPython(body.stream === true, 'event', answer),
  ].join('\n')
}

function shownInPython(streams: boolean, event: string, answer: string): string {
  return streams ? `for event in answer:\n    print(${event})` : `print(${answer})`
}

/** What Google's SDKs take: all but the messages is the configuration. */
function geminiCall({ request: { body }, model }: SnippetInput): Json {
  const { contents, generationConfig, ...others } = body
  return { model, contents, config: { ...(isObject(generationConfig) ? generationConfig : {}), ...others } }
}

// Python's SDKs refuse arguments that they do not know; those go into `extra_body`.
const OPENAI_WORDS = new Set(
  'model messages input instructions stream temperature top_p max_tokens max_output_tokens reasoning_effort reasoning tools tool_choice response_format text store stop seed n'.split(
    ' ',
  ),
)
const ANTHROPIC_WORDS = new Set(
  'model messages system max_tokens stream temperature top_p top_k thinking tools tool_choice stop_sequences metadata'.split(
    ' ',
  ),
)

function keywords(body: Json, words?: ReadonlySet<string>): string {
  const known = Object.entries(body).filter(([name]) => words?.has(name) ?? true)
  const others = Object.entries(body).filter(([name]) => words !== undefined && !words.has(name))
  const all = others.length > 0 ? [...known, ['extra_body', Object.fromEntries(others)] as const] : known
  return `\n${all.map(([name, value]) => `    ${name}=${python(value, '    ')},\n`).join('')}`
}

function python(value: unknown, indent: string): string {
  if (value === null) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value !== 'object') return JSON.stringify(value)
  const deeper = `${indent}    `
  const lines = Array.isArray(value)
    ? value.map((entry) => deeper + python(entry, deeper))
    : Object.entries(value).map(([name, entry]) => `${deeper}${text(name)}: ${python(entry, deeper)}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return lines.length === 0 ? `${open}${close}` : `${open}\n${lines.join(',\n')},\n${indent}${close}`
}

function json(value: Json): string {
  return JSON.stringify(value, null, 2)
}

function text(value: string): string {
  return JSON.stringify(value)
}
