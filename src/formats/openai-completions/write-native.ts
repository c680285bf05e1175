import type { Finish, OutputEvent, Usage } from '../../chat/event.ts'
import { SSE_DONE } from '../../stream/sse.ts'
import type { AnswerInput, StreamWriter } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn } from '../shared/fields.ts'
import { headOf, writeChoice } from './write-choice.ts'
import { writeErrorChunk } from './write-error.ts'

/** A stream of a provider's own text completions, as far as it has been written. */
interface NativeState {
  readonly head: JsonObject
  readonly includeUsage: boolean
  readonly choicesAsked: number
  readonly open: Set<number>
  readonly finished: Set<number>
  /** The chunk that ends the last choice, and what came after it: they wait for the end, so that no broken stream looks finished. */
  readonly held: JsonObject[]
  usageChunk: JsonObject | undefined
}

/** Between the end of the last choice and that of the stream there is not much to say. */
const MAX_HELD = 4

/** Writes a provider's own chunks, with our id and model: nothing of them is lost. */
export function createNativeWriter({ envelope, chat }: AnswerInput): StreamWriter {
  const state: NativeState = {
    head: headOf(envelope),
    includeUsage: chat.stream_options?.include_usage === true,
    choicesAsked: chat.n ?? 1,
    open: new Set(),
    finished: new Set(),
    held: [],
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
    case 'error':
      return writeErrorChunk(event.failure, state.open, { head: state.head, further: {} })
    default:
      return ''
  }
}

function writeChunk(state: NativeState, chunk: JsonObject): string {
  const { open, finished, held } = state
  const choices = jsonObjectsIn(chunk.choices)
  if (choices.length === 0 && isJsonObject(chunk.usage)) {
    state.usageChunk = chunk
    return ''
  }
  for (const { index, finish_reason: reason } of choices) {
    if (typeof reason === 'string') {
      open.delete(Number(index))
      finished.add(Number(index))
    } else if (!finished.has(Number(index))) open.add(Number(index))
  }
  if (open.size > 0 || finished.size < state.choicesAsked) return writeLine(state, chunk)
  if (held.length < MAX_HELD) held.push(chunk)
  return ''
}

/** @param usage where this chunk is the one that has it. */
function writeLine({ head, includeUsage }: NativeState, chunk: JsonObject, usage?: Usage): string {
  const { usage: own, ...further } = chunk
  const told = usage ?? (includeUsage ? own : undefined)
  return `data: ${JSON.stringify({ ...withHead(further, head), ...(told === undefined ? {} : { usage: told }) })}\n\n`
}

function writeEnd(state: NativeState, finishes: readonly Finish[], usage: Usage): string {
  const { held, finished, includeUsage, usageChunk } = state
  const unfinished = finishes
    .filter(({ choice }) => !finished.has(choice))
    .map(({ choice: index, reason }) => ({
      choices: [writeChoice({ index, text: '', offset: 0, finish: reason, fields: {} })],
    }))
  const last: JsonObject[] = [...unfinished, ...held]
  if (includeUsage || last.length === 0) last.push({ choices: [], ...usageChunk })
  const lines = last.map((chunk, at) => writeLine(state, chunk, at === last.length - 1 ? usage : undefined))
  return `${lines.join('')}${SSE_DONE}`
}

/** A provider's own body or chunk, with what we say about every answer; when it was made is the provider's to say. */
export function withHead(own: JsonObject, head: JsonObject): JsonObject {
  return { ...own, ...head, ...(typeof own.created === 'number' ? { created: own.created } : {}) }
}
