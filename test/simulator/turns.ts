import { withoutEnvelopes } from './envelopes.ts'
import type { Attachment, Prompt, ToolResult } from './prompt.ts'

/** One message of a conversation, freed of its wire format. */
export interface Turn {
  role: 'user' | 'assistant'
  text: string
  attachments: Attachment[]
  results: ToolResult[]
}

type Conversation = Pick<
  Prompt,
  | 'system'
  | 'userTexts'
  | 'lastText'
  | 'requestText'
  | 'resultsSinceRequest'
  | 'allText'
  | 'attachments'
  | 'toolResults'
>

/** What a conversation asks now: all that came after the assistant's last turn. */
export function conversation(system: string, turns: readonly Turn[]): Conversation {
  const heard = turns.map((turn) => (turn.role === 'user' ? { ...turn, text: withoutEnvelopes(turn.text) } : turn))
  // A trailing assistant turn is a prefill: the question before it is still open.
  while (heard.at(-1)?.role === 'assistant') heard.pop()
  const lastAnswer = heard.findLastIndex(({ role }) => role === 'assistant')
  const open = heard.slice(lastAnswer + 1)
  const texts = turns.flatMap(({ text, results }) => [text, ...results.map((result) => result.text)])
  const request = heard.findLastIndex(({ role, text }) => role === 'user' && text.trim() !== '')
  return {
    system,
    requestText: heard[request]?.text ?? '',
    resultsSinceRequest: heard.slice(request + 1).flatMap(({ results }) => results).length,
    userTexts: heard.filter(({ role }) => role === 'user').map(({ text }) => text),
    lastText: joined(open.map(({ text }) => text)),
    allText: [system, ...texts].join(''),
    attachments: turns.flatMap(({ attachments }) => attachments),
    toolResults: open.flatMap(({ results }) => results),
  }
}

/** Joins the texts that hold something, a line each. */
export function joined(texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join('\n')
}
