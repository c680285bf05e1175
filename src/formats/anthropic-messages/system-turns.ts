import { type JsonObject, jsonObjectsIn } from '../shared/fields.ts'

interface Turn {
  readonly role: string
  readonly content: unknown
}

/**
 * The conversation for a model that refuses system messages within it: each becomes the user's, marked as a reminder, at the end
 * of the turn before it. It stays where it was, so that what was cached before it is still right. Claude Code writes its
 * reminders so to models that it knows to refuse them, but it cannot know whom `auto` or another name stands for.
 * @returns the list itself where there is nothing to change.
 */
export function withoutSystemTurns(model: string, messages: readonly Turn[]): readonly Turn[] {
  if (!messages.some(({ role }) => role === 'system') || takesSystemTurns(model)) return messages
  const turns: Turn[] = []
  for (const message of messages) {
    const { role, content } = message
    const before = turns.at(-1)
    const reminders = role === 'system' ? remindersOf(content) : []
    if (role !== 'system') turns.push(message)
    else if (before?.role === 'user')
      turns.splice(-1, 1, { ...before, content: [...blocksOf(before.content), ...reminders] })
    else if (reminders.length > 0) turns.push({ role: 'user', content: reminders })
  }
  return turns
}

/** Claude 4.8 and its successors do (platform.claude.com, "Mid-conversation system messages"). */
function takesSystemTurns(model: string): boolean {
  const [, major = '9', minor = '0'] = /claude-(?:[a-z]+-)?(\d+)(?:[-.](\d\d?)(?!\d))?/.exec(model) ?? []
  return Number(major) * 100 + Number(minor) >= 408
}

function blocksOf(content: unknown): readonly JsonObject[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : jsonObjectsIn(content)
}

function remindersOf(content: unknown): readonly JsonObject[] {
  return blocksOf(content).flatMap((block) =>
    block.text ? [{ ...block, text: `<system-reminder>\n${block.text}\n</system-reminder>` }] : [],
  )
}
