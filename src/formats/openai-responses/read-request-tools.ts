import { Failure, quoted } from '../../chat/failure.ts'
import type { Chat, Tool } from '../../chat/request.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, omitNull, toText } from '../shared/fields.ts'

/** What a call says of its tool in this API. */
export interface ToolName {
  readonly name: string
  readonly namespace?: string
  /** A custom tool, whose input is a text. */
  readonly isCustom?: true
}

/** The tools' names in a chat, where a tool has one name and no namespace. */
export interface ToolNames {
  /** @param namespace of the call, where it names one. */
  readonly toChat: (name: string, namespace?: string) => string
  /** The name and namespace of a tool that is called so in the chat. */
  readonly toClient: (name: string) => ToolName
}

/** The member of a function's arguments that holds a custom tool's input. */
export const CUSTOM_INPUT = 'input'

/** What OpenAI takes as the name of a function, and nearly all others too. */
const CHAT_NAME = /^[\w-]{1,64}$/
const MAX_NAME_CHARACTERS = 64

/** The same for the same tools, so that an answer can be written, and prompts stay in the provider's cache. */
export function readToolNames(tools: unknown): ToolNames {
  const toChat = new Map<string, string>()
  const toClient = new Map<string, ToolName>()
  const given = jsonObjectsIn(tools)
  // A tool that keeps its name goes before one that gets a new one.
  for (const tool of given) add(tool)
  for (const { type, name, tools: inner } of given) {
    if (type === 'namespace') for (const tool of jsonObjectsIn(inner)) add(tool, toText(name))
  }

  function add(tool: JsonObject, namespace?: string): void {
    if (!isFunction(tool.type)) return
    const name = toText(tool.name) ?? ''
    const key = keyOf(name, namespace)
    if (toChat.has(key)) return
    let chatName = flatName(name, namespace)
    for (let round = 1; toClient.has(chatName); round++) chatName = shortened(key, round)
    toChat.set(key, chatName)
    toClient.set(chatName, {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(tool.type === 'custom' ? { isCustom: true } : {}),
    })
  }

  return {
    // A client may name a namespace for a tool outside of any, or a tool that it offers no longer.
    toChat: (name, namespace) =>
      toChat.get(keyOf(name, namespace)) ?? toChat.get(keyOf(name)) ?? flatName(name, namespace),
    toClient: (name) => toClient.get(name) ?? { name },
  }
}

function isFunction(type: unknown): boolean {
  return type === 'function' || type === 'custom'
}

function keyOf(name: string, namespace = ''): string {
  return JSON.stringify([namespace, name])
}

function flatName(name: string, namespace: string | undefined): string {
  const whole = namespace === undefined ? name : `${namespace}__${name}`
  return CHAT_NAME.test(whole) ? whole : shortened(keyOf(name, namespace))
}

/** A name that fits, and that no other tool is likely to get: its end is a hash (FNV-1a). */
function shortened(key: string, round = 0): string {
  let hash = 0x811c9dc5 ^ round
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  const end = `_${(hash >>> 0).toString(36)}`
  const readable = key.replace(/[^\w-]+/g, '_').replace(/^_+|_+$/g, '')
  return `${readable.slice(0, MAX_NAME_CHARACTERS - end.length)}${end}`
}

/** The tools of a request, as far as a chat has them. */
export interface ChatTools {
  readonly tools: readonly Tool[]
  /** Where each of them stands in the request. */
  readonly paths: readonly string[]
  readonly webSearch?: JsonObject
  readonly choice?: Chat['tool_choice']
  /** Why providers of other formats cannot answer. */
  readonly requires?: Failure
  /** What other formats leave out. */
  readonly dropped: readonly string[]
}

/** In all namespaces together. */
const MAX_TOOLS = 2000

/** The provider's own search, which has had two names, with dates behind them. */
const WEB_SEARCH = /^web_search(?:_preview)?(?:_|$)/

/** Reads the tools and the choice among them. */
export function readTools(given: unknown, choice: unknown, names: ToolNames): ChatTools {
  const tools: Tool[] = []
  const paths: string[] = []
  const dropped: string[] = []
  let search: { readonly tool: JsonObject; readonly path: string } | undefined
  let requires: Failure | undefined
  const add = (tool: JsonObject, path: string, namespace?: string) => {
    tools.push(toChatTool(tool, names.toChat(String(tool.name), namespace)))
    paths.push(path)
    if (tools.length > MAX_TOOLS) {
      throw new Failure('invalid-value', `'tools' must hold at most ${MAX_TOOLS}.`, { param: 'tools' })
    }
  }
  for (const [at, tool] of jsonObjectsIn(given).entries()) {
    const path = `tools[${at}]`
    const type = String(tool.type)
    if (isFunction(type)) add(tool, path)
    else if (type === 'namespace') {
      jsonObjectsIn(tool.tools).forEach((inner, innerAt) => {
        if (isFunction(inner.type)) add(inner, `${path}.tools[${innerAt}]`, toText(tool.name))
        else requires ??= lacksTool(`${path}.tools[${innerAt}]`, inner.type)
      })
    } else if (WEB_SEARCH.test(type)) search ??= { tool, path }
    else requires ??= lacksTool(path, type)
  }
  // Agents always offer the search beside their own tools, and can do without. Where it is the point, it is asked for.
  const isForced = isJsonObject(choice) && WEB_SEARCH.test(String(choice.type))
  const isPoint = search !== undefined && (tools.length === 0 || isForced)
  if (search !== undefined && !isPoint) dropped.push(search.path)
  const chatChoice = isForced ? undefined : toChatChoice(choice, names)
  return {
    tools,
    paths,
    dropped,
    ...(search !== undefined && isPoint ? { webSearch: toSearchOptions(search.tool) } : {}),
    ...(chatChoice === undefined || tools.length === 0 ? {} : { choice: chatChoice }),
    ...(requires === undefined ? {} : { requires }),
  }
}

function lacksTool(path: string, type: unknown): Failure {
  const param = `${path}.type`
  const tool = quoted(String(type))
  return new Failure('model-not-capable', `The model that was chosen does not have the tool '${tool}' ('${param}').`, {
    param,
  })
}

function toChatTool({ type, description, parameters, strict, format }: JsonObject, name: string): Tool {
  if (type === 'custom') return toFunction(name, toText(description) ?? '', format)
  return { type: 'function', function: omitNull({ name, description, parameters, strict }) } as Tool
}

/**
 * A custom tool as a function with one text, since hardly any provider has custom tools in chats. Those of this format get the
 * request as it came.
 */
function toFunction(name: string, description: string, format: unknown): Tool {
  const { syntax, definition } = isJsonObject(format) ? format : {}
  const grammar = toText(definition)
  const rule = grammar === undefined ? '' : `It must match this grammar (${String(syntax)}):\n${grammar}`
  return {
    type: 'function',
    function: {
      name,
      description: [description, `'${CUSTOM_INPUT}' is the whole input of this tool, as plain text.`, rule]
        .filter(Boolean)
        .join('\n\n'),
      parameters: {
        type: 'object',
        properties: { [CUSTOM_INPUT]: { type: 'string' } },
        required: [CUSTOM_INPUT],
        additionalProperties: false,
      },
    },
  }
}

function toSearchOptions({ search_context_size, user_location }: JsonObject): JsonObject {
  if (!isJsonObject(user_location)) return omitNull({ search_context_size })
  const { type, ...approximate } = user_location
  return omitNull({ search_context_size, user_location: { type: 'approximate', approximate: omitNull(approximate) } })
}

function toChatChoice(choice: unknown, names: ToolNames): Chat['tool_choice'] {
  if (typeof choice === 'string') return choice as Chat['tool_choice']
  if (!isJsonObject(choice)) return undefined
  if (choice.type !== 'allowed_tools') return named(choice, names) as Chat['tool_choice']
  const { mode, tools } = choice
  const allowed = jsonObjectsIn(tools).flatMap((tool) => named(tool, names) ?? [])
  return { type: 'allowed_tools', allowed_tools: { mode, tools: allowed } }
}

/** A tool as a choice names it; undefined for tools that are no functions, which `requires` tells about. */
function named({ type, name, namespace }: JsonObject, names: ToolNames): JsonObject | undefined {
  if (type !== 'function' && type !== 'custom') return undefined
  return { type: 'function', function: { name: names.toChat(String(name), toText(namespace)) } }
}
