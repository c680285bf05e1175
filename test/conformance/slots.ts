import { ALLOW_ALL, everyProviderAt } from '../harness/worker.ts'
import type { Api } from './expected.ts'
import type { Recording } from './manifest.ts'

/**
 * Which model Router9 is asked for, to be given the recordings of a provider; null leaves them out.
 * Its provider's base URL must point at the replay server. Edit freely: this is data.
 */
export const slots: Record<string, string | null> = {
  openai: 'openai/gpt-4o',
  anthropic: 'anthropic/claude-sonnet-4-5',
  gemini: 'google/gemini-2.5-flash',
  vertex: 'google/gemini-2.5-flash',
  azure: 'azure/gpt-4o',
  groq: 'groq/llama-3.3-70b-versatile',
  mistral: 'mistral/mistral-small-latest',
  deepseek: 'deepseek/deepseek-chat',
  xai: 'xai/grok-4.3',
  together: 'together/meta-llama/Llama-3.3-70B-Instruct-Turbo',
  fireworks: 'fireworks/deepseek-v4-pro',
  openrouter: 'openrouter/openai/gpt-4o',
  cerebras: 'cerebras/gpt-oss-120b',
  perplexity: 'perplexity/sonar',
  moonshot: 'moonshot/kimi-k2-thinking',
  cohere: 'cohere/command-a-03-2025',
  'ollama-native': 'ollama/llama3',
}

/**
 * A Worker's settings with every provider at the replay server. Ollama is at its own API there; what was recorded of its
 * OpenAI-compatible one is read like any other provider's without a row.
 */
export function everyProviderPlayedAt(url: string): Record<string, string> {
  // One recording must not decide how the next is asked for.
  return { ...everyProviderAt(url), ...ALLOW_ALL, HEALTH: 'off', OLLAMA_BASE_URL: `${url}/api` }
}

/** The model to ask for; providers without a row of their own are played through the generic one. */
export function slotOf(table: Record<string, string | null>, provider: string): string | null {
  const row = table[provider]
  return row === undefined ? `custom/${provider}` : row
}

/** A model that OpenAI serves by its Responses API alone, so that every client's format is read from there. */
const RESPONSES_ONLY = 'openai/gpt-5.1-codex'

/** Providers that are asked in the client's own format, where that is Responses: what they said in chat completions fits no more. */
const SPEAK_RESPONSES = new Set(['openai', 'azure', 'xai', 'openrouter', 'deepseek', 'groq'])

/** Which model is asked for a recording by a client of that API: one whose provider is then asked in the recording's format. */
export function modelFor(api: Api): (recording: Recording) => string | null {
  return ({ file, provider, api: spoken }) => {
    // The authors of that one have shortened some of its texts. And nobody can offer a custom tool in Messages or to Gemini.
    if (file.endsWith('openai-shell-container.1.chunks.txt')) return null
    if ((api === 'messages' || api === 'gemini') && /custom-tool/.test(file)) return null
    if (spoken === 'responses') return api === 'responses' ? 'openai/gpt-5.4' : RESPONSES_ONLY
    if (spoken !== undefined && !/^(messages|chat|gemini)$/.test(spoken)) return null
    if (api === 'chat') return slotOf(slots, provider)
    // Several answers to one request are a matter of chat completions.
    if ('n' in (requestExtras[file] ?? {})) return null
    return SPEAK_RESPONSES.has(provider) ? `custom/${provider}` : slotOf(slots, provider)
  }
}

/** Under which public id a model answers, where that is not the last part of the name it is asked for by. */
const PUBLIC_NAMES: Record<string, string> = {
  'groq/llama-3.3-70b-versatile': 'llama-3.3-70b-instruct',
  'mistral/mistral-small-latest': 'mistral-small-2603',
}

/** The `model` of an answer (contract 3): the public id, whatever the request called it. */
export function publicIdOf(model: string): string {
  // Without a row in the catalog a model is called after its provider.
  if (/^(custom|ollama)\//.test(model)) return model
  return PUBLIC_NAMES[model] ?? model.slice(model.lastIndexOf('/') + 1).toLowerCase()
}

/** Further request fields for recordings whose answer makes sense only with them. */
export const requestExtras: Record<string, Record<string, unknown>> = {
  'openai/n3-stream.sse': { n: 3 },
  'openai/json-n2.json': { n: 2 },
  'openai/logprobs-stream.sse': { logprobs: true },
}

/** Whether reasoning may stand in the text of this model, between <think> and </think>. */
export function mayThinkInText(model: string): boolean {
  return /^(groq|fireworks|perplexity|workers-ai|ollama|custom)\//.test(model)
}
