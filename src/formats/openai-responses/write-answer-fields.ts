import type { Finish, Usage } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, omitNull, toCount } from '../shared/fields.ts'

/** What an answer repeats of its request, and what it says where the request says nothing. */
const DEFAULTS: JsonObject = {
  background: false,
  frequency_penalty: 0,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  presence_penalty: 0,
  previous_response_id: null,
  prompt_cache_key: null,
  prompt_cache_retention: null,
  safety_identifier: null,
  service_tier: 'auto',
  temperature: 1,
  tool_choice: 'auto',
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
  user: null,
}

/** The members of a response that stay the same from its first event to its last. */
export function repeatedFields({ source, onComplete }: AnswerInput): JsonObject {
  const body = withoutLargest(source?.original ?? source?.body ?? {})
  const given = omitNull(Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, body[name]])))
  const { format, ...text } = isJsonObject(body.text) ? body.text : {}
  return {
    ...DEFAULTS,
    ...given,
    // In an answer it holds what was found, and not what was asked for.
    moderation: null,
    reasoning: { effort: null, summary: null, ...Object(body.reasoning) },
    store: onComplete !== undefined,
    text: { format: format ?? { type: 'text' }, verbosity: 'medium', ...text },
    tools: jsonObjectsIn(body.tools).map(toFullTool),
  }
}

/** Three events repeat them, and so does what is kept: that much is left out. */
const MAX_REPEATED_CHARACTERS = 1024 * 1024
const REPEATED = [...Object.keys(DEFAULTS), 'reasoning', 'text', 'tools']
/** By the body of the request, since it is asked for three times. */
const repeatedOf = new WeakMap<JsonObject, JsonObject>()

/** The fields that are repeated, as long as they are not larger than an honest request's. */
function withoutLargest(body: JsonObject): JsonObject {
  const known = repeatedOf.get(body)
  if (known !== undefined) return known
  let left = MAX_REPEATED_CHARACTERS
  const kept: Record<string, unknown> = {}
  for (const name of REPEATED) {
    const after = left - charactersOf(body[name], left)
    if (after < 0) continue
    kept[name] = body[name]
    left = after
  }
  repeatedOf.set(body, kept)
  return kept
}

/** About how long a value is as JSON; beyond the bound counting stops. */
function charactersOf(value: unknown, bound: number): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 5
  let count = 0
  for (const [name, inner] of Object.entries(value)) {
    count += name.length + charactersOf(inner, bound - count)
    if (count > bound) break
  }
  return count
}

/** A function has all its members in an answer. */
function toFullTool(tool: JsonObject): JsonObject {
  return tool.type === 'function' ? { description: null, parameters: null, strict: null, ...tool } : tool
}

/** What changes between the events of a response that hold it whole. */
export interface ResponseStatus {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed'
  readonly completed_at: number | null
  readonly error: JsonObject | null
  readonly incomplete_details: JsonObject | null
  readonly output: readonly JsonObject[]
  readonly usage: JsonObject | null
}

export const IN_PROGRESS: ResponseStatus = {
  status: 'in_progress',
  completed_at: null,
  error: null,
  incomplete_details: null,
  output: [],
  usage: null,
}

/** What every event with the whole response begins with. */
export function headOf({ envelope: { id, created, model } }: AnswerInput): JsonObject {
  return { id, object: 'response', created_at: created, model }
}

/** How an answer ended, and what it used. @param output its items, the end of the last one included. */
export function endStatus(
  { finishes: [finish], usage }: { readonly finishes: readonly Finish[]; readonly usage: Usage },
  output: readonly JsonObject[],
  now: number,
): ResponseStatus {
  const reason = incompleteReason(finish)
  const status = reason === undefined ? 'completed' : 'incomplete'
  return {
    ...IN_PROGRESS,
    status,
    completed_at: reason === undefined ? now : null,
    incomplete_details: reason === undefined ? null : { reason },
    output,
    usage: toResponseUsage(usage),
  }
}

/** Why an answer is not whole; undefined where it is. */
export function incompleteReason(finish: Finish | undefined): string | undefined {
  if (finish?.reason === 'length') return 'max_output_tokens'
  return finish?.reason === 'content_filter' ? 'content_filter' : undefined
}

/** Usage in the words of this API. */
export function toResponseUsage(usage: Usage): JsonObject {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, completion_tokens_details } = usage
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: {
      cached_tokens: toCount(prompt_tokens_details?.cached_tokens),
      cache_write_tokens: toCount(prompt_tokens_details?.cache_write_tokens),
    },
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: toCount(completion_tokens_details?.reasoning_tokens) },
    total_tokens,
    ...(usage.estimated === true ? { estimated: true } : {}),
  }
}
