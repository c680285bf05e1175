import { gzipSync } from 'node:zlib'
import type { Script } from '../cases/scripted.ts'

/** What an attack sends, and what the provider that it asks answers. */
export interface Made {
  /** Sent at once. Where they need the id of an answer that is kept, that comes in. */
  readonly bodies: readonly Body[] | ((id: string) => readonly Body[])
  /** Sent before, to be kept. */
  readonly before?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly answer?: Script
}

type Body = string | Uint8Array | ReadableStream

/** A body, a depth, a list or a lie that nobody honest sends. */
export interface Attack {
  readonly name: string
  /** Made when it is its turn: all of them together would be the larger part of the bench's own memory. */
  readonly make: () => Made
}

const MB = 2 ** 20
const SSE = { 'content-type': 'text/event-stream' }
const JSON_TYPE = { 'content-type': 'application/json' }
const HELLO = [{ role: 'user', content: 'Hello!' }]

const request = (model: string, further: object = {}) => JSON.stringify({ model, messages: HELLO, ...further })
/** A request with a field that holds this text as JSON. */
const withField = (field: string, json: string) =>
  `{"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hello!"}],"${field}":${json}}`
const listOf = (item: string, bytes: number) => `[${`${item},`.repeat(Math.floor(bytes / (item.length + 1)))}${item}]`
const nested = (bytes: number) => `${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}`
const messages = (json: string, model = 'openai/gpt-4o') => `{"model":"${model}","messages":${json}}`

const call = (id: string) => ({ id, type: 'function', function: { name: 'look', arguments: '{}' } })

/** So many rounds of a tool that was called, each with its result. */
function toolRounds(rounds: number): object[] {
  const all: object[] = [{ role: 'user', content: 'Look.' }]
  for (let round = 0; round < rounds; round++) {
    all.push({ role: 'assistant', content: null, tool_calls: [call(`call_${round}`)] })
    all.push({ role: 'tool', tool_call_id: `call_${round}`, content: 'seen' })
  }
  return all
}

/** One turn with so many calls, and their results. */
function wideRound(calls: number): object[] {
  const ids = Array.from({ length: calls }, (_, at) => `call_${at}`)
  return [
    { role: 'user', content: 'Look.' },
    { role: 'assistant', content: null, tool_calls: ids.map(call) },
    ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: 'seen' })),
  ]
}

const TOOL = { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }
const tools = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ ...TOOL, function: { ...TOOL.function, name: `look_${at}` } }))

const event = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`
const delta = (fields: object, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta: fields, finish_reason: finish }] })
const ENDING = [delta({}, 'stop'), event('[DONE]')]
const streamed = (...pieces: string[]): Script => ({ headers: SSE, pieces })
const answered = (text: string | Uint8Array, headers: Record<string, string> = {}, status = 200): Script => ({
  status,
  headers: { ...JSON_TYPE, ...headers },
  pieces: [text],
})

/** An attack by the caller alone. */
const asking = (name: string, body: () => string, further: Omit<Made, 'bodies'> = {}): Attack => ({
  name,
  make: () => ({ bodies: [body()], ...further }),
})

/** An attack by the provider, on a request for a whole answer or a stream. */
const lying = (name: string, stream: boolean, answer: () => Script, model = 'openai/gpt-4o'): Attack => ({
  name,
  make: () => ({ bodies: [request(model, stream ? { stream: true } : {})], answer: answer() }),
})

const ALL_MODELS = [
  'openai/gpt-4o',
  'anthropic/claude-sonnet-4-5',
  'google/gemini-2.5-flash',
  'cohere/command-a-03-2025',
] as const

export const ATTACKS: readonly Attack[] = [
  asking('nothing unusual', () => request('openai/gpt-4o')),
  asking('1.9 MB of zeros for messages', () => messages(listOf('0', 1.9e6))),
  asking('11.7 MB of zeros for messages', () => messages(listOf('0', 11.7e6))),
  asking('2 MB of [[[ in an unknown field', () => withField('extra', nested(2e6))),
  asking('8 MB of {}, in an unknown field', () => withField('extra', listOf('{}', 8e6))),
  asking('19 MB of "", in an unknown field', () => withField('extra', listOf('""', 19e6))),
  asking('19 MB of members in one object', () => {
    let text = ''
    for (let at = 0; text.length < 19e6; at++) text += `"m${at}":1,`
    return withField('metadata', `{${text}"last":1}`)
  }),
  asking('19 MB of brackets that are no JSON', () => withField('extra', '[{'.repeat(9.5e6))),
  asking('19 MB of one string of backslashes', () => withField('user', `"${'\\\\'.repeat(9.5e6)}"`)),
  asking('a prompt of 19 MB', () =>
    request('openai/gpt-4o', { messages: [{ role: 'user', content: 'x'.repeat(19e6) }] }),
  ),
  {
    name: 'four prompts of 19 MB at once',
    make: () => ({
      bodies: Array.from({ length: 4 }, () =>
        request('openai/gpt-4o', { messages: [{ role: 'user', content: 'x'.repeat(19e6) }] }),
      ),
    }),
  },
  {
    name: 'eight bodies of 19 MB that trickle in',
    make: () => ({
      bodies: Array.from({ length: 8 }, () => trickle(19e6, 2000)),
      headers: { 'content-length': String(19e6) },
    }),
  },
  {
    name: 'a packed body of 200 KB that unpacks to 200 MB',
    make: () => ({
      bodies: [gzipSync(Buffer.alloc(200 * MB, '['), { level: 1 })],
      headers: { 'content-encoding': 'gzip' },
    }),
  },
  ...ALL_MODELS.flatMap((model) => [
    asking(`20,000 calls in one turn, ${model}`, () => request(model, { messages: wideRound(20_000), tools: [TOOL] })),
    asking(`10,000 tool rounds, ${model}`, () => request(model, { messages: toolRounds(10_000), tools: [TOOL] })),
    asking(`20,000 tools, ${model}`, () => request(model, { tools: tools(20_000) })),
  ]),
  asking('14,000 tool rounds of a model whose reasoning is kept', () =>
    request('anthropic/claude-sonnet-4-5', { messages: toolRounds(14_000), tools: [TOOL], reasoning_effort: 'high' }),
  ),
  asking('10,000 tool rounds to /v1/route', () => request('auto', { messages: toolRounds(10_000), tools: [TOOL] }), {
    path: '/v1/route',
  }),
  asking('20 favourites of 1,000 parts each, auto', () =>
    request('auto', {
      models: Array.from({ length: 20 }, (_, at) => `model-${at}`),
      messages: [{ role: 'user', content: Array.from({ length: 1000 }, () => ({ type: 'text', text: 'x' })) }],
    }),
  ),
  lying('a packed answer of 200 KB that unpacks to 200 MB', false, () =>
    answered(gzipSync(Buffer.alloc(200 * MB, ' '), { level: 1 }), { 'content-encoding': 'gzip' }),
  ),
  lying('an answer of 31 MB of {},', false, () => answered(`{"choices":[],"extra":${listOf('{}', 31e6)}}`)),
  lying('an answer of 31 MB of [[[', false, () => answered(`{"choices":[],"extra":${nested(30e6)}}`)),
  lying('an answer of 30 MB of text', false, () =>
    answered(
      JSON.stringify({ choices: [{ index: 0, message: { content: 'x'.repeat(30e6) }, finish_reason: 'stop' }] }),
    ),
  ),
  lying('an error code of 160 KB', false, () =>
    answered(JSON.stringify({ error: { message: 'no', code: 'a-'.repeat(80_000) } }), {}, 400),
  ),
  lying('an error code of 60 KB, word by word', false, () =>
    answered(JSON.stringify({ error: { message: 'model '.repeat(5000), code: 'a b'.repeat(10_000) } }), {}, 400),
  ),
  lying(
    'a retryDelay of 60,000 digits',
    false,
    () =>
      answered(
        JSON.stringify({ error: { code: 429, message: 'slow', details: [{ retryDelay: '9'.repeat(60_000) }] } }),
        {},
        429,
      ),
    'google/gemini-2.5-flash',
  ),
  lying('a wait of 60,000 digits in the words of an error', false, () =>
    answered(JSON.stringify({ error: { message: `try again in ${'9'.repeat(60_000)}` } }), {}, 429),
  ),
  lying('an event with 40,000 calls', true, () =>
    streamed(
      delta({ tool_calls: Array.from({ length: 40_000 }, (_, index) => ({ index, ...call(`call_${index}`) })) }),
      ...ENDING,
    ),
  ),
  lying('40,000 calls, an event each', true, () =>
    streamed(
      Array.from({ length: 40_000 }, (_, index) => delta({ tool_calls: [{ index, ...call(`call_${index}`) }] })).join(
        '',
      ),
      ...ENDING,
    ),
  ),
  lying('40,000 choices', true, () =>
    streamed(
      Array.from({ length: 40_000 }, (_, index) => event({ choices: [{ index, delta: { content: 'x' } }] })).join(''),
      ...ENDING,
    ),
  ),
  lying('an answer with 40,000 calls', false, () =>
    answered(
      JSON.stringify({
        choices: [
          {
            message: { tool_calls: Array.from({ length: 40_000 }, (_, at) => call(`call_${at}`)) },
            finish_reason: 'tool_calls',
          },
        ],
      }),
    ),
  ),
  lying('100 MB of extras without a word', true, () => ({
    headers: SSE,
    pieces: [repeated(delta({ annotations: [{ text: 'y'.repeat(10_000) }] }), 10_000), ...ENDING],
  })),
  lying('100,000 small extras beside words', true, () => ({
    headers: SSE,
    pieces: [delta({ content: 'x' }), repeated(delta({ annotations: [{ a: 1 }] }), 100_000), ...ENDING],
  })),
  lying('an event of 8 MB of {},', true, () =>
    streamed(event(`{"choices":[],"extra":${listOf('{}', 7.9e6)}}`), ...ENDING),
  ),
  lying('an event of 8 MB of [[[', true, () => streamed(event(`{"choices":[],"extra":${nested(7.9e6)}}`), ...ENDING)),
  lying('a line of 100 MB without an end', true, () => ({
    headers: SSE,
    pieces: ['data: "', repeated('x'.repeat(100_000), 1000), ...ENDING],
  })),
  lying('an honest event of 4 MB', true, () => streamed(delta({ content: 'x'.repeat(4 * MB) }), ...ENDING)),
  lying('comments without an end', true, () => ({
    headers: SSE,
    pieces: [repeated(': waiting\n\n', 100_000), delta({ content: 'x' }), ...ENDING],
  })),
  lying('200,000 deltas of no text', true, () => ({
    headers: SSE,
    pieces: [repeated(delta({ content: '' }).repeat(100), 2000), delta({ content: 'x' }), ...ENDING],
  })),
]

/** A piece that is written so many times. */
function repeated(text: string, times: number): Script['pieces'][number] {
  let left = times
  return { repeat: text, while: () => left-- > 0 }
}

/** A body of so many bytes that comes in a hundred pieces over so many milliseconds. */
function trickle(bytes: number, ms: number): ReadableStream {
  const piece = new Uint8Array(bytes / 100).fill(32)
  let left = 100
  return new ReadableStream({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, ms / 100))
      if (left-- > 0) controller.enqueue(piece)
      else controller.close()
    },
  })
}
