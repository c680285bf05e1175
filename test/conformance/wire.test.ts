import { expect, test } from 'vitest'
import { contentTypeOf, cutWire, dressWire, eventEnds, rebuildWire } from './wire.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (wire: Uint8Array) => new TextDecoder().decode(wire)
const SSE = 'text/event-stream; charset=utf-8'

test('a stored stream is served as it is', () => {
  expect(text(rebuildWire('already the wire bytes (as stored)', bytes('data: 1\n\n')))).toBe('data: 1\n\n')
})

test('stored lines get data:, blank lines and [DONE] where the manifest says so', () => {
  const wire = rebuildWire(
    'JSONL: wire = "data: <line>\\n\\n" per line, then "data: [DONE]\\n\\n"',
    bytes('{"a":1}\n{"b":2}'),
  )
  expect(text(wire)).toBe('data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n')
})

test('stored lines get the event name from their type, and no [DONE] where there was none', () => {
  const wording = 'JSONL: wire = for each line "event: <line.type>\\ndata: <line>\\n\\n"; no [DONE]'
  expect(text(rebuildWire(wording, bytes('{"type":"ping"}\n')))).toBe('event: ping\ndata: {"type":"ping"}\n\n')
})

test('stored lines get CRLF where the manifest says so', () => {
  const wire = rebuildWire('JSONL: wire = "data: <line>\\r\\n\\r\\n" per line; no [DONE]', bytes('{"a":1}\n'))
  expect(text(wire)).toBe('data: {"a":1}\r\n\r\n')
})

test('a wording of the manifest that is not known stops the program', () => {
  expect(() => rebuildWire('as carrier pigeons', bytes(''))).toThrow('carrier pigeons')
})

test('the content type follows the wording and the name', () => {
  expect(contentTypeOf('NDJSON as on the wire', 'a.ndjson')).toBe('application/x-ndjson')
  expect(contentTypeOf('whole HTTP body: serve as application/json', 'a.json')).toBe('application/json')
  expect(contentTypeOf('whole HTTP body: serve as text/html', 'a.html')).toContain('text/html')
  expect(contentTypeOf('already the wire bytes', 'a.sse')).toContain('text/event-stream')
})

test('comments are not counted as events, and bytes are counted as bytes', () => {
  const wire = bytes(': wait\n\ndata: "é"\n\ndata: 2\n\n')
  expect(eventEnds(wire, SSE)).toEqual([20, 29])
  expect(text(cutWire(wire, SSE, { events: 1 }))).toBe(': wait\n\ndata: "é"\n\n')
  expect(cutWire(wire, SSE, { events: 0 }).length).toBe(0)
  expect(cutWire(wire, SSE, { events: 9 }).length).toBe(wire.length)
  expect(cutWire(wire, SSE, { bytes: 16 }).length).toBe(16)
})

test('a wire can be dressed otherwise and keeps its events', () => {
  const wire = bytes('data: 1\n\ndata: 2\r\n\r\ndata: [DONE]\n\n')
  const plain = { bom: false, comments: false }
  expect(text(dressWire(wire, { ...plain, lineEnd: '\r' }))).toBe('data: 1\r\rdata: 2\r\rdata: [DONE]\r\r')
  expect(text(dressWire(wire, { ...plain, lineEnd: '\r\n' }))).toContain('1\r\n\r\ndata: 2')
  expect([...dressWire(wire, { ...plain, bom: true }).slice(0, 4)]).toEqual([0xef, 0xbb, 0xbf, 0x64])
  expect(dressWire(wire, { ...plain, comments: true }, 'application/x-ndjson'), 'lines have none').toEqual(wire)
  const commented = text(dressWire(wire, { ...plain, comments: true }))
  expect(commented.match(/^:/gm)).toHaveLength(7)
  expect(eventEnds(bytes(commented), SSE)).toHaveLength(3)
})

test('each line of NDJSON is an event, the last also without a line end', () => {
  expect(eventEnds(bytes('{"a":1}\n{"b":2}'), 'application/x-ndjson')).toEqual([8, 15])
})
