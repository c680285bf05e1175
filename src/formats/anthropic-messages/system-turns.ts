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
  /** The last turn, where it was made here: further reminders are added to it. */
  let open: JsonObject[] | undefined
  for (const message of messages) {
    const blocks = message.role === 'system' ? blocksOf(message.content) : []
    // A tool that it adds cannot be said in words: whether the model takes it is for the provider to say.
    if (message.role !== 'system' || !blocks.every(({ type }) => type === 'text')) {
      turns.push(message)
      open = undefined
      continue
    }
    const reminders = blocks.flatMap(toReminder)
    if (reminders.length === 0) continue
    if (open === undefined) {
      const before = turns.at(-1)?.role === 'user' ? turns.pop() : undefined
      open = before === undefined ? [] : [...blocksOf(before.content)]
      turns.push({ role: 'user', ...before, content: open })
    }
    open.push(...reminders)
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

function toReminder(block: JsonObject): readonly JsonObject[] {
  return block.text ? [{ ...block, text: `<system-reminder>\n${block.text}\n</system-reminder>` }] : []
}
