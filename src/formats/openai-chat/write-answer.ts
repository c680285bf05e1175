import type { FinishReason, OutputEvent, ToolKind, Usage } from '../../chat/event.ts'
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
  /** By their index; absent while there are none. */
  calls: Map<number, Call> | undefined
  message: FieldMerger | undefined
  extras: FieldMerger | undefined
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
  /** By their numbers. */
  const choices: Choice[] = []
  let body: Fields | undefined
  for (const event of events) {
    switch (event.type) {
      case 'text':
        choiceAt(choices, event.choice).text += event.text
        break
      case 'reasoning':
        choiceAt(choices, event.choice).reasoning += event.text
        break
      case 'refusal': {
        const choice = choiceAt(choices, event.choice)
        choice.refusal = (choice.refusal ?? '') + event.text
        break
      }
      case 'tool-start': {
        const choice = choiceAt(choices, event.choice)
        choice.calls ??= new Map()
        choice.calls.set(event.index, { ...event, text: '', extra: event.extra ?? {} })
        break
      }
      case 'tool-delta': {
        const call = choiceAt(choices, event.choice).calls?.get(event.index)
        if (call !== undefined) call.text += event.text
        break
      }
      case 'extra':
        if (event.place === 'body') body = Object.assign(body ?? {}, event.fields)
        else addFields(choiceAt(choices, event.choice), event.place, event.fields)
        break
      case 'native':
        break
      case 'error':
        throw event.failure
      case 'end': {
        const { id, created, model } = envelope
        const written = event.finishes.map(({ choice, reason }) =>
          writeChoice(choiceAt(choices, choice), choice, reason),
        )
        const completion = { id, object, created, model, choices: written, usage: event.usage }
        return body === undefined ? completion : Object.assign(completion, body)
      }
      default:
        return event satisfies never
    }
  }
  throw new TypeError('the events have no end')
}

function choiceAt(choices: Choice[], number: number): Choice {
  const known = choices[number]
  if (known !== undefined) return known
  const choice: Choice = {
    text: '',
    reasoning: '',
    refusal: undefined,
    calls: undefined,
    message: undefined,
    extras: undefined,
  }
  choices[number] = choice
  return choice
}

function addFields(choice: Choice, place: 'choice' | 'message', fields: Fields): void {
  const merger = place === 'choice' ? 'extras' : 'message'
  choice[merger] ??= createFieldMerger()
  choice[merger].add(fields)
}

function writeChoice(choice: Choice, index: number, reason: FinishReason): Fields {
  const written = { index, message: messageOf(choice), finish_reason: reason }
  return choice.extras === undefined ? written : { ...written, ...choice.extras.fields() }
}

function messageOf({ text, reasoning, refusal, calls, message }: Choice): Fields {
  // OpenAI's null content stands for "said nothing, because it called or refused"; an answer that is merely empty is ''.
  const isSilent = text === '' && (calls !== undefined || refusal !== undefined)
  const written: Fields = { role: 'assistant', content: isSilent ? null : text }
  if (refusal !== undefined) written.refusal = refusal
  if (reasoning !== '') written.reasoning_content = reasoning
  if (calls !== undefined) writeCalls(written, [...calls.values()])
  return message === undefined ? written : { ...written, ...message.fields() }
}

function writeCalls(message: Fields, calls: readonly Call[]): void {
  const toolCalls = calls.filter(({ kind }) => kind !== 'function_call')
  const functionCall = calls.find(({ kind }) => kind === 'function_call')
  if (toolCalls.length > 0) message.tool_calls = toolCalls.map(toolCall)
  if (functionCall !== undefined) {
    message.function_call = { name: functionCall.name, arguments: functionCall.text }
  }
}

function toolCall({ id, name, kind, text, extra }: Call): Fields {
  return kind === 'custom'
    ? { id, type: 'custom', custom: { name, input: text }, ...extra }
    : { id, type: 'function', function: { name, arguments: text }, ...extra }
}
