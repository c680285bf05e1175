import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Collector, type ReceivedSpan, startCollector } from '../harness/collector.ts'
import { callLines } from '../harness/log-lines.ts'
import { type Router9, startRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const SECRET_WORDS = 'the-heron-flies-at-midnight'

let collector: Collector
let router9: Router9
beforeAll(async () => {
  collector = await startCollector()
  router9 = await startRouter9({
    OTLP_ENDPOINT: `${collector.url}/otlp/`,
    OTLP_HEADERS: 'authorization=Basic%20abc, x-team = one',
  })
})
afterAll(async () => {
  await router9.stop()
  await collector.close()
})
beforeEach(() => {
  collector.batches.length = 0
  collector.answer = () => ({ status: 200 })
  router9.simulator.clearRequests()
})

const say = (text: string) => [{ role: 'user', content: text }]

async function post(
  path: string,
  body: object,
  headers: Record<string, string> = {},
  key = DEMO_KEY,
  url = router9.url,
) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  await response.text()
  return response
}

async function spans(count: number): Promise<readonly ReceivedSpan[]> {
  await expect.poll(() => collector.spans().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count)
  return collector.spans()
}

test('each call is one span with all its attempts, sent together with others; the trace goes on to the provider', async () => {
  const traceparent = `00-${TRACE}-${PARENT}-01`
  const body = {
    model: 'gpt-4o',
    messages: say('Say: hello [[sim openai status=503]]'),
    temperature: 0.5,
    max_tokens: 50,
  }
  const first = await post('/v1/chat/completions', body, { traceparent, 'x-session-id': 'conversation-7' })
  await post('/v1/chat/completions', { ...body, messages: say('Say: hello'), stream: true })
  await post('/v1/completions', { model: 'openai/gpt-3.5-turbo-instruct', prompt: 'Say: hello' })
  await post('/v1/embeddings', { model: 'text-embedding-3-small', input: 'hello', dimensions: 256 })
  await post('/v1/messages', { model: 'claude-haiku-4-5', max_tokens: 20, messages: say('Say: hello') })
  await post('/v1/chat/completions', { model: 'nobody-has-it', messages: say('Hello') })
  // None of these is a call that a model answers for a known key.
  await post('/v1/route', body)
  await post('/v1/messages/count_tokens', { model: 'claude-haiku-4-5', messages: say('Hello') })
  await post('/v1/chat/completions', body, {}, 'sk-r9k-nobody')
  await post('/v1/chat/completions', body, { traceparent: `00-${TRACE}-${PARENT}-00` })
  const all = await spans(6)
  expect(all).toHaveLength(6)
  expect(collector.batches.length).toBeLessThan(4)
  const [{ path, headers } = { path: '', headers: {} }] = collector.batches
  expect(path).toBe('/otlp/v1/traces')
  expect(headers).toMatchObject({ authorization: 'Basic abc', 'x-team': 'one', 'content-type': 'application/json' })

  const [chat, stream, completion, embedding, message, refused] = all
  expect(chat).toMatchObject({
    traceId: TRACE,
    parentSpanId: PARENT,
    name: 'chat gpt-4o',
    kind: 3,
    status: {},
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'azure.ai.openai',
      'gen_ai.conversation.id': 'conversation-7',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.max_tokens': 50,
      'gen_ai.request.stream': false,
      'gen_ai.response.model': 'gpt-4o',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': expect.any(Number),
      'gen_ai.usage.output_tokens': expect.any(Number),
      'http.response.status_code': 200,
      'router9.key': 'key_demo',
      'router9.request': first.headers.get('x-request-id'),
    },
    events: [
      {
        name: 'router9.attempt',
        attributes: { 'gen_ai.provider.name': 'openai', 'router9.outcome': '503', 'error.type': 'overloaded' },
      },
      { name: 'router9.attempt', attributes: { 'gen_ai.provider.name': 'azure.ai.openai', 'router9.outcome': '200' } },
    ],
  })
  expect(stream).toMatchObject({
    name: 'chat gpt-4o',
    attributes: {
      'gen_ai.request.stream': true,
      'gen_ai.response.time_to_first_chunk': expect.any(Number),
      'gen_ai.response.finish_reasons': ['stop'],
    },
  })
  expect(completion?.name).toBe('text_completion openai/gpt-3.5-turbo-instruct')
  expect(embedding).toMatchObject({
    name: 'embeddings text-embedding-3-small',
    attributes: { 'gen_ai.embeddings.dimension.count': 256, 'gen_ai.request.encoding_formats': ['float'] },
  })
  expect(message?.attributes).toMatchObject({ 'gen_ai.provider.name': 'anthropic' })
  expect(refused).toMatchObject({
    status: { code: 2, message: 'unknown-model' },
    attributes: { 'error.type': 'unknown-model', 'gen_ai.provider.name': 'router9', 'http.response.status_code': 404 },
  })
  for (const span of all) expect(Number(span.endTimeUnixNano)).toBeGreaterThanOrEqual(Number(span.startTimeUnixNano))
  expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(6)

  const asked = router9.simulator.requests('azure')[0]
  expect(asked?.headers.traceparent).toBe(`00-${TRACE}-${chat?.spanId}-01`)
  const line = callLines(router9.worker.log()).find(({ request }) => request === first.headers.get('x-request-id'))
  expect(line).toMatchObject({ trace_id: TRACE, span_id: chat?.spanId })
})

test('a collector that hangs holds up no call, and gets what has waited when it is back', async () => {
  let release = (_: { status: number }) => {}
  collector.answer = () => new Promise((resolve) => (release = resolve))
  const body = { model: 'openai/gpt-4o', messages: say('Say: hello') }
  await post('/v1/chat/completions', body)
  await expect.poll(() => collector.batches.length, { timeout: 10_000 }).toBe(1)
  const startedAt = Date.now()
  const responses = await Promise.all(Array.from({ length: 20 }, () => post('/v1/chat/completions', body)))
  expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200))
  // Its own timeout is 10 s.
  expect(Date.now() - startedAt).toBeLessThan(8000)
  expect(collector.batches).toHaveLength(1)
  collector.answer = () => ({ status: 200 })
  release({ status: 200 })
  expect(await spans(21)).toHaveLength(21)
})

test('a collector that fails or refuses costs no call anything; what it did not take is counted in the log', async () => {
  const body = { model: 'openai/gpt-4o', messages: say(SECRET_WORDS) }
  const busy = { status: 503, headers: { 'retry-after': '0' } }
  let left = 1
  collector.answer = () => (left-- > 0 ? busy : { status: 401, body: 'no such key' })
  expect((await post('/v1/chat/completions', body)).status).toBe(200)
  await expect.poll(() => router9.worker.log(), { timeout: 10_000 }).toContain('"event":"spans_dropped","spans":1')
  expect(router9.worker.log()).toContain('"reason":"status 401"')
  expect(collector.batches).toHaveLength(2)
  expect(collector.batches[1]?.body).toBe(collector.batches[0]?.body)
  expect(collector.batches[0]?.body).not.toContain(SECRET_WORDS)
  expect(router9.worker.log()).not.toContain('Basic abc')
})

test('the texts of prompt and answer are sent where the operator wants them', async () => {
  const other = await startRouter9({ OTLP_ENDPOINT: collector.url, OTLP_CONTENT: 'on' })
  try {
    const body = { model: 'openai/gpt-4o', messages: say('Say: hello there') }
    await post('/v1/chat/completions', body, {}, DEMO_KEY, other.url)
    await post('/v1/chat/completions', { ...body, stream: true }, {}, DEMO_KEY, other.url)
    const all = await spans(2)
    for (const { attributes } of all) {
      expect(JSON.parse(String(attributes['gen_ai.input.messages']))).toEqual([
        { role: 'user', parts: [{ type: 'text', content: 'Say: hello there' }] },
      ])
      expect(JSON.parse(String(attributes['gen_ai.output.messages']))).toEqual([
        { role: 'assistant', parts: [{ type: 'text', content: 'hello there' }], finish_reason: 'stop' },
      ])
    }
  } finally {
    await other.stop()
  }
})
