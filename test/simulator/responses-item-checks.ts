import type { Incoming, Trouble } from './dialect.ts'
import { type Fields, fieldsOf, listOf, rowsOf, textOf } from './json.ts'
import { refusal } from './openai-refusal.ts'
import { typeError, unknownParameter } from './openai-schema.ts'
import { callIdOf, conversationItems, typeOf } from './responses-input.ts'
import { opened } from './signatures.ts'

const COMMON = ['id', 'type', 'status', 'caller', 'internal_chat_message_metadata_passthrough', 'metadata', 'phase']
const ITEM_FIELDS: Record<string, string[]> = {
  message: ['role', 'content'],
  function_call: ['call_id', 'name', 'arguments', 'namespace'],
  function_call_output: ['call_id', 'output'],
  custom_tool_call: ['call_id', 'name', 'input', 'namespace'],
  custom_tool_call_output: ['call_id', 'output'],
  reasoning: ['summary', 'content', 'encrypted_content'],
  compaction: ['encrypted_content', 'created_by'],
}
const ID_STARTS: Record<string, string> = {
  message: 'msg',
  function_call: 'fc',
  custom_tool_call: 'ctc',
  reasoning: 'rs',
  web_search_call: 'ws',
}
// Taken as they are: the simulator runs no such tools.
const OTHER_TYPES =
  'item_reference web_search_call file_search_call code_interpreter_call image_generation_call computer_call computer_call_output local_shell_call local_shell_call_output shell_call shell_call_output apply_patch_call apply_patch_call_output mcp_list_tools mcp_call mcp_approval_request mcp_approval_response tool_search_call tool_search_output additional_tools compaction_trigger'.split(
    ' ',
  )
const ROLES = ['assistant', 'system', 'developer', 'user']
const INPUT_PARTS = ['input_text', 'input_image', 'input_file', 'input_audio']
const OUTPUT_PARTS = ['output_text', 'refusal']
const MAX_CALL_ID = 64
const STRICT_SLOTS = ['openai', 'azure']

/** What OpenAI would refuse in the items of a conversation. */
export function checkItems(incoming: Incoming): Trouble | undefined {
  const { body, slot } = incoming
  for (const [at, item] of rowsOf(body.input).entries()) {
    const trouble =
      (STRICT_SLOTS.includes(slot) ? checkItem(item, `input[${at}]`) : undefined) ?? checkSecret(item, slot)
    if (trouble !== undefined) return trouble
  }
  const read = conversationItems(incoming)
  if ('trouble' in read) return read.trouble
  return checkPairs(read.items) ?? checkReasoning(read.items, incoming)
}

function checkItem(item: Fields, place: string): Trouble | undefined {
  const type = typeOf(item)
  if (OTHER_TYPES.includes(type) || (item.type === undefined && item.role === undefined && item.id !== undefined))
    return undefined
  const known = ITEM_FIELDS[type]
  if (known === undefined) {
    return supported(type, [...Object.keys(ITEM_FIELDS), ...OTHER_TYPES], place)
  }
  const extra = Object.keys(item).find((field) => !known.includes(field) && !COMMON.includes(field))
  if (extra !== undefined) return unknownParameter(`${place}.${extra}`)
  const id = item.id ?? undefined
  const start = ID_STARTS[type]
  if (id !== undefined && start !== undefined && !textOf(id).startsWith(start)) {
    const message = `Invalid '${place}.id': '${textOf(id)}'. Expected an ID that begins with '${start}'.`
    return refusal(message, `${place}.id`, 'invalid_value')
  }
  if (type === 'message') return checkMessage(item, place)
  return known.includes('call_id') ? checkCall(item, type, place) : undefined
}

function supported(given: unknown, allowed: readonly string[], param: string): Trouble {
  const names = allowed.map((name) => `'${name}'`)
  const list = names.length === 2 ? names.join(' and ') : `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`
  return refusal(`Invalid value: '${textOf(given)}'. Supported values are: ${list}.`, param, 'invalid_value')
}

function checkMessage(item: Fields, place: string): Trouble | undefined {
  if (!ROLES.includes(textOf(item.role))) return supported(item.role, ROLES, place)
  const { content } = item
  if (typeof content === 'string') return undefined
  if (!Array.isArray(content)) return typeError(`${place}.content`, 'one of an array of objects or string', content)
  const allowed = item.role === 'assistant' ? OUTPUT_PARTS : INPUT_PARTS
  return checkParts(content, allowed, `${place}.content`)
}

function checkParts(parts: unknown[], allowed: readonly string[], place: string): Trouble | undefined {
  const odd = rowsOf(parts).findIndex(({ type }) => !allowed.includes(textOf(type)))
  return odd < 0 ? undefined : supported(rowsOf(parts)[odd]?.type, allowed, `${place}[${odd}]`)
}

function checkCall(item: Fields, type: string, place: string): Trouble | undefined {
  const missing = (ITEM_FIELDS[type] ?? []).find((field) => field !== 'namespace' && item[field] === undefined)
  if (missing !== undefined) {
    const param = `${place}.${missing}`
    return refusal(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter')
  }
  const id = callIdOf(item)
  if (id.length > MAX_CALL_ID) {
    const message = `Invalid '${place}.call_id': string too long. Expected a string with maximum length ${MAX_CALL_ID}, but got a string with length ${id.length} instead.`
    return refusal(message, `${place}.call_id`, 'string_above_max_length')
  }
  if (type.endsWith('_output')) {
    if (Array.isArray(item.output)) return checkParts(item.output, INPUT_PARTS, `${place}.output`)
    return typeof item.output === 'string'
      ? undefined
      : typeError(`${place}.output`, 'one of an array of objects or string', item.output)
  }
  const field = type === 'function_call' ? 'arguments' : 'input'
  if (typeof item[field] !== 'string') return typeError(`${place}.${field}`, 'string', item[field])
  if (/^[a-zA-Z0-9_-]+$/.test(textOf(item.name))) return undefined
  const message = `Invalid '${place}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`
  return refusal(message, `${place}.name`, 'invalid_value')
}

// What a provider sealed must come back as it was.
function checkSecret(item: Fields, slot: string): Trouble | undefined {
  const secret = item.encrypted_content
  if (typeof secret !== 'string') return undefined
  const value = fieldsOf(opened(slot, secret))
  const id = item.id ?? value?.of
  if (value !== undefined && value.early !== true && (typeOf(item) !== 'reasoning' || value.of === id)) return undefined
  const shown = `${secret.slice(0, 4)}...${secret.slice(-4)}`
  const message = `The encrypted content ${shown} could not be verified. Reason: Encrypted content could not be decrypted or parsed.`
  return refusal(message, undefined, 'invalid_encrypted_content')
}

function checkPairs(items: readonly Fields[]): Trouble | undefined {
  for (const kind of ['function_call', 'custom_tool_call']) {
    const words = kind === 'function_call' ? 'function call' : 'custom tool call'
    const called = items.filter((item) => typeOf(item) === kind).map(callIdOf)
    const answered = items.filter((item) => typeOf(item) === `${kind}_output`).map(callIdOf)
    const stray = answered.find((id) => !called.includes(id))
    if (stray !== undefined) return refusal(`No tool call found for ${words} output with call_id ${stray}.`, 'input')
    const open = called.find((id) => !answered.includes(id))
    if (open !== undefined) return refusal(`No tool output found for ${words} ${open}.`, 'input')
  }
  return undefined
}

// An item that came with a reasoning item needs it, as OpenAI knows by its id, and the other way round.
function checkReasoning(items: readonly Fields[], { memory }: Incoming): Trouble | undefined {
  const thoughts = new Set<string>()
  for (const [at, item] of items.entries()) {
    const id = textOf(item.id)
    if (typeOf(item) === 'reasoning') {
      thoughts.add(id)
      const next = items[at + 1]
      const follows = next !== undefined && (typeOf(next) !== 'message' || next.role === 'assistant')
      if (id !== '' && memory.items.has(id) && !follows) {
        return refusal(`Item '${id}' of type 'reasoning' was provided without its required following item.`, 'input')
      }
    }
    const needed = memory.items.get(id)?.reasoning
    if (needed !== undefined && !thoughts.has(needed) && !isCarried(items, at)) {
      const message = `Item '${id}' of type '${typeOf(item)}' was provided without its required 'reasoning' item: '${needed}'.`
      return refusal(message, 'input')
    }
  }
  return undefined
}

// A reasoning item without an id is known by its place.
function isCarried(items: readonly Fields[], at: number): boolean {
  for (let before = at - 1; before >= 0; before -= 1) {
    const item = items[before]
    if (item === undefined || item.role === 'user') return false
    if (typeOf(item) === 'reasoning' && (item.id ?? undefined) === undefined) return true
  }
  return false
}

/** What is wrong when each call since the user's last words has to come with the sealed reasoning before it. */
export function insistOnReasoning(incoming: Incoming): Trouble | undefined {
  const read = conversationItems(incoming)
  const items = 'items' in read ? read.items : []
  const asked = items.findLastIndex((item) => typeOf(item) === 'message' && item.role === 'user')
  const covered = new Set<unknown>()
  for (const item of items.slice(asked + 1)) {
    if (typeOf(item) === 'reasoning') {
      const secret = fieldsOf(opened(incoming.slot, textOf(item.encrypted_content)))
      const known = incoming.memory.items.get(textOf(item.id))
      for (const call of [...listOf(secret?.calls), ...(known?.calls ?? [])]) covered.add(call)
    } else if (/^(function|custom_tool)_call$/.test(typeOf(item)) && !covered.has(item.call_id)) {
      const name = textOf(item.id) || callIdOf(item)
      const message = `Item '${name}' of type '${typeOf(item)}' was provided without its required 'reasoning' item.`
      return refusal(message, 'input')
    }
  }
  return undefined
}
