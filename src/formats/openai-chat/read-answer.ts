import type { ChatEvent } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import { createBoundedCounter, createKeptBound, failuresAsEvents, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import { type ChoiceNumbers, createChoiceNumbers } from '../shared/choice-numbers.ts'
import { createChangedExtra, extraOfChoice } from '../shared/extra-fields.ts'
import { isJsonObject, isPresent, type JsonObject, toText } from '../shared/fields.ts'
import { BROKEN_FINISHES, FINISH_REASONS } from '../shared/openai-finish-reasons.ts'
import { readUsage } from '../shared/openai-usage.ts'
import { brokenOff, readErrorInAnswer } from '../shared/upstream-error.ts'
import {
  type AnswerSupport,
  type ChoiceState,
  createChoiceState,
  endChoice,
  readStreamedChoice,
  readWholeChoice,
} from './read-message.ts'

/** How an OpenAI-compatible provider's answers differ from OpenAI's own. */
export interface AnswerQuirks {
  /** Reasoning stands in the content, between `<think>` and `</think>`. */
  readonly thinkTags?: boolean
}

/** Reads OpenAI's answers and those of all who copy them: the chunks of a stream, and whole bodies (translation 3). */
export interface OpenAIReader {
  readonly chunk: (data: unknown, event: string) => readonly ChatEvent[]
  readonly body: (body: unknown) => readonly ChatEvent[]
}

/** One answer, as far as it has been read. */
interface AnswerState {
  readonly support: AnswerSupport
  /** By their numbers. */
  readonly choices: ChoiceState[]
  readonly numberChoices: ChoiceNumbers
  readonly changedExtra: (data: JsonObject) => JsonObject | undefined
}

/**
 * @param newId makes an id for a tool call to which the provider gave none.
 * @param opensThinking the answer begins within `<think>`.
 */
export function createOpenAIReader(quirks: AnswerQuirks, newId: () => string, opensThinking = false): OpenAIReader {
  const state: AnswerState = {
    support: {
      newId,
      countCall: createBoundedCounter(MAX_TOOL_CALLS, 'tool calls'),
      addKept: createKeptBound(),
      hasThinkTags: quirks.thinkTags === true,
      opensThinking,
    },
    choices: [],
    numberChoices: createChoiceNumbers(),
    changedExtra: createChangedExtra(),
  }
  return {
    chunk: failuresAsEvents((data, event) => readChunk(state, data, event)),
    body: failuresAsEvents((body) => readBody(state, body)),
  }
}

function readChunk(state: AnswerState, data: unknown, event: string): readonly ChatEvent[] {
  if (!isJsonObject(data)) return [{ type: 'error', failure: noChatCompletion() }]
  if (isPresent(data.error) || event === 'error' || data.object === 'error') {
    const events = read(state, { ...data, choices: undefined }, readStreamedChoice)
    return [...events, { type: 'error', failure: readErrorInAnswer(data) }]
  }
  return read(state, data, readStreamedChoice)
}

function readBody(state: AnswerState, body: unknown): readonly ChatEvent[] {
  if (!isJsonObject(body)) return [{ type: 'error', failure: noChatCompletion() }]
  if (isPresent(body.error) || body.object === 'error') return [{ type: 'error', failure: readErrorInAnswer(body) }]
  if (!hasJsonObject(body.choices)) return [{ type: 'error', failure: noChatCompletion() }]
  const events = read(state, body, readWholeChoice)
  events.push({ type: 'done' })
  return events
}

function hasJsonObject(list: unknown): boolean {
  return Array.isArray(list) && list.some(isJsonObject)
}

type ChoiceReader = (choice: ChoiceState, given: JsonObject, events: ChatEvent[]) => void

function read(state: AnswerState, data: JsonObject, readWords: ChoiceReader): ChatEvent[] {
  const events: ChatEvent[] = []
  const extra = state.changedExtra(data)
  if (extra !== undefined) events.push({ type: 'extra', choice: 0, place: 'body', fields: extra })
  const list = data.choices
  if (Array.isArray(list)) {
    const numbers = state.numberChoices(list)
    for (let at = 0; at < list.length; at++) {
      const given: unknown = list[at]
      if (isJsonObject(given)) readChoice(choiceAt(state, numbers[at] ?? at), given, readWords, events)
    }
  }
  const usage = isJsonObject(data.usage) ? data.usage : isJsonObject(data.x_groq) ? data.x_groq.usage : undefined
  if (isJsonObject(usage)) events.push({ type: 'usage', usage: readUsage(usage) })
  return events
}

function choiceAt({ choices, support }: AnswerState, number: number): ChoiceState {
  const known = choices[number]
  if (known !== undefined) return known
  const choice = createChoiceState(number, support)
  choices[number] = choice
  return choice
}

function readChoice(choice: ChoiceState, given: JsonObject, readWords: ChoiceReader, events: ChatEvent[]): void {
  const extra = extraOfChoice(given)
  if (extra !== undefined) events.push({ type: 'extra', choice: choice.index, place: 'choice', fields: extra })
  readWords(choice, given, events)
  if (isPresent(given.error)) events.push({ type: 'error', failure: readErrorInAnswer(given) })
  // Some resellers pass on another API's word: MAX_TOKENS.
  const word = toText(given.finish_reason)?.toLowerCase()
  if (word !== undefined) finishChoice(choice, word, events)
  if (isJsonObject(given.usage)) events.push({ type: 'usage', usage: readUsage(given.usage) })
}

function finishChoice(choice: ChoiceState, word: string, events: ChatEvent[]): void {
  endChoice(choice, events)
  const reason = FINISH_REASONS.get(word) ?? 'stop'
  if (BROKEN_FINISHES.has(word)) events.push({ type: 'error', failure: brokenOff(word) })
  // An answer of which nothing could be read must not look like an empty one. After a filter all content may be missing.
  else if (choice.hasUnreadable && !choice.hasOutput && reason !== 'content_filter') {
    events.push({ type: 'error', failure: noChatCompletion() })
  } else events.push({ type: 'finish', choice: choice.index, reason })
}

function noChatCompletion(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not a chat completion.')
}
