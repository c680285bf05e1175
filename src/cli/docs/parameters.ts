import { PROVIDERS } from '../../catalog/providers.ts'
import { foreignFields } from '../../formats/openai-chat/foreign-fields.ts'
import type { OpenAIQuirks } from '../../formats/openai-chat/write-request.ts'
import { allParameters, NATIVE_FIELDS, policyFor, TRANSLATED_FORMATS } from '../../formats/shared/parameters.ts'

/** What people should know about a parameter. Here, because the Worker has no use for it. */
export const NOTES: ReadonlyMap<string, string> = new Map([
  ['max_tokens', "cut to the model's limit; Anthropic always gets one"],
  ['max_completion_tokens', 'wins over `max_tokens`'],
  ['temperature', 'Anthropic: at most 1, not beside thinking; dropped by models that have none'],
  ['top_p', 'Anthropic: not beside `temperature` or thinking'],
  ['top_k', 'an extension'],
  ['stop', 'Responses have none; Gemini and Cohere: more than 5 are refused; Anthropic: white space is dropped'],
  ['presence_penalty', 'Cohere: 0 to 1'],
  ['frequency_penalty', 'Cohere: 0 to 1'],
  ['top_logprobs', 'nothing without `logprobs`'],
  ['tools', 'a custom tool goes as a function with one text, and comes back as a custom call'],
  [
    'response_format',
    'Gemini before 3: refused beside tools; Groq: `json_object` is asked for by the prompt in streams and beside tools',
  ],
  ['reasoning_effort', 'the nearest level or budget that the model has'],
  ['reasoning', "OpenRouter's form: `effort`, `max_tokens`, `enabled`"],
  ['modalities', 'anything but `["text"]`; Gemini: images, no sound'],
  ['functions', 'the form before `tools`: they go as tools, and a call comes back as `function_call`'],
  ['function_call', 'goes as `tool_choice`'],
  ['service_tier', 'Anthropic: `auto` and `default`'],
])

/** What each provider does with each parameter, from the tables that decide it: for `src/docs/parameters.md`. */
export function parametersPart(): string {
  const policies = [...allParameters()].map((name) => [
    code(name),
    ...TRANSLATED_FORMATS.map((format) => policyFor(name, format)),
    NOTES.get(name) ?? '',
  ])
  const own = Object.entries(NATIVE_FIELDS).flatMap(([format, names]) =>
    names.length === 0 ? [] : `${format}: ${names.map(code).join(', ')}`,
  )
  return [
    'Providers with a format of their own (Ollama: at base URLs that end in `/api`):',
    '',
    ...table(['parameter', ...TRANSLATED_FORMATS, ''], policies),
    '',
    `Fields that only one of these formats has are passed on to it: ${own.join('; ')}.`,
    '',
    "Providers that speak OpenAI's format get every parameter unchanged, except these:",
    '',
    ...table(['provider', 'dropped', 'refused', 'renamed'], PROVIDERS.flatMap(compatibleRow)),
    '',
    `Fields of other APIs are ${[...foreignFields()].map(code).join(', ')}.`,
  ].join('\n')
}

/** A row for a provider that changes anything; none for others. */
function compatibleRow({ id, format }: (typeof PROVIDERS)[number]): string[][] {
  if (format.name !== 'openai-chat') return []
  const {
    drop = [],
    refuse = [],
    reasoningDrop = [],
    reasoningRefuse = [],
    rename = {},
    maxTokens,
    noToolChoice,
    allowedParameters,
    foreignFields: dropsForeign,
  } = format.quirks as OpenAIQuirks
  const unknown = allowedParameters ? ['all unknown fields'] : dropsForeign ? ['fields of other APIs'] : []
  const reasoning = (names: readonly string[]) => names.map((name) => `${code(name)} (reasoning models)`)
  const other = { max_tokens: 'max_completion_tokens', max_completion_tokens: 'max_tokens' }
  const renamed = maxTokens === undefined ? rename : { ...rename, [other[maxTokens]]: maxTokens }
  const cells = [
    [...drop.map(code), ...reasoning(reasoningDrop), ...unknown].join(', '),
    [...refuse.map(code), ...(noToolChoice ? [code('tool_choice')] : []), ...reasoning(reasoningRefuse)].join(', '),
    Object.entries(renamed)
      .map(([from, to]) => `${code(from)} → ${code(to)}`)
      .join(', '),
  ]
  return cells.every((cell) => cell === '') ? [] : [[id, ...cells]]
}

function code(name: string): string {
  return `\`${name}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}
