import type { ErrorObject, Failure, FailureKind } from '../../chat/failure.ts'
import { isJsonObject, type JsonObject, omitNull } from './fields.ts'

/**
 * Errors in OpenRouter's form: the code is the HTTP status, and `metadata.error_type` says what happened. What OpenAI's form
 * says beside the message is in the metadata too.
 */
export interface OpenRouterError {
  readonly code: number
  readonly message: string
  readonly metadata: Readonly<Record<string, unknown>>
}

/** OpenRouter's words for the statuses that its clients know (openrouter.ai, "Errors"). */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication',
  402: 'payment_required',
  403: 'permission_denied',
  404: 'not_found',
  408: 'timeout',
  413: 'payload_too_large',
  429: 'rate_limit_exceeded',
  500: 'server',
  502: 'provider_unavailable',
  503: 'provider_overloaded',
  524: 'timeout',
}

const TYPES_OF_KINDS: { readonly [kind in FailureKind]?: string } = {
  'context-length': 'context_length_exceeded',
  'content-filter': 'content_policy_violation',
}

/** Money that is used up is 402 there, and a provider that was too slow 524. */
function openRouterStatus({ kind, status }: Failure): number {
  if (kind === 'budget') return 402
  return status === 504 ? 524 : status
}

/** @param error the failure in OpenAI's form, in the words of the API that was asked. */
export function toOpenRouterError(failure: Failure, error: ErrorObject = failure.toError()): OpenRouterError {
  const { message, ...others } = error
  const code = openRouterStatus(failure)
  return {
    code,
    message,
    metadata: { error_type: TYPES_OF_KINDS[failure.kind] ?? TYPES[code] ?? 'invalid_request', ...others },
  }
}

interface ErrorWriter {
  readonly writeError: (failure: Failure, requestId: string) => object
}

/** A format whose errors have OpenAI's form, with errors in OpenRouter's. */
export function withOpenRouterErrors<Format extends ErrorWriter>(format: Format): Format {
  return {
    ...format,
    statusOf: openRouterStatus,
    writeError: (failure: Failure, requestId: string) => {
      const { error } = format.writeError(failure, requestId) as { readonly error: ErrorObject }
      return { error: toOpenRouterError(failure, error) }
    },
  }
}

/** Details may be left out, but are numbers. Cost is one number; Perplexity has it in parts. */
export function toOpenRouterUsage<Counts extends JsonObject>(usage: Counts): Counts {
  const { prompt_tokens_details: prompt, completion_tokens_details: completion, cost, cost_details, ...others } = usage
  const dollars = isJsonObject(cost) ? cost.total_cost : cost
  const details = isJsonObject(cost_details) ? cost_details : {}
  const isWhole = [details.upstream_inference_prompt_cost, details.upstream_inference_completions_cost].every(isNumber)
  const further = {
    ...(isJsonObject(prompt) ? { prompt_tokens_details: omitNull(prompt) } : {}),
    ...(isJsonObject(completion) ? { completion_tokens_details: omitNull(completion) } : {}),
    ...(isNumber(dollars) ? { cost: dollars } : {}),
    ...(isWhole ? { cost_details } : {}),
  }
  return { ...others, ...further } as unknown as Counts
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
