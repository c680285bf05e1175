import type { Finish, OutputEvent, Usage } from '../../chat/event.ts'
import type { Failure } from '../../chat/failure.ts'
import { SSE_DONE } from '../../stream/sse.ts'
import type { AnswerInput, Envelope, StreamWriter } from '../format.ts'
import type { JsonObject } from '../shared/fields.ts'
import { createFieldMerger, type FieldMerger } from '../shared/merge-fields.ts'
import { toTextLogprobs } from './logprobs.ts'

/** One choice, as far as it has been written. */
interface ChoiceState {
  text: string
  /** How many characters of it have gone out. */
  offset: number
  /** Log probabilities that have not gone out, as they come. */
  logprobs: FieldMerger | undefined
}

interface AnswerState {
  readonly choices: Map<number, ChoiceState>
  /** Fields beside the choices, which we do not name. */
  body: JsonObject
}

/** Writes a stream of text completions. Reasoning and tool calls have no place in one. */
export function createCompletionWriter({ envelope, chat }: AnswerInput): StreamWriter {
  const state: AnswerState = { choices: new Map(), body: {} }
  const includeUsage = chat.stream_options?.include_usage === true
  const chunk = (choices: readonly JsonObject[], further: JsonObject = includeUsage ? { usage: null } : {}) => {
    const { body } = state
    state.body = {}
    return `data: ${JSON.stringify({ ...headOf(envelope), choices, ...further, ...body })}\n\n`
  }
  return (event) => {
    if (!take(state, event)) return ''
    switch (event.type) {
      case 'text':
      case 'refusal':
        return chunk([writeChoice(state, event.choice, null)])
      case 'end':
        return writeEnd(state, event, includeUsage, chunk)
      case 'error': {
        const open = state.choices.size > 0 ? [...state.choices.keys()] : [0]
        const choices = open.map((choice) => writeChoice(state, choice, 'error'))
        return chunk(choices, { error: errorOf(event.failure) })
      }
      default:
        return ''
    }
  }
}

function writeEnd(
  state: AnswerState,
  { finishes, usage }: { readonly finishes: readonly Finish[]; readonly usage: Usage },
  includeUsage: boolean,
  chunk: (choices: readonly JsonObject[], further?: JsonObject) => string,
): string {
  const lines = finishes.map(({ choice, reason }, at) => {
    const isLast = at === finishes.length - 1 && !includeUsage
    return isLast ? chunk([writeChoice(state, choice, reason)], { usage }) : chunk([writeChoice(state, choice, reason)])
  })
  if (includeUsage) lines.push(chunk([], { usage }))
  return `${lines.join('')}${SSE_DONE}`
}

/** Writes a whole answer. @throws Failure that the events end with. */
export function writeCompletionAnswer(events: Iterable<OutputEvent>, { envelope }: AnswerInput): object {
  const state: AnswerState = { choices: new Map(), body: {} }
  for (const event of events) {
    take(state, event)
    if (event.type === 'error') throw event.failure
    if (event.type === 'end') {
      const choices = event.finishes.map(({ choice, reason }) => writeChoice(state, choice, reason))
      return { ...headOf(envelope), choices, usage: event.usage, ...state.body }
    }
  }
  throw new TypeError('the events have no end')
}

/** Adds an event to the state; false where it has no place in a text completion, or waits for text. */
function take(state: AnswerState, event: OutputEvent): boolean {
  switch (event.type) {
    case 'text':
    case 'refusal':
      choiceAt(state, event.choice).text += event.text
      return true
    case 'extra':
      if (event.place === 'body') state.body = { ...state.body, ...event.fields }
      if (event.place === 'choice' && event.fields.logprobs !== undefined) {
        const choice = choiceAt(state, event.choice)
        choice.logprobs ??= createFieldMerger()
        choice.logprobs.add({ logprobs: event.fields.logprobs })
      }
      return false
    case 'reasoning':
    case 'tool-start':
    case 'tool-delta':
      return false
    case 'end':
    case 'error':
      return true
    default:
      return event satisfies never
  }
}

function choiceAt({ choices }: AnswerState, index: number): ChoiceState {
  const known = choices.get(index)
  if (known !== undefined) return known
  const fresh: ChoiceState = { text: '', offset: 0, logprobs: undefined }
  choices.set(index, fresh)
  return fresh
}

/** What of a choice has not gone out yet. */
function writeChoice(state: AnswerState, index: number, finish: string | null): JsonObject {
  const choice = choiceAt(state, index)
  const { text, logprobs, offset } = choice
  choice.offset += text.length
  choice.text = ''
  choice.logprobs = undefined
  const told = logprobs === undefined ? null : toTextLogprobs(logprobs.fields().logprobs, offset)
  return { text, index, logprobs: told, finish_reason: finish }
}

function headOf({ id, created, model }: Envelope): JsonObject {
  return { id, object: 'text_completion', created, model }
}

/** An error object in the words of this API: the prompt is what became the chat's only message. */
export function errorOf(failure: Failure): JsonObject {
  const error = failure.toError()
  const { param } = error
  const own = param === null ? null : ownName(param)
  if (param === own) return { ...error }
  return { ...error, message: error.message.replaceAll(`'${param}'`, `'${own}'`), param: own }
}

function ownName(param: string): string {
  if (/^messages\b/.test(param)) return 'prompt'
  return param === 'top_logprobs' ? 'logprobs' : param
}
