import { type Fields, isObject, type LeftOut, refused, withChanges } from './account-rights.ts'

/** Tools that the client runs, and searches among the tools of the request itself. */
const CLIENT_TOOL =
  /^(?:function|custom|local_shell|apply_patch|computer(?:_\w+)?|tool_search(?:_\w+)?|bash_\w+|text_editor_\w+|memory_\w+)$/
/** Formats in which each member of a tool is one, and what they have for that. */
const MEMBERS_ARE_TOOLS: ReadonlySet<string> = new Set(['gemini'])
const CLIENT_MEMBERS: ReadonlySet<string> = new Set([
  ...['functionDeclarations', 'function_declarations', 'computerUse', 'computer_use'],
])
/** Items that bring tools with them. */
const TOOL_ITEMS: ReadonlySet<unknown> = new Set(['tool_search_output', 'additional_tools'])

interface BuiltinTool {
  readonly path: string
  /** What a choice among the tools may call it by. */
  readonly names: readonly unknown[]
}

/**
 * Leaves tools of the provider's out. Beside the client's own tools an answer is right without them, unless one of them must
 * be called. @throws Failure 400
 */
export function leaveOutBuiltinTools(body: Fields, format: string, found: LeftOut): void {
  if (Array.isArray(body.tools)) {
    const { kept, builtin } = divide(body.tools, 'tools', format)
    const [first] = builtin
    if (first !== undefined) {
      if (kept.length === 0) throw refused(first.path, 'builtinTools')
      const names = new Set(builtin.flatMap((one) => one.names))
      if (isChosen(body.tool_choice, names)) throw refused('tool_choice', 'builtinTools')
      found.changes = { ...found.changes, tools: kept }
      for (const { path } of builtin) found.dropped.push(path)
    }
  }
  if (!Array.isArray(body.input)) return
  let input: unknown[] | undefined
  for (const [at, item] of body.input.entries()) {
    if (!isObject(item) || !TOOL_ITEMS.has(item.type) || !Array.isArray(item.tools)) continue
    const { kept, builtin } = divide(item.tools, `input[${at}].tools`, format)
    if (builtin.length === 0) continue
    input ??= [...body.input]
    input[at] = { ...item, tools: kept }
    for (const { path } of builtin) found.dropped.push(path)
  }
  if (input !== undefined) found.changes = { ...found.changes, input }
}

function divide(tools: readonly unknown[], path: string, format: string) {
  const kept: unknown[] = []
  const builtin: BuiltinTool[] = []
  for (const [at, tool] of tools.entries()) {
    if (!isObject(tool)) kept.push(tool)
    else if (MEMBERS_ARE_TOOLS.has(format)) {
      const others = Object.keys(tool).filter((name) => !CLIENT_MEMBERS.has(name) && tool[name] != null)
      const rest = withChanges(tool, Object.fromEntries(others.map((name) => [name, undefined])))
      for (const name of others) builtin.push({ path: `${path}[${at}].${name}`, names: [] })
      if (others.length === 0 || Object.keys(rest).length > 0) kept.push(rest)
    } else if (isClientTool(tool)) kept.push(tool)
    else builtin.push({ path: `${path}[${at}]`, names: [tool.type, tool.name ?? tool.type] })
  }
  return { kept, builtin }
}

function isClientTool({ type, environment, tools }: Fields): boolean {
  if (typeof type !== 'string' || CLIENT_TOOL.test(type)) return true
  // A shell is the client's, unless it is in a container of the provider's.
  if (type === 'shell') return !isObject(environment) || environment.type === 'local'
  return type === 'namespace' && Array.isArray(tools) && tools.every((one) => !isObject(one) || isFunction(one))
}

function isFunction({ type }: Fields): boolean {
  return typeof type !== 'string' || CLIENT_TOOL.test(type)
}

/** Whether a choice names a tool, or lists it among the allowed ones. */
function isChosen(choice: unknown, names: ReadonlySet<unknown>): boolean {
  if (!isObject(choice)) return false
  const { type, name, tools, allowed_tools: allowed } = choice
  if (names.has(type) || (name !== undefined && type !== 'function' && names.has(name))) return true
  const listed = tools ?? (isObject(allowed) ? allowed.tools : undefined)
  return Array.isArray(listed) && listed.some((one) => isObject(one) && names.has(one.type))
}
