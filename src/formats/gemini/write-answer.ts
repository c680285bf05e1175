import type { Finish, OutputEvent, Usage } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { MAX_KEPT_CHARACTERS } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toCount } from '../shared/fields.ts'
import { createAnswerParts } from './answer-parts.ts'
import { createUnwrapper } from './wrapped-answer.ts'
import { createGroundingWriter, type GroundingWriter } from './write-grounding.ts'

/** What stands beside the parts of a candidate. */
export interface Beside {
  /** For its citations. */
  text: string
  refused: boolean
  logprobs: { readonly chosenCandidates: JsonObject[]; readonly topCandidates: JsonObject[] } | undefined
  readonly grounding: GroundingWriter
}

/** What stands beside the parts of all candidates. */
export interface BesideParts {
  readonly byChoice: ReadonlyMap<number, Beside>
  readonly of: (choice: number) => Beside
  /** Whether so many characters more may be kept. */
  readonly fits: (characters: number) => boolean
}

export function createBesideParts(): BesideParts {
  const byChoice = new Map<number, Beside>()
  let kept = 0
  const fits = (characters: number) => {
    kept += characters
    return kept <= MAX_KEPT_CHARACTERS
  }
  return {
    byChoice,
    of: (choice) => {
      const known = byChoice.get(choice)
      if (known !== undefined) return known
      const beside = { text: '', refused: false, logprobs: undefined, grounding: createGroundingWriter(fits) }
      byChoice.set(choice, beside)
      return beside
    },
    fits,
  }
}

/** Notes what an event says that is no part. */
export function noteBeside(all: BesideParts, event: OutputEvent): void {
  if (event.type === 'text' || event.type === 'refusal') {
    const beside = all.of(event.choice)
    if (all.fits(event.text.length)) beside.text += event.text
    if (event.type === 'refusal') beside.refused = true
  } else if (event.type === 'extra') {
    const { annotations, logprobs } = event.fields
    if (Array.isArray(annotations)) all.of(event.choice).grounding.cite(annotations)
    if (isJsonObject(logprobs)) noteLogprobs(all.of(event.choice), logprobs)
  }
}

function noteLogprobs(beside: Beside, { content }: JsonObject): void {
  const tokens = jsonObjectsIn(content)
  if (tokens.length === 0) return
  beside.logprobs ??= { chosenCandidates: [], topCandidates: [] }
  const { chosenCandidates, topCandidates } = beside.logprobs
  for (const token of tokens) {
    chosenCandidates.push(toLogprob(token))
    topCandidates.push({ candidates: jsonObjectsIn(token.top_logprobs).map(toLogprob) })
  }
}

function toLogprob({ token, logprob }: JsonObject): JsonObject {
  return { token, logProbability: logprob }
}

const FINISH_REASONS: Readonly<Record<Finish['reason'], string>> = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  tool_calls: 'STOP',
  function_call: 'STOP',
  content_filter: 'SAFETY',
}

/** A candidate, or what of it is new; with an end where it has one. Parts are never absent: Google's clients take that for broken. */
export function toCandidate(index: number, parts: readonly JsonObject[], beside?: Beside, finish?: Finish): JsonObject {
  const content = { parts: parts.length === 0 ? [{ text: '' }] : parts, role: 'model' }
  const logprobsResult = beside?.logprobs
  if (beside !== undefined) beside.logprobs = undefined
  const grounding = finish && beside?.grounding.metadata(beside.text)
  return {
    content,
    ...(finish === undefined ? {} : { finishReason: reasonOf(finish, beside) }),
    index,
    ...(logprobsResult === undefined ? {} : { logprobsResult }),
    ...(grounding === undefined ? {} : { groundingMetadata: grounding }),
  }
}

function reasonOf({ reason }: Finish, beside: Beside | undefined): string {
  return reason === 'stop' && beside?.refused ? 'SAFETY' : FINISH_REASONS[reason]
}

/** The candidates at the end, with the parts that are their last or their only ones. */
export function endedCandidates(
  finishes: readonly Finish[],
  parts: ReadonlyMap<number, readonly JsonObject[]>,
  all: BesideParts,
): readonly JsonObject[] {
  const ends: readonly Finish[] = finishes.length === 0 ? [{ choice: 0, reason: 'stop' }] : finishes
  return ends.map((finish) =>
    toCandidate(finish.choice, parts.get(finish.choice) ?? [], all.byChoice.get(finish.choice), finish),
  )
}

/** A response in the order of Google's own. */
export function responseOf({ envelope }: AnswerInput, candidates: readonly JsonObject[], usageMetadata: JsonObject) {
  return { candidates, usageMetadata, ...namesOf(envelope) }
}

/** What our contract says about every answer, also about one of Google's (contract 3). */
export function namesOf({ model, id }: AnswerInput['envelope']): JsonObject {
  return { modelVersion: model, responseId: id }
}

/** Thoughts stand beside the answer here, and within it in a chat. */
export function usageOf(usage: Usage): JsonObject {
  const { prompt_tokens: prompt, completion_tokens: output, prompt_tokens_details, completion_tokens_details } = usage
  const thoughts = Math.min(toCount(completion_tokens_details?.reasoning_tokens), output)
  return countsOf(prompt, output - thoughts, thoughts, Math.min(toCount(prompt_tokens_details?.cached_tokens), prompt))
}

export function countsOf(prompt: number, answer: number, thoughts: number, cached = 0): JsonObject {
  return {
    promptTokenCount: prompt,
    ...(cached > 0 ? { cachedContentTokenCount: cached } : {}),
    candidatesTokenCount: answer,
    ...(thoughts > 0 ? { thoughtsTokenCount: thoughts } : {}),
    totalTokenCount: prompt + answer + thoughts,
  }
}

/**
 * Writes a whole answer: Google's own where it came, otherwise what a stream would add up to.
 * @throws Failure that the events end with.
 */
export function writeGenerateContent(events: Iterable<OutputEvent>, answer: AnswerInput): object {
  const all = [...events]
  const end = all.at(-1)
  if (end?.type === 'error') throw end.failure
  if (end?.type !== 'end') throw new TypeError('the events have no end')
  const [native, ...more] = all.flatMap((event) => (event.type === 'native' ? event.message : []))
  // A server that answers with the list of a stream gives none that is whole.
  if (native !== undefined && more.length === 0) return { ...native, ...namesOf(answer.envelope) }
  const beside = createBesideParts()
  const content = new Map<number, JsonObject[]>()
  const parts = createAnswerParts(answer, (choice, part) => append(content, choice, part))
  const unwrap = native === undefined ? createUnwrapper(answer.chat) : undefined
  for (const event of unwrap === undefined ? all : all.flatMap(unwrap)) {
    noteBeside(beside, event)
    parts.push(event)
  }
  parts.end()
  return responseOf(answer, endedCandidates(end.finishes, content, beside), usageOf(end.usage))
}

/** Joins texts of one kind. A signature is the last part's, also where it came after it. */
function append(content: Map<number, JsonObject[]>, choice: number, part: JsonObject): void {
  const parts = content.get(choice) ?? []
  const last = parts.at(-1)
  if (last === undefined) content.set(choice, parts)
  if (typeof last?.text === 'string' && typeof part.text === 'string' && last.thought === part.thought) {
    parts[parts.length - 1] = { ...last, ...part, text: last.text + part.text }
  } else parts.push(part)
}
