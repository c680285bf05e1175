import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import { createResponsesReader } from '../../../src/formats/openai-responses/read-answer.ts'
import { createStreamDecoder } from '../../../src/stream/decode.ts'
import { createStreamFinalizer } from '../../../src/stream/finalize.ts'
import type { Json } from '../asking.ts'
import { counting, readWhole } from '../reading.ts'

const root = process.env.CLIENT_RECORDINGS ?? ''
const folder = join(root, 'responses')
const files =
  root === ''
    ? []
    : readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== 'MANIFEST.tsv')
        .map(({ parentPath, name }) => join(parentPath, name))
const streams = files.filter((file) => /\.(sse|chunks\.txt)$/.test(file))
const bodies = files
  .filter((file) => file.endsWith('.json'))
  .map((file) => [file, parse(readFileSync(file, 'utf8'))] as const)

/** What an answer says, by whichever reading. */
interface Said {
  text: string
  refusal: string
  reasoning: string
  calls: { name: string; kind: string; input: string }[]
  encrypted: string[]
  urls: string[]
  usage: { prompt: number; completion: number } | undefined
  end: string
}

function reader(isNative = false) {
  return createResponsesReader({ isNative, newId: counting(), reasoningFormat: 'f' })
}

function wireOf(file: string): string {
  const text = readFileSync(file, 'utf8')
  if (file.endsWith('.sse')) return text
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => `event: ${parse(line).type}\ndata: ${line}\n\n`).join('')
}

function parse(text: string): Json {
  return JSON.parse(text)
}

/** The messages on the wire, each with the place where it ends. */
function messagesOf(wire: string): { message: Json | undefined; end: number }[] {
  let end = 0
  return wire.split(/(?<=\r?\n\r?\n)/).map((block) => {
    end += block.length
    const data = block
      .split(/\r?\n/)
      .flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : []))
      .join('\n')
      .trim()
    return { message: data === '' || data === '[DONE]' ? undefined : parse(data), end }
  })
}

function givenOn(wire: string): Json[] {
  return messagesOf(wire).flatMap(({ message }) => (message === undefined ? [] : [message]))
}

/** Reads the complete response alone, without a word of what came before it. */
function simply(response: Json, items: readonly Json[]): Said {
  const of = (type: string) => items.filter((item) => item.type === type)
  const parts = of('message').flatMap((item) => item.content as Json[])
  const reasoning = of('reasoning').flatMap((item) => [
    ...((item.summary ?? []) as Json[]),
    ...((item.content ?? []) as Json[]),
  ])
  const calls = items.filter(({ type }) => type === 'function_call' || type === 'custom_tool_call')
  const usage = response.usage as Json | null
  const joined = (list: readonly Json[], field: string) => list.map((part) => part[field] ?? '').join('')
  const details = (response.incomplete_details as Json | null)?.reason
  return {
    text: joined(parts, 'text'),
    refusal: joined(parts, 'refusal'),
    reasoning: reasoning
      .map(({ text }) => text)
      .filter(Boolean)
      .join('\n\n'),
    calls: calls.map((call) => ({
      name: call.name as string,
      kind: call.type === 'function_call' ? 'function' : 'custom',
      input: (call.arguments ?? call.input) as string,
    })),
    encrypted: of('reasoning').flatMap((item) => (item.encrypted_content ? [item.encrypted_content as string] : [])),
    urls: parts
      .flatMap((part) => (part.annotations ?? []) as Json[])
      .flatMap(({ url }) => (url ? [url as string] : [])),
    usage: usage ? { prompt: usage.input_tokens as number, completion: usage.output_tokens as number } : undefined,
    end:
      response.status === 'incomplete'
        ? details === 'content_filter'
          ? 'content_filter'
          : 'length'
        : calls.length > 0
          ? 'tool_calls'
          : 'stop',
  }
}

/** Adds up the events of an answer. */
function heard(events: readonly OutputEvent[]): Said {
  const said: Said = {
    text: '',
    refusal: '',
    reasoning: '',
    calls: [],
    encrypted: [],
    urls: [],
    usage: undefined,
    end: '',
  }
  for (const event of events) {
    if (event.type === 'text' || event.type === 'refusal' || event.type === 'reasoning') said[event.type] += event.text
    else if (event.type === 'tool-start') said.calls[event.index] = { name: event.name, kind: event.kind, input: '' }
    else if (event.type === 'tool-delta') (said.calls[event.index] as { input: string }).input += event.text
    else if (event.type === 'extra') {
      for (const { data } of (event.fields.reasoning_details ?? []) as Json[])
        if (data) said.encrypted.push(data as string)
      for (const { url_citation } of (event.fields.annotations ?? []) as Json[])
        said.urls.push((url_citation as Json).url as string)
    } else if (event.type === 'end') {
      said.end = event.finishes[0]?.reason ?? ''
      said.usage = { prompt: event.usage.prompt_tokens, completion: event.usage.completion_tokens }
    } else if (event.type === 'error') said.end = event.failure.kind
  }
  return said
}

/** Reads the bytes of a stream as the gateway does. */
function hear(bytes: Uint8Array, isNative = false): OutputEvent[] {
  const decoder = createStreamDecoder('sse', reader(isNative).message, undefined)
  const finalizer = createStreamFinalizer(() => 0)
  const pieces = [decoder.push(bytes), decoder.end()]
  return [...pieces.flatMap(({ events }) => finalizer.push(events)), ...finalizer.close()]
}

const encoder = new TextEncoder()
const isError = (body: Json) => body.object !== 'response'

test.skipIf(root === '')('a whole answer says what its items say', () => {
  expect(bodies.length).toBeGreaterThan(0)
  for (const [file, body] of bodies) {
    const said = heard(readWhole(reader().body(body)))
    if (isError(body)) expect([file, said.end]).toEqual([file, expect.stringMatching(/rejected|refused|missing/)])
    else if (body.status === 'queued') expect([file, said.end]).toEqual([file, 'provider-failed'])
    else if (isUnreadable(body.output as Json[])) expect([file, said.end]).toEqual([file, 'provider-failed'])
    else expect([file, said]).toEqual([file, { ...simply(body, body.output as Json[]), usage: said.usage }])
  }
})

test.skipIf(root === '')('a stream says what its last message says', () => {
  expect(streams.length).toBeGreaterThan(0)
  for (const file of streams) {
    const wire = wireOf(file)
    const messages = givenOn(wire)
    const response = messages.at(-1)?.response as Json
    const output = response.output as Json[]
    const done = messages.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item as Json)
    const said = heard(hear(encoder.encode(wire)))
    if (response.status === 'failed') expect([file, said.end]).toEqual([file, 'credentials-refused'])
    else if (isUnreadable(output)) expect([file, said.end]).toEqual([file, 'provider-failed'])
    else {
      // What is encrypted is told again at the end, in another text.
      const { encrypted } = simply(response, done)
      const streamed = messages.map(({ type, delta }) => (type === 'response.output_text.delta' ? delta : '')).join('')
      const expected = { ...simply(response, output.length === 0 ? done : output), encrypted }
      expect([file, said]).toEqual([
        file,
        {
          ...expected,
          usage: expected.usage && said.usage,
          text: expected.text.startsWith(streamed) ? expected.text : streamed,
        },
      ])
    }
  }
})

test.skipIf(root === '')('bytes may be divided anywhere', () => {
  for (const file of streams) {
    const bytes = encoder.encode(wireOf(file))
    const whole = heard(hear(bytes))
    const decoder = createStreamDecoder('sse', reader().message, undefined)
    const finalizer = createStreamFinalizer(() => 0)
    const events: OutputEvent[] = []
    for (let at = 0; at < bytes.length; at++) {
      events.push(...finalizer.push(decoder.push(bytes.subarray(at, at + 1)).events))
    }
    events.push(...finalizer.push(decoder.end().events), ...finalizer.close())
    expect([file, heard(events)]).toEqual([file, whole])
  }
})

test.skipIf(root === '')('a stream cut after any event has not ended, and says the beginning', () => {
  for (const file of streams) {
    const wire = wireOf(file)
    const whole = heard(hear(encoder.encode(wire)))
    const ends = messagesOf(wire).filter(({ message }) => message !== undefined)
    for (const { end } of ends.slice(0, -1)) {
      const said = heard(hear(encoder.encode(wire.slice(0, end))))
      expect([file, end, said.end, whole.text.startsWith(said.text)]).toEqual([
        file,
        end,
        expect.stringMatching(/failed|refused/),
        true,
      ])
    }
  }
})

test.skipIf(root === '')('a client of the same format gets every message as it came, in its place', () => {
  for (const file of streams) {
    const wire = wireOf(file)
    const given = givenOn(wire)
    const passed = hear(encoder.encode(wire), true).flatMap((event) => (event.type === 'native' ? [event.message] : []))
    const isBroken = given.findIndex(({ type }) => type === 'error')
    expect([file, passed]).toEqual([file, isBroken < 0 ? given : given.slice(0, isBroken + 1)])
  }
})

/** Whether a chat has no word for any of it. */
function isUnreadable(output: readonly Json[]): boolean {
  const { text, refusal, reasoning, calls } = simply({}, output)
  return output.length > 0 && calls.length === 0 && text + refusal + reasoning === ''
}
