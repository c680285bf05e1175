import type { Finish, OutputEvent, Usage } from '../../chat/event.ts'
import { SSE_DONE } from '../../stream/sse.ts'
import type { AnswerInput, StreamWriter } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn } from '../shared/fields.ts'
import { headOf, writeChoice } from './write-choice.ts'
import { type ErrorWriter, writeErrorChunk } from './write-error.ts'

/** A stream of a provider's own text completions, as far as it has been written. */
interface NativeState {
  /** The same in all chunks: when the answer was made is said by the provider's first. */
  head: JsonObject
  hasBegun: boolean
  readonly writeError: ErrorWriter
  readonly includeUsage: boolean
  readonly choicesAsked: number
  readonly open: Set<number>
  readonly finished: Set<number>
  /** The chunk that ends the last choice, and what came after it: they wait for the end, so that no broken stream looks finished. */
  readonly held: JsonObject[]
  /** Choices that are told only at the end how they ended. */
  readonly owed: Set<number>
  usageChunk: JsonObject | undefined
}

/** Between the end of the last choice and that of the stream there is not much to say: the rest goes out without waiting. */
const MAX_HELD = 4

/** Writes a provider's own chunks, with our id and model: nothing of them is lost. */
export function createNativeWriter({ envelope, chat }: AnswerInput, writeError: ErrorWriter): StreamWriter {
  const state: NativeState = {
    head: headOf(envelope),
    hasBegun: false,
    writeError,
    includeUsage: chat.stream_options?.include_usage === true,
    choicesAsked: chat.n ?? 1,
    open: new Set(),
    finished: new Set(),
    held: [],
    owed: new Set(),
    usageChunk: undefined,
  }
  return (event) => writeEvent(state, event)
}

function writeEvent(state: NativeState, event: OutputEvent): string {
  switch (event.type) {
    case 'native':
      return writeChunk(state, event.message)
    case 'end':
      return writeEnd(state, event.finishes, event.usage)
    case 'error': {
      const waiting = [...indexesOf(state.held), ...state.owed]
      const { head, writeError } = state
      return writeErrorChunk(event.failure, new Set([...state.open, ...waiting]), { head, further: {}, writeError })
    }
    default:
      return ''
  }
}

function writeChunk(state: NativeState, chunk: JsonObject): string {
  const { open, finished, held, owed } = state
  if (!state.hasBegun) state.head = headAt(chunk, state.head)
  state.hasBegun = true
  const choices = jsonObjectsIn(chunk.choices)
  if (choices.length === 0 && isJsonObject(chunk.usage)) {
    state.usageChunk = chunk
    return ''
  }
  for (const { index, finish_reason: reason } of choices) {
    if (typeof reason === 'string') {
      open.delete(Number(index))
      finished.add(Number(index))
      owed.delete(Number(index))
    } else if (!finished.has(Number(index))) open.add(Number(index))
  }
  if (open.size > 0 || finished.size < state.choicesAsked) return writeLine(state, chunk)
  if (held.length < MAX_HELD) held.push(chunk)
  else if (choices.length > 0) return writeOldest(state, chunk)
  return ''
}

/** Some say with every chunk how the answer ended, or go on after its end: their text goes out, and its end still waits. */
function writeOldest(state: NativeState, newest: JsonObject): string {
  const { held, owed } = state
  const oldest = held.shift() ?? {}
  held.push(newest)
  const choices = jsonObjectsIn(oldest.choices).map((choice) => {
    if (typeof choice.finish_reason === 'string') owed.add(Number(choice.index))
    return { ...choice, finish_reason: null }
  })
  // What is held tells it still.
  for (const { index, finish_reason: reason } of held.flatMap((chunk) => jsonObjectsIn(chunk.choices))) {
    if (typeof reason === 'string') owed.delete(Number(index))
  }
  return writeLine(state, { ...oldest, choices })
}

function indexesOf(chunks: readonly JsonObject[]): readonly number[] {
  return chunks.flatMap(({ choices }) => jsonObjectsIn(choices).map(({ index }) => Number(index)))
}

/** @param usage where this chunk is the one that has it. */
function writeLine({ head, includeUsage }: NativeState, chunk: JsonObject, usage?: Usage): string {
  const { usage: own, ...further } = chunk
  const told = usage ?? (includeUsage ? own : undefined)
  return `data: ${JSON.stringify({ ...further, ...head, ...(told === undefined ? {} : { usage: told }) })}\n\n`
}

function writeEnd(state: NativeState, finishes: readonly Finish[], usage: Usage): string {
  const { held, finished, owed, includeUsage, usageChunk } = state
  const unfinished = finishes
    .filter(({ choice }) => !finished.has(choice) || owed.has(choice))
    .map(({ choice: index, reason }) => ({
      choices: [writeChoice({ index, text: '', offset: 0, finish: reason, fields: {} })],
    }))
  const last: JsonObject[] = [...held, ...unfinished]
  if (includeUsage || last.length === 0) last.push({ choices: [], ...usageChunk })
  const lines = last.map((chunk, at) => writeLine(state, chunk, at === last.length - 1 ? usage : undefined))
  return `${lines.join('')}${SSE_DONE}`
}

/** A provider's own body, with what we say about every answer; when it was made is the provider's to say. */
export function withHead(own: JsonObject, head: JsonObject): JsonObject {
  return { ...own, ...headAt(own, head) }
}

function headAt({ created }: JsonObject, head: JsonObject): JsonObject {
  return typeof created === 'number' ? { ...head, created } : head
}
