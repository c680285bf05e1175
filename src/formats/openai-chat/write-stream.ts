import type { ExtraPlace, Finish, OutputEvent, ToolKind, Usage } from '../../chat/event.ts'
import type { Failure } from '../../chat/failure.ts'
import { SSE_DONE } from '../../stream/sse.ts'
import type { Envelope, StreamWriter } from '../format.ts'
import type { JsonObject } from '../shared/fields.ts'
import { createFieldMerger, type FieldMerger } from '../shared/merge-fields.ts'
import { createWaitingFields, type WaitingFields } from '../shared/waiting-fields.ts'

type EventOf<Type extends OutputEvent['type']> = Extract<OutputEvent, { type: Type }>
type Extras = { [place in Exclude<ExtraPlace, 'body'>]?: FieldMerger }

/** The words of a stream in which the accents of its base URLs differ (contract 1). */
export interface StreamWords {
  /** Further members of every chunk, as JSON with a comma at the end. */
  readonly members: string
  /** The field of a delta that holds reasoning. */
  readonly reasoning: string
  /** Where usage comes in a chunk of its own, all other chunks say that they have none. */
  readonly nullUsage: boolean
  readonly writeError: (failure: Failure) => object
}

const USUAL_WORDS: StreamWords = {
  members: '',
  reasoning: 'reasoning_content',
  nullUsage: true,
  writeError: (failure) => failure.toError(),
}

/** One stream, as far as it has been written. */
interface WriterState {
  readonly words: StreamWords
  /** What every chunk begins and ends with. */
  readonly head: string
  readonly tail: string
  /** The end of a chunk of content. */
  readonly contentTail: string
  readonly includeUsage: boolean
  readonly begunChoices: Set<number>
  /** The kinds of tool calls that are no plain functions, by choice and index. */
  readonly unusualTools: Map<string, ToolKind>
  /** Extra fields travel in the next chunk of their choice; those of the body in the next chunk of any. */
  readonly waiting: Map<number, Extras>
  body: Record<string, unknown> | undefined
  readonly waitingFields: WaitingFields
}

/**
 * Writes the chunks of a stream: the only place that knows their shape (contract 4).
 * @param includeUsage the client asked for OpenAI's form: usage in a last chunk with no choices, null in all others.
 */
export function createStreamWriter(
  { id, created, model }: Envelope,
  includeUsage: boolean,
  words = USUAL_WORDS,
): StreamWriter {
  const names = `"object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)}`
  const tail = includeUsage && words.nullUsage ? '],"usage":null}' : ']}'
  const state: WriterState = {
    words,
    head: `data: {"id":${JSON.stringify(id)},${names},${words.members}"choices":[`,
    tail,
    contentTail: `,"finish_reason":null}${tail}\n\n`,
    includeUsage,
    begunChoices: new Set(),
    unusualTools: new Map(),
    waiting: new Map(),
    body: undefined,
    waitingFields: createWaitingFields(),
  }
  return (event) => writeEvent(state, event)
}

function writeEvent(state: WriterState, event: OutputEvent): string {
  switch (event.type) {
    case 'text':
      return writeText(state, event.choice, 'content', event.text)
    case 'reasoning':
      return writeText(state, event.choice, state.words.reasoning, event.text)
    case 'refusal':
      return writeChunk(state, event.choice, `"refusal":${JSON.stringify(event.text)}`)
    case 'tool-start':
      return writeChunk(state, event.choice, toolStart(state, event))
    case 'tool-delta':
      return writeChunk(state, event.choice, toolDelta(state, event))
    case 'extra':
      return writeExtra(state, event)
    case 'native':
      return ''
    case 'end':
      return writeEnd(state, event.finishes, event.usage)
    case 'error':
      return writeError(state, event.failure)
    default:
      return event satisfies never
  }
}

/** A chunk of text, as nearly all are. */
function writeText(state: WriterState, choice: number, field: string, text: string): string {
  return state.waiting.size === 0 && state.body === undefined && state.begunChoices.has(choice)
    ? `${state.head}{"index":${choice},"delta":{"${field}":${JSON.stringify(text)}}${state.contentTail}`
    : writeChunk(state, choice, `"${field}":${JSON.stringify(text)}`)
}

/** The first chunk of a choice, with its role. */
function writeRole({ begunChoices, head, tail }: WriterState, choice: number): string {
  if (begunChoices.has(choice)) return ''
  begunChoices.add(choice)
  return `${head}{"index":${choice},"delta":{"role":"assistant","content":""},"finish_reason":null}${tail}\n\n`
}

/** A chunk with what waits for it; @param tail its end, where that is not the usual one. */
function writeChunk(state: WriterState, choice: number, delta: string, finish = 'null', tail = state.tail): string {
  const { head, waiting, body } = state
  const role = writeRole(state, choice)
  const extras = waiting.size > 0 ? waiting.get(choice) : undefined
  if (extras === undefined && body === undefined) {
    return `${role}${head}{"index":${choice},"delta":{${delta}},"finish_reason":${finish}}${tail}\n\n`
  }
  waiting.delete(choice)
  const separator = delta === '' || extras?.message === undefined ? '' : ','
  const whole = `{${delta}${separator}${membersOf(extras?.message?.fields())}}`
  const choiceExtras = extras?.choice === undefined ? '' : `,${membersOf(extras.choice.fields())}`
  const bodyExtras = body === undefined ? '' : `,${membersOf(body)}`
  state.body = undefined
  if (waiting.size === 0) state.waitingFields.clear()
  const fields = `"index":${choice},"delta":${whole},"finish_reason":${finish}${choiceExtras}`
  return `${role}${head}{${fields}}${tail.slice(0, -1)}${bodyExtras}}\n\n`
}

function toolStart({ unusualTools }: WriterState, event: EventOf<'tool-start'>): string {
  const name = JSON.stringify(event.name)
  if (event.kind !== 'function') unusualTools.set(`${event.choice}:${event.index}`, event.kind)
  if (event.kind === 'function_call') return `"function_call":{"name":${name},"arguments":""}`
  const call =
    event.kind === 'custom'
      ? `"type":"custom","custom":{"name":${name},"input":""}`
      : `"type":"function","function":{"name":${name},"arguments":""}`
  const extra = event.extra === undefined ? '' : `,${membersOf(event.extra)}`
  return `"tool_calls":[{"index":${event.index},"id":${JSON.stringify(event.id)},${call}${extra}}]`
}

function toolDelta({ unusualTools }: WriterState, event: EventOf<'tool-delta'>): string {
  const text = JSON.stringify(event.text)
  const kind = unusualTools.size > 0 ? unusualTools.get(`${event.choice}:${event.index}`) : undefined
  if (kind === 'function_call') return `"function_call":{"arguments":${text}}`
  const piece = kind === 'custom' ? `"custom":{"input":${text}}` : `"function":{"arguments":${text}}`
  return `"tool_calls":[{"index":${event.index},${piece}}]`
}

function writeExtra(state: WriterState, { choice, place, fields }: EventOf<'extra'>): string {
  const isFull = keepExtra(state, choice, place, fields)
  // Sound and pictures are the answer itself, piece by piece.
  if ('audio' in fields || 'images' in fields) return writeChunk(state, choice, '')
  return isFull ? writeWaiting(state) : ''
}

/** @returns true when too much waits. */
function keepExtra(state: WriterState, choice: number, place: ExtraPlace, fields: JsonObject): boolean {
  if (place === 'body') {
    state.body = Object.assign(state.body ?? {}, fields)
  } else {
    let extras = state.waiting.get(choice)
    if (extras === undefined) {
      extras = {}
      state.waiting.set(choice, extras)
    }
    extras[place] ??= createFieldMerger()
    extras[place].add(fields)
  }
  return state.waitingFields.add(fields)
}

/** All that waits, each choice in a chunk of its own. */
function writeWaiting(state: WriterState): string {
  const { waiting, begunChoices } = state
  const choices = waiting.size > 0 ? [...waiting.keys()] : [begunChoices.values().next().value ?? 0]
  return choices.map((choice) => writeChunk(state, choice, '')).join('')
}

function writeEnd(state: WriterState, finishes: readonly Finish[], usage: Usage): string {
  const { head, includeUsage, waiting } = state
  const lines: string[] = []
  const usageTail = `],"usage":${JSON.stringify(usage)}}`
  finishes.forEach(({ choice, reason }, at) => {
    if (waiting.get(choice)?.message !== undefined) lines.push(writeChunk(state, choice, ''))
    const isLast = at === finishes.length - 1 && !includeUsage
    lines.push(writeChunk(state, choice, '', JSON.stringify(reason), isLast ? usageTail : state.tail))
  })
  if (includeUsage) lines.push(`${head}${usageTail}\n\n`)
  lines.push(SSE_DONE)
  return lines.join('')
}

function writeError({ head, tail, begunChoices, words }: WriterState, failure: Failure): string {
  const open = begunChoices.size > 0 ? [...begunChoices] : [0]
  const choices = open.map((choice) => `{"index":${choice},"delta":{},"finish_reason":"error"}`).join(',')
  return `${head}${choices}${tail.slice(0, -1)},"error":${JSON.stringify(words.writeError(failure))}}\n\n`
}

/** The members of an object as JSON, without its braces. */
function membersOf(fields: JsonObject | undefined): string {
  return fields === undefined ? '' : JSON.stringify(fields).slice(1, -1)
}
