import type { Chat, Message } from '../chat/request.ts'
import { textWeight } from '../chat/text-weight.ts'
import type { EmbeddingInput } from '../formats/embedding-format.ts'
import type { ClientRequest, Modality, Traits } from '../formats/format.ts'
import { BUDGET_TOKENS, readReasoning } from '../formats/shared/effort.ts'
import { unlistedModelTraits } from './unlisted-model.ts'

/** What a request needs a model to be able to do. */
export interface Needs {
  /** Vectors are asked for, and no answer to a chat. */
  readonly embedding?: true
  readonly input: ReadonlySet<Modality>
  readonly tools: boolean
  /** How much reasoning is asked for: none, some, or about as much as models can. */
  readonly reasoning: 'none' | 'some' | 'most'
  /** The maximum tokens of one answer; 0 if the request sets none. */
  readonly outputTokens: number
  /** How many answers are written, shown or not: all are billed. Vectors are none. */
  readonly answers: number
  /** Our estimate of the prompt, of all together where there are several, in tokens; counted when first asked for. */
  readonly promptTokens: () => number
  /** The most tokens of the prompt with its pictures and files; endless where only the model's window bounds it. Absent for texts. */
  readonly mostPromptTokens?: (() => number) | undefined
  /** Where prompts are answered each on its own: how many there are, and our estimate of the longest. */
  readonly prompts?: { readonly count: number; readonly longestTokens: number } | undefined
}

const TEXT_ONLY: ReadonlySet<Modality> = new Set()

/** What any model can do. */
export const NO_NEEDS: Needs = {
  input: TEXT_ONLY,
  tools: false,
  reasoning: 'none',
  outputTokens: 0,
  answers: 1,
  promptTokens: () => 0,
}

/** What a request says of its size that its chat does not. */
type SizesBesideChat = Pick<ClientRequest, 'answers' | 'prompts'>

/** A picture costs about this many tokens at most providers. */
const MEDIA_TOKENS = 1000
/** A large picture costs at most about this many; Claude's newest models count 4,784. */
const MOST_IMAGE_TOKENS = 5000
/** Prompts are estimated on the long side: a window that is too small fails, one that is too large only costs. */
const ESTIMATE_PER_TOKEN = 3.2

/** What a request needs its model to be able to do. */
export function needsOf(chat: Chat, { answers = chat.n ?? 1, prompts }: SizesBesideChat = {}): Needs {
  let input: Set<Modality> | undefined
  let hasMedia = false
  for (let at = 0; at < chat.messages.length; at++) {
    const content = chat.messages[at]?.content
    if (!Array.isArray(content)) continue
    for (const part of content) {
      hasMedia ||= part.text === undefined
      const modality = modalityOf(part.type, part.file?.file_data)
      if (modality !== undefined) input = (input ?? new Set()).add(modality)
    }
  }
  let tokens: number | undefined
  const lengths = prompts && lengthsOf(prompts)
  return {
    input: input ?? TEXT_ONLY,
    tools:
      Boolean(chat.tools?.length && chat.tool_choice !== 'none') ||
      Boolean(chat.functions?.length && chat.function_call !== 'none'),
    reasoning: reasoningIn(chat),
    outputTokens: chat.max_completion_tokens ?? chat.max_tokens ?? 0,
    answers,
    promptTokens: () => {
      tokens ??= lengths?.reduce((sum, length) => sum + length) ?? estimatePrompt(chat)
      return tokens
    },
    mostPromptTokens: hasMedia ? () => estimatePrompt(chat, MOST_IMAGE_TOKENS, Number.POSITIVE_INFINITY) : undefined,
    prompts: lengths && { count: lengths.length, longestTokens: Math.max(...lengths) },
  }
}

/** The length of each prompt with what comes after it: counted apart, since joined they could be gigabytes. */
function lengthsOf({ all, suffix }: NonNullable<ClientRequest['prompts']>): readonly number[] {
  const suffixTokens = suffix === '' ? 0 : inputTokens(suffix)
  return all.map((prompt) => inputTokens(prompt) + suffixTokens)
}

/** What a request for vectors needs its model to be able to do. @param promptTokens our estimate of all inputs. */
export function embeddingNeeds(promptTokens: number): Needs {
  return { ...NO_NEEDS, embedding: true, answers: 0, promptTokens: () => promptTokens }
}

/** How long an input is, in tokens: our estimate, but exact where it came as the model's own tokens. */
export function inputTokens(input: EmbeddingInput, weightOf = textWeight): number {
  return typeof input === 'string' ? Math.ceil(weightOf(input) / ESTIMATE_PER_TOKEN) : input.length
}

/** A reasoning budget of so many tokens counts as `most`. */
const MOST_REASONING_TOKENS = BUDGET_TOKENS.high

function reasoningIn(chat: Chat): Needs['reasoning'] {
  const requested = readReasoning(chat)
  const tokens = requested?.tokens ?? (requested?.effort && BUDGET_TOKENS[requested.effort])
  if (tokens !== undefined) return tokens === 0 ? 'none' : tokens < MOST_REASONING_TOKENS ? 'some' : 'most'
  // Anthropic's own words, which are handed on.
  const { type, budget_tokens: budget } = Object((chat as { thinking?: unknown }).thinking) as Record<string, unknown>
  if (type !== 'enabled' && type !== 'adaptive') return 'none'
  return typeof budget === 'number' && budget >= MOST_REASONING_TOKENS ? 'most' : 'some'
}

function modalityOf(type: string, fileData: string | null | undefined): Modality | undefined {
  switch (type) {
    case 'image_url':
      return 'image'
    case 'input_audio':
      return 'audio'
    case 'video_url':
      return 'video'
    case 'file':
      return fileData && /^data:application\/pdf/i.test(fileData) ? 'pdf' : undefined
    default:
      return undefined
  }
}

/** @param fileTokens what anything else without text counts: sound, films, documents. */
function estimatePrompt(chat: Chat, imageTokens = MEDIA_TOKENS, fileTokens = MEDIA_TOKENS): number {
  const offered = chat.tools ?? chat.functions
  let weight = offered ? JSON.stringify(offered).length : 0
  let media = 0
  for (let at = 0; at < chat.messages.length; at++) {
    const { content, tool_calls } = chat.messages[at] as Message
    if (typeof content === 'string') weight += textWeight(content)
    else if (content) {
      for (const part of content) {
        if (part.text === undefined) media += part.type === 'image_url' ? imageTokens : fileTokens
        else weight += textWeight(part.text)
      }
    }
    if (tool_calls) for (const call of tool_calls) weight += call.function?.arguments.length ?? 0
  }
  return Math.ceil(weight / ESTIMATE_PER_TOKEN) + media
}

/** What models lack of which the one kind makes vectors and the other answers chats. */
export const EMBEDDINGS = 'embeddings'
export const CHATS = 'chats'

/** What a model lacks for a request, in the word that the error's `param` gets; undefined where it lacks nothing. */
export function missingCapability(needs: Needs, traits: Traits): string | undefined {
  const makesVectors = traits.embedding !== undefined
  if (needs.embedding === true) return makesVectors || traits === unlistedModelTraits ? undefined : EMBEDDINGS
  if (makesVectors) return CHATS
  if (needs.input.size > 0) {
    for (const modality of needs.input) {
      if (!traits.input.has(modality)) return modality === 'image' ? 'vision' : modality
    }
  }
  if (needs.tools && !traits.tools) return 'tools'
  return undefined
}

/** Whether prompt and answer fit the model's window, by our estimate. */
export function fits(needs: Needs, { contextTokens }: Traits): boolean {
  if (contextTokens === 0) return true
  const tokens = needs.prompts?.longestTokens ?? needs.promptTokens()
  return tokens + needs.outputTokens <= contextTokens
}
