import type { OutputEvent } from '../../chat/event.ts'
import type { AnswerInput, Envelope } from '../format.ts'
import { type JsonObject, jsonObjectsIn } from '../shared/fields.ts'
import { createFieldMerger, type FieldMerger } from '../shared/merge-fields.ts'
import { headOf, writeChoice } from './write-choice.ts'
import { withHead } from './write-native.ts'

interface ChoiceState {
  text: string
  readonly fields: FieldMerger
}

/**
 * Writes a whole answer. Reasoning and tool calls have no place in one.
 * @throws Failure that the events end with.
 */
export function writeCompletionAnswer(events: Iterable<OutputEvent>, { envelope }: AnswerInput): object {
  const choices = new Map<number, ChoiceState>()
  let native: JsonObject | undefined
  const body: Record<string, unknown> = {}
  const choiceAt = (index: number): ChoiceState => {
    const known = choices.get(index)
    if (known !== undefined) return known
    const choice = { text: '', fields: createFieldMerger() }
    choices.set(index, choice)
    return choice
  }
  for (const event of events) {
    switch (event.type) {
      case 'text':
      case 'refusal':
        choiceAt(event.choice).text += event.text
        break
      case 'extra':
        if (event.place === 'body') Object.assign(body, event.fields)
        else if (event.place === 'choice') choiceAt(event.choice).fields.add(event.fields)
        break
      case 'reasoning':
      case 'tool-start':
      case 'tool-delta':
        break
      case 'native':
        native = event.message
        break
      case 'error':
        throw event.failure
      case 'end': {
        if (native !== undefined) return writeNative(native, event, envelope)
        const written = event.finishes.map(({ choice: index, reason }) => {
          const { text, fields } = choiceAt(index)
          return writeChoice({ index, text, offset: 0, finish: reason, fields: fields.fields() })
        })
        return { ...headOf(envelope), choices: written, usage: event.usage, ...body }
      }
      default:
        event satisfies never
    }
  }
  throw new TypeError('the events have no end')
}

/** The provider's own body, with our id and model. */
function writeNative(own: JsonObject, { finishes, usage }: Extract<OutputEvent, { type: 'end' }>, envelope: Envelope) {
  const reasons = new Map(finishes.map(({ choice, reason }) => [choice, reason]))
  const choices = jsonObjectsIn(own.choices).map((choice) => ({
    ...choice,
    finish_reason: choice.finish_reason ?? reasons.get(Number(choice.index)) ?? 'stop',
  }))
  return { ...withHead(own, headOf(envelope)), choices, usage }
}
