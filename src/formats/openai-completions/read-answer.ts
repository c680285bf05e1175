import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { failuresAsEvents } from '../shared/answer-bounds.ts'
import { type ChoiceNumbers, createChoiceNumbers } from '../shared/choice-numbers.ts'
import { isJsonObject, isPresent, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { BROKEN_FINISHES, FINISH_REASONS } from '../shared/openai-finish-reasons.ts'
import { readUsage } from '../shared/openai-usage.ts'
import { brokenOff, readErrorInAnswer } from '../shared/upstream-error.ts'

/** Reads a provider's text completions: the messages of a stream, and whole bodies. */
export interface TextReader {
  readonly message: MessageReader
  readonly body: (body: unknown) => readonly ChatEvent[]
}

/** One answer, as far as it has been read. */
interface AnswerState {
  readonly isEcho: boolean
  readonly numberChoices: ChoiceNumbers
}

/**
 * Where the text stands is alike in both, so one function reads them.
 * @param isEcho no more was asked for than the prompt with its log probabilities.
 */
export function createTextReader(isEcho: boolean): TextReader {
  const state: AnswerState = { isEcho, numberChoices: createChoiceNumbers() }
  return {
    message: failuresAsEvents((data, event) => read(state, data, event)),
    body: failuresAsEvents((body) => {
      const events = read(state, body, '')
      if (events.at(-1)?.type === 'error') return events
      if (!hasChoices(body)) return [{ type: 'error', failure: noTextCompletion() }]
      return [...events, { type: 'done' }]
    }),
  }
}

function read({ isEcho, numberChoices }: AnswerState, data: unknown, event: string): readonly ChatEvent[] {
  if (!isJsonObject(data)) return [{ type: 'error', failure: noTextCompletion() }]
  if (isPresent(data.error) || event === 'error' || data.object === 'error') {
    return [{ type: 'error', failure: readErrorInAnswer(data) }]
  }
  const { choices, usage } = data
  const events: ChatEvent[] = []
  if (Array.isArray(choices)) {
    const numbers = numberChoices(choices)
    const own: JsonObject[] = []
    choices.forEach((choice: unknown, at) => {
      if (isJsonObject(choice)) own.push(readChoice({ choice: numbers[at] ?? at, isEcho }, choice, events))
    })
    const message = { ...data, choices: own }
    // Chunks without end that tell nothing are a sign of life, as in a chat, and no answer.
    const isPing = events.length === 0 && !own.some(({ logprobs }) => isPresent(logprobs))
    events.unshift(isPing ? { type: 'native', message, isPing } : { type: 'native', message })
  }
  if (isJsonObject(usage)) events.push({ type: 'usage', usage: readUsage(usage) })
  return events
}

function hasChoices(body: unknown): boolean {
  return isJsonObject(body) && jsonObjectsIn(body.choices).length > 0
}

/** @returns the choice in this format, with our number and our words for how it ended. */
function readChoice(
  { choice, isEcho }: { choice: number; isEcho: boolean },
  given: JsonObject,
  events: ChatEvent[],
): JsonObject {
  const { delta, message, ...own } = given
  const chat = delta ?? message
  const text = toText(given.text) ?? textOfChat(chat) ?? ''
  if (text !== '') events.push(isEcho ? { type: 'text', choice, text, isEcho } : { type: 'text', choice, text })
  const reason = readFinish(choice, given.finish_reason, events)
  return { ...own, text, index: choice, ...(chat === undefined ? {} : { logprobs: null }), finish_reason: reason }
}

function readFinish(choice: number, given: unknown, events: ChatEvent[]): FinishReason | null {
  const word = toText(given)?.toLowerCase()
  if (word === undefined) return null
  if (BROKEN_FINISHES.has(word)) {
    events.push({ type: 'error', failure: brokenOff(word) })
    return null
  }
  const reason = FINISH_REASONS.get(word) ?? 'stop'
  events.push({ type: 'finish', choice, reason })
  return reason
}

/** Some answer in the form of a chat (translation 3.4). */
function textOfChat(message: unknown): string | undefined {
  if (!isJsonObject(message)) return undefined
  const { content } = message
  if (!Array.isArray(content)) return toText(content)
  const texts = jsonObjectsIn(content).map(({ text }) => toText(text) ?? '')
  return toText(texts.join(''))
}

function noTextCompletion(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not a text completion.')
}
