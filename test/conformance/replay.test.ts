import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readManifest } from './manifest.ts'
import { piecesOf, type Replay, readOrder, startReplay } from './replay.ts'

const STREAM = 'data: {"text":"né 🙂"}\n\ndata: 2\n\ndata: [DONE]\n\n'
let folder = ''
let replay: Replay

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'replay-'))
  const rows = [
    'file\tprovider\tkind\texercises\torigin\tto_wire\tauthenticity\thttp_status\tbytes',
    'talk.sse\tx\tstream\ttext\tme\talready the wire bytes\trecorded\t200\t1',
    "busy.json\tx\terror\t[retry-after: ['3']]\tme\twhole HTTP body: application/json\trecorded\t429\t1",
  ]
  writeFileSync(join(folder, 'MANIFEST.tsv'), rows.join('\n'))
  writeFileSync(join(folder, 'talk.sse'), STREAM)
  writeFileSync(join(folder, 'busy.json'), '{"error":"busy"}')
  replay = await startReplay(readManifest(folder))
})

afterAll(async () => {
  await replay.close()
  rmSync(folder, { recursive: true })
})

function ask(content: string) {
  const messages = [{ role: 'user', content }]
  return fetch(`${replay.url}/v1/messages`, { method: 'POST', body: JSON.stringify({ messages }) })
}

test('the prompt names the recording and how it is played, and the last name counts', () => {
  const body = JSON.stringify({
    messages: [{ content: 'recording:old' }, { content: 'recording:a/b.sse cut:3\nrest' }],
  })
  expect(readOrder(body)).toEqual({ file: 'a/b.sse', split: 'whole', cut: { events: 3 }, reset: false })
  expect(readOrder('recording:a split:random:12 cutbytes:7 end:reset')).toEqual({
    file: 'a',
    split: { seed: 12 },
    cut: { bytes: 7 },
    reset: true,
  })
  expect(readOrder('nothing here')).toBeUndefined()
})

test('pieces join to the whole, and the same seed cuts alike', () => {
  const wire = new TextEncoder().encode(STREAM.repeat(20))
  for (const split of ['whole', 'bytes', { seed: 5 }] as const) {
    expect(Buffer.concat(piecesOf(wire, split)).equals(Buffer.from(wire))).toBe(true)
  }
  expect(piecesOf(wire, 'bytes')).toHaveLength(wire.length)
  const borders = (seed: number) => piecesOf(wire, { seed }).map(({ length }) => length)
  expect(borders(5)).toEqual(borders(5))
  expect(borders(5)).not.toEqual(borders(6))
})

test('a stream arrives with its own bytes however it is cut up', async () => {
  for (const split of ['', ' split:1', ' split:random:9']) {
    const response = await ask(`recording:talk.sse${split}`)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await response.text()).toBe(STREAM)
  }
})

test('an error arrives with its status, its body and its retry-after', async () => {
  const response = await ask('recording:busy.json')
  expect(response.status).toBe(429)
  expect(response.headers.get('retry-after')).toBe('3')
  expect(await response.text()).toBe('{"error":"busy"}')
})

test('a cut stream ends as if it were whole', async () => {
  expect(await (await ask('recording:talk.sse cut:1')).text()).toBe(STREAM.slice(0, STREAM.indexOf('data: 2')))
})

test('a stream is written with the line ends, the mark and the comments that were ordered', async () => {
  expect(await (await ask('recording:talk.sse lines:crlf')).text()).toBe(STREAM.replaceAll('\n', '\r\n'))
  const response = await ask('recording:talk.sse with:bom with:comments lines:cr')
  const written = Buffer.from(await response.arrayBuffer()).toString('utf8')
  expect(written).toMatch(
    /^\uFEFF: before the first event\r\rdata: \{[^\r]*\}\r\r: between events\r:\r\r: data: not an event\rdata: 2\r/,
  )
})

test('a reset stream ends in a broken connection', async () => {
  const response = await ask('recording:talk.sse cut:1 end:reset')
  await expect(response.text()).rejects.toThrow()
})

test('a recording that does not exist is said to be missing', async () => {
  const response = await ask('recording:none.sse')
  expect(response.status).toBe(404)
  expect(await response.text()).toContain('none.sse')
})
