import { expect, test } from 'vitest'
import { createHttpReader } from './http-reader.ts'

function readAll(text: string, size: number): string[] {
  const seen: string[] = []
  let body = ''
  const reader = createHttpReader({
    head: (head) => seen.push(head.split('\r\n')[0] ?? ''),
    body: (piece) => {
      body += piece.toString()
    },
    end: () => {
      seen.push(body)
      body = ''
    },
  })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size))
  return seen
}

const SIZED = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED = 'HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'
const EMPTY = 'HTTP/1.1 204 Nothing\r\n\r\n'

test('messages on one connection are told apart, however the bytes are cut', () => {
  const all = ['HTTP/1.1 200 OK', 'hello', 'HTTP/1.1 201 OK', 'hello', 'HTTP/1.1 204 Nothing', '']
  for (let size = 1; size <= 150; size++) expect(readAll(SIZED + CHUNKED + EMPTY, size)).toEqual(all)
})

test('a body that is not complete has not ended', () => {
  expect(readAll(SIZED.slice(0, -1), 1000)).toEqual(['HTTP/1.1 200 OK'])
  expect(readAll(CHUNKED.slice(0, -1), 1000)).toEqual(['HTTP/1.1 201 OK'])
})
