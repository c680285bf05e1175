import type { OutputEvent } from '../../chat/event.ts'
import type { AnswerInput, StreamWriter } from '../format.ts'
import type { JsonObject } from '../shared/fields.ts'
import { headOf, IN_PROGRESS, repeatedFields } from './write-answer-fields.ts'
import { writeResponseError } from './write-error.ts'
import { createItems, type Items } from './write-stream-items.ts'
import { createNativeAnswer, type NativeAnswer } from './write-stream-native.ts'
import { createRepeatedBound, type Emit } from './write-stream-state.ts'

/**
 * Writes a stream of events, numbered from 0. Where the provider speaks this API too, they are its own; else they are made from
 * the content.
 */
export function createResponseWriter(input: AnswerInput): StreamWriter {
  let text = ''
  let sequence = 0
  let items: Items | undefined
  let native: NativeAnswer | undefined
  const addKept = createRepeatedBound()
  const emit: Emit = (type, fields) => {
    const event = { type, ...fields, sequence_number: sequence++ }
    // A provider's own type must not become a line.
    text += `event: ${type.replace(/[^\w.-]+/g, '')}\ndata: ${JSON.stringify(event)}\n\n`
  }
  const begin = (): Items => {
    if (items !== undefined) return items
    const response = { ...headOf(input), ...IN_PROGRESS, ...repeatedFields(input) }
    for (const type of ['response.created', 'response.in_progress']) emit(type, { response })
    items = createItems(input, emit)
    return items
  }
  const endWith = (response: JsonObject) => emit(`response.${response.status}`, { response })

  const write = (event: OutputEvent) => {
    if (event.type === 'native') {
      native ??= createNativeAnswer(input, addKept)
      for (const { type, ...fields } of native.push(event.message)) emit(String(type), fields)
      if (event.message.type === 'response.output_item.done') addKept(text.length)
    } else if (event.type === 'end') {
      endWith(native?.end(event) ?? begin().end(event))
    } else if (event.type === 'error') {
      const error = writeResponseError(event.failure)
      const failed = { ...headOf(input), ...IN_PROGRESS, status: 'failed', error }
      endWith(native?.broken(failed) ?? { ...failed, output: begin().broken(), ...repeatedFields(input) })
    } else if (native === undefined) {
      begin().push(event)
    }
  }

  return (event) => {
    write(event)
    // Where writing fails, what was written before it goes out with the error, so no number is missing.
    const written = text
    text = ''
    return written
  }
}
