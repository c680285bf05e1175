import { describe, expect, test } from 'vitest'
import { answerOf, readMessages } from './reading.ts'
import { STREAMS } from './streams.ts'

describe.each(STREAMS)('$name', ({ createReader, messages, completeAfter, text }) => {
  test('is a whole answer when it is whole', () => {
    expect(answerOf(readMessages(createReader(), messages)).content ?? '').toBe(text)
  })

  test('cut after any message has one ending: an error, or an end if it was complete by then', () => {
    for (let length = 0; length < messages.length; length++) {
      const said = readMessages(createReader(), messages.slice(0, length))
      const endings = said.filter(({ type }) => type === 'end' || type === 'error').map(({ type }) => type)
      expect(endings, `after ${length} messages`).toEqual([length < completeAfter ? 'error' : 'end'])
      expect(said.at(-1)?.type, `after ${length} messages`).toBe(endings[0])
    }
  })
})
