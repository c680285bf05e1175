import { findDeployment } from '../../src/catalog/models.ts'
import type { Pair } from './pairs.ts'
import { slotOf, slots } from './slots.ts'

const OWN: Readonly<Record<string, string>> = {
  responses: 'openai/gpt-5.4',
  messages: 'anthropic/claude-sonnet-4-5',
}

/** Which model a pair is asked of: one whose provider speaks the pair's API. */
export function pairModel({ api, path, answer, body }: Pair): string {
  if (api === 'completions') return textModel(answer.provider, String(body.model))
  const [family = ''] = api.split('-')
  // Gemini 3 insists on signatures where the versions before do without.
  const isThird = /gemini-(3|flash-latest)/.test(path)
  if (family === 'embeddings') return 'google/gemini-embedding-001'
  if (family === 'gemini') return isThird ? 'google/gemini-3-flash-preview' : 'google/gemini-2.5-flash'
  return OWN[family] ?? slotOf(slots, answer.provider) ?? 'custom/any'
}

/** A model that the provider offers for text completions alone, or one of a server that takes any name. */
function textModel(provider: string, asked: string): string {
  const model = provider === 'azure' ? 'gpt-3.5-turbo-instruct' : asked
  return findDeployment(provider, model)?.deployment.format === 'openai-completions'
    ? `${provider}/${model}`
    : 'custom/any'
}
