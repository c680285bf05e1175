import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { PROVIDERS } from '../../catalog/providers.ts'
import { foreignFields } from '../../formats/openai-chat/foreign-fields.ts'
import type { OpenAIQuirks } from '../../formats/openai-chat/write-request.ts'
import { NATIVE_FIELDS, PARAMETERS } from '../../formats/shared/parameters.ts'
import { analyticsPart } from './analytics.ts'

const README = path.resolve(import.meta.dirname, '../../../README.md')
const BEGIN = '<!-- Made by `npm run readme` from the tables in code: do not edit. -->'
const END = '<!-- The end of what is made. -->'
/** What is made, in the order of the README. */
const PARTS = [analyticsPart, parametersAppendix]

/** What people should know of a parameter beside its fate; here, for the Worker has no use for it. */
export const NOTES: ReadonlyMap<string, string> = new Map([
  ['max_tokens', "cut to the model's limit; Anthropic always gets one"],
  ['max_completion_tokens', 'wins over `max_tokens`'],
  ['temperature', 'Anthropic: at most 1, not beside thinking; dropped by models that have none'],
  ['top_p', 'Anthropic: not beside `temperature` or thinking'],
  ['top_k', 'an extension'],
  ['stop', 'Gemini and Cohere: more than 5 are refused; Anthropic: white space is dropped'],
  ['presence_penalty', 'Cohere: 0 to 1'],
  ['frequency_penalty', 'Cohere: 0 to 1'],
  ['top_logprobs', 'nothing without `logprobs`'],
  ['tools', 'custom tools are refused'],
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

/** The README's appendix on parameters, from the tables that decide about them. */
export function parametersAppendix(): string {
  const fates = [...PARAMETERS].map(([name, { anthropic, gemini, cohere }]) => [
    code(name),
    anthropic,
    gemini,
    cohere,
    NOTES.get(name) ?? '',
  ])
  const own = Object.entries(NATIVE_FIELDS).map(([dialect, names]) => `${dialect}: ${names.map(code).join(', ')}`)
  return [
    'In dialects of their own:',
    '',
    ...table(['parameter', 'Anthropic', 'Gemini', 'Cohere, Ollama at `/api`', ''], fates),
    '',
    `Fields of their own are handed on: ${own.join('; ')}.`,
    '',
    "Providers that speak OpenAI's format get every parameter as it is, but for these:",
    '',
    ...table(['provider', 'dropped', 'refused', 'renamed'], PROVIDERS.flatMap(compatibleRow)),
    '',
    `Fields of other APIs are ${[...foreignFields()].map(code).join(', ')}.`,
  ].join('\n')
}

/** The README with what is made of it made anew. */
export function withTables(readme: string): string {
  const [before = '', ...rest] = readme.split(BEGIN)
  const afters = rest.map((text) => text.split(END))
  if (afters.length !== PARTS.length || afters.some(({ length }) => length !== 2)) {
    throw new Error('the README has lost the marks of its tables')
  }
  return before + PARTS.map((part, at) => `${BEGIN}\n\n${part()}\n\n${END}${afters[at]?.[1]}`).join('')
}

function compatibleRow({ id, format }: (typeof PROVIDERS)[number]): string[][] {
  if (format.name !== 'openai') return []
  const {
    drop = [],
    refuse = [],
    reasoningDrop = [],
    reasoningRefuse = [],
    rename = {},
    maxTokens,
    noToolChoice,
    allowedParameters,
    foreignFields,
  } = format.quirks as OpenAIQuirks
  const unknown = allowedParameters ? ['all that it does not know'] : foreignFields ? ['fields of other APIs'] : []
  const reasoning = (names: readonly string[]) => names.map((name) => `${code(name)} (reasoning models)`)
  const other = { max_tokens: 'max_completion_tokens', max_completion_tokens: 'max_tokens' }
  const renamed = maxTokens === undefined ? rename : { ...rename, [other[maxTokens]]: maxTokens }
  return [
    [
      id,
      [...drop.map(code), ...reasoning(reasoningDrop), ...unknown].join(', '),
      [...refuse.map(code), ...(noToolChoice ? [code('tool_choice')] : []), ...reasoning(reasoningRefuse)].join(', '),
      Object.entries(renamed)
        .map(([from, to]) => `${code(from)} → ${code(to)}`)
        .join(', '),
    ],
  ]
}

function code(name: string): string {
  return `\`${name}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

if (import.meta.main) writeFileSync(README, withTables(readFileSync(README, 'utf8')))
