import { type JsonObject, omitEmpty } from './fields.ts'

// The fields that we read ourselves, or write anew for every chunk. All others go to the client as they are. `obfuscation`
// and `p` are random padding.
const BODY_FIELDS = new Set([
  'id',
  'object',
  'created',
  'model',
  'choices',
  'usage',
  'error',
  'obfuscation',
  'p',
  'type',
])
const CHOICE_FIELDS = new Set([
  'index',
  'delta',
  'message',
  'finish_reason',
  'usage',
  'error',
  'text',
  'token_id',
  'seed',
])
const MESSAGE_FIELDS = new Set([
  'role',
  'content',
  'refusal',
  'tool_calls',
  'function_call',
  'reasoning_content',
  'reasoning',
])

/** How many characters of earlier fields are remembered, to tell whether a field is new. */
const MAX_REMEMBERED = 1024 * 1024

/** The fields of a choice that are the client's; undefined where there are none, as in most chunks. */
export function extraOfChoice(choice: JsonObject): JsonObject | undefined {
  for (const name in choice) {
    if (choice[name] !== null && !CHOICE_FIELDS.has(name)) return omitEmpty(without(choice, CHOICE_FIELDS))
  }
  return undefined
}

/** The fields of a message or delta that are the client's; undefined where there are none, as in most chunks. */
export function extraOfMessage(message: JsonObject): JsonObject | undefined {
  for (const name in message) {
    if (!MESSAGE_FIELDS.has(name)) return omitEmpty(without(message, MESSAGE_FIELDS))
  }
  return undefined
}

/** The fields of a body or chunk that are the client's. Those that come with every chunk, such as `system_fingerprint`, go out when they change. */
export function createChangedExtra(): (data: JsonObject) => JsonObject | undefined {
  let sent: Map<string, unknown> | undefined
  let remembered = 0
  return (data) => {
    let changed: Record<string, unknown> | undefined
    for (const name in data) {
      const value = data[name]
      if (value === null || value === undefined || BODY_FIELDS.has(name)) continue
      const mark = typeof value === 'object' ? JSON.stringify(value) : value
      if (sent?.get(name) === mark || mark === '[]') continue
      remembered += name.length + String(mark).length
      sent ??= new Map()
      if (remembered > MAX_REMEMBERED) {
        // Then some fields go out once more, which does no harm.
        sent.clear()
        remembered = 0
      }
      sent.set(name, mark)
      changed ??= {}
      changed[name] = value
    }
    return changed
  }
}

function without(fields: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)))
}
