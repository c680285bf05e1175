import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI, type ChatOpenAIFields } from '@langchain/openai'
import OpenAI from 'openai'
import type { Router9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'

/** A model of each format, and within a format one of each way to think and to be signed. */
export const MODELS = [
  { model: 'gpt-4o', provider: 'openai' },
  { model: 'claude-sonnet-4-5', provider: 'anthropic' },
  { model: 'claude-opus-4-8', provider: 'anthropic' },
  { model: 'gemini-2.5-flash', provider: 'google' },
  { model: 'gemini-3.5-flash', provider: 'google' },
] as const

/** Models that show what they think; one says `reasoning_content` itself, the others say it in their own ways. */
export const THINKERS = [
  { model: 'deepseek/deepseek-v4-pro' },
  { model: 'groq/gpt-oss-120b' },
  { model: 'claude-sonnet-4-5' },
  { model: 'claude-opus-4-8' },
  { model: 'gemini-2.5-flash' },
  { model: 'gemini-3.5-flash' },
] as const

/** One model of each format, at one provider and no other. */
export const PINNED = [
  { model: 'openai/gpt-4o', provider: 'openai' },
  { model: 'anthropic/claude-sonnet-4-5', provider: 'anthropic' },
  { model: 'google/gemini-2.5-flash', provider: 'google' },
] as const

/** What the simulator answers to `Count to 12`. */
export const TWELVE = '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12'

/** The official client as its readme sets it up: a base URL and a key. */
export function openaiAt(
  { url }: Pick<Router9, 'url'>,
  options: { maxRetries?: number; apiKey?: string } = {},
): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: DEMO_KEY, ...options })
}

/** The AI SDK's provider for APIs that speak as OpenAI's does. */
export function aiSdkAt({ url }: Pick<Router9, 'url'>) {
  return createOpenAICompatible({
    name: 'router9',
    baseURL: `${url}/v1`,
    apiKey: DEMO_KEY,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })
}

type LangchainOptions = Pick<ChatOpenAIFields, 'maxRetries' | 'modelKwargs'>

/** LangChain's chat model for OpenAI. */
export function langchainAt({ url }: Pick<Router9, 'url'>, model: string, more: LangchainOptions = {}): ChatOpenAI {
  return new ChatOpenAI({ model, apiKey: DEMO_KEY, configuration: { baseURL: `${url}/v1` }, ...more })
}

export function user(content: string) {
  return { role: 'user', content } as const
}

/** A member that the client's types do not know of, such as `reasoning_content`. */
export function beyond(holder: object, name: string): unknown {
  return (holder as Record<string, unknown>)[name]
}
