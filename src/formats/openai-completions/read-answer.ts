import type { ChatEvent } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { failuresAsEvents } from '../shared/answer-bounds.ts'
import { type ChoiceNumbers, createChoiceNumbers } from '../shared/choice-numbers.ts'
import { createChangedExtra, extraOfChoice } from '../shared/extra-fields.ts'
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
  readonly changedExtra: (data: JsonObject) => JsonObject | undefined
}

/**
 * Where the text stands is alike in both, so one function reads them.
 * @param isEcho no more was asked for than the prompt with its log probabilities.
 */
export function createTextReader(isEcho: boolean): TextReader {
  const state: AnswerState = { isEcho, numberChoices: createChoiceNumbers(), changedExtra: createChangedExtra() }
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

function read(
  { isEcho, numberChoices, changedExtra }: AnswerState,
  data: unknown,
  event: string,
): readonly ChatEvent[] {
  if (!isJsonObject(data)) return [{ type: 'error', failure: noTextCompletion() }]
  if (isPresent(data.error) || event === 'error' || data.object === 'error') {
    return [{ type: 'error', failure: readErrorInAnswer(data) }]
  }
  const { choices, usage } = data
  const events: ChatEvent[] = []
  const extra = changedExtra(data)
  if (extra !== undefined) events.push({ type: 'extra', choice: 0, place: 'body', fields: extra })
  if (Array.isArray(choices)) {
    const numbers = numberChoices(choices)
    choices.forEach((choice: unknown, at) => {
      if (isJsonObject(choice)) readChoice({ choice: numbers[at] ?? at, isEcho }, choice, events)
    })
  }
  if (isJsonObject(usage)) events.push({ type: 'usage', usage: readUsage(usage) })
  return events
}

function hasChoices(body: unknown): boolean {
  return isJsonObject(body) && jsonObjectsIn(body.choices).length > 0
}

function readChoice(
  { choice, isEcho }: { choice: number; isEcho: boolean },
  given: JsonObject,
  events: ChatEvent[],
): void {
  const extra = extraOfChoice(given)
  if (extra !== undefined) events.push({ type: 'extra', choice, place: 'choice', fields: extra })
  const text = toText(given.text) ?? textOfChat(given.delta ?? given.message)
  if (text !== undefined) events.push(isEcho ? { type: 'text', choice, text, isEcho } : { type: 'text', choice, text })
  const word = toText(given.finish_reason)?.toLowerCase()
  if (word === undefined) return
  if (BROKEN_FINISHES.has(word)) events.push({ type: 'error', failure: brokenOff(word) })
  else events.push({ type: 'finish', choice, reason: FINISH_REASONS.get(word) ?? 'stop' })
}

/** Some answer in the form of a chat (translation 3.4). */
function textOfChat(message: unknown): string | undefined {
  if (!isJsonObject(message)) return undefined
  const { content } = message
  if (!Array.isArray(content)) return toText(content)
  return toText(
    jsonObjectsIn(content)
      .map(({ text }) => toText(text) ?? '')
      .join(''),
  )
}

function noTextCompletion(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not a text completion.')
}
