import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { toUsage } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { failuresAsEvents } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toCount, toText } from '../shared/fields.ts'
import { notAnAnswer, readErrorInAnswer } from '../shared/upstream-error.ts'
import { type AnswerState, type Candidate, candidateOf, createAnswerState } from './answer-state.ts'
import { dropExecutedCall, endPartialCall, readCall, releaseCalls } from './read-calls.ts'
import { GEMINI_REASONING_FORMAT } from './write-contents.ts'

/** Reads Gemini's answers: an event of a stream is a whole GenerateContentResponse, and so is a body (translation 2.3). */
export interface GeminiReader {
  readonly readEvent: MessageReader
  readonly readBody: (body: unknown) => readonly ChatEvent[]
}

/** `finishReason`s with which Google withholds an answer, or the rest of it. */
const FILTER_REASONS = new Set([
  'SAFETY',
  'RECITATION',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
  'IMAGE_RECITATION',
  'MODEL_ARMOR',
  'LANGUAGE',
])

/** @param isNative the client speaks this format itself. */
export function createGeminiReader(newId: () => string, isNative = false): GeminiReader {
  const state = createAnswerState(newId)
  const read = failuresAsEvents((data) => readResponse(state, data))
  const readEvent: MessageReader = isNative ? withNative(read) : read
  return {
    readEvent,
    readBody: failuresAsEvents((body) => {
      // Without `alt=sse` a stream is one list of its events (translation 2).
      const events = Array.isArray(body) ? body.flatMap((event) => readEvent(event, '')) : readEvent(body, '')
      return events.length === 0 ? [{ type: 'error', failure: notAnAnswer() }] : [...events, { type: 'done' }]
    }),
  }
}

/** The members of a part that other events tell. A call of Google's own tools, for example, only the client's format knows. */
const TOLD_PARTS: ReadonlySet<string> = new Set(['text', 'functionCall', 'thought', 'thoughtSignature'])

/** The client gets each response as it came, and a blocked prompt as an answer. */
function withNative(read: MessageReader): MessageReader {
  return (message, name) => {
    const events = read(message, name)
    if (!isJsonObject(message)) return events
    const { promptFeedback, candidates, usageMetadata: usage } = message
    const isBlocked = isJsonObject(promptFeedback) && toText(promptFeedback.blockReason) !== undefined
    if (isBlocked && jsonObjectsIn(candidates).length === 0) {
      return [
        { type: 'native', message, isContent: true },
        { type: 'finish', choice: 0, reason: 'content_filter', isFinal: true },
        ...(isJsonObject(usage) ? [toUsageEvent(usage)] : []),
        { type: 'done' },
      ]
    }
    if (events.some(({ type }) => type === 'error')) return events
    const parts = jsonObjectsIn(candidates).flatMap(({ content }) => jsonObjectsIn(Object(content).parts))
    const isContent = parts.some((part) => Object.keys(part).some((member) => !TOLD_PARTS.has(member)))
    return [{ type: 'native', message, ...(isContent ? { isContent } : {}) }, ...events]
  }
}

function readResponse(state: AnswerState, response: unknown): readonly ChatEvent[] {
  if (!isJsonObject(response)) return [{ type: 'error', failure: notAnAnswer() }]
  if (isJsonObject(response.error)) return [{ type: 'error', failure: readErrorInAnswer(response) }]
  const events: ChatEvent[] = []
  const candidates = jsonObjectsIn(response.candidates)
  const choices = state.choiceNumbers(candidates)
  candidates.forEach((candidate, at) => {
    readCandidate(state, candidateOf(state, choices[at] ?? at), candidate, events)
  })
  const { promptFeedback: feedback, usageMetadata: usage } = response
  if (candidates.length === 0 && isJsonObject(feedback)) readPromptFeedback(feedback, events)
  if (isJsonObject(usage)) events.push(toUsageEvent(usage))
  return events
}

function readCandidate(state: AnswerState, candidate: Candidate, response: JsonObject, events: ChatEvent[]): void {
  const { choice } = candidate
  // First, so that it travels in the chunk of its text.
  if (isJsonObject(response.logprobsResult)) readLogprobs(choice, response.logprobsResult, events)
  const content = isJsonObject(response.content) ? (response.content.parts ?? []) : (response.content ?? [])
  const parts = jsonObjectsIn(content)
  if (!Array.isArray(content) || parts.length < content.length) candidate.hasUnreadable = true
  for (const part of parts) readPart(state, candidate, part, events)
  if (isJsonObject(response.groundingMetadata)) {
    const annotations = candidate.readGrounding(response.groundingMetadata, candidate.text)
    if (annotations.length > 0) events.push({ type: 'extra', choice, place: 'message', fields: { annotations } })
  }
  const finishReason = toText(response.finishReason)
  if (finishReason === undefined) releaseCalls(state, candidate, events)
  else finish(state, candidate, finishReason, toText(response.finishMessage), events)
}

function readPart(state: AnswerState, candidate: Candidate, part: JsonObject, events: ChatEvent[]): void {
  const { choice } = candidate
  const signature = toText(part.thoughtSignature)
  if (isJsonObject(part.functionCall)) {
    readCall(state, candidate, part.functionCall, signature)
    return
  }
  if (isJsonObject(part.functionResponse)) dropExecutedCall(state, candidate, part.functionResponse)
  const text = toText(part.text)
  if (text !== undefined) {
    const isThought = part.thought === true
    candidate.hasContent = true
    if (!isThought) candidate.text.add(text)
    events.push({ type: isThought ? 'reasoning' : 'text', choice, text })
  } else if (part.text !== undefined && part.text !== '') candidate.hasUnreadable = true
  if (isJsonObject(part.inlineData)) {
    const { mimeType, data } = part.inlineData
    const images = [{ type: 'image_url', image_url: { url: `data:${mimeType};base64,${data}` } }]
    candidate.hasContent = true
    events.push({ type: 'extra', choice, place: 'message', fields: { images } })
  }
  // A signature may come on a part without text.
  if (signature !== undefined) {
    const detail = { type: 'reasoning.encrypted', data: signature, format: GEMINI_REASONING_FORMAT }
    events.push({ type: 'extra', choice, place: 'message', fields: { reasoning_details: [detail] } })
  }
}

function finish(
  state: AnswerState,
  candidate: Candidate,
  finishReason: string,
  finishMessage: string | undefined,
  events: ChatEvent[],
): void {
  const { choice } = candidate
  const reason = toFinishReason(finishReason)
  if (reason === undefined) {
    // Its calls are then ones that the model should not have made, or wrote badly (UNEXPECTED_TOOL_CALL).
    candidate.partialCall = undefined
    candidate.heldCalls = []
    if (candidate.hasContent) events.push({ type: 'finish', choice, reason: 'stop', isFinal: true })
    else events.push(endedWithoutAnswer(finishReason, finishMessage))
    return
  }
  endPartialCall(state, candidate)
  releaseCalls(state, candidate, events)
  // An answer of which nothing could be read is not an empty answer.
  const isUnread = candidate.hasUnreadable && !candidate.hasContent && candidate.callsGiven === 0
  if (isUnread && reason === 'stop') events.push(endedWithoutAnswer(finishReason, finishMessage))
  else events.push({ type: 'finish', choice, reason })
}

/** Undefined for all reasons with which no model should end an answer. */
function toFinishReason(finishReason: string): FinishReason | undefined {
  if (finishReason === 'STOP') return 'stop'
  if (finishReason === 'MAX_TOKENS') return 'length'
  return FILTER_REASONS.has(finishReason) ? 'content_filter' : undefined
}

function readLogprobs(choice: number, { chosenCandidates, topCandidates }: JsonObject, events: ChatEvent[]): void {
  const top = jsonObjectsIn(topCandidates)
  const content = jsonObjectsIn(chosenCandidates).map((chosen, at) => ({
    ...toLogprob(chosen),
    top_logprobs: jsonObjectsIn(top[at]?.candidates).map(toLogprob),
  }))
  if (content.length === 0) return
  events.push({ type: 'extra', choice, place: 'choice', fields: { logprobs: { content, refusal: null } } })
}

/** Google leaves out a probability of zero, and a token without text. */
function toLogprob({ token = '', logProbability: logprob = 0 }: JsonObject): JsonObject {
  return { token, logprob, bytes: null }
}

/** Gemini counts thoughts beside the answer, and cached tokens within the prompt. */
function toUsageEvent(usage: JsonObject): ChatEvent {
  const thoughts = toCount(usage.thoughtsTokenCount)
  const cached = toCount(usage.cachedContentTokenCount)
  return {
    type: 'usage',
    usage: toUsage(
      toCount(usage.promptTokenCount) + toCount(usage.toolUsePromptTokenCount),
      toCount(usage.candidatesTokenCount) + thoughts,
      {
        prompt_tokens_details: { cached_tokens: cached },
        ...(thoughts > 0 ? { completion_tokens_details: { reasoning_tokens: thoughts } } : {}),
      },
    ),
  }
}

/** A prompt that Google blocked has no candidates. */
function readPromptFeedback(feedback: JsonObject, events: ChatEvent[]): void {
  const reason = toText(feedback.blockReason)
  if (reason === undefined) return
  const message = toText(feedback.blockReasonMessage) ?? `The provider refused the prompt by its policy (${reason}).`
  events.push({ type: 'error', failure: new Failure('content-filter', message, { detail: reason }) })
}

function endedWithoutAnswer(finishReason: string, finishMessage: string | undefined): ChatEvent {
  const reason = finishMessage === undefined ? finishReason : `${finishReason}: ${finishMessage}`
  const text = `The provider ended without an answer (${reason}).`
  return { type: 'error', failure: new Failure('provider-failed', text, { detail: finishReason }) }
}
