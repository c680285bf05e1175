import type { ChatEvent, FinishReason } from '../../chat/event.ts'
import { toUsage } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import type { MessageReader } from '../../stream/decode.ts'
import { createBoundedCounter, failuresAsEvents, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toCount, toText } from '../shared/fields.ts'
import { argumentsWithoutCall, hasArguments, toArgumentsText } from '../shared/tool-arguments.ts'
import { readErrorInAnswer } from '../shared/upstream-error.ts'

/** Reads Cohere's answers (v2): stream events and whole bodies (translation 3, Cohere). */
export interface CohereReader {
  readonly event: MessageReader
  readonly body: (body: unknown) => readonly ChatEvent[]
}

const CHOICE = 0

const FINISH_REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool_calls'],
])
/** Words with which Cohere ends an answer that it could not finish. */
const BROKEN = new Set(['ERROR', 'TIMEOUT', 'ERROR_TOXIC', 'ERROR_LIMIT'])

export function createCohereReader(newId: () => string): CohereReader {
  // Cohere counts its calls; so do we, for a count that begins elsewhere must not reach the client.
  const calls = new Map<number, number>()
  const count = createBoundedCounter(MAX_TOOL_CALLS, 'tool calls')
  let said = false
  /** Something stood where words should stand, and could not be read. */
  let unread = false

  const readContent = (given: unknown): ChatEvent[] => {
    if (given === undefined || given === null) return []
    if (Array.isArray(given)) {
      unread ||= given.some((part) => !isJsonObject(part))
      return jsonObjectsIn(given).flatMap(readContent)
    }
    const content: JsonObject = isJsonObject(given) ? given : { text: given }
    const thinking = toText(content.thinking)
    const text = toText(content.text)
    if (thinking !== undefined || text !== undefined) said = true
    else if (!isSilent(content)) unread = true
    return [
      ...(thinking === undefined ? [] : [{ type: 'reasoning', choice: CHOICE, text: thinking } as const]),
      ...(text === undefined ? [] : [{ type: 'text', choice: CHOICE, text } as const]),
    ]
  }

  /** An answer of which nothing was understood is no empty one. */
  const end = (given: JsonObject): ChatEvent[] => {
    const events = finish(given)
    return unread && !said && events.some(({ type }) => type === 'finish') ? [nonsense()] : events
  }

  const startCall = (upstreamIndex: number, call: JsonObject): ChatEvent[] => {
    const index = count()
    said = true
    calls.set(upstreamIndex, index)
    const inner = isJsonObject(call.function) ? call.function : {}
    const id = toText(call.id) ?? newId()
    const name = toText(inner.name) ?? ''
    return [
      { type: 'tool-start', choice: CHOICE, index, id, name, kind: 'function' },
      ...growCall(upstreamIndex, inner.arguments),
    ]
  }

  const growCall = (upstreamIndex: number, piece: unknown): ChatEvent[] => {
    const index = calls.get(upstreamIndex)
    const text = toArgumentsText(piece)
    if (index === undefined && hasArguments(text)) throw argumentsWithoutCall()
    return index === undefined || text === '' ? [] : [{ type: 'tool-delta', choice: CHOICE, index, text }]
  }

  const event: MessageReader = (data) => {
    if (!isJsonObject(data)) return [nonsense()]
    const delta = isJsonObject(data.delta) ? data.delta : {}
    const message = isJsonObject(delta.message) ? delta.message : {}
    const index = typeof data.index === 'number' ? data.index : 0
    switch (data.type) {
      case 'content-start':
      case 'content-delta':
        return readContent(message.content)
      case 'tool-plan-delta':
        return plan(message.tool_plan)
      case 'tool-call-start':
        return isJsonObject(message.tool_calls) ? startCall(index, message.tool_calls) : []
      case 'tool-call-delta': {
        const call = isJsonObject(message.tool_calls) ? message.tool_calls : {}
        return growCall(index, isJsonObject(call.function) ? call.function.arguments : undefined)
      }
      case 'citation-start':
        return citations(isJsonObject(message.citations) ? [message.citations] : jsonObjectsIn(message.citations))
      case 'message-end':
        return [...usage(delta.usage), ...end(delta), { type: 'done' }]
      default:
        return isJsonObject(data.error) || data.type === undefined
          ? [{ type: 'error', failure: readErrorInAnswer(data) }]
          : []
    }
  }

  const body = (given: unknown): readonly ChatEvent[] => {
    if (!isJsonObject(given)) return [nonsense()]
    if (!isJsonObject(given.message)) return [{ type: 'error', failure: readErrorInAnswer(given) }]
    const { message } = given
    return [
      ...plan(message.tool_plan),
      ...readContent(message.content),
      ...jsonObjectsIn(message.tool_calls).flatMap((call, at) => startCall(at, call)),
      ...citations(jsonObjectsIn(message.citations)),
      ...usage(given.usage),
      ...end(given),
      { type: 'done' },
    ]
  }

  return { event: failuresAsEvents(event), body: failuresAsEvents(body) }
}

/** Content that is there and says nothing, as opposed to what cannot be read. */
function isSilent({ type, text, thinking, ...others }: JsonObject): boolean {
  if ((thinking ?? text ?? '') !== '') return false
  return type === undefined ? Object.keys(others).length === 0 : type === 'text' || type === 'thinking'
}

/** What the model means to do with its tools: thinking aloud, not the answer. */
function plan(text: unknown): ChatEvent[] {
  const said = toText(text)
  return said === undefined ? [] : [{ type: 'reasoning', choice: CHOICE, text: said }]
}

/** Citations of the caller's own documents and tools, in Cohere's words: OpenAI has none for them. */
function citations(list: readonly JsonObject[]): ChatEvent[] {
  return list.length === 0 ? [] : [{ type: 'extra', choice: CHOICE, place: 'message', fields: { citations: list } }]
}

function finish(given: JsonObject): ChatEvent[] {
  const word = toText(given.finish_reason)
  if (word === undefined) return []
  if (BROKEN.has(word)) {
    const text = toText(given.error) ?? `The provider broke off its answer (${word}).`
    return [{ type: 'error', failure: new Failure('provider-failed', text, { detail: word }) }]
  }
  return [{ type: 'finish', choice: CHOICE, reason: FINISH_REASONS.get(word) ?? 'stop' }]
}

/** `tokens` is what went through the model; `billed_units` leaves out what Cohere adds to a prompt. */
function usage(given: unknown): ChatEvent[] {
  if (!isJsonObject(given) || !isJsonObject(given.tokens)) return []
  const { input_tokens, output_tokens, reasoning_tokens } = given.tokens
  const reasoning = toCount(reasoning_tokens)
  const further = {
    prompt_tokens_details: { cached_tokens: toCount(given.cached_tokens) },
    ...(reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: reasoning } } : {}),
  }
  return [{ type: 'usage', usage: toUsage(toCount(input_tokens), toCount(output_tokens), further) }]
}

function nonsense(): ChatEvent {
  const failure = new Failure('provider-failed', 'The provider answered with something that is not an answer.')
  return { type: 'error', failure }
}
