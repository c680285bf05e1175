import type { Incoming, Trouble } from './dialect.ts'
import { checkFlavour } from './flavour-checks.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, fieldsOf, listOf, numberOf, rowsOf, textOf } from './json.ts'
import { checkOpenaiMessages } from './openai-message-checks.ts'
import { refusal } from './openai-refusal.ts'

const KNOWN_FIELDS = new Set(
  'messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options'.split(
    ' ',
  ),
)
const REASONING_MODEL = /^(o\d|gpt-5)/
const RESPONSES_ONLY = /^(o\d-pro|gpt-5(\.\d)?-pro|computer-use)|codex|deep-research/
const SAMPLING_FIELDS = ['top_p', 'presence_penalty', 'frequency_penalty', 'logprobs', 'top_logprobs', 'logit_bias']

/** What this provider would refuse in a request. */
export function checkOpenai(incoming: Incoming): Trouble | undefined {
  const { body, slot } = incoming
  return checkOpenaiKey(incoming) ?? checkModel(body, slot) ?? checkFlavour(body, slot) ?? checkStrictly(body, slot)
}

/** What is wrong with the key, if anything. */
export function checkOpenaiKey({ headers, slot }: Incoming): Trouble | undefined {
  const { key } = flavourOf(slot)
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  const found = key === 'api-key' ? (headers['api-key'] ?? bearer) : bearer
  if (key === 'none') return undefined
  if (found === undefined || found === '') {
    return { status: 401, reason: 'key', message: "You didn't provide an API key.", code: 'invalid_api_key' }
  }
  return found === 'bad-key' ? { status: 401, reason: 'key' } : undefined
}

function checkModel(body: Fields, slot: string): Trouble | undefined {
  if (!Array.isArray(body.messages))
    return refusal("Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter')
  if ((slot === 'openai' || slot === 'azure') && RESPONSES_ONLY.test(textOf(body.model))) {
    const message = 'This model is only supported in v1/responses and not in v1/chat/completions.'
    return { status: 404, message, param: 'model' }
  }
  return body.model === 'missing-model' ? { status: 404 } : undefined
}

// The others are laxer, each in its own way.
function checkStrictly(body: Fields, slot: string): Trouble | undefined {
  if (slot !== 'openai' && slot !== 'azure') return undefined
  const unknown = Object.keys(body).find((field) => !KNOWN_FIELDS.has(field))
  if (unknown !== undefined) return refusal(`Unrecognized request argument supplied: ${unknown}`, undefined)
  const messages = rowsOf(body.messages)
  return (
    checkParameters(body) ?? checkTools(body) ?? checkFormat(body) ?? checkOpenaiMessages(messages, textOf(body.model))
  )
}

function checkParameters(body: Fields): Trouble | undefined {
  const model = textOf(body.model)
  const reasons = REASONING_MODEL.test(model)
  if (reasons && body.max_tokens !== undefined && body.max_tokens !== null) {
    const message =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    return refusal(message, 'max_tokens', 'unsupported_parameter')
  }
  const temperature = numberOf(body.temperature)
  if (temperature !== undefined && (temperature < 0 || temperature > 2)) {
    const [side, bound] = temperature > 2 ? ['above maximum', '<= 2'] : ['below minimum', '>= 0']
    const message = `Invalid 'temperature': decimal ${side} value. Expected a value ${bound}, but got ${temperature} instead.`
    return refusal(message, 'temperature', `decimal_${side.replace(' ', '_')}_value`)
  }
  const fixed = reasons && !/^gpt-5\.[1-4]/.test(model)
  if (fixed && temperature !== undefined && temperature !== 1) {
    const message = `Unsupported value: 'temperature' does not support ${temperature} with this model. Only the default (1) value is supported.`
    return refusal(message, 'temperature', 'unsupported_value')
  }
  if (listOf(body.stop).length > 4) return refusal("Invalid 'stop': array too long.", 'stop', 'array_above_max_length')
  const unfit = fixed ? SAMPLING_FIELDS.find((field) => body[field] !== undefined && body[field] !== null) : undefined
  if (unfit !== undefined) {
    return refusal(
      `Unsupported parameter: '${unfit}' is not supported with this model.`,
      unfit,
      'unsupported_parameter',
    )
  }
  if (!reasons && body.reasoning_effort !== undefined) {
    return refusal('Unrecognized request argument supplied: reasoning_effort', undefined)
  }
  if (body.stream_options !== undefined && body.stream !== true) {
    return refusal("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options')
  }
  if (body.tool_choice !== undefined && body.tool_choice !== 'none' && rowsOf(body.tools).length === 0) {
    return refusal(
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
      'tool_choice',
    )
  }
  return undefined
}

function checkTools(body: Fields): Trouble | undefined {
  for (const [at, tool] of rowsOf(body.tools).entries()) {
    const name = textOf(fieldsOf(tool.function)?.name)
    if (tool.type !== 'function' && tool.type !== 'custom') {
      const message = `Invalid value: '${textOf(tool.type)}'. Supported values are: 'function' and 'custom'.`
      return refusal(message, `tools[${at}].type`, 'invalid_value')
    }
    if (tool.type === 'function' && !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
      const message = `Invalid 'tools[${at}].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`
      return refusal(message, `tools[${at}].function.name`, 'invalid_value')
    }
  }
  return undefined
}

function checkFormat(body: Fields): Trouble | undefined {
  const format = fieldsOf(body.response_format)
  if (format?.type === 'json_object' && !/json/i.test(JSON.stringify(body.messages))) {
    const message =
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    return refusal(message, 'messages')
  }
  if (format?.type === 'json_schema' && textOf(fieldsOf(format.json_schema)?.name) === '') {
    const param = 'response_format.json_schema.name'
    return refusal(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter')
  }
  return undefined
}
