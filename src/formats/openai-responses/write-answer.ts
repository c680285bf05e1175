import type { OutputEvent } from '../../chat/event.ts'
import type { AnswerInput } from '../format.ts'
import { createItems } from './write-stream-items.ts'
import { createNativeAnswer } from './write-stream-native.ts'

/** Writes a whole answer. @throws Failure that the events end with. */
export function writeResponse(events: Iterable<OutputEvent>, input: AnswerInput): object {
  const items = createItems(input, () => {})
  const native = createNativeAnswer(input)
  let isNative = false
  for (const event of events) {
    if (event.type === 'native') {
      isNative = true
      native.whole(event.message)
    } else if (event.type === 'error') throw event.failure
    else if (event.type === 'end') return isNative ? native.end(event) : items.end(event)
    else if (!isNative) items.push(event)
  }
  throw new TypeError('the events have no end')
}
