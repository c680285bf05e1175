import { Failure } from '../chat/failure.ts'
import type { ClientRequest, HeaderReader } from '../formats/format.ts'
import {
  type AccountRights,
  type Fields,
  isObject,
  type LeftOut,
  type Right,
  refused,
  withChanges,
} from './account-rights.ts'
import { leaveOutBuiltinTools } from './builtin-tools.ts'

/** A request as far as its caller may make it. */
export interface PermittedRequest {
  readonly body: Fields
  /** What was left out of it: names of fields, or paths. */
  readonly dropped: readonly string[]
}

interface FieldRule {
  readonly right: Right
  /** An answer without it would be wrong. */
  readonly isEssential?: true
  /** It says whose work a call is, so it stays until it has been read: see `forProvider`. */
  readonly isRead?: true
  /** Whether this value uses anything; whatever is there does, where absent. */
  readonly uses?: (value: unknown) => boolean
}

const STORED: FieldRule = { right: 'accountFields', isEssential: true }
const COSTLY: FieldRule = {
  right: 'accountFields',
  uses: (value) => typeof value === 'string' && /^(?:priority|fast)$/i.test(value),
}

/** Fields at the top of a request, of all formats: callers may send those of one in another, and some providers take them. */
const FIELDS: Readonly<Record<string, FieldRule>> = {
  container: STORED,
  mcp_servers: STORED,
  data_sources: STORED,
  preset: STORED,
  cachedContent: STORED,
  cached_content: STORED,
  store: { right: 'accountFields', uses: (value) => value === true },
  metadata: { right: 'accountFields', isRead: true },
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

/** A request to count the tokens of another one, which it holds. */
const INNER_REQUESTS = ['generateContentRequest', 'generate_content_request']

/**
 * What of a request its caller may make (accounts 8). What an answer is right without is left out.
 * @param format the name of the client's format.
 * @param isInner the body stands within another one.
 * @throws Failure 400 that names what the caller may not use; also for what is left out, where the request requires all.
 */
export function permit(body: Fields, rights: AccountRights, format: string, isInner = false): PermittedRequest {
  if (rights.builtinTools && rights.accountFields) return { body, dropped: [] }
  const found: LeftOut = { changes: undefined, dropped: [] }
  leaveOutFields(body, rights, format, found)
  if (!rights.builtinTools) leaveOutBuiltinTools(body, format, found)
  if (!rights.accountFields) refuseFiles(body)
  for (let at = 0; at < INNER_REQUESTS.length; at++) {
    const name = INNER_REQUESTS[at] ?? ''
    const inner = body[name]
    if (isInner || !isObject(inner)) continue
    try {
      const permitted = permit(inner, rights, format, true)
      if (permitted.dropped.length > 0) found.changes = { ...found.changes, [name]: permitted.body }
    } catch (error) {
      throw error instanceof Failure ? error.inWordsOf((path) => `${name}.${path}`) : error
    }
  }
  const { changes, dropped } = found
  const [first] = dropped
  if (first !== undefined && isObject(body.provider) && body.provider.require_parameters === true) {
    throw refused(first, FIELDS[first]?.right ?? 'builtinTools')
  }
  return { body: changes === undefined ? body : withChanges(body, changes), dropped }
}

/** Whether a request makes something happen that must not happen twice: a provider runs tools, or keeps something in our account. */
export function hasSideEffects({ metadata: _, ...body }: Fields, format: string): boolean {
  try {
    return permit(body, { builtinTools: false, accountFields: false }, format).dropped.length > 0
  } catch {
    return true
  }
}

/** The headers without features of Anthropic's that the caller may not switch on; the operator refuses some to all. */
export function permittedHeader(
  header: HeaderReader,
  rights: AccountRights,
  refusedBetas: ReadonlySet<string>,
): HeaderReader {
  return (name) => {
    const value = header(name)
    if (name !== 'anthropic-beta' || value === null) return value
    const betas = value.split(',')
    const permitted = betas.filter((beta) => isPermittedBeta(beta.trim(), rights, refusedBetas))
    return permitted.length === betas.length ? value : permitted.join(',')
  }
}

function isPermittedBeta(beta: string, rights: AccountRights, refusedBetas: ReadonlySet<string>): boolean {
  return (
    !refusedBetas.has(beta) &&
    (rights.accountFields || !ACCOUNT_BETAS.accountFields.test(beta)) &&
    (rights.builtinTools || !ACCOUNT_BETAS.builtinTools.test(beta))
  )
}

/** A request as providers may get it: what was read of it, or what only its answer repeats, stays here. */
export function forProvider(request: ClientRequest, rights: AccountRights): ClientRequest {
  if (rights.accountFields) return request
  const { chat, source } = request
  const isOwn = source !== undefined && source.format !== 'anthropic-messages' && source.body.metadata != null
  if (chat.metadata == null && !isOwn) return request
  const read = { ...request, chat: withoutMetadata(chat, rights) }
  if (!isOwn) return read
  const { body, original = body } = source
  return { ...read, source: { ...source, body: withoutMetadata(body, rights), original } }
}

/** The fields without metadata, where its caller may put none into the account. */
export function withoutMetadata<T extends Fields>(fields: T, { accountFields }: AccountRights): T {
  if (accountFields || fields.metadata == null) return fields
  const { metadata: _, ...others } = fields
  return others as unknown as T
}

function leaveOutFields(body: Fields, rights: AccountRights, format: string, found: LeftOut): void {
  for (const name in body) {
    const rule = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
    if (rule === undefined || rights[rule.right] || OTHERWISE[format]?.includes(name)) continue
    const value = body[name]
    if (value == null || (rule.uses ? !rule.uses(value) : isEmpty(value))) continue
    if (rule.isEssential) throw refused(name, rule.right)
    if (!rule.isRead) found.changes = { ...found.changes, [name]: undefined }
    found.dropped.push(name)
  }
  if (rights.builtinTools) return
  refuseSearch(body.model, 'model')
  if (Array.isArray(body.models)) for (const [at, name] of body.models.entries()) refuseSearch(name, `models[${at}]`)
}

/** A model in the variant that searches the web. */
function refuseSearch(name: unknown, param: string): void {
  if (typeof name === 'string' && name.endsWith(':online')) throw refused(param, 'builtinTools')
}

function refuseFiles(body: Fields): void {
  for (let at = 0; at < CONVERSATIONS.length; at++) {
    const name = CONVERSATIONS[at] ?? ''
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
      if (ADDRESSES.has(name) && member !== '' && (name === 'file_id' || ACCOUNT_ADDRESS.test(member)))
        return `.${name}`
    } else if (LEADING.has(name)) {
      const path = fileIn(member, depth + 1)
      if (path !== undefined) return `.${name}${path}`
    }
  }
  return undefined
}

function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && Object.keys(Object(value)).length === 0)
}
