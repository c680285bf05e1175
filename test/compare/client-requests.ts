import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { type CompareRequest, chatRequest } from './request.ts'
import { simulated } from './side.ts'
import type { Source } from './source.ts'

/** A request as it was recorded. */
interface Envelope {
  readonly body?: Readonly<Record<string, unknown>>
}

const MODELS = [
  'openai/gpt-4o',
  'anthropic/claude-sonnet-4-6',
  'google/gemini-2.5-flash',
  'cohere/command-a-03-2025',
  'mistral/mistral-large-2512',
  'groq/llama-3.3-70b-instruct',
  'deepseek/deepseek-chat',
  'openrouter/gpt-4o',
  'perplexity/sonar',
  'ollama/llama3',
  'custom/any',
]

/** What real clients have sent, to a model of each format. `folder` holds recordings of their requests. */
export function clientRequests(folder: string, quick: boolean): Source[] {
  const chats = path.join(folder, 'client-requests/chat')
  if (!existsSync(chats)) return []
  const files = readdirSync(chats).filter((file) => file.endsWith('.request.json'))
  const requests = files.flatMap((file, at): CompareRequest[] => {
    const { body } = JSON.parse(readFileSync(path.join(chats, file), 'utf8')) as Envelope
    if (body === undefined) return []
    const models = quick ? MODELS.filter((_, column) => column === at % MODELS.length) : MODELS
    return [
      ...models.flatMap((model) =>
        [true, false].map((stream) => chatRequest(`${file} ${model} ${stream}`, { ...body, model, stream })),
      ),
      // As it was sent: the name of its model means something to us, or not.
      chatRequest(`${file} as it is`, body),
      chatRequest(`${file} as it is, its plan`, body, { path: '/v1/route' }),
    ]
  })
  return [{ name: 'client requests', setting: { upstream: simulated }, requests }]
}
