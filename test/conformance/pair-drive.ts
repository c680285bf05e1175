import { readEvents } from './events.ts'
import { at, objectOf, parseJson, textOf } from './json.ts'
import { type JsonDifference, jsonDifferences } from './json-differences.ts'
import type { Recording } from './manifest.ts'
import type { PairException } from './pair-exceptions.ts'
import type { PairProvider, Received } from './pair-provider.ts'
import type { Pair } from './pairs.ts'

/** What came of one pair. `excused` are differences that a row of the exceptions names. */
export type PairResult = {
  name: string
  api: string
  stream: boolean
  events: number
  differences: string[]
  excused: { why: string; difference: string }[]
}

/** Where to ask; `model` gives the name to ask a pair by. */
export type PairWay = {
  url: string
  key: string
  provider: PairProvider
  model: (pair: Pair) => string
  exceptions: readonly PairException[]
}

const ANSWER_MS = 30_000
// What the contract wants as ours in every answer.
const OURS = new Set([
  'id',
  'model',
  'responseId',
  'modelVersion',
  'response.id',
  'response.model',
  'message.id',
  'message.model',
])

/** Asks a running Router9 what a client asked, and compares both its request to the provider and its answer with the recording. */
export async function playPair(way: PairWay, pair: Pair): Promise<PairResult> {
  const { url, key, provider, model, exceptions } = way
  provider.answerWith(asStream(pair))
  provider.take()
  const query = pair.query === '' ? '' : `?${pair.query}`
  const isGemini = pair.api.startsWith('gemini')
  const sent = pair.method === 'POST' ? { ...pair.body, ...(isGemini ? {} : { model: model(pair) }) } : undefined
  const response = await fetch(`${url}${pathOf(pair, model(pair))}${query}`, {
    method: pair.method,
    headers: { ...forwardable(pair.headers), authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  const text = await response.text()
  const received = provider.take()
  const found = [...requestDifferences(pair, received, text), ...answerDifferences(pair, response.status, text)]
  const stream = pair.answer.kind === 'stream'
  return judged(pair, found, exceptions, stream ? readEvents(text).events.length : undefined)
}

/** Parts what is meant from what is not. */
export function judged(
  { name, api }: Pick<Pair, 'name' | 'api'>,
  found: readonly Found[],
  exceptions: readonly PairException[],
  streamed?: number,
): PairResult {
  const stream = streamed !== undefined
  const result: PairResult = { name, api, stream, events: streamed ?? 0, differences: [], excused: [] }
  for (const { side, path, expected, actual } of found) {
    const row = exceptions.find(
      (one) => one.side === side && one.api.test(api) && one.path.test(path) && (one.pair?.test(name) ?? true),
    )
    const difference = `${api}/${name} ${side} ${path}: ${show(expected)} / ${show(actual)}`
    if (row === undefined) result.differences.push(difference)
    else result.excused.push({ why: row.why, difference })
  }
  return result
}

/** Where a client of Gemini's API wants its stream as a list, Router9 asks for events all the same. */
function asStream({ answer, path }: Pair): Recording {
  const list = path.endsWith(':streamGenerateContent') ? parseJson(new TextDecoder().decode(answer.wire)) : undefined
  if (!Array.isArray(list)) return answer
  const events = list.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')
  return { ...answer, kind: 'stream', contentType: 'text/event-stream', wire: new TextEncoder().encode(events) }
}

/** A difference, and whether the provider or the client sees it. */
export type Found = JsonDifference & { side: PairException['side'] }

function requestDifferences(pair: Pair, received: readonly Received[], answer: string): Found[] {
  const [first] = received
  if (received.length !== 1 || first === undefined) {
    return [{ side: 'request', path: 'requests', expected: 1, actual: `${received.length}: ${answer.slice(0, 200)}` }]
  }
  const { model: _, ...expected } = pair.body
  const { model: __, ...actual } = first.body
  const headers = Object.entries(pair.headers).filter(([name]) => /^anthropic-(beta|version)$/.test(name))
  return [
    ...jsonDifferences(expected, actual),
    ...headers.flatMap(([name, value]) => jsonDifferences(value, first.headers[name], name)),
  ].map((one) => ({ side: 'request', ...one }))
}

function answerDifferences(pair: Pair, status: number, text: string): Found[] {
  const { answer } = pair
  const own = new TextDecoder().decode(answer.wire)
  if (answer.status >= 400) {
    const message = textOf(at(parseJson(own), 'error', 'message')) || textOf(at(parseJson(own), 'error'))
    const told = textOf(at(parseJson(text), 'error', 'message'))
    return [
      ...(status === answer.status
        ? []
        : [{ side: 'answer' as const, path: 'status', expected: answer.status, actual: status }]),
      ...(told.includes(message)
        ? []
        : [{ side: 'answer' as const, path: 'error.message', expected: message, actual: told }]),
    ]
  }
  if (status !== answer.status)
    return [{ side: 'answer', path: 'status', expected: answer.status, actual: `${status} ${text.slice(0, 200)}` }]
  const side = 'answer' as const
  if (answer.kind !== 'stream') {
    return jsonDifferences(parseJson(own), parseJson(text)).flatMap((one) =>
      OURS.has(one.path.replace(/^\d+\./, '')) ? [] : [{ side, ...one }],
    )
  }
  const expected = messagesOf(own)
  const actual = messagesOf(text)
  const found: Found[] = []
  if (expected.length !== actual.length)
    found.push({ side, path: 'events', expected: typesOf(expected), actual: typesOf(actual) })
  for (const [position, message] of expected.entries()) {
    for (const one of position < actual.length ? jsonDifferences(message, actual[position]) : []) {
      if (!OURS.has(one.path)) found.push({ side, ...one, path: `${textOf(at(message, 'type'))} ${one.path}` })
    }
  }
  return found
}

function messagesOf(text: string): unknown[] {
  return readEvents(text).events.flatMap(({ data }) => (data.trim() === '[DONE]' ? [] : [parseJson(data)]))
}

function typesOf(messages: unknown[]): string {
  const counts = new Map<string, number>()
  for (const message of messages) {
    const type = textOf(objectOf(message).type)
    counts.set(type, (counts.get(type) ?? 0) + 1)
  }
  return [...counts].map(([type, count]) => `${type} ${count}`).join(', ')
}

function pathOf({ api, path }: Pair, model: string): string {
  // The model of a Gemini request stands in its path.
  const [, method] = /:(\w+)$/.exec(path) ?? []
  if (api.startsWith('gemini')) return `/v1beta/models/${model}:${method}`
  const known = /\/(responses|messages|chat\/completions|completions)(\/.*)?$/.exec(path)
  return `/v1/${known?.[1] ?? api}${known?.[2] ?? ''}`
}

/** What the client said about itself and its versions, without what the connection says. */
function forwardable(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => /^(anthropic|openai|x-)/.test(name) && name !== 'x-api-key'),
  )
}

function show(value: unknown): string {
  return value === undefined ? '(nothing)' : (JSON.stringify(value) ?? '').slice(0, 160)
}
