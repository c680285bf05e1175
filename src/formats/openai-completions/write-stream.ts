import type { Finish, OutputEvent, Usage } from '../../chat/event.ts'
import { SSE_DONE } from '../../stream/sse.ts'
import type { AnswerInput, StreamWriter } from '../format.ts'
import type { JsonObject } from '../shared/fields.ts'
import { createFieldMerger, type FieldMerger } from '../shared/merge-fields.ts'
import { createWaitingFields, type WaitingFields } from '../shared/waiting-fields.ts'
import { headOf, writeChoice } from './write-choice.ts'
import { type ErrorWriter, writeCompletionError, writeErrorChunk } from './write-error.ts'
import { createNativeWriter } from './write-native.ts'

/** One stream, as far as it has been written. */
interface WriterState {
  readonly head: JsonObject
  readonly writeError: ErrorWriter
  readonly includeUsage: boolean
  /** How many characters of each choice have gone out. */
  readonly offsets: Map<number, number>
  /** Fields travel in the next chunk of their choice; those of the body in the next chunk of any. */
  readonly waiting: Map<number, FieldMerger>
  body: Record<string, unknown> | undefined
  readonly waitingFields: WaitingFields
}

/** Writes a stream of text completions: a provider's own, which its first event shows, or one made from the events of a chat. */
export function createCompletionWriter(
  input: AnswerInput,
  writeError: ErrorWriter = writeCompletionError,
): StreamWriter {
  let writer: StreamWriter | undefined
  return (event) => {
    writer ??= event.type === 'native' ? createNativeWriter(input, writeError) : createChatWriter(input, writeError)
    return writer(event)
  }
}

/** Reasoning and tool calls have no place in a text completion. */
function createChatWriter({ envelope, chat }: AnswerInput, writeError: ErrorWriter): StreamWriter {
  const state: WriterState = {
    head: headOf(envelope),
    writeError,
    includeUsage: chat.stream_options?.include_usage === true,
    offsets: new Map(),
    waiting: new Map(),
    body: undefined,
    waitingFields: createWaitingFields(),
  }
  return (event) => writeEvent(state, event)
}

function writeEvent(state: WriterState, event: OutputEvent): string {
  switch (event.type) {
    case 'text':
    case 'refusal':
      return writeChunk(state, event.choice, event.text)
    case 'extra':
      return writeExtra(state, event)
    case 'reasoning':
    case 'tool-start':
    case 'tool-delta':
    case 'native':
      return ''
    case 'end':
      return writeEnd(state, event.finishes, event.usage)
    case 'error':
      // What waits does not go out any more: it may be the very thing that cannot be written.
      return writeErrorChunk(event.failure, state.offsets.keys(), {
        head: state.head,
        further: usageField(state, undefined),
        writeError: state.writeError,
      })
    default:
      return event satisfies never
  }
}

/** A chunk of one choice, with what waits for it; @param usage where the chunk has it. */
function writeChunk(
  state: WriterState,
  index: number,
  text: string,
  finish: string | null = null,
  usage?: Usage,
): string {
  const { offsets, waiting, body } = state
  const fields = waiting.get(index)?.fields() ?? {}
  const offset = offsets.get(index) ?? 0
  waiting.delete(index)
  offsets.set(index, offset + text.length)
  state.body = undefined
  if (waiting.size === 0) state.waitingFields.clear()
  return writeChoices(state, [writeChoice({ index, text, offset, finish, fields })], {
    ...usageField(state, usage),
    ...body,
  })
}

function usageField({ includeUsage }: WriterState, usage: Usage | undefined): JsonObject {
  if (usage !== undefined) return { usage }
  return includeUsage ? { usage: null } : {}
}

function writeChoices({ head }: WriterState, choices: readonly JsonObject[], further: JsonObject): string {
  return `data: ${JSON.stringify({ ...head, choices, ...further })}\n\n`
}

function writeExtra(state: WriterState, { choice, place, fields }: Extract<OutputEvent, { type: 'extra' }>): string {
  if (place === 'message') return ''
  if (place === 'body') state.body = Object.assign(state.body ?? {}, fields)
  else {
    const merger = state.waiting.get(choice) ?? createFieldMerger()
    merger.add(fields)
    state.waiting.set(choice, merger)
  }
  return state.waitingFields.add(fields) ? writeWaiting(state) : ''
}

/** All that waits, each choice in a chunk of its own. */
function writeWaiting(state: WriterState): string {
  const { waiting, offsets } = state
  const choices = waiting.size > 0 ? [...waiting.keys()] : [offsets.keys().next().value ?? 0]
  return choices.map((choice) => writeChunk(state, choice, '')).join('')
}

function writeEnd(state: WriterState, finishes: readonly Finish[], usage: Usage): string {
  const lines = finishes.map(({ choice, reason }, at) => {
    const isLast = at === finishes.length - 1 && !state.includeUsage
    return writeChunk(state, choice, '', reason, isLast ? usage : undefined)
  })
  if (state.includeUsage) lines.push(writeChoices(state, [], { usage }))
  return `${lines.join('')}${SSE_DONE}`
}
