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
  ollama: 'ollama/llama3',
  // Router9 speaks Ollama's OpenAI-compatible API, not its own.
  'ollama-native': null,
}

/** The model to ask for; providers without a row of their own are played through the generic one. */
export function slotOf(table: Record<string, string | null>, provider: string): string | null {
  const row = table[provider]
  return row === undefined ? `custom/${provider}` : row
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
