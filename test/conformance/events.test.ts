import { expect, test } from 'vitest'
import { readEvents } from './events.ts'

const datas = (text: string) => readEvents(text).events.map(({ data }) => data)

test('LF, CRLF and CR end lines alike', () => {
  for (const end of ['\n', '\r\n', '\r']) expect(datas(`data: 1${end}${end}data: 2${end}${end}`)).toEqual(['1', '2'])
})

test('several data lines join, and the space after the colon may be missing', () => {
  expect(datas('data:{"a":\ndata: 1}\n\n')).toEqual(['{"a":\n1}'])
})

test('comments, ids, a byte order mark and empty events are no events', () => {
  expect(datas('\uFEFF: hello\n\nid: 7\nretry: 1\n\ndata: 1\n\ndata:\n\n')).toEqual(['1'])
})

test('the last event counts without a blank line after it', () => {
  expect(readEvents('event: end\ndata: 1').events).toEqual([{ event: 'end', data: '1' }])
})

test('lines of bare JSON are kept aside', () => {
  expect(readEvents('data: 1\n\n{\n  "error": {"code": 9}\n}\n').strays).toBe('{\n  "error": {"code": 9}\n}')
})
