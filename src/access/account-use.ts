import { Failure, quoted } from '../chat/failure.ts'
import type { HeaderReader, RequestSource } from '../formats/format.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a caller may use of the operator's accounts at providers, beside asking models (accounts 7). */
export interface AccountRights {
  /** Tools that a provider runs itself. */
  readonly builtinTools: boolean
  /** Fields that read, keep or reserve something in the account. */
  readonly accountFields: boolean
}

/** A request as far as its caller may make it. */
export interface PermittedRequest {
  readonly body: Fields
  /** What was left out of it: names of fields, or paths. */
  readonly dropped: readonly string[]
}

type Right = keyof AccountRights

interface FieldRule {
  readonly right: Right
  /** An answer without it would be wrong. */
  readonly isEssential?: true
  /** Whether this value uses anything; whatever is there does, where absent. */
  readonly uses?: (value: unknown) => boolean
}

const FILES: FieldRule = { right: 'accountFields', isEssential: true }
const COSTLY: FieldRule = {
  right: 'accountFields',
  uses: (value) => typeof value === 'string' && /^(?:priority|fast)$/i.test(value),
}
const CACHED: FieldRule = { right: 'accountFields', isEssential: true }

/** Fields at the top of a request, of all formats: callers may send those of one in another, and some providers take them. */
const FIELDS: Readonly<Record<string, FieldRule>> = {
  container: FILES,
  mcp_servers: FILES,
  data_sources: FILES,
  preset: FILES,
  cachedContent: CACHED,
  cached_content: CACHED,
  store: { right: 'accountFields', uses: (value) => value === true },
  metadata: { right: 'accountFields' },
  labels: { right: 'accountFields' },
  service_tier: COSTLY,
  serviceTier: COSTLY,
  speed: COSTLY,
  web_search_options: { right: 'builtinTools', isEssential: true, uses: (value) => isObject(value) },
  plugins: { right: 'builtinTools' },
  search_parameters: { right: 'builtinTools', uses: (value) => !isObject(value) || value.mode !== 'off' },
  enable_search: { right: 'builtinTools', uses: (value) => value === true },
}

/** In these formats the field is another: Router9 keeps the answers itself, or it says no more than who asks. */
const OTHERWISE: Readonly<Record<string, readonly string[]>> = {
  'openai-responses': ['store', 'metadata'],
  'anthropic-messages': ['metadata'],
}

/** Tools that the client runs, and searches among the tools of the request itself. */
const CLIENT_TOOL =
  /^(?:function|custom|local_shell|apply_patch|computer(?:_\w+)?|tool_search(?:_\w+)?|bash_\w+|text_editor_\w+|memory_\w+)$/
/** What Gemini's tools have for that. */
const CLIENT_MEMBERS: ReadonlySet<string> = new Set([
  ...['functionDeclarations', 'function_declarations', 'computerUse', 'computer_use'],
])
/** Items that bring tools with them. */
const TOOL_ITEMS: ReadonlySet<unknown> = new Set(['tool_search_output', 'additional_tools'])

/** Where files may be named: lists of messages, and the members that lead from there to a file, in all formats. */
const CONVERSATIONS = [
  ...['messages', 'system', 'input', 'contents', 'content', 'requests', 'systemInstruction', 'system_instruction'],
]
const LEADING: ReadonlySet<string> = new Set([
  ...['content', 'source', 'file', 'image_url', 'video_url', 'output', 'parts', 'fileData', 'file_data'],
  ...['functionResponse', 'function_response'],
])
const ADDRESSES: ReadonlySet<string> = new Set([
  ...['url', 'image_url', 'file_url', 'file_data', 'fileUri', 'file_uri', 'file_id'],
])
/** Files in a cloud's storage, or uploaded to Google. */
const ACCOUNT_ADDRESS = /^\s*(?:(?:gs|s3):|(?:https?:\/\/[\w.-]{0,100}googleapis\.com\/)?(?:v\w{1,10}\/)?files\/)/i
/** Nothing leads deeper to a file; the rest is the format's to refuse. */
const MAX_DEPTH = 12

/** Features of Anthropic's that act by the header, or open what is refused here. */
const ACCOUNT_BETAS: Readonly<Record<Right, RegExp>> = {
  accountFields: /^(?:files-api|mcp-client|skills|fast-mode)-/,
  builtinTools: /^(?:code-execution|web-fetch|web-search)-/,
}

const NOTHING: readonly string[] = []

/**
 * What of a request its caller may make (accounts 7). What an answer is right without is left out.
 * @param format the name of the client's format.
 * @throws Failure 400 that names what the caller may not use; also for what is left out, where the request requires all.
 */
export function permit(body: Fields, rights: AccountRights, format: string): PermittedRequest {
  if (rights.builtinTools && rights.accountFields) return { body, dropped: NOTHING }
  const changes: Record<string, unknown> = {}
  const dropped: string[] = []
  checkFields(body, rights, format, (name) => {
    changes[name] = undefined
    dropped.push(name)
  })
  if (!rights.builtinTools) Object.assign(changes, checkTools(body, format, dropped))
  if (!rights.accountFields) refuseFiles(body)
  for (const name of ['generateContentRequest', 'generate_content_request']) {
    const inner = body[name]
    if (!isObject(inner)) continue
    try {
      const permitted = permit(inner, rights, format)
      if (permitted.dropped.length > 0) changes[name] = permitted.body
    } catch (error) {
      throw error instanceof Failure ? error.inWordsOf((path) => `${name}.${path}`) : error
    }
  }
  const [first] = dropped
  if (first !== undefined && isObject(body.provider) && body.provider.require_parameters === true) {
    throw refused(first, 'accountFields')
  }
  return { body: Object.keys(changes).length === 0 ? body : withChanges(body, changes), dropped }
}

/** The headers without features of Anthropic's that the caller may not switch on; the operator refuses some to all. */
export function permittedHeader(header: HeaderReader, rights: AccountRights, refusedBetas: ReadonlySet<string>) {
  const isPermitted = (beta: string) =>
    !refusedBetas.has(beta) &&
    (rights.accountFields || !ACCOUNT_BETAS.accountFields.test(beta)) &&
    (rights.builtinTools || !ACCOUNT_BETAS.builtinTools.test(beta))
  return (name: string): string | null => {
    const value = header(name)
    if (name !== 'anthropic-beta' || value === null) return value
    const betas = value.split(',')
    const permitted = betas.filter((beta) => isPermitted(beta.trim()))
    return permitted.length === betas.length ? value : permitted.join(',')
  }
}

/** The request for a provider of the client's own format: what only the answer repeats stays here. */
export function sourceForProvider(
  source: RequestSource | undefined,
  { accountFields }: AccountRights,
): RequestSource | undefined {
  if (accountFields || source?.format !== 'openai-responses' || source.body.metadata == null) return source
  const { metadata: _, ...body } = source.body
  return { ...source, body, original: source.original ?? source.body }
}

function checkFields(body: Fields, rights: AccountRights, format: string, drop: (name: string) => void): void {
  for (const name in body) {
    const rule = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
    if (rule === undefined || rights[rule.right] || OTHERWISE[format]?.includes(name)) continue
    const value = body[name]
    if (isEmpty(value) || rule.uses?.(value) === false) continue
    if (rule.isEssential) throw refused(name, rule.right)
    drop(name)
  }
  if (rights.builtinTools) return
  refuseSearch(body.model, 'model')
  if (Array.isArray(body.models)) for (const [at, name] of body.models.entries()) refuseSearch(name, `models[${at}]`)
}

/** A model in the variant that searches the web. */
function refuseSearch(name: unknown, param: string): void {
  if (typeof name === 'string' && name.endsWith(':online')) throw refused(param, 'builtinTools')
}

interface BuiltinTool {
  readonly path: string
  /** What a choice among the tools may call it by. */
  readonly names: readonly unknown[]
}

/** Beside the client's own tools an answer is right without the others, unless one of them must be called. */
function checkTools(body: Fields, format: string, dropped: string[]): Record<string, unknown> {
  const changes: Record<string, unknown> = {}
  if (Array.isArray(body.tools)) {
    const { kept, builtin } = divide(body.tools, 'tools', format)
    const [first] = builtin
    if (first !== undefined) {
      if (kept.length === 0) throw refused(first.path, 'builtinTools')
      const names = new Set(builtin.flatMap((one) => one.names))
      if (isChosen(body.tool_choice, names)) throw refused('tool_choice', 'builtinTools')
      changes.tools = kept
      dropped.push(...builtin.map(({ path }) => path))
    }
  }
  if (!Array.isArray(body.input)) return changes
  for (const [at, item] of body.input.entries()) {
    if (!isObject(item) || !TOOL_ITEMS.has(item.type) || !Array.isArray(item.tools)) continue
    const { kept, builtin } = divide(item.tools, `input[${at}].tools`, format)
    if (builtin.length === 0) continue
    changes.input ??= [...body.input]
    ;(changes.input as unknown[])[at] = { ...item, tools: kept }
    dropped.push(...builtin.map(({ path }) => path))
  }
  return changes
}

function divide(tools: readonly unknown[], path: string, format: string) {
  const kept: unknown[] = []
  const builtin: BuiltinTool[] = []
  for (const [at, tool] of tools.entries()) {
    const here = `${path}[${at}]`
    if (!isObject(tool)) kept.push(tool)
    else if (format === 'gemini') {
      const others = Object.keys(tool).filter((name) => !CLIENT_MEMBERS.has(name) && tool[name] != null)
      const rest = withChanges(tool, Object.fromEntries(others.map((name) => [name, undefined])))
      for (const name of others) builtin.push({ path: `${here}.${name}`, names: [] })
      if (others.length === 0 || Object.keys(rest).length > 0) kept.push(rest)
    } else if (isClientTool(tool)) kept.push(tool)
    else builtin.push({ path: here, names: [tool.type, tool.name ?? tool.type] })
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

function refuseFiles(body: Fields): void {
  for (const name of CONVERSATIONS) {
    const path = fileIn(body[name], 0)
    if (path !== undefined) throw refused(name + path, 'accountFields')
  }
}

/** The way to the first file that is in an account; undefined where there is none. It is made only where there is one. */
function fileIn(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return undefined
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const path = fileIn(value[at], depth + 1)
      if (path !== undefined) return `[${at}]${path}`
    }
    return undefined
  }
  for (const name in value) {
    const member = (value as Fields)[name]
    if (typeof member === 'string') {
      if (ADDRESSES.has(name) && member !== '' && (name === 'file_id' || ACCOUNT_ADDRESS.test(member))) return `.${name}`
    } else if (LEADING.has(name)) {
      const path = fileIn(member, depth + 1)
      if (path !== undefined) return `.${name}${path}`
    }
  }
  return undefined
}

const WHAT: Readonly<Record<Right, readonly [string, string, string]>> = {
  builtinTools: ['uses a tool that the provider runs', 'builtin_tools', 'ALLOW_BUILTIN_TOOLS'],
  accountFields: ["uses the operator's account at the provider", 'account_fields', 'ALLOW_ACCOUNT_FIELDS'],
}

function refused(path: string, right: Right): Failure {
  const [does, policy, setting] = WHAT[right]
  const param = quoted(path)
  const text = `'${param}' ${does}, which this key may not. The operator can allow it by the key's policy (${policy}) or for all keys (${setting}=on).`
  return new Failure('unsupported-parameter', text, { param })
}

function withChanges(fields: Fields, changes: Fields): Fields {
  const after: Record<string, unknown> = { ...fields, ...changes }
  for (const name in changes) if (changes[name] === undefined) delete after[name]
  return after
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
