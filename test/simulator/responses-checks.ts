import type { Incoming, Trouble } from './dialect.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'
import { checkOpenaiKey } from './openai-checks.ts'
import { refusal } from './openai-refusal.ts'
import { checkStrictSchema, typeError, unknownParameter } from './openai-schema.ts'
import { checkItems } from './responses-item-checks.ts'

type Kind = 'string' | 'boolean' | 'integer' | 'decimal' | 'object' | 'array' | 'any'

const FIELDS: Record<string, Kind> = {
  background: 'boolean',
  client_metadata: 'object',
  context_management: 'array',
  conversation: 'any',
  include: 'array',
  input: 'any',
  instructions: 'string',
  max_output_tokens: 'integer',
  max_tool_calls: 'integer',
  metadata: 'object',
  model: 'string',
  moderation: 'object',
  parallel_tool_calls: 'boolean',
  previous_response_id: 'string',
  prompt: 'object',
  prompt_cache_key: 'string',
  prompt_cache_options: 'object',
  prompt_cache_retention: 'string',
  reasoning: 'object',
  safety_identifier: 'string',
  service_tier: 'string',
  store: 'boolean',
  stream: 'boolean',
  stream_options: 'object',
  temperature: 'decimal',
  text: 'object',
  tool_choice: 'any',
  tools: 'array',
  top_logprobs: 'integer',
  top_p: 'decimal',
  truncation: 'string',
  user: 'string',
}
const COUNT_FIELDS =
  'model input previous_response_id tools text reasoning truncation instructions personality conversation tool_choice parallel_tool_calls'.split(
    ' ',
  )
const COMPACT_FIELDS =
  'model input previous_response_id instructions prompt_cache_key prompt_cache_retention prompt_cache_options service_tier'.split(
    ' ',
  )
const INCLUDABLE =
  'file_search_call.results web_search_call.results web_search_call.action.sources message.input_image.image_url computer_call_output.output.image_url code_interpreter_call.outputs reasoning.encrypted_content message.output_text.logprobs'.split(
    ' ',
  )
const TOOL_TYPES =
  'function custom namespace tool_search web_search web_search_preview web_search_2025_08_26 web_search_preview_2025_03_11 file_search code_interpreter computer computer_use_preview mcp image_generation local_shell shell apply_patch programmatic_tool_calling'.split(
    ' ',
  )
const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']
const REASONING_MODEL = /^(o\d|gpt-5|codex)|codex/
const MIN_OUTPUT_TOKENS = 16
const STRICT_SLOTS = ['openai', 'azure']

/** What OpenAI would refuse in a request of its Responses. */
export function checkResponses(incoming: Incoming): Trouble | undefined {
  return checkRequest(incoming, Object.keys(FIELDS))
}

/** What OpenAI would refuse in a request that counts tokens. */
export function checkTokens(incoming: Incoming): Trouble | undefined {
  return checkRequest(incoming, COUNT_FIELDS)
}

/** What OpenAI would refuse in a request that makes a conversation short. */
export function checkCompact(incoming: Incoming): Trouble | undefined {
  return checkRequest(incoming, COMPACT_FIELDS)
}

function checkRequest(incoming: Incoming, known: readonly string[]): Trouble | undefined {
  const { body, slot } = incoming
  const strict = STRICT_SLOTS.includes(slot)
  const trouble =
    checkOpenaiKey(incoming) ?? checkModel(body) ?? (strict ? checkFields(body, known) : undefined) ?? checkInput(body)
  if (trouble !== undefined) return trouble
  return (strict ? (checkValues(body) ?? checkTools(body) ?? checkFormat(body)) : undefined) ?? checkItems(incoming)
}

function checkModel(body: Fields): Trouble | undefined {
  if (body.model === undefined && body.prompt === undefined)
    return refusal("Missing required parameter: 'model'.", 'model', 'missing_required_parameter')
  if (body.model !== 'missing-model') return undefined
  const message = "The requested model 'missing-model' does not exist."
  return { status: 400, message, param: 'model', code: 'model_not_found' }
}

function checkFields(body: Fields, known: readonly string[]): Trouble | undefined {
  for (const [field, value] of Object.entries(body)) {
    if (!known.includes(field)) return unknownParameter(field)
    const kind = FIELDS[field] ?? 'any'
    if (value !== null && !isOf(kind, value)) return typeError(field, kind, value)
  }
  return undefined
}

function isOf(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'any':
      return true
    case 'array':
      return Array.isArray(value)
    case 'object':
      return fieldsOf(value) !== undefined
    case 'integer':
      return Number.isInteger(value)
    case 'decimal':
      return numberOf(value) !== undefined
    default:
      return typeof value === kind
  }
}

function checkInput(body: Fields): Trouble | undefined {
  const { input } = body
  if (input === undefined || input === null) {
    const referred = [body.previous_response_id, body.prompt, body.conversation].some((given) => (given ?? '') !== '')
    const message = 'One of "input" or "previous_response_id" or \'prompt\' or \'conversation_id\' must be provided.'
    return referred ? undefined : refusal(message, 'input', 'missing_required_parameter')
  }
  if (typeof input === 'string') return undefined
  return Array.isArray(input) ? undefined : typeError('input', 'one of an array of objects or string', input)
}

function checkValues(body: Fields): Trouble | undefined {
  const model = textOf(body.model)
  const reasons = REASONING_MODEL.test(model)
  const limit = numberOf(body.max_output_tokens)
  if (limit !== undefined && limit < MIN_OUTPUT_TOKENS) {
    const message = `Invalid 'max_output_tokens': integer below minimum value. Expected a value >= ${MIN_OUTPUT_TOKENS}, but got ${limit} instead.`
    return refusal(message, 'max_output_tokens', 'integer_below_min_value')
  }
  const heat = numberOf(body.temperature)
  if (heat !== undefined && (heat < 0 || heat > 2)) {
    const [side, bound, code] =
      heat > 2 ? ['above maximum', '<= 2', 'above_max'] : ['below minimum', '>= 0', 'below_min']
    const message = `Invalid 'temperature': decimal ${side} value. Expected a value ${bound}, but got ${heat} instead.`
    return refusal(message, 'temperature', `decimal_${code}_value`)
  }
  const fixed = reasons && !/^gpt-5\.[1-9]/.test(model)
  const unfit = fixed
    ? ['temperature', 'top_p', 'top_logprobs'].find((field) => (body[field] ?? undefined) !== undefined)
    : undefined
  if (unfit !== undefined) return unsupported(unfit)
  const effort = fieldsOf(body.reasoning)?.effort ?? undefined
  if (effort !== undefined && !reasons) return unsupported('reasoning.effort')
  if (effort !== undefined && !EFFORTS.includes(textOf(effort))) return notOneOf(effort, EFFORTS, 'reasoning.effort')
  const odd = listOf(body.include).findIndex((what) => !INCLUDABLE.includes(textOf(what)))
  if (odd >= 0) return notOneOf(listOf(body.include)[odd], INCLUDABLE, `include[${odd}]`)
  if (!reasons && listOf(body.include).includes('reasoning.encrypted_content')) {
    return refusal('Encrypted content is not supported with this model.', 'include')
  }
  return undefined
}

function unsupported(field: string): Trouble {
  return refusal(`Unsupported parameter: '${field}' is not supported with this model.`, field, 'unsupported_parameter')
}

function notOneOf(given: unknown, allowed: readonly string[], param: string): Trouble {
  const names = allowed.map((name) => `'${name}'`)
  const list = `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`
  return refusal(`Invalid value: '${textOf(given)}'. Supported values are: ${list}.`, param, 'invalid_value')
}

function checkTools(body: Fields): Trouble | undefined {
  const tools = rowsOf(body.tools)
  for (const [at, tool] of tools.entries()) {
    const trouble = checkTool(tool, `tools[${at}]`)
    if (trouble !== undefined) return trouble
  }
  const choice = fieldsOf(body.tool_choice)
  const name = textOf(choice?.name)
  const names = tools.flatMap((tool) => [textOf(tool.name), ...rowsOf(tool.tools).map((inner) => textOf(inner.name))])
  if (name !== '' && !names.includes(name)) {
    return refusal(`Tool choice '${name}' not found in 'tools' parameter.`, 'tool_choice')
  }
  if (typeof body.tool_choice === 'string' && !['none', 'auto', 'required'].includes(body.tool_choice)) {
    return notOneOf(body.tool_choice, ['none', 'auto', 'required'], 'tool_choice')
  }
  if (body.tool_choice === 'required' && tools.length === 0) {
    return refusal("Tool choice 'required' must be specified with 'tools' parameter.", 'tool_choice')
  }
  return undefined
}

function checkTool(tool: Fields, place: string): Trouble | undefined {
  const type = textOf(tool.type)
  if (!TOOL_TYPES.includes(type)) return notOneOf(type, TOOL_TYPES, place)
  if (type !== 'function' && type !== 'custom' && type !== 'namespace') return undefined
  const name = textOf(tool.name)
  if (name === '') {
    return refusal(`Missing required parameter: '${place}.name'.`, `${place}.name`, 'missing_required_parameter')
  }
  if (!/^[a-zA-Z0-9_-]{1,128}$/.test(name)) {
    const message = `Invalid '${place}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`
    return refusal(message, `${place}.name`, 'invalid_value')
  }
  if (type === 'namespace') {
    for (const [at, inner] of rowsOf(tool.tools).entries()) {
      const trouble = checkTool(inner, `${place}.tools[${at}]`)
      if (trouble !== undefined) return trouble
    }
    return undefined
  }
  const problem =
    type === 'function' && tool.strict === true ? checkStrictSchema(fieldsOf(tool.parameters) ?? {}) : undefined
  if (problem === undefined) return undefined
  const message = `Invalid schema for function '${name}': ${problem}`
  return refusal(message, `${place}.parameters`, 'invalid_function_parameters')
}

function checkFormat(body: Fields): Trouble | undefined {
  const format = fieldsOf(fieldsOf(body.text)?.format)
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json_object') {
    const said = /json/i.test(JSON.stringify(body.input ?? '')) || /json/i.test(textOf(body.instructions))
    const message =
      "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'."
    return said ? undefined : refusal(message, 'input')
  }
  if (format.type !== 'json_schema') {
    return notOneOf(format.type, ['json_object', 'json_schema', 'text'], 'text.format.type')
  }
  for (const field of ['name', 'schema']) {
    const param = `text.format.${field}`
    if (format[field] === undefined) {
      return refusal(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter')
    }
  }
  const problem = format.strict === true ? checkStrictSchema(fieldsOf(format.schema) ?? {}) : undefined
  if (problem === undefined) return undefined
  const message = `Invalid schema for response_format '${textOf(format.name)}': ${problem}`
  return refusal(message, 'text.format.schema', 'invalid_json_schema')
}
