import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import { createGeminiReader } from '../../../src/formats/gemini/read-answer.ts'
import { createStreamDecoder } from '../../../src/stream/decode.ts'
import { createStreamFinalizer } from '../../../src/stream/finalize.ts'
import { type Fields, inputFor, native, type Response, responses, whole } from './writing.ts'

const roots = {
  RECORDINGS: ['gemini', 'vertex'],
  CLIENT_RECORDINGS: ['client-requests/gemini'],
}

const NAMES = { modelVersion: 'some/model', responseId: 'answer-1' }

/** Recorded answers, and one that is made by hand. */
const recorded = Object.entries(roots).flatMap(([variable, folders]) => {
  const root = process.env[variable]
  if (!root) return []
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder)).map((file) => ({ file, path: join(root, folder, file) })),
  )
})

const chunk = (parts: readonly Fields[], further: Fields = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...further }],
  usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 9, thoughtsTokenCount: 3, totalTokenCount: 17 },
  modelVersion: 'gemini-9',
  responseId: 'theirs',
})
const MADE = [
  chunk([{ text: 'Hm.', thought: true }]),
  chunk([{ text: 'Wir prüfen 😀' }]),
  chunk([{ text: ' nach.\r\n\r\ndata: {}' }]),
  chunk([{ executableCode: { language: 'PYTHON', code: '1' } }, { codeExecutionResult: { output: '1' } }]),
  chunk([{ functionCall: { id: 'a', name: 'look', args: { n: 1 } }, thoughtSignature: 'c2ln' }]),
  chunk([{ functionCall: { id: 'b', name: 'look', args: {} } }]),
  chunk([{ text: '' }], { finishReason: 'STOP', safetyRatings: [] }),
]
const SAMPLE = MADE.map((one) => `data: ${JSON.stringify(one)}\r\n\r\n`).join('')

function wireOf({ file, path }: { file: string; path: string }): string {
  const text = readFileSync(path, 'utf8')
  if (file.endsWith('.sse')) return text
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => `data: ${line}\r\n\r\n`)
    .join('')
}

const streams: readonly (readonly [string, string])[] = [
  ['a stream made by hand', SAMPLE],
  ...recorded.filter(({ file }) => /\.(sse|chunks\.txt)$/.test(file)).map((one) => [one.file, wireOf(one)] as const),
]

/** Reads the bytes of a stream as the gateway does, in pieces of this size. */
function read(wire: string, isNative: boolean, size = wire.length): OutputEvent[] {
  let ids = 0
  const { readEvent } = createGeminiReader(() => `made-${++ids}`, isNative)
  const decoder = createStreamDecoder('sse', readEvent, undefined)
  const finalizer = createStreamFinalizer(() => 10)
  const bytes = new TextEncoder().encode(wire)
  const events: OutputEvent[] = []
  for (let at = 0; at < bytes.length; at += size) {
    events.push(...finalizer.push(decoder.push(bytes.subarray(at, at + size)).events))
  }
  events.push(...finalizer.push(decoder.end().events), ...finalizer.close())
  return events
}

/** The messages of a stream with our names. Only the last may say why it ended: some servers say it in each. */
function messagesOf(wire: string): Fields[] {
  const messages = [...wire.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => ({
    ...JSON.parse(data.trim()),
    ...NAMES,
  }))
  return messages.map((message, at) => (at === messages.length - 1 ? message : withoutFinish(message)))
}

function withoutFinish({ candidates, ...message }: Fields): Fields {
  if (!Array.isArray(candidates)) return message
  return { ...message, candidates: candidates.map(({ finishReason: _, ...candidate }: Fields) => candidate) }
}

const isBroken = (events: readonly OutputEvent[]) => events.at(-1)?.type === 'error'
const THOUGHTS = { generationConfig: { thinkingConfig: { includeThoughts: true } } }

describe.each(streams)('%s', (_, wire) => {
  test('goes to a client of the same format as it came', () => {
    const events = read(wire, true)
    if (isBroken(events)) expect(responses(events).at(-1)?.error).toBeDefined()
    else expect(responses(events)).toEqual(messagesOf(wire))
  })

  test('is the same wherever its bytes are divided', () => {
    for (const isNative of [true, false]) {
      const expected = responses(read(wire, isNative))
      for (const size of [1, 2, 3, 1000]) expect(responses(read(wire, isNative, size))).toEqual(expected)
    }
  })

  test('has no reason to finish where it is cut, unless Google had given one', () => {
    const ends = [...wire.matchAll(/\r?\n\r?\n/g)].map(({ index }) => index)
    for (const end of ends) {
      for (const at of [end - 7, end + 4]) {
        const given = wire.slice(0, at)
        for (const isNative of [true, false]) {
          const events = read(given, isNative)
          const all = responses(events)
          const finished = all.filter(({ candidates }) => candidates?.some(({ finishReason }) => finishReason))
          if (!isBroken(events)) expect(finished.at(-1)).toBe(all.at(-1))
          else if (isNative) expect(all.at(-1)?.error).toBeDefined()
          else expect([all.at(-1)?.error, finished]).toEqual([expect.anything(), []])
        }
      }
    }
  })

  test('written from its events says the same', () => {
    const events = read(wire, false)
    if (isBroken(events)) return
    const said = (all: readonly Response[] | readonly Fields[]) => {
      const parts = (all as readonly Response[]).flatMap(({ candidates = [] }) => candidates[0]?.content?.parts ?? [])
      const join = (isThought: boolean) =>
        parts.map(({ text = '', thought }) => ((thought === true) === isThought ? text : '')).join('')
      const calls = parts.flatMap(({ functionCall }) => {
        const { name, args = {} } = (functionCall ?? {}) as Fields
        return name === undefined ? [] : [[name, args]]
      })
      return { text: join(false), thoughts: join(true), calls }
    }
    const written = responses(events, inputFor(THOUGHTS))
    expect(said([whole(events, inputFor(THOUGHTS))])).toEqual(said(written))
    expect(said(written).text).toBe(said(messagesOf(wire)).text)
  })
})

const bodies = recorded
  .filter(({ file }) => file.endsWith('.json') && !file.endsWith('.request.json'))
  .map(({ file, path }) => [file, JSON.parse(readFileSync(path, 'utf8'))] as const)

test.each([['a body made by hand', MADE[4] as Fields] as const, ...bodies])('%s goes as it came', (_, body) => {
  const events = createGeminiReader(() => 'made', true).readBody(body)
  const finalizer = createStreamFinalizer(() => 10)
  const output = [...finalizer.push(events), ...finalizer.close()]
  if (isBroken(output)) expect(() => whole(output)).toThrow()
  else if (Array.isArray(body)) expect(responses(output)).toEqual(body.map((one) => ({ ...one, ...NAMES })))
  else expect(whole(output)).toEqual({ ...body, ...NAMES })
})

test('a message that only names what went wrong is not passed on', () => {
  const broken: OutputEvent[] = [native({ error: { code: 500, message: 'x', status: 'INTERNAL' } })]
  expect(() => responses(broken)).toThrow()
})
