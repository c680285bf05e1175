import * as z from 'zod/mini'
import { Failure } from './failure.ts'

/**
 * The schema of a chat request (reference; contract 8). Loose: a field we don't know survives and travels to providers
 * that may know it. OpenAI's optional fields also take `null`, meaning absent, as OpenAI itself does.
 */

const text = z.string()
// Each schema is made when an isolate starts, at its first caller's expense: those that are used often are made once.
const maybeText = z.nullish(text)
const maybeBoolean = z.nullish(z.boolean())
const maybeFields = z.nullish(z.record(text, z.unknown()))
const maybePrice = z.nullish(z.number().check(z.minimum(0)))
const maybeCount = z.nullish(z.number().check(z.int(), z.minimum(1)))
const strings = z.array(z.string())
/** Each of these costs work for every target there is; nobody has so many favourites. */
const names = z.array(text).check(z.maxLength(20))
const maybeNames = z.nullish(names)

/** One part of a message's content. Types we don't name pass: an OpenAI-compatible provider may know them. */
const part = z
  .looseObject({
    type: text,
    text: z.optional(text),
    image_url: z.optional(z.looseObject({ url: text })),
    input_audio: z.optional(z.looseObject({ data: text, format: text })),
    file: z.optional(
      z.looseObject({
        file_data: maybeText,
        file_id: maybeText,
        filename: maybeText,
      }),
    ),
    refusal: z.optional(text),
  })
  .check((context) => {
    const member = PART_MEMBERS[context.value.type]
    if (member !== undefined && context.value[member] === undefined) {
      context.issues.push({ code: 'custom', input: undefined, path: [member], message: MISSING })
    }
  })

const MISSING = 'is missing'
const PART_MEMBERS: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  text: 'text',
  image_url: 'image_url',
  input_audio: 'input_audio',
  file: 'file',
  refusal: 'refusal',
})

const content = z.union([text, z.array(part)], { error: 'must be a string or an array of content parts' })

const functionCall = z.looseObject({ name: text, arguments: text })
const toolCall = z
  .looseObject({
    id: text,
    type: z.optional(text),
    function: z.optional(functionCall),
    custom: z.optional(z.looseObject({ name: text, input: text })),
  })
  .check((context) => {
    const member = context.value.type === 'custom' ? 'custom' : 'function'
    if (context.value[member] === undefined) {
      context.issues.push({ code: 'custom', input: undefined, path: [member], message: MISSING })
    }
  })

const message = z
  .looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
    content: z.nullish(content),
    name: maybeText,
    tool_calls: z.nullish(z.array(toolCall)),
    tool_call_id: maybeText,
    function_call: z.nullish(functionCall),
    refusal: maybeText,
    reasoning_content: maybeText,
    reasoning: maybeText,
    reasoning_details: z.nullish(z.array(z.looseObject({ type: text }))),
  })
  .check((context) => {
    const { role, content, tool_call_id, name } = context.value
    const lacks = (field: string) =>
      context.issues.push({ code: 'custom', input: undefined, path: [field], message: MISSING })
    // An assistant may have nothing to say beside its tool calls; everybody else has.
    if (role !== 'assistant' && (content === undefined || content === null)) lacks('content')
    if (role === 'tool' && typeof tool_call_id !== 'string') lacks('tool_call_id')
    if (role === 'function' && typeof name !== 'string') lacks('name')
  })

const tool = z
  .looseObject({
    type: text,
    function: z.optional(
      z.looseObject({
        name: text,
        description: maybeText,
        parameters: maybeFields,
        strict: maybeBoolean,
      }),
    ),
    custom: z.optional(z.looseObject({ name: text, description: maybeText })),
  })
  .check((context) => {
    const { type } = context.value
    if ((type === 'function' || type === 'custom') && context.value[type] === undefined) {
      context.issues.push({ code: 'custom', input: undefined, path: [type], message: MISSING })
    }
  })

const namedChoice = z
  .looseObject({ type: text, function: z.optional(z.looseObject({ name: text })) })
  .check((context) => {
    if (context.value.type === 'function' && context.value.function === undefined) {
      context.issues.push({ code: 'custom', input: undefined, path: ['function'], message: MISSING })
    }
  })
const toolChoice = z.union([z.enum(['none', 'auto', 'required']), namedChoice], {
  error: 'must be "none", "auto", "required" or an object that names a tool',
})

const routing = {
  models: maybeNames,
  provider: z.nullish(
    z.looseObject({
      order: maybeNames,
      only: maybeNames,
      ignore: maybeNames,
      allow_fallbacks: maybeBoolean,
      require_parameters: maybeBoolean,
      sort: z.nullish(z.enum(['price', 'throughput', 'latency'])),
      max_price: z.nullish(
        z.looseObject({
          prompt: maybePrice,
          completion: maybePrice,
        }),
      ),
    }),
  ),
}

const maybePenalty = z.nullish(z.number().check(z.minimum(-2), z.maximum(2)))

const chat = z.looseObject({
  model: text.check(z.minLength(1)),
  messages: z.array(message).check(z.minLength(1)),
  stream: maybeBoolean,
  stream_options: z.nullish(z.looseObject({ include_usage: maybeBoolean })),
  temperature: z.nullish(z.number().check(z.minimum(0), z.maximum(2))),
  top_p: z.nullish(z.number().check(z.minimum(0), z.maximum(1))),
  top_k: maybePrice,
  max_tokens: maybeCount,
  max_completion_tokens: maybeCount,
  n: z.nullish(z.number().check(z.int(), z.minimum(1), z.maximum(128))),
  stop: z.nullish(z.union([text, strings], { error: 'must be a string or an array of strings' })),
  seed: z.nullish(z.number().check(z.int())),
  presence_penalty: maybePenalty,
  frequency_penalty: maybePenalty,
  logit_bias: z.nullish(z.record(text, z.number())),
  logprobs: maybeBoolean,
  top_logprobs: z.nullish(z.number().check(z.int(), z.minimum(0), z.maximum(20))),
  tools: z.nullish(z.array(tool)),
  tool_choice: z.nullish(toolChoice),
  parallel_tool_calls: maybeBoolean,
  functions: z.nullish(z.array(z.looseObject({ name: text }))),
  response_format: z.nullish(
    z
      .looseObject({
        type: text,
        json_schema: z.optional(
          z.looseObject({
            name: z.optional(text),
            description: maybeText,
            schema: maybeFields,
            strict: maybeBoolean,
          }),
        ),
      })
      .check((context) => {
        if (context.value.type === 'json_schema' && context.value.json_schema === undefined) {
          context.issues.push({ code: 'custom', input: undefined, path: ['json_schema'], message: MISSING })
        }
      }),
  ),
  reasoning_effort: z.nullish(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])),
  modalities: z.nullish(strings),
  user: maybeText,
  metadata: maybeFields,
  service_tier: maybeText,
  ...routing,
})

/** A chat request that has passed the schema. Fields beyond the schema are there, as `unknown`. */
export type Chat = z.infer<typeof chat>
export type Message = Chat['messages'][number]
export type Part = Exclude<Message['content'], string | null | undefined>[number]
export type Tool = NonNullable<Chat['tools']>[number]
export type ToolCall = NonNullable<Message['tool_calls']>[number]

/** Fields of the body that are for Router9 itself and reach no provider (contract 8). */
export const ROUTING_FIELDS: readonly string[] = Object.keys(routing)

type Issue = z.core.$ZodIssue

/**
 * Checks a parsed body against the schema. The value returned is the body itself, not a copy.
 * @throws Failure `missing-parameter` or `invalid-value`, its `param` the path of the first fault.
 */
export function parseChat(body: Readonly<Record<string, unknown>>): Chat {
  const result = chat.safeParse(body)
  if (result.success) return body as Chat
  const [first] = result.error.issues
  if (first === undefined) throw new Failure('invalid-value', 'The request body is not valid.')
  throw failureOf(deepest(first), body)
}

/** In a union, the branch that came furthest is the one that was meant. */
function deepest(issue: Issue, above: PropertyKey[] = []): { path: PropertyKey[]; issue: Issue } {
  const path = [...above, ...issue.path]
  if (issue.code !== 'invalid_union') return { path, issue }
  const inner = issue.errors
    .flatMap((branch) => branch.slice(0, 1))
    .filter((branch) => branch.path.length > 0)
    .map((branch) => deepest(branch, path))
    .sort((a, b) => b.path.length - a.path.length)[0]
  return inner ?? { path, issue }
}

function failureOf({ path, issue }: { path: PropertyKey[]; issue: Issue }, body: unknown): Failure {
  const param = pathText(path)
  if (valueAt(body, path) === undefined) {
    return new Failure('missing-parameter', `The required parameter '${param}' is missing.`, { param })
  }
  return new Failure('invalid-value', `'${param}' ${complaint(issue)}.`, { param })
}

/** A path as OpenAI writes it: `messages[1].content`. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${String(step)}`))
    .join('')
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[step],
    body,
  )
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

function complaint(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}`
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? 'must not be empty'
        : `must be at least ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'array' ? `must hold at most ${issue.maximum}` : `must be at most ${issue.maximum}`
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`.replace(/, ([^,]*)$/, ' or $1')
    default:
      return issue.message === MISSING ? 'must not be null' : issue.message
  }
}
