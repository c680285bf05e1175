import { Failure, quoted } from '../chat/failure.ts'

/** The list of models in the shapes of other APIs than OpenAI's, made from that one. APIs of chats list models that chat. */

type Fields = Readonly<Record<string, unknown>>
type Query = (name: string) => string | undefined

/** A model as Anthropic describes it (platform.claude.com, "Models"). */
export function toAnthropicModel({ id, created, context_length, max_output_tokens }: Fields): Fields {
  const createdAt = new Date(Number(created) * 1000).toISOString().replace('.000', '')
  const bounds = { max_input_tokens: context_length ?? null, max_tokens: max_output_tokens ?? null }
  const stage = { lifecycle: 'active', deprecated_at: null, retires_at: null, line: null, capabilities: null }
  return { type: 'model', id, display_name: id, created_at: createdAt, ...bounds, ...stage }
}

const DEFAULT_LIMIT = 20
const GEMINI_DEFAULT_LIMIT = 50
const MAX_LIMIT = 1000

function chatModels(list: Fields): readonly Fields[] {
  return (list.data as readonly Fields[]).filter(({ dimensions }) => dimensions === undefined)
}

/** A page of the list as Anthropic gives it. @throws Failure 400 for a query that asks for no page. */
export function toAnthropicList(list: Fields, query: Query): Fields {
  const rows = chatModels(list)
  const limit = readLimit('limit', query('limit'), DEFAULT_LIMIT)
  const [after, before] = [indexOf(rows, 'after_id', query), indexOf(rows, 'before_id', query)]
  const from = after === undefined ? 0 : after + 1
  // Before an id stand those that are nearest to it.
  const [start, end] = before === undefined ? [from, from + limit] : [Math.max(before - limit, from), before]
  const data = rows.slice(start, end).map(toAnthropicModel)
  const hasMore = before === undefined ? end < rows.length : start > from
  return { data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

function readLimit(param: string, given: string | undefined, byDefault: number): number {
  if (given === undefined) return byDefault
  const limit = Number(given)
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw new Failure('invalid-value', `'${param}' must be a whole number from 1 to ${MAX_LIMIT}.`, { param })
}

function indexOf(rows: readonly Fields[], name: string, query: Query): number | undefined {
  const id = query(name)
  if (id === undefined) return undefined
  const at = rows.findIndex((row) => row.id === id)
  if (at >= 0) return at
  throw new Failure('invalid-value', `'${name}' names no model of the list: '${quoted(id)}'.`, { param: name })
}

/** A model as Google describes it (ai.google.dev, "Models"). What is not known is absent. */
export function toGeminiModel({ id, context_length, max_output_tokens, capabilities, dimensions }: Fields): Fields {
  return {
    name: `models/${id}`,
    version: '001',
    displayName: id,
    ...(context_length ? { inputTokenLimit: context_length } : {}),
    ...(max_output_tokens ? { outputTokenLimit: max_output_tokens } : {}),
    ...(dimensions === undefined
      ? {
          supportedGenerationMethods: ['generateContent', 'countTokens'],
          thinking: Object(capabilities).reasoning !== false,
        }
      : { supportedGenerationMethods: ['embedContent', 'batchEmbedContents'] }),
  }
}

/** A page of the list as Google gives it; a token names the last model of the page before. @throws Failure 400 for no page. */
export function toGeminiList(list: Fields, query: Query): Fields {
  const rows = list.data as readonly Fields[]
  // Google takes 0 for absent, and gives at most so many, however many are asked for.
  const asked = Number(query('pageSize') ?? 0)
  const size =
    asked > MAX_LIMIT
      ? MAX_LIMIT
      : readLimit('pageSize', asked === 0 ? undefined : query('pageSize'), GEMINI_DEFAULT_LIMIT)
  const after = query('pageToken') ? indexOf(rows, 'pageToken', query) : undefined
  const from = after === undefined ? 0 : after + 1
  const page = rows.slice(from, from + size)
  const last = from + size < rows.length ? page.at(-1) : undefined
  return { models: page.map(toGeminiModel), ...(last === undefined ? {} : { nextPageToken: last.id }) }
}

/** What Codex shows beside a level. */
const LEVELS: Readonly<Record<string, string>> = {
  none: 'Answers without reasoning',
  minimal: 'Reasons as little as it can',
  low: 'Reasons little, answers soon',
  medium: 'Reasons as much as most tasks need',
  high: 'Reasons more, for hard tasks',
  xhigh: 'Reasons much more, for very hard tasks',
}

/** Codex gives a model of a list no instructions of its own, and refuses a list without any. */
const INSTRUCTIONS = `You are Codex, a coding agent in the user's workspace. Work on the task until it is done, as far as your tools allow.
Read the code that matters before you change it, and follow its style and the instructions in AGENTS.md files.
Make the smallest change that solves the problem at its cause. Leave alone what you were not asked for, and never undo changes that are not yours.
Edit files with apply_patch where you have it. Run tests or the program to see that your change works, and say so where you could not.
Do not commit, and do nothing destructive, unless the user asks for it. Answer briefly: what you did, where, and what is left.`

/** The list with what Codex asks for beside it. */
export function withCodexModels(list: Fields): Fields {
  return { ...list, models: chatModels(list).map(toCodexModel) }
}

/** A model as Codex reads it (openai/codex, `ModelInfo`): it refuses a whole list for one member that is missing. */
function toCodexModel({ id, context_length, modalities, capabilities }: Fields, at: number): Fields {
  const { tools = true, reasoning = true, reasoning_effort } = Object(capabilities) as Fields
  const { input } = Object(modalities) as { input?: readonly string[] }
  const named = Array.isArray(reasoning_effort) ? reasoning_effort : reasoning === true ? ['low', 'medium', 'high'] : []
  const efforts = named.filter((effort) => Object.hasOwn(LEVELS, effort))
  return {
    slug: id,
    display_name: id,
    description: null,
    ...(efforts.length === 0 ? {} : { default_reasoning_level: efforts.includes('medium') ? 'medium' : efforts[0] }),
    supported_reasoning_levels: efforts.map((effort) => ({ effort, description: LEVELS[effort] })),
    shell_type: 'shell_command',
    visibility: tools === true ? 'list' : 'hide',
    supported_in_api: true,
    priority: at,
    availability_nux: null,
    upgrade: null,
    base_instructions: INSTRUCTIONS,
    supports_reasoning_summaries: efforts.length > 0,
    support_verbosity: false,
    default_verbosity: null,
    apply_patch_tool_type: 'freeform',
    truncation_policy: { mode: 'tokens', limit: 10_000 },
    supports_parallel_tool_calls: true,
    ...(context_length ? { context_window: context_length } : {}),
    experimental_supported_tools: [],
    input_modalities: (input ?? ['text']).filter((modality) => modality === 'text' || modality === 'image'),
  }
}
