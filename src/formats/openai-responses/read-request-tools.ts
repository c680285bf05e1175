import { Failure, quoted } from '../../chat/failure.ts'
import type { Chat, Tool } from '../../chat/request.ts'
import type { SearchOffer } from '../format.ts'
import { customFunction } from '../shared/custom-input.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, omitNull, toText } from '../shared/fields.ts'
import { shortened, toChatName } from '../shared/tool-names.ts'

/** A tool that the client runs, as this API names it. */
export interface ToolName {
  readonly name: string
  readonly namespace?: string
  /** The input of a `custom` tool is a text. A `search` looks for further tools. */
  readonly kind: 'function' | 'custom' | 'search'
}

/** The tools' names in a chat, where a tool has one name and no namespace, and is a function. */
export interface ToolNames {
  /** @param namespace of the call, where it names one. */
  readonly toChat: (name: string, namespace?: string) => string
  /** The tool that is called so in the chat. */
  readonly toClient: (name: string) => ToolName
}

/** A tool, and where it stands in the request. */
interface OfferedTool {
  readonly tool: JsonObject
  readonly path: string
  readonly namespace?: string
}

/** The search for tools has no name of its own. */
export const SEARCH_NAME = 'tool_search'

/** The tools of a request: its own, and those that came with items, namespaces opened. */
function offeredTools({ tools, input }: JsonObject): OfferedTool[] {
  const offered: OfferedTool[] = []
  const add = (list: unknown, at: string) => {
    for (const [index, tool] of jsonObjectsIn(list).entries()) {
      const path = `${at}[${index}]`
      if (tool.type !== 'namespace') offered.push({ tool, path })
      else {
        const namespace = String(tool.name)
        for (const [inner, of] of jsonObjectsIn(tool.tools).entries()) {
          offered.push({ tool: of, path: `${path}.tools[${inner}]`, namespace })
        }
      }
    }
  }
  add(tools, 'tools')
  for (const [at, { type, tools: found }] of jsonObjectsIn(input).entries()) {
    if (type === 'tool_search_output' || type === 'additional_tools') add(found, `input[${at}].tools`)
  }
  return offered
}

function kindOf({ type, execution }: JsonObject): ToolName['kind'] | undefined {
  if (type === 'function' || type === 'custom') return type
  return type === SEARCH_NAME && execution === 'client' ? 'search' : undefined
}

/** The same names for the same tools, so that an answer can be read, and prompts stay in the provider's cache. */
export function readToolNames(body: JsonObject): ToolNames {
  return namesOf(offeredTools(body))
}

function namesOf(offered: readonly OfferedTool[]): ToolNames {
  const toChat = new Map<string, string>()
  const toClient = new Map<string, ToolName>()
  const add = ({ tool, namespace }: OfferedTool) => {
    const kind = kindOf(tool)
    if (kind === undefined) return
    const name = kind === 'search' ? SEARCH_NAME : String(tool.name)
    const key = keyOf(name, namespace)
    if (toChat.has(key)) return
    let chatName = flatName(name, namespace)
    for (let round = 1; toClient.has(chatName); round++) chatName = shortened(key, round)
    toChat.set(key, chatName)
    toClient.set(chatName, { name, ...(namespace === undefined ? {} : { namespace }), kind })
  }
  // A tool that keeps its name goes before one that gets a new one.
  for (const tool of offered) if (tool.namespace === undefined) add(tool)
  for (const tool of offered) if (tool.namespace !== undefined) add(tool)
  return {
    // A client may name a namespace for a tool outside of any, or a tool that it offers no longer.
    toChat: (name, namespace) =>
      toChat.get(keyOf(name, namespace)) ?? toChat.get(keyOf(name)) ?? flatName(name, namespace),
    toClient: (name) => toClient.get(name) ?? { name, kind: 'function' },
  }
}

function keyOf(name: string, namespace = ''): string {
  return JSON.stringify([namespace, name])
}

function flatName(name: string, namespace: string | undefined): string {
  const whole = namespace === undefined ? name : `${namespace}__${name}`
  return toChatName(whole, keyOf(name, namespace))
}

/** The tools of a request, as far as a chat has them. */
export interface ChatTools {
  readonly names: ToolNames
  readonly tools: readonly Tool[]
  /** Where each of them stands in the request. */
  readonly paths: readonly string[]
  /** Where a search is what the request is for. */
  readonly webSearch?: JsonObject
  readonly requiresSearch?: Failure
  readonly offersSearch?: SearchOffer
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

/** The same tools may come again with each search for tools. */
const MAX_OFFERED = 2 * MAX_TOOLS

/** Before each is checked and named, which takes time. @throws Failure where no agent has so many. */
export function refuseManyTools(body: JsonObject): void {
  if (offeredTools(body).length > MAX_OFFERED) throw tooManyTools()
}

function tooManyTools(): Failure {
  return new Failure('invalid-value', `'tools' must hold at most ${MAX_TOOLS}.`, { param: 'tools' })
}

/** Reads the tools and the choice among them. @throws Failure where there are too many. */
export function readTools(body: JsonObject): ChatTools {
  const offered = offeredTools(body)
  const names = namesOf(offered)
  const tools = new Map<string, Tool>()
  const paths: string[] = []
  let search: OfferedTool | undefined
  let requires: Failure | undefined
  for (const one of offered) {
    const { tool, path, namespace } = one
    const kind = kindOf(tool)
    if (kind !== undefined) {
      const name = names.toChat(kind === 'search' ? SEARCH_NAME : String(tool.name), namespace)
      // A search finds tools that are offered already.
      if (tools.has(name)) continue
      tools.set(name, toChatTool(tool, name))
      paths.push(path)
    } else if (WEB_SEARCH.test(String(tool.type))) search ??= one
    else requires ??= lacksTool(path, tool.type)
  }
  if (tools.size > MAX_TOOLS) throw tooManyTools()
  const { tool_choice: choice } = body
  const isForced = isJsonObject(choice) && WEB_SEARCH.test(String(choice.type))
  if (namesMissing(choice, names, tools)) requires ??= lacksChosen()
  const chatChoice = isForced || tools.size === 0 ? undefined : toChatChoice(choice, names)
  return {
    names,
    tools: [...tools.values()],
    paths,
    dropped: search === undefined ? [] : [search.path],
    ...(search === undefined || choice === 'none' ? {} : readSearch(search, tools, isForced)),
    ...(chatChoice === undefined ? {} : { choice: chatChoice }),
    ...(requires === undefined ? {} : { requires }),
  }
}

/** Agents always offer the search beside their own tools, and can do without. Where it is the point, it is asked for. */
function readSearch(search: OfferedTool, tools: ReadonlyMap<string, Tool>, isForced: boolean): Partial<ChatTools> {
  const { tool, path } = search
  const options = toSearchOptions(tool)
  const dropped = lostOptions(search)
  if (isForced || tools.size === 0) {
    const lack = lacksTool(path, tool.type)
    // Only OpenAI has pages that it has kept; others would search the live web, which the client forbids.
    return {
      webSearch: options,
      dropped,
      ...(tool.external_web_access === false ? { requires: lack } : { requiresSearch: lack }),
    }
  }
  // What keeps it to some pages is for the client's safety, and no function may have the name of another maker's search.
  if (dropped.length > 0 || tools.has('web_search')) return { dropped: [path] }
  return { dropped, offersSearch: { web_search_options: options, path } }
}

/** Whether a choice names a tool that the request does not offer. */
function namesMissing(choice: unknown, names: ToolNames, tools: ReadonlyMap<string, Tool>): boolean {
  if (!isJsonObject(choice) || (choice.type !== 'function' && choice.type !== 'custom')) return false
  return !tools.has(names.toChat(String(choice.name), toText(choice.namespace)))
}

/** OpenAI has a sentence of its own for it; other APIs let it pass, or have one about names that the client did not write. */
function lacksChosen(): Failure {
  return new Failure('invalid-value', "'tool_choice' names a tool that is not in 'tools'.", { param: 'tool_choice' })
}

function lacksTool(path: string, type: unknown): Failure {
  const param = `${path}.type`
  const tool = quoted(String(type))
  return new Failure('model-not-capable', `The model that was chosen does not have the tool '${tool}' ('${param}').`, {
    param,
  })
}

function toChatTool({ type, description, parameters, strict, format }: JsonObject, name: string): Tool {
  if (type === 'custom') return customFunction(name, toText(description), format)
  return { type: 'function', function: omitNull({ name, description, parameters, strict }) } as Tool
}

/** What a search has here and not in a chat, such as the domains that it is to keep to. */
function lostOptions({ tool, path }: OfferedTool): readonly string[] {
  const { type, search_context_size, user_location, external_web_access: isLive, ...others } = tool
  const lost = omitNull({ ...others, external_web_access: isLive === true ? undefined : isLive })
  return Object.keys(lost).map((name) => `${path}.${name}`)
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
