import type { OutputEvent, ToolKind, Usage } from '../../chat/event.ts'
import type { Envelope } from '../format.ts'
import { createFieldMerger, type FieldMerger } from '../shared/merge-fields.ts'

type Fields = Record<string, unknown>

interface Call {
  index: number
  id: string
  name: string
  kind: ToolKind
  text: string
  extra: Fields
}

interface Choice {
  text: string
  reasoning: string
  refusal: string | undefined
  /** By their index. */
  calls: Map<number, Call>
  readonly message: FieldMerger
  readonly extras: FieldMerger
}

/** `text_completion` is the reference's word; OpenAI's own is there for clients that insist on it (contract 3). */
export type CompletionObject = 'text_completion' | 'chat.completion'

/** A whole answer, `stream: false` (reference; contract 3). */
export interface Completion {
  readonly id: string
  readonly object: CompletionObject
  readonly created: number
  readonly model: string
  readonly choices: readonly Fields[]
  readonly usage: Usage
  readonly [field: string]: unknown
}

/** Folds the events of an answer into one completion. @throws Failure that they end with. */
export function writeCompletion(
  events: Iterable<OutputEvent>,
  envelope: Envelope,
  object: CompletionObject,
): Completion {
  const choices = new Map<number, Choice>()
  const body: Fields = {}
  const at = (index: number): Choice => {
    const known = choices.get(index)
    if (known !== undefined) return known
    const extras = { message: createFieldMerger(), extras: createFieldMerger() }
    const fresh = { text: '', reasoning: '', refusal: undefined, calls: new Map(), ...extras }
    choices.set(index, fresh)
    return fresh
  }
  for (const event of events) {
    switch (event.type) {
      case 'text':
        at(event.choice).text += event.text
        break
      case 'reasoning':
        at(event.choice).reasoning += event.text
        break
      case 'refusal': {
        const choice = at(event.choice)
        choice.refusal = (choice.refusal ?? '') + event.text
        break
      }
      case 'tool-start':
        at(event.choice).calls.set(event.index, { ...event, text: '', extra: event.extra ?? {} })
        break
      case 'tool-delta': {
        const call = at(event.choice).calls.get(event.index)
        if (call !== undefined) call.text += event.text
        break
      }
      case 'extra':
        if (event.place === 'body') Object.assign(body, event.fields)
        else at(event.choice)[event.place === 'choice' ? 'extras' : 'message'].add(event.fields)
        break
      case 'native':
        break
      case 'error':
        throw event.failure
      case 'end':
        return {
          id: envelope.id,
          object,
          created: envelope.created,
          model: envelope.model,
          choices: event.finishes.map(({ choice, reason }) => ({
            index: choice,
            message: messageOf(at(choice)),
            finish_reason: reason,
            ...at(choice).extras.fields(),
          })),
          usage: event.usage,
          ...body,
        }
      default:
        return event satisfies never
    }
  }
  throw new TypeError('the events have no end')
}

function messageOf({ text, reasoning, refusal, calls: byIndex, message }: Choice): Fields {
  const calls = [...byIndex.values()]
  const toolCalls = calls.filter(({ kind }) => kind !== 'function_call')
  const functionCall = calls.find(({ kind }) => kind === 'function_call')
  // OpenAI's null content stands for "said nothing, because it called or refused"; an answer that is merely empty is ''.
  const silent = text === '' && (calls.length > 0 || refusal !== undefined)
  return {
    role: 'assistant',
    content: silent ? null : text,
    ...(refusal === undefined ? {} : { refusal }),
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map(toolCall) }),
    ...(functionCall === undefined ? {} : { function_call: { name: functionCall.name, arguments: functionCall.text } }),
    ...message.fields(),
  }
}

function toolCall({ id, name, kind, text, extra }: Call): Fields {
  return kind === 'custom'
    ? { id, type: 'custom', custom: { name, input: text }, ...extra }
    : { id, type: 'function', function: { name, arguments: text }, ...extra }
}
