import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { toUsage } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { createChoiceNumbers } from '../openai-chat/choice-numbers.ts'
import { argumentsWithoutCall, hasArguments } from '../openai-chat/read-calls.ts'
import { createBoundedCounter, failuresAsEvents, MAX_KEPT_CHARACTERS, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toCount, toText } from '../shared/fields.ts'
import { readErrorInAnswer } from '../shared/upstream-error.ts'
import { type ByteOffsets, createByteOffsets } from './byte-offsets.ts'
import { createGroundingReader, type GroundingReader } from './grounding.ts'
import { createPartialCall, type PartialCall } from './partial-call.ts'
import { GEMINI_REASONING_FORMAT } from './write-contents.ts'

/** Reads Gemini's answers; each stream event is a whole GenerateContentResponse, as a body is (translation 2.3). */
export interface GeminiReader {
  readonly readEvent: MessageReader
  readonly readBody: (body: unknown) => readonly ChatEvent[]
}

const FILTERED = new Set([
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

interface Candidate {
  calls: number
  /** Anything but calls. */
  said: boolean
  /** Something stood where words should stand, and could not be read. */
  unread: boolean
  readonly text: ByteOffsets
  readonly grounding: GroundingReader
  partial: PartialCall | undefined
  /** The calls of an event, until all of it is read. */
  called: Called[]
}

interface Called {
  readonly name: string
  readonly args: unknown
  readonly id: string | undefined
  readonly signature: string | undefined
}

export function createGeminiReader(newId: () => string): GeminiReader {
  const candidates = new Map<number, Candidate>()
  const numbersOf = createChoiceNumbers()
  const countCall = createBoundedCounter(MAX_TOOL_CALLS, 'tool calls')
  const countRun = createBoundedCounter(MAX_TOOL_CALLS, 'results')

  const candidateAt = (index: number): Candidate => {
    const known = candidates.get(index)
    if (known !== undefined) return known
    const text = createByteOffsets(MAX_KEPT_CHARACTERS)
    const states = { calls: 0, said: false, unread: false, partial: undefined, called: [] }
    const fresh: Candidate = { ...states, text, grounding: createGroundingReader() }
    candidates.set(index, fresh)
    return fresh
  }

  const hold = (candidate: Candidate, called: Called) => {
    if (called.name === '') {
      if (hasArguments(JSON.stringify(called.args ?? {}))) throw argumentsWithoutCall()
      return
    }
    countCall()
    candidate.called.push(called)
  }

  /** The calls of the event that nobody has run. */
  const release = (choice: number, candidate: Candidate): ChatEvent[] => {
    const { called } = candidate
    candidate.called = []
    return called.flatMap(({ name, args, id, signature }) => {
      const index = candidate.calls++
      const extra =
        signature === undefined ? {} : { extra: { extra_content: { google: { thought_signature: signature } } } }
      return [
        { type: 'tool-start', choice, index, id: id ?? newId(), name, kind: 'function', ...extra },
        { type: 'tool-delta', choice, index, text: JSON.stringify(args ?? {}) },
      ]
    })
  }

  /** A call whose result is in the same event is not the client's: Google has run it. None waits for an event that may bring one. */
  const forget = (candidate: Candidate, { id, name }: JsonObject) => {
    countRun()
    const at = candidate.called.findIndex((called) => (id && called.id ? called.id === id : called.name === name))
    if (at >= 0) candidate.called.splice(at, 1)
  }

  const readCall = (candidate: Candidate, given: JsonObject, signature: string | undefined) => {
    const name = toText(given.name)
    if (given.willContinue === true || given.partialArgs !== undefined || (name === undefined && candidate.partial)) {
      candidate.partial ??= createPartialCall(name ?? '', toText(given.id), signature)
      const pieces = jsonObjectsIn(given.partialArgs)
      candidate.partial.add(pieces)
      const more = given.willContinue === true || pieces.some(({ willContinue }) => willContinue === true)
      if (!more) endPartial(candidate)
      return
    }
    endPartial(candidate)
    hold(candidate, { name: name ?? '', args: given.args, id: toText(given.id), signature })
  }

  const endPartial = (candidate: Candidate) => {
    const { partial } = candidate
    candidate.partial = undefined
    if (partial === undefined) return
    const { name, id, signature } = partial
    hold(candidate, { name, args: partial.args(), id, signature })
  }

  const readPart = (choice: number, part: JsonObject): ChatEvent[] => {
    const candidate = candidateAt(choice)
    const signature = toText(part.thoughtSignature)
    const events: ChatEvent[] = []
    if (isJsonObject(part.functionCall)) {
      readCall(candidate, part.functionCall, signature)
      return events
    }
    if (isJsonObject(part.functionResponse)) forget(candidate, part.functionResponse)
    const text = toText(part.text)
    if (text !== undefined) {
      candidate.said = true
      if (part.thought !== true) candidate.text.add(text)
      events.push({ type: part.thought === true ? 'reasoning' : 'text', choice, text })
    } else if (part.text !== undefined && part.text !== '') candidate.unread = true
    if (isJsonObject(part.inlineData)) {
      const { mimeType, data } = part.inlineData
      const images = [{ type: 'image_url', image_url: { url: `data:${mimeType};base64,${data}` } }]
      candidate.said = true
      events.push({ type: 'extra', choice, place: 'message', fields: { images } })
    }
    // A signature may come on a part with no text at all.
    if (signature !== undefined) {
      const detail = { type: 'reasoning.encrypted', data: signature, format: GEMINI_REASONING_FORMAT }
      events.push({ type: 'extra', choice, place: 'message', fields: { reasoning_details: [detail] } })
    }
    return events
  }

  const readCandidate = (given: JsonObject, choice: number): ChatEvent[] => {
    const candidate = candidateAt(choice)
    const content = isJsonObject(given.content) ? (given.content.parts ?? []) : (given.content ?? [])
    const parts = jsonObjectsIn(content)
    if (!Array.isArray(content) || parts.length < content.length) candidate.unread = true
    const events = parts.flatMap((part) => readPart(choice, part))
    const logprobs = isJsonObject(given.logprobsResult) ? logprobsOf(given.logprobsResult) : []
    // Before the text, to ride in its chunk.
    if (logprobs.length > 0) {
      const fields = { logprobs: { content: logprobs, refusal: null } }
      events.unshift({ type: 'extra', choice, place: 'choice', fields })
    }
    if (isJsonObject(given.groundingMetadata)) {
      const annotations = candidate.grounding(given.groundingMetadata, candidate.text)
      if (annotations.length > 0) events.push({ type: 'extra', choice, place: 'message', fields: { annotations } })
    }
    const word = toText(given.finishReason)
    if (word === undefined) for (const event of release(choice, candidate)) events.push(event)
    else finish(choice, word, toText(given.finishMessage), events)
    return events
  }

  const finish = (choice: number, word: string, message: string | undefined, events: ChatEvent[]) => {
    const candidate = candidateAt(choice)
    const reason = reasonOf(word)
    if (reason === undefined) {
      // With any other word a call is one that the model should not have made, or wrote badly (UNEXPECTED_TOOL_CALL).
      candidate.partial = undefined
      candidate.called = []
      events.push(
        candidate.said ? { type: 'finish', choice, reason: 'stop', isFinal: true } : withoutAnswer(word, message),
      )
      return
    }
    endPartial(candidate)
    for (const event of release(choice, candidate)) events.push(event)
    // An answer of which nothing was understood is no empty one.
    const silent = candidate.unread && !candidate.said && candidate.calls === 0
    events.push(silent && reason === 'stop' ? withoutAnswer(word, message) : { type: 'finish', choice, reason })
  }

  const read = (data: JsonObject): ChatEvent[] => {
    const list = jsonObjectsIn(data.candidates)
    const numbers = numbersOf(list)
    const events = list.flatMap((candidate, at) => readCandidate(candidate, numbers[at] ?? at))
    const blocked = isJsonObject(data.promptFeedback) ? toText(data.promptFeedback.blockReason) : undefined
    if (blocked !== undefined && list.length === 0) events.push(refused(data.promptFeedback as JsonObject, blocked))
    const usage = data.usageMetadata
    if (isJsonObject(usage)) events.push(usageEvent(usage))
    return events
  }

  const event = failuresAsEvents((data) => {
    if (!isJsonObject(data)) return [nonsense()]
    return isJsonObject(data.error) ? [{ type: 'error', failure: readErrorInAnswer(data) }] : read(data)
  })

  return {
    readEvent: event,
    readBody: failuresAsEvents((body) => {
      // A stream that was not asked for as events is one list of them (translation 2).
      const events = Array.isArray(body) ? body.flatMap((one) => event(one)) : event(body)
      return events.length === 0 ? [nonsense()] : [...events, { type: 'done' }]
    }),
  }
}

function logprobsOf({ chosenCandidates, topCandidates }: JsonObject): JsonObject[] {
  const top = jsonObjectsIn(topCandidates)
  return jsonObjectsIn(chosenCandidates).map((chosen, at) => ({
    ...likelihood(chosen),
    top_logprobs: jsonObjectsIn(top[at]?.candidates).map(likelihood),
  }))
}

/** Google leaves out a zero, and a text that is empty. */
function likelihood({ token = '', logProbability: logprob = 0 }: JsonObject): JsonObject {
  return { token, logprob, bytes: null }
}

function withoutAnswer(word: string, message: string | undefined): ChatEvent {
  const text = `The provider ended without an answer (${word}${message === undefined ? '' : `: ${message}`}).`
  return { type: 'error', failure: new Failure('provider-failed', text, { detail: word }) }
}

/** How the model ended; undefined for words with which it should not have. */
function reasonOf(word: string): FinishReason | undefined {
  if (word === 'STOP') return 'stop'
  if (word === 'MAX_TOKENS') return 'length'
  return FILTERED.has(word) ? 'content_filter' : undefined
}

/** Gemini counts thoughts beside the answer, and cached tokens within the prompt. */
function usageEvent(usage: JsonObject): ChatEvent {
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

function refused(feedback: JsonObject, reason: string): ChatEvent {
  const message = toText(feedback.blockReasonMessage) ?? `The provider refused the prompt by its policy (${reason}).`
  return { type: 'error', failure: new Failure('content-filter', message, { detail: reason }) }
}

function nonsense(): ChatEvent {
  const failure = new Failure('provider-failed', 'The provider answered with something that is not an answer.')
  return { type: 'error', failure }
}
