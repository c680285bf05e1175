import type { ChatEvent } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { failuresAsEvents, MAX_CHOICES, malformedAnswer } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { BROKEN_FINISHES, FINISH_REASONS } from '../shared/openai-finish-reasons.ts'
import { readUsage } from '../shared/openai-usage.ts'
import { readErrorInAnswer } from '../shared/upstream-error.ts'

/** Reads a provider's text completions: the messages of a stream, and whole bodies. */
export interface TextReader {
  readonly message: MessageReader
  readonly body: (body: unknown) => readonly ChatEvent[]
}

/** Where the text stands is alike in both, so one function reads them. */
export function createTextReader(): TextReader {
  return {
    message: failuresAsEvents(read),
    body: failuresAsEvents((body) => {
      const events = read(body)
      return events.at(-1)?.type === 'error' ? events : [...events, { type: 'done' }]
    }),
  }
}

function read(data: unknown): readonly ChatEvent[] {
  if (!isJsonObject(data)) return [{ type: 'error', failure: noTextCompletion() }]
  if (isJsonObject(data.error) || typeof data.error === 'string' || data.object === 'error') {
    return [{ type: 'error', failure: readErrorInAnswer(data) }]
  }
  // The last message of a stream may hold usage alone.
  if (!Array.isArray(data.choices) && !isJsonObject(data.usage)) {
    return [{ type: 'error', failure: noTextCompletion() }]
  }
  const events = jsonObjectsIn(data.choices).flatMap(readChoice)
  if (isJsonObject(data.usage)) events.push({ type: 'usage', usage: readUsage(data.usage) })
  return events
}

function readChoice(given: JsonObject, at: number): ChatEvent[] {
  const choice = typeof given.index === 'number' ? given.index : at
  if (!Number.isInteger(choice) || choice < 0 || choice >= MAX_CHOICES) throw malformedAnswer('a choice has no number')
  const events: ChatEvent[] = []
  const { text, logprobs } = given
  if (isJsonObject(logprobs)) events.push({ type: 'extra', choice, place: 'choice', fields: { logprobs } })
  if (typeof text === 'string' && text !== '') events.push({ type: 'text', choice, text })
  const word = toText(given.finish_reason)?.toLowerCase()
  if (word === undefined) return events
  if (BROKEN_FINISHES.has(word)) events.push({ type: 'error', failure: brokenOff(word) })
  else events.push({ type: 'finish', choice, reason: FINISH_REASONS.get(word) ?? 'stop' })
  return events
}

function brokenOff(word: string): Failure {
  return new Failure('provider-failed', `The provider broke off its answer (${word}).`, { detail: word })
}

function noTextCompletion(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not a text completion.')
}
