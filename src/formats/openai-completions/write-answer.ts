import type { OutputEvent } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { createFieldMerger, type FieldMerger } from '../shared/merge-fields.ts'
import { headOf, writeChoice } from './write-choice.ts'

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
      case 'native':
        break
      case 'error':
        throw event.failure
      case 'end': {
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
