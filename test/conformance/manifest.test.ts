import { expect, test } from 'vitest'
import { cutRecording, parseManifest } from './manifest.ts'

const HEAD = 'file\tprovider\tkind\texercises\torigin\tto_wire\tauthenticity\thttp_status\tbytes'
const load = (file: string) => new TextEncoder().encode(`data: "${file}"\n\n`)

test('a row becomes a recording with its bytes, status and recorded retry-after', () => {
  const row = "a/b.sse\ta\tstream\ttext [retry-after: ['7']]\tme\talready the wire bytes\trecorded\t200\t9"
  const [recording] = parseManifest(`${HEAD}\n${row}\n`, load)
  expect(recording).toMatchObject({ file: 'a/b.sse', provider: 'a', kind: 'stream', status: 200 })
  expect(recording?.headers).toEqual({ 'retry-after': '7' })
  expect(new TextDecoder().decode(recording?.wire)).toBe('data: "a/b.sse"\n\n')
})

test('a kind that is not known stops the program', () => {
  const row = 'a/b.sse\ta\tsong\ttext\tme\talready the wire bytes\trecorded\t200\t9'
  expect(() => parseManifest(`${HEAD}\n${row}`, load)).toThrow('song')
})

test('a cut recording keeps everything but the rest of its bytes', () => {
  const row = 'a/b.sse\ta\tstream\ttext\tme\talready the wire bytes\trecorded\t200\t9'
  const [recording] = parseManifest(`${HEAD}\n${row}`, load)
  if (recording === undefined) throw new Error('no recording')
  expect(cutRecording(recording, { bytes: 4 })).toEqual({ ...recording, wire: recording.wire.subarray(0, 4) })
})
