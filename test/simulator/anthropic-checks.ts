import { checkAnthropicMessages } from './anthropic-message-checks.ts'
import { type ClaudeTraits, claudeTraits } from './anthropic-models.ts'
import { checkStrictSchema } from './anthropic-schema.ts'
import type { Incoming, Trouble } from './dialect.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'

const KNOWN_FIELDS = new Set(
  'model messages max_tokens system stream temperature top_p top_k stop_sequences tools tool_choice thinking metadata service_tier output_config cache_control container inference_geo speed'.split(
    ' ',
  ),
)
// Allowed only together with a beta header.
const BETA_FIELDS = new Set(['context_management', 'mcp_servers', 'output_format', 'betas'])
const TOOL_FIELDS = new Set(
  'name description input_schema type cache_control strict defer_loading eager_input_streaming allowed_callers input_examples'.split(
    ' ',
  ),
)
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/
const MIN_BUDGET_TOKENS = 1024

/** What Anthropic would refuse in a request. */
export function checkAnthropic({ headers, body }: Incoming): Trouble | undefined {
  const traits = claudeTraits(textOf(body.model))
  const message =
    checkFields(headers, body) ??
    checkLimits(body, traits) ??
    checkSampling(body, traits) ??
    checkThinking(body, traits) ??
    checkTools(body, traits) ??
    checkOutput(body, traits) ??
    checkAnthropicMessages(body, traits)
  const key = headers['x-api-key'] ?? ''
  if (key === '') return { status: 401, message: 'x-api-key header is required' }
  if (key === 'bad-key') return { status: 401, reason: 'key' }
  if (body.model === 'missing-model') return { status: 404 }
  return message === undefined ? undefined : { status: 400, message }
}

/** What Anthropic would refuse in a request that only counts tokens. */
export function checkAnthropicCount(incoming: Incoming): Trouble | undefined {
  const { body } = incoming
  const extra = ['max_tokens', 'stream', 'temperature', 'metadata', 'stop_sequences'].find((field) => field in body)
  if (extra !== undefined) return { status: 400, message: `${extra}: Extra inputs are not permitted` }
  const limit = claudeTraits(textOf(body.model)).maxOutputTokens
  return checkAnthropic({ ...incoming, body: { ...body, max_tokens: limit } })
}

function checkFields(headers: Record<string, string>, body: Fields): string | undefined {
  if ((headers['anthropic-version'] ?? '') === '') return 'anthropic-version: header is required'
  if (!/^\d{4}-\d{2}-\d{2}$/.test(headers['anthropic-version'] ?? ''))
    return 'anthropic-version: is not a valid version'
  const beta = (headers['anthropic-beta'] ?? '') !== ''
  const unknown = Object.keys(body).find((field) => !KNOWN_FIELDS.has(field) && !(beta && BETA_FIELDS.has(field)))
  if (unknown !== undefined) return `${unknown}: Extra inputs are not permitted`
  if (textOf(body.model) === '') return 'model: Field required'
  const metadata = fieldsOf(body.metadata)
  const extra = Object.keys(metadata ?? {}).find((field) => field !== 'user_id')
  return extra === undefined ? undefined : `metadata.${extra}: Extra inputs are not permitted`
}

function checkLimits(body: Fields, traits: ClaudeTraits): string | undefined {
  if (body.max_tokens === undefined || body.max_tokens === null) return 'max_tokens: Field required'
  const limit = numberOf(body.max_tokens)
  if (limit === undefined || !Number.isInteger(limit)) return 'max_tokens: Input should be a valid integer'
  if (limit < 1) return 'max_tokens: Input should be greater than or equal to 1'
  if (limit > traits.maxOutputTokens) {
    return `max_tokens: ${limit} > ${traits.maxOutputTokens}, which is the maximum allowed number of output tokens for ${textOf(body.model)}`
  }
  if (body.stop_sequences !== undefined && !Array.isArray(body.stop_sequences)) {
    return 'stop_sequences: Input should be a valid list'
  }
  const blank = listOf(body.stop_sequences).findIndex((sequence) => textOf(sequence).trim() === '')
  return blank < 0 ? undefined : `stop_sequences.${blank}: each stop sequence must contain non-whitespace`
}

function checkSampling(body: Fields, { oneSampler, fixedSampling }: ClaudeTraits): string | undefined {
  const { temperature, top_p: topP, top_k: topK } = body
  if (temperature !== undefined && numberOf(temperature) === undefined)
    return 'temperature: Input should be a valid number'
  const heat = numberOf(temperature)
  if (heat !== undefined && heat > 1) return 'temperature: Input should be less than or equal to 1'
  if (heat !== undefined && heat < 0) return 'temperature: Input should be greater than or equal to 0'
  if (oneSampler && heat !== undefined && topP !== undefined) {
    return '`temperature` and `top_p` cannot both be specified for this model. Please use only one.'
  }
  if (fixedSampling && heat !== undefined && heat !== 1) return '`temperature` is deprecated for this model.'
  if (fixedSampling && (topP !== undefined || topK !== undefined))
    return '`top_p` and `top_k` are deprecated for this model.'
  const thinks = ['enabled', 'adaptive'].includes(textOf(fieldsOf(body.thinking)?.type))
  if (!thinks) return undefined
  if (heat !== undefined && heat !== 1) return '`temperature` may only be set to 1 when thinking is enabled.'
  if (topK !== undefined) return '`top_k` must be unset when thinking is enabled.'
  const nucleus = numberOf(topP)
  return nucleus !== undefined && nucleus < 0.95
    ? '`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.'
    : undefined
}

function checkThinking(body: Fields, traits: ClaudeTraits): string | undefined {
  const thinking = fieldsOf(body.thinking)
  if (thinking === undefined) return undefined
  const type = textOf(thinking.type)
  if (type === 'disabled') return undefined
  const known = type === 'enabled' ? ['type', 'budget_tokens', 'display'] : ['type', 'display']
  const extra = Object.keys(thinking).find((field) => !known.includes(field))
  if (extra !== undefined) return `thinking.${type}.${extra}: Extra inputs are not permitted`
  if (type === 'adaptive') {
    return ['both', 'adaptive'].includes(traits.thinking)
      ? undefined
      : 'adaptive thinking is not supported on this model'
  }
  if (type !== 'enabled')
    return `thinking: Input tag '${type}' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'`
  if (traits.thinking === 'adaptive') {
    return '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort".'
  }
  if (traits.thinking === 'none') return `'${textOf(body.model)}' does not support thinking.`
  const budget = numberOf(thinking.budget_tokens)
  if (budget === undefined) return 'thinking.enabled.budget_tokens: Field required'
  if (budget < MIN_BUDGET_TOKENS) {
    return `thinking.enabled.budget_tokens: Input should be greater than or equal to ${MIN_BUDGET_TOKENS}`
  }
  if (budget >= (numberOf(body.max_tokens) ?? 0)) return '`max_tokens` must be greater than `thinking.budget_tokens`.'
  const forced = ['any', 'tool'].includes(textOf(fieldsOf(body.tool_choice)?.type))
  return forced ? 'Thinking may not be enabled when tool_choice forces tool use.' : undefined
}

function checkTools(body: Fields, { forcedTool }: ClaudeTraits): string | undefined {
  const tools = rowsOf(body.tools)
  for (const [at, tool] of tools.entries()) {
    // Anthropic's own tools have other fields.
    if (tool.type !== undefined && tool.type !== 'custom') continue
    const extra = Object.keys(tool).find((field) => !TOOL_FIELDS.has(field))
    if (extra !== undefined) return `tools.${at}.custom.${extra}: Extra inputs are not permitted`
    if (!TOOL_NAME.test(textOf(tool.name)))
      return `tools.${at}.custom.name: String should match pattern '${TOOL_NAME.source}'`
    const schema = fieldsOf(tool.input_schema)
    if (schema === undefined) return `tools.${at}.custom.input_schema: Field required`
    if (schema.type !== 'object') return `tools.${at}.custom.input_schema.type: Input should be 'object'`
    const strict = tool.strict === true ? checkStrictSchema(schema) : undefined
    if (strict !== undefined) return `tools.${at}.custom.input_schema: ${strict}`
  }
  const names = tools.map(({ name }) => textOf(name))
  if (new Set(names).size < names.length) return 'tools: Tool names must be unique.'
  const choice = fieldsOf(body.tool_choice)
  if (!forcedTool && ['any', 'tool'].includes(textOf(choice?.type))) {
    return `tool_choice: forced tool use is not supported on ${textOf(body.model)}.`
  }
  return checkChoice(choice, names)
}

function checkChoice(choice: Fields | undefined, names: string[]): string | undefined {
  if (choice === undefined) return undefined
  const type = textOf(choice.type)
  if (!['auto', 'any', 'tool', 'none'].includes(type)) {
    return `tool_choice: Input tag '${type}' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'`
  }
  const known = [
    'type',
    ...(type === 'none' ? [] : ['disable_parallel_tool_use']),
    ...(type === 'tool' ? ['name'] : []),
  ]
  const extra = Object.keys(choice).find((field) => !known.includes(field))
  if (extra !== undefined) return `tool_choice.${type}.${extra}: Extra inputs are not permitted`
  if (names.length === 0) return 'tool_choice may only be specified while providing tools.'
  const wanted = textOf(choice.name)
  return type === 'tool' && !names.includes(wanted) ? `Tool '${wanted}' not found in provided tools` : undefined
}

function checkOutput(body: Fields, traits: ClaudeTraits): string | undefined {
  const config = fieldsOf(body.output_config)
  if (config === undefined) return undefined
  const extra = Object.keys(config).find((field) => !['format', 'effort', 'task_budget'].includes(field))
  if (extra !== undefined) return `output_config.${extra}: Extra inputs are not permitted`
  if (config.effort !== undefined) {
    if (traits.thinking === 'none') return 'This model does not support the effort parameter.'
    if (!['low', 'medium', 'high', 'xhigh', 'max'].includes(textOf(config.effort))) {
      return "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"
    }
  }
  const format = fieldsOf(config.format)
  if (format === undefined) return undefined
  if (format.type !== 'json_schema') return "output_config.format.type: Input should be 'json_schema'"
  const schema = fieldsOf(format.schema)
  if (schema === undefined) return 'output_config.format.schema: Field required'
  const field = Object.keys(format).find((name) => name !== 'type' && name !== 'schema')
  if (field !== undefined) return `output_config.format.${field}: Extra inputs are not permitted`
  if (!traits.structuredOutput) return `'${textOf(body.model)}' does not support output format.`
  const problem = checkStrictSchema(schema)
  return problem === undefined ? undefined : `output_config.format.schema: ${problem}`
}
