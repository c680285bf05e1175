import type { OutputEvent } from '../../chat/event.ts'
import { textWeight } from '../../chat/text-weight.ts'
import type { AnswerInput, StreamWriter } from '../format.ts'
import type { JsonObject } from '../shared/fields.ts'
import { type AnswerParts, createAnswerParts } from './answer-parts.ts'
import { createUnwrapper } from './wrapped-answer.ts'
import {
  type BesideParts,
  countsOf,
  createBesideParts,
  endedCandidates,
  namesOf,
  noteBeside,
  responseOf,
  toCandidate,
  usageOf,
} from './write-answer.ts'
import { writeGeminiError } from './write-error.ts'
import { createNativeStream, type NativeStream } from './write-native.ts'

/** How the responses of a stream stand one behind the other. */
export interface StreamFraming {
  readonly first: string
  readonly next: string
  readonly after: string
  readonly last: string
}

/** Google ends lines with CRLF. */
export const EVENTS: StreamFraming = { first: 'data: ', next: 'data: ', after: '\r\n\r\n', last: '' }
/** What Google sends without `alt=sse`: one JSON list, which is whole only with its end. */
export const LIST: StreamFraming = { first: '[', next: ',\r\n', after: '', last: '\n]' }

/** One stream, as far as it has been written. */
interface WriterState {
  readonly answer: AnswerInput
  readonly framing: StreamFraming
  /** What every response ends with. */
  readonly tail: string
  readonly parts: AnswerParts
  readonly beside: BesideParts
  /** The parts that go out with the end. */
  last: Map<number, JsonObject[]> | undefined
  native: NativeStream | undefined
  text: string
  hasBegun: boolean
  /** Estimates, until the usage is known. */
  readonly weight: { text: number; thoughts: number }
}

/** Writes a stream as Google does: from its own messages where they come, otherwise from the events. */
export function createGeminiWriter(answer: AnswerInput, framing: StreamFraming): StreamWriter {
  const state: WriterState = {
    answer,
    framing,
    tail: JSON.stringify(namesOf(answer.envelope)).slice(1),
    parts: createAnswerParts(answer, (choice, part) => writePart(state, choice, part)),
    beside: createBesideParts(),
    last: undefined,
    native: undefined,
    text: '',
    hasBegun: false,
    weight: { text: 0, thoughts: 0 },
  }
  const unwrap = createUnwrapper(answer.chat)
  return (event) => {
    for (const own of unwrap?.(event) ?? [event]) writeEvent(state, own)
    // Where writing fails, what was written before it goes out with the error.
    const { text } = state
    state.text = ''
    return text
  }
}

function emit(state: WriterState, response: object): void {
  emitText(state, JSON.stringify(response))
}

function emitText(state: WriterState, text: string): void {
  const { first, next, after } = state.framing
  state.text += (state.hasBegun ? next : first) + text + after
  state.hasBegun = true
}

function writeEvent(state: WriterState, event: OutputEvent): void {
  const { answer, framing, parts } = state
  if (event.type === 'error') {
    for (const message of state.native?.rest() ?? []) emit(state, message)
    emit(state, writeGeminiError(event.failure, answer.requestId))
    state.text += framing.last
  } else if (event.type === 'native') {
    state.native ??= createNativeStream(answer)
    for (const message of state.native.push(event.message)) emit(state, message)
  } else if (event.type === 'end') {
    writeEnd(state, event)
    state.text += framing.last
  } else if (state.native === undefined) {
    weigh(state, event)
    // Nothing waits for long.
    const isMore = event.type === 'extra' && event.fields.logprobs !== undefined
    if (isMore && state.beside.byChoice.get(event.choice)?.logprobs) writePart(state, event.choice, { text: '' })
    noteBeside(state.beside, event)
    parts.push(event)
  }
}

function weigh({ weight }: WriterState, event: OutputEvent): void {
  if (event.type === 'reasoning') weight.thoughts += textWeight(event.text)
  else if (event.type === 'text' || event.type === 'refusal' || event.type === 'tool-delta')
    weight.text += textWeight(event.text)
}

const WEIGHT_PER_TOKEN = 4

function writePart(state: WriterState, choice: number, part: JsonObject): void {
  const { answer, beside, last, weight } = state
  if (last !== undefined) {
    const parts = last.get(choice)
    if (parts === undefined) last.set(choice, [part])
    else parts.push(part)
    return
  }
  const counts = countsOf(answer.promptTokens(), tokens(weight.text), tokens(weight.thoughts))
  const own = beside.byChoice.get(choice)
  // Nearly all responses of a stream are such, so they are not made of objects.
  const candidate = own?.logprobs
    ? JSON.stringify(toCandidate(choice, [part], own))
    : `{"content":{"parts":[${JSON.stringify(part)}],"role":"model"},"index":${choice}}`
  emitText(state, `{"candidates":[${candidate}],"usageMetadata":${JSON.stringify(counts)},${state.tail}`)
}

function tokens(weight: number): number {
  return Math.ceil(weight / WEIGHT_PER_TOKEN)
}

function writeEnd(state: WriterState, { finishes, usage }: Extract<OutputEvent, { type: 'end' }>): void {
  const { answer, parts, beside, native } = state
  const messages = native?.end() ?? []
  for (const message of messages) emit(state, message)
  if (messages.length > 0) return
  state.last = new Map()
  parts.end()
  emit(state, responseOf(answer, endedCandidates(finishes, state.last, beside), usageOf(usage)))
}
