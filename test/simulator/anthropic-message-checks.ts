import type { ClaudeTraits } from './anthropic-models.ts'
import { type Fields, fieldsOf, rowsOf, textOf } from './json.ts'
import { isSigned } from './signatures.ts'

const ID_PATTERN = /^[a-zA-Z0-9_-]+$/
const NAME_PATTERN = /^[a-zA-Z0-9_-]{1,128}$/
const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp']
const MAX_BREAKPOINTS = 4

const RESULT = ['tool_use_id', 'content', 'cache_control', 'caller']
const RESULT_BLOCKS = ['text', 'image', 'document', 'search_result', 'tool_reference']
const SYSTEM_BLOCKS = ['text', 'tool_addition', 'tool_removal']
const BLOCK_FIELDS: Record<string, string[]> = {
  text: ['text', 'cache_control', 'citations'],
  image: ['source', 'cache_control'],
  document: ['source', 'title', 'context', 'citations', 'cache_control'],
  search_result: ['source', 'title', 'content', 'citations', 'cache_control'],
  tool_use: ['id', 'name', 'input', 'cache_control', 'caller'],
  tool_result: ['tool_use_id', 'content', 'is_error', 'cache_control'],
  thinking: ['thinking', 'signature'],
  redacted_thinking: ['data'],
  server_tool_use: ['id', 'name', 'input', 'cache_control', 'caller'],
  web_search_tool_result: RESULT,
  web_fetch_tool_result: RESULT,
  code_execution_tool_result: RESULT,
  bash_code_execution_tool_result: RESULT,
  text_editor_code_execution_tool_result: RESULT,
  tool_search_tool_result: RESULT,
  advisor_tool_result: RESULT,
  mcp_tool_use: ['id', 'name', 'server_name', 'input', 'cache_control'],
  mcp_tool_result: ['tool_use_id', 'content', 'is_error', 'cache_control'],
  container_upload: ['file_id', 'cache_control'],
  compaction: ['content', 'cache_control', 'encrypted_content'],
  tool_reference: ['tool_name', 'cache_control'],
  tool_addition: ['tool', 'cache_control'],
  tool_removal: ['tool', 'cache_control'],
}

const SOURCE_FIELDS: Record<string, string[]> = {
  base64: ['media_type', 'data'],
  url: ['url'],
  text: ['media_type', 'data'],
  file: ['file_id'],
  content: ['content'],
}

/** What Anthropic would refuse in the messages and the system prompt. */
export function checkAnthropicMessages(body: Fields, traits: ClaudeTraits): string | undefined {
  if (!Array.isArray(body.messages)) return 'messages: Field required'
  const messages = rowsOf(body.messages)
  if (messages.length === 0) return 'messages: at least one message is required'
  for (const [at, message] of messages.entries()) {
    const problem = checkMessage(message, at, { isLast: at === messages.length - 1, traits })
    if (problem !== undefined) return problem
  }
  const talk = messages.filter(({ role }) => role !== 'system')
  return (
    checkSystem(body.system) ??
    checkBreakpoints(body) ??
    checkLast(talk, traits) ??
    checkPairs(talk) ??
    checkToolsDeclared(body, talk) ??
    checkThinkingFirst(body, talk)
  )
}

/** What is wrong when each call since the user's last words has to come with the thinking before it. */
export function callsWithoutThinking(body: Fields): string | undefined {
  const messages = rowsOf(body.messages)
  const asked = messages.findLastIndex(
    (message) => message.role === 'user' && !blocksOf(message).some(({ type }) => type === 'tool_result'),
  )
  for (const [at, message] of messages.entries()) {
    if (at <= asked || message.role !== 'assistant') continue
    const types = blocksOf(message).map(({ type }) => textOf(type))
    if (!types.includes('tool_use') || types.some((type) => /^(redacted_)?thinking$/.test(type))) continue
    return `messages.${at}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${types[0]}\`.`
  }
  return undefined
}

function checkMessage(
  message: Fields,
  at: number,
  { isLast, traits }: { isLast: boolean; traits: ClaudeTraits },
): string | undefined {
  const extra = Object.keys(message).find((field) => field !== 'role' && field !== 'content')
  if (extra !== undefined) return `messages.${at}.${extra}: Extra inputs are not permitted`
  if (message.role === 'system' && traits.systemTurns) return checkSystem(message.content, `messages.${at}.content`)
  if (message.role !== 'user' && message.role !== 'assistant') {
    return `messages.${at}.role: Input should be 'user' or 'assistant'`
  }
  const { content } = message
  const prefill = isLast && message.role === 'assistant'
  if (typeof content !== 'string' && !Array.isArray(content)) return `messages.${at}.content: Field required`
  if (content.length === 0 && !prefill) {
    return `messages.${at}: all messages must have non-empty content except for the optional final assistant message`
  }
  if (typeof content === 'string') return undefined
  for (const [position, block] of rowsOf(content).entries()) {
    const problem = checkBlock(block, `messages.${at}.content.${position}`, textOf(message.role))
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkBlock(block: Fields, place: string, role: string): string | undefined {
  const type = textOf(block.type)
  const known = BLOCK_FIELDS[type]
  if (known === undefined) {
    const tags = Object.keys(BLOCK_FIELDS).map((tag) => `'${tag}'`)
    return `${place}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${tags.join(', ')}`
  }
  const extra = Object.keys(block).find((field) => field !== 'type' && !known.includes(field))
  if (extra !== undefined) return `${place}.${type}.${extra}: Extra inputs are not permitted`
  switch (type) {
    case 'text':
      return checkText(block)
    case 'image':
    case 'document':
      return checkSource(block, `${place}.${type}.source`)
    case 'tool_use':
      if (role !== 'assistant') return `${place}: \`tool_use\` blocks can only be in \`assistant\` messages`
      if (!ID_PATTERN.test(textOf(block.id)))
        return `${place}.tool_use.id: String should match pattern '${ID_PATTERN.source}'`
      if (!NAME_PATTERN.test(textOf(block.name)))
        return `${place}.tool_use.name: String should match pattern '${NAME_PATTERN.source}'`
      return fieldsOf(block.input) === undefined
        ? `${place}.tool_use.input: Input should be a valid dictionary`
        : undefined
    case 'tool_result':
      if (role !== 'user') return `${place}: \`tool_result\` blocks can only be in \`user\` messages`
      return checkResult(block, place)
    case 'thinking':
      if (role !== 'assistant') return `${place}: \`thinking\` blocks can only be in \`assistant\` messages`
      return isSigned('anthropic', textOf(block.thinking), textOf(block.signature))
        ? undefined
        : `${place}: Invalid \`signature\` in \`thinking\` block`
    case 'redacted_thinking':
      return isSigned('anthropic', '', textOf(block.data))
        ? undefined
        : `${place}: Invalid \`data\` in \`redacted_thinking\` block`
    case 'web_search_tool_result': {
      const found = rowsOf(block.content).filter((result) => result.type === 'web_search_result')
      return found.every((result) => isSigned('anthropic', textOf(result.url), textOf(result.encrypted_content)))
        ? undefined
        : `${place}: Invalid \`encrypted_content\` in \`search_result\` block`
    }
    default:
      return undefined
  }
}

function checkText(block: Fields): string | undefined {
  if (typeof block.text !== 'string' || block.text === '') return 'messages: text content blocks must be non-empty'
  return block.text.trim() === '' ? 'messages: text content blocks must contain non-whitespace text' : undefined
}

function checkResult(block: Fields, place: string): string | undefined {
  const { content } = block
  if (content === undefined || typeof content === 'string') return undefined
  if (!Array.isArray(content)) return `${place}.tool_result.content: Input should be a valid list`
  for (const [at, inner] of rowsOf(content).entries()) {
    const where = `${place}.tool_result.content.${at}`
    if (!RESULT_BLOCKS.includes(textOf(inner.type))) {
      return `${where}: Input tag '${textOf(inner.type)}' does not match any of the expected tags`
    }
    const problem = checkBlock(inner, where, 'user')
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkSource(block: Fields, place: string): string | undefined {
  const source = fieldsOf(block.source)
  const type = textOf(source?.type)
  const known = SOURCE_FIELDS[type]
  if (source === undefined || known === undefined)
    return `${place}: Input tag '${type}' does not match any of the expected tags`
  const extra = Object.keys(source).find((field) => field !== 'type' && !known.includes(field))
  if (extra !== undefined) return `${place}.${type}.${extra}: Extra inputs are not permitted`
  const mediaType = textOf(source.media_type)
  if (type === 'base64') {
    const allowed = block.type === 'image' ? IMAGE_TYPES : ['application/pdf']
    if (!allowed.includes(mediaType)) {
      return `${place}.base64.media_type: Input should be ${allowed.map((name) => `'${name}'`).join(' or ')}`
    }
    const data = textOf(source.data)
    return /^[A-Za-z0-9+/]+={0,2}$/.test(data) ? undefined : `${place}.base64: invalid base64 data`
  }
  if (type === 'text' && mediaType !== 'text/plain') return `${place}.text.media_type: Input should be 'text/plain'`
  return type === 'url' && !textOf(source.url).startsWith('https://')
    ? `${place}.url: Only HTTPS URLs are supported.`
    : undefined
}

function checkSystem(system: unknown, place = 'system'): string | undefined {
  if (system === undefined || typeof system === 'string') return undefined
  if (!Array.isArray(system)) return `${place}: Input should be a valid list`
  const allowed = place === 'system' ? ['text'] : SYSTEM_BLOCKS
  for (const [at, block] of rowsOf(system).entries()) {
    if (!allowed.includes(textOf(block.type))) return `${place}.${at}.type: Input should be 'text'`
    if (block.type === 'text' && textOf(block.text) === '') return `${place}: text content blocks must be non-empty`
  }
  return undefined
}

function checkBreakpoints(body: Fields): string | undefined {
  const count = countKey(body.system) + countKey(body.messages) + countKey(body.tools)
  return count > MAX_BREAKPOINTS
    ? `A maximum of ${MAX_BREAKPOINTS} blocks with cache_control may be provided. Found ${count}.`
    : undefined
}

function countKey(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, entry) => sum + countKey(entry), 0)
  const fields = fieldsOf(value)
  if (fields === undefined) return 0
  return ('cache_control' in fields ? 1 : 0) + countKey(fields.content)
}

function checkLast(messages: Fields[], { prefill }: ClaudeTraits): string | undefined {
  const last = messages.at(-1)
  if (last?.role !== 'assistant') return undefined
  if (!prefill)
    return 'This model does not support assistant message prefill. The conversation must end with a user message.'
  const blocks = blocksOf(last)
  const text = textOf(blocks.at(-1)?.text)
  return /\s$/.test(text) ? 'messages: final assistant content cannot end with trailing whitespace' : undefined
}

// Anthropic joins neighbours of one role before it looks for pairs.
function checkPairs(messages: Fields[]): string | undefined {
  const turns: { role: string; at: number; blocks: Fields[] }[] = []
  for (const [at, message] of messages.entries()) {
    const previous = turns.at(-1)
    if (previous?.role === message.role) previous?.blocks.push(...blocksOf(message))
    else turns.push({ role: textOf(message.role), at, blocks: blocksOf(message) })
  }
  for (const [position, { at, blocks }] of turns.entries()) {
    const before = turns[position - 1]?.blocks ?? []
    const called = before.filter(({ type }) => type === 'tool_use').map(({ id }) => textOf(id))
    const firstOther = blocks.findIndex(({ type }) => type !== 'tool_result')
    const leading = firstOther < 0 ? blocks : blocks.slice(0, firstOther)
    const answered = leading.map(({ tool_use_id: id }) => textOf(id))
    const missing = called.filter((id) => !answered.includes(id))
    if (missing.length > 0) {
      return `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
    }
    const results = blocks.filter(({ type }) => type === 'tool_result').map(({ tool_use_id: id }) => textOf(id))
    const stray = results.find((id) => !called.includes(id))
    if (stray !== undefined) {
      return `messages.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
    }
    if (new Set(results).size < results.length) return `messages.${at}: each tool_use must have a single result.`
  }
  const last = turns.at(-1)
  const open = last?.role === 'assistant' && last.blocks.some(({ type }) => type === 'tool_use')
  return open
    ? `messages.${last.at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after.`
    : undefined
}

function checkToolsDeclared(body: Fields, messages: Fields[]): string | undefined {
  const uses = messages.some((message) => blocksOf(message).some(({ type }) => type === 'tool_use'))
  return uses && rowsOf(body.tools).length === 0
    ? 'Requests which include `tool_use` or `tool_result` blocks must define tools.'
    : undefined
}

// In a tool loop with manual thinking the model wants its thoughts back.
function checkThinkingFirst(body: Fields, messages: Fields[]): string | undefined {
  if (fieldsOf(body.thinking)?.type !== 'enabled') return undefined
  const at = messages.findLastIndex(({ role }) => role === 'assistant')
  const blocks = blocksOf(messages[at] ?? {})
  if (at < 0 || !blocks.some(({ type }) => type === 'tool_use')) return undefined
  const resumed = blocksOf(messages[at + 1] ?? {}).some(({ type }) => type === 'tool_result')
  const first = textOf(blocks[0]?.type)
  if (!resumed || first === 'thinking' || first === 'redacted_thinking') return undefined
  return `messages.${at}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block.`
}

function blocksOf(message: Fields): Fields[] {
  return typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : rowsOf(message.content)
}
