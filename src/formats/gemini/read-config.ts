import { type Failure, quoted } from '../../chat/failure.ts'
import type { Chat } from '../../chat/request.ts'
import { ALL_EFFORTS } from '../shared/effort.ts'
import { isPresent, type JsonObject, omitNull } from '../shared/fields.ts'
import { unsupportedContent } from '../shared/parts.ts'
import { fromGeminiSchema, toNumber } from './read-schema.ts'
import type { ConfigParam } from './request-schema.ts'
import { toAnswerFormat } from './wrapped-answer.ts'

/** What means the same in a chat, and is checked as there. */
export const SAME_FIELDS: readonly (readonly [string, string])[] = [
  ['temperature', 'temperature'],
  ['topP', 'top_p'],
  ['topK', 'top_k'],
  ['maxOutputTokens', 'max_completion_tokens'],
  ['candidateCount', 'n'],
  ['stopSequences', 'stop'],
  ['seed', 'seed'],
  ['presencePenalty', 'presence_penalty'],
  ['frequencyPenalty', 'frequency_penalty'],
  ['responseLogprobs', 'logprobs'],
  ['logprobs', 'top_logprobs'],
]
const OTHER_FIELDS = [
  ...['responseMimeType', 'responseSchema', 'responseJsonSchema', '_responseJsonSchema'],
  ...['responseModalities', 'thinkingConfig'],
]
const KNOWN_FIELDS: ReadonlySet<string> = new Set([...SAME_FIELDS.map(([own]) => own), ...OTHER_FIELDS])

/** Fields of the chat by their names in this API. */
export const CONFIG_NAMES: readonly (readonly [string, string])[] = [
  ...SAME_FIELDS.map(([own, name]): [string, string] => [name, `generationConfig.${own}`]),
  ['max_tokens', 'generationConfig.maxOutputTokens'],
  ['response_format', 'generationConfig.responseSchema'],
  ['reasoning', 'generationConfig.thinkingConfig'],
  ['reasoning_effort', 'generationConfig.thinkingConfig'],
  ['modalities', 'generationConfig.responseModalities'],
]

interface ReadConfig {
  readonly chat: Partial<Chat>
  readonly requires?: Failure | undefined
  readonly dropped: readonly string[]
}

/** The fields that a chat checks as it finds them. */
export function sameConfig(config: ConfigParam): JsonObject {
  const same = SAME_FIELDS.map(([own, name]) => [name, own === 'stopSequences' ? config[own] : toNumber(config[own])])
  const fields = omitNull(Object.fromEntries(same))
  // Some providers refuse what asks for nothing.
  const left = {
    ...(fields.logprobs === true ? {} : { top_logprobs: undefined }),
    ...(fields.n === 1 ? { n: undefined } : {}),
  }
  return { ...fields, ...left }
}

/** The other fields, which the schema has checked. @throws Failure for a schema that is nested too deeply. */
export function readConfig(config: ConfigParam): ReadConfig {
  const { responseModalities: modalities } = config
  const wanted = new Set((modalities ?? []).map((one) => MODALITIES[Number(one)] ?? String(one).toLowerCase()))
  const unknown = [...wanted].find((one) => one !== 'text' && one !== 'image' && one !== 'modality_unspecified')
  const output = readOutput(config)
  const dropped = Object.keys(config).filter((name) => !KNOWN_FIELDS.has(name) && isPresent(config[name]))
  return {
    chat: {
      ...output.chat,
      ...readThinking(config.thinkingConfig ?? {}),
      ...(wanted.has('image') ? { modalities: ['text', 'image'] } : {}),
    },
    requires:
      unknown === undefined
        ? output.requires
        : unsupportedContent('generationConfig.responseModalities', `a request for answers in ${quoted(unknown)}`),
    dropped: dropped.map((name) => `generationConfig.${name}`),
  }
}

/** Some clients send their numbers. */
const MODALITIES = ['modality_unspecified', 'text', 'image', 'audio']

const JSON_TYPE = 'application/json'

/** The answer is one of the values of an `enum`, as it is. */
const WORD_TYPE = 'text/x.enum'

function readOutput(config: ConfigParam): Pick<ReadConfig, 'chat' | 'requires'> {
  const { responseMimeType: mimeType, responseSchema, responseJsonSchema, _responseJsonSchema } = config
  if (mimeType && mimeType !== JSON_TYPE && mimeType !== 'text/plain' && mimeType !== WORD_TYPE) {
    const param = 'generationConfig.responseMimeType'
    return { chat: {}, requires: unsupportedContent(param, 'a request for answers of this type') }
  }
  const path = 'generationConfig.responseSchema'
  const schema = responseSchema
    ? fromGeminiSchema(responseSchema, { path, isClosed: true })
    : (responseJsonSchema ?? _responseJsonSchema)
  if (schema) return { chat: toAnswerFormat(schema, mimeType === WORD_TYPE) }
  return { chat: mimeType === JSON_TYPE ? { response_format: { type: 'json_object' } } : {} }
}

/** A budget of -1 leaves it to the model how much it thinks. Thoughts that are to be shown are asked for by `reasoning`. */
function readThinking({ thinkingBudget, thinkingLevel, includeThoughts }: JsonObject): Partial<Chat> {
  const tokens = Number(thinkingBudget ?? Number.NaN)
  if (tokens === 0) return { reasoning_effort: 'none' }
  if (tokens > 0) return { reasoning: { max_tokens: tokens } }
  const effort = String(thinkingLevel).toLowerCase()
  if (ALL_EFFORTS.includes(effort)) {
    return includeThoughts === true
      ? { reasoning: { effort } }
      : { reasoning_effort: effort as NonNullable<Chat['reasoning_effort']> }
  }
  return includeThoughts === true || tokens < 0 ? { reasoning: { enabled: true } } : {}
}
