import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { OutputEvent } from '../../src/chat/event.ts'
import type { Chat } from '../../src/chat/request.ts'
import type { OtlpSettings } from '../../src/env.ts'
import type { LogLine } from '../../src/telemetry/log-line.ts'
import { createOutputCollector, inputMessages } from '../../src/telemetry/otlp-content.ts'
import { beginTrace } from '../../src/telemetry/otlp-export.ts'
import { describeChat, toSpan } from '../../src/telemetry/otlp-span.ts'
import { createTrace } from '../../src/telemetry/otlp-trace.ts'
import { type Collector, startCollector } from '../harness/collector.ts'

const RANDOM = '0123456789abcdef0123456789abcdef0011223344556677'
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

function traceWith(headers: Record<string, string> = {}, withContent = false) {
  return createTrace((name) => headers[name] ?? null, RANDOM, { withContent, send: () => {} })
}

describe('the trace of a call', () => {
  test('is the client’s, and the provider is told which span of ours it belongs to', () => {
    const trace = traceWith({ traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1' })
    expect(trace).toMatchObject({ traceId: TRACE, parentId: PARENT, isSampled: true })
    expect(trace.headers).toEqual({ traceparent: `00-${TRACE}-0011223344556677-01`, tracestate: 'vendor=1' })
  })

  test('that the client does not keep is passed on as such', () => {
    const trace = traceWith({ traceparent: `00-${TRACE}-${PARENT}-00` })
    expect([trace.isSampled, trace.headers.traceparent?.slice(-3)]).toEqual([false, '-00'])
  })

  test('of a later version is taken as far as this one knows it', () => {
    expect(traceWith({ traceparent: `cc-${TRACE}-${PARENT}-01-more` }).traceId).toBe(TRACE)
  })

  test.each([
    ['nothing', ''],
    ['no span', `00-${TRACE}`],
    ['capitals', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
    ['zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['the forbidden version', `ff-${TRACE}-${PARENT}-01`],
    ['more than version 00 has', `00-${TRACE}-${PARENT}-01-more`],
    ['a very long text', `00-${'a'.repeat(100_000)}`],
  ])('begins here where the header holds %s', (_, traceparent) => {
    const trace = traceWith({ traceparent, tracestate: 'vendor=1' })
    expect([trace.traceId, trace.parentId]).toEqual([RANDOM.slice(0, 32), undefined])
    expect(trace.headers).not.toHaveProperty('tracestate')
  })
})

const LINE = {
  key: 'key_a1B2c3D4e5F6',
  model_asked: 'gpt-4o',
  stream: false,
  status: 200,
  left: false,
  attempts: [],
  total_ms: 5,
} as unknown as LogLine

function spanOf(trace: ReturnType<typeof traceWith>, line: Partial<LogLine> = {}) {
  const input = { requestId: 'req_1', startedAt: 1_800_000_000_000, usage: undefined, attemptTimes: [] }
  const span = JSON.parse(toSpan({ trace, line: { ...LINE, ...line }, ...input }))
  const attributes = span.attributes.map(({ key, value }: { key: string; value: object }) => [key, value])
  return { ...span, attributes: Object.fromEntries(attributes) }
}

describe('a span', () => {
  test('has the types that OTLP wants: times and whole numbers as texts', () => {
    const trace = traceWith()
    describeChat(
      trace,
      { model: 'gpt-4o', messages: [], temperature: 1, max_tokens: 9, n: 2 } as Chat,
      'conversation-1',
    )
    const span = spanOf(trace, { cost_usd: 0, prompt_tokens: 7 })
    expect(span).toMatchObject({
      startTimeUnixNano: '1800000000000000000',
      endTimeUnixNano: '1800000000005000000',
      attributes: {
        'gen_ai.request.temperature': { doubleValue: 1 },
        'gen_ai.request.max_tokens': { intValue: '9' },
        'gen_ai.request.choice.count': { intValue: '2' },
        'gen_ai.usage.input_tokens': { intValue: '7' },
        'gen_ai.conversation.id': { stringValue: 'conversation-1' },
        'router9.cost_usd': { doubleValue: 0 },
      },
    })
    expect(span.attributes).not.toHaveProperty('gen_ai.input.messages')
  })

  test('holds the id of the key whole, and nothing else that looks like a key', () => {
    const secret = 'sk-proj-Abc123Def456Ghi789'
    const trace = traceWith({}, true)
    const messages = [{ role: 'user', content: `my key:\n${secret}` }]
    describeChat(trace, { model: secret, messages } as unknown as Chat, secret)
    trace.output?.push({ type: 'text', choice: 0, text: secret })
    const line = { model_asked: secret, key: 'key_a1B2c3D4e5F6' }
    const span = spanOf(trace, line)
    expect(JSON.stringify(span)).not.toContain(secret.slice(-12))
    expect(span.attributes).toMatchObject({
      'router9.key': { stringValue: 'key_a1B2c3D4e5F6' },
      'gen_ai.input.messages': { stringValue: expect.stringContaining('my key') },
    })
  })

  test.each([
    ['embeddings', 'embeddings'],
    ['openai-completions', 'text_completion'],
    ['gemini', 'generate_content'],
    ['anthropic-messages', 'chat'],
    [undefined, 'chat'],
  ])('of the API %s is named %s and the model', (api, operation) => {
    const span = spanOf(traceWith(), { api })
    expect(span.name).toBe(`${operation} gpt-4o`)
    expect(span.attributes['gen_ai.operation.name']).toEqual({ stringValue: operation })
  })

  test.each([
    ['google', 'gcp.gen_ai'],
    ['mistral', 'mistral_ai'],
    ['xai', 'x_ai'],
    ['azure', 'azure.ai.openai'],
    ['bedrock', 'aws.bedrock'],
    ['groq', 'groq'],
    ['openrouter', 'openrouter'],
    [undefined, 'router9'],
  ])('names the provider %s as the conventions do: %s', (provider, name) => {
    expect(spanOf(traceWith(), { provider }).attributes['gen_ai.provider.name']).toEqual({ stringValue: name })
  })

  test('says that a call failed, but not that its client left', () => {
    expect(spanOf(traceWith(), { kind: 'provider-timeout', fault: 'timeout', status: 504 })).toMatchObject({
      status: { code: 2, message: 'provider-timeout' },
      attributes: { 'error.type': { stringValue: 'provider-timeout' } },
    })
    const left = spanOf(traceWith(), { kind: 'client-left', fault: 'left', status: 499, left: true })
    expect(left.status).toEqual({})
    expect(left.attributes).toMatchObject({ 'router9.left': { boolValue: true } })
  })
})

describe('content', () => {
  const HUGE = 'x'.repeat(3_000_000)

  test('of a prompt is its end, in the conventions’ form, however long it is', () => {
    const messages = [
      ...Array.from({ length: 5000 }, () => ({ role: 'user', content: HUGE.slice(0, 1000) })),
      {
        role: 'user',
        content: [
          { type: 'text', text: 'And this?' },
          { type: 'image_url', image_url: { url: HUGE } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', function: { name: 'look', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'A heron.' },
    ]
    const json = inputMessages(messages as unknown as Chat['messages'])
    expect(json.length).toBeLessThan(80_000)
    const read = JSON.parse(json)
    expect(read.slice(-3)).toEqual([
      { role: 'user', parts: [{ type: 'text', content: 'And this?' }, { type: 'image_url' }] },
      { role: 'assistant', parts: [{ type: 'tool_call', id: 'call_1', name: 'look', arguments: '{}' }] },
      { role: 'tool', parts: [{ type: 'tool_call_response', id: 'call_1', response: 'A heron.' }] },
    ])
    expect(read.length).toBeLessThan(100)
  })

  test('of an answer is its beginning, however many pieces, choices and calls it has', () => {
    const hostile: OutputEvent[] = Array.from({ length: 5000 }, (_, at) => ({
      type: 'tool-start',
      choice: at % 128,
      index: at + 1,
      id: HUGE,
      name: HUGE,
      kind: 'function',
    }))
    const output = createOutputCollector()
    output.push({ type: 'reasoning', choice: 0, text: 'Well.' })
    output.push({ type: 'text', choice: 0, text: 'Hello' })
    output.push({ type: 'text', choice: 0, text: ' you' })
    output.push({ type: 'tool-start', choice: 0, index: 0, id: 'c1', name: 'look', kind: 'function' })
    output.push({ type: 'tool-delta', choice: 0, index: 0, text: '{}' })
    for (const event of hostile) output.push(event)
    output.push({ type: 'text', choice: 0, text: HUGE })
    output.push({ type: 'end', finishes: [{ choice: 0, reason: 'tool_calls' }], usage: {} as never })
    const json = output.messages()
    expect(json.length).toBeLessThan(80_000)
    expect(JSON.parse(json)[0]).toMatchObject({
      role: 'assistant',
      finish_reason: 'tool_call',
      parts: [
        { type: 'reasoning', content: 'Well.' },
        { type: 'text', content: 'Hello you' },
        { type: 'tool_call', id: 'c1', name: 'look', arguments: '{}' },
        {},
      ],
    })
  })
})

describe('spans on their way', () => {
  let collector: Collector
  let written: string[]
  beforeAll(async () => {
    collector = await startCollector()
  })
  afterAll(() => collector.close())
  beforeEach(() => {
    written = []
    collector.batches.length = 0
    collector.answer = () => ({ status: 200 })
    vi.spyOn(console, 'warn').mockImplementation((text) => void written.push(String(text)))
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  const dropped = () => written.map((line) => JSON.parse(line)).filter(({ event }) => event === 'spans_dropped')

  /** Sends so many spans of an isolate of its own, and returns all that goes on after that. */
  function send(count: number, isCallers = false, settings = settingsAt()) {
    const works: Promise<unknown>[] = []
    const trace = beginTrace(
      settings,
      () => null,
      (work) => void works.push(work),
    )
    const span = toSpan({ trace, line: LINE, requestId: 'r', startedAt: 1, usage: undefined, attemptTimes: [] })
    for (let n = 0; n < count; n++) trace.send(span, isCallers)
    const done = async () => {
      for (let at = 0; at < works.length; at++) await works[at]
    }
    return { settings, done, works }
  }

  function settingsAt(): OtlpSettings {
    return { url: `${collector.url}/v1/traces`, headers: { 'x-team': 'one' }, withContent: false }
  }

  test('go out together, with the operator’s headers', async () => {
    await send(100).done()
    expect(collector.batches).toMatchObject([{ path: '/v1/traces', headers: { 'x-team': 'one' } }])
    expect(collector.spans()).toHaveLength(100)
    expect(written).toEqual([])
  })

  test('go out at once when they are many, and never too many together', async () => {
    await send(1200).done()
    expect(collector.batches.map(({ spans }) => spans.length)).toEqual([512, 512, 176])
  })

  test('come again where the collector says so, and are dropped and counted after three times', async () => {
    collector.answer = () => ({ status: 503, headers: { 'retry-after': '0' } })
    await send(3).done()
    expect(collector.batches.map(({ spans }) => spans.length)).toEqual([3, 3, 3])
    expect(dropped()).toMatchObject([{ level: 'warn', spans: 3, reason: 'status 503' }])
  })

  test('that are refused, whole or in part, are counted', async () => {
    collector.answer = () => ({ status: 400 })
    await send(4).done()
    collector.answer = () => ({ status: 200, body: '{"partialSuccess":{"rejectedSpans":"2"}}' })
    await send(4).done()
    collector.answer = () => ({ status: 200, body: 'no JSON' })
    await send(4).done()
    collector.answer = () => ({ status: 302, headers: { location: 'https://elsewhere.example/' } })
    await send(4).done()
    expect(dropped().map(({ spans, reason }) => [spans, reason])).toEqual([
      [4, 'status 400'],
      [2, 'rejected'],
      [4, 'status 302'],
    ])
  })

  test('that nobody takes fill no memory: callers’ errors leave room for others, and what is too much is counted', async () => {
    let release = (_: { status: number }) => {}
    collector.answer = () => new Promise((resolve) => (release = resolve))
    const first = send(600)
    await vi.waitFor(() => expect(collector.batches).toHaveLength(1))
    const errors = send(2000, true, first.settings)
    const others = send(1000, false, first.settings)
    const late = send(500, false, first.settings)
    collector.answer = () => ({ status: 200 })
    release({ status: 200 })
    for (const { done } of [first, errors, others, late]) await done()
    // Of the errors 424 had room, of all others 1024.
    expect(dropped()).toMatchObject([{ spans: 2000 - 424 + (1500 - 1024), reason: 'queue full' }])
    expect(collector.spans()).toHaveLength(2048)
  })
})
