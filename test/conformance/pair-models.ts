import type { Pair } from './pairs.ts'
import { slotOf, slots } from './slots.ts'

const OWN: Readonly<Record<string, string>> = {
  responses: 'openai/gpt-5.4',
  messages: 'anthropic/claude-sonnet-4-5',
}

/** Which model a pair is asked of: one whose provider speaks the pair's API. */
export function pairModel({ api, answer }: Pair): string {
  const [family = ''] = api.split('-')
  return OWN[family] ?? slotOf(slots, answer.provider) ?? 'custom/any'
}
