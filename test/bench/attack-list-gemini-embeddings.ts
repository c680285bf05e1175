import type { Script } from '../cases/scripted.ts'
import type { Attack, Made } from './attack-list.ts'

/** Attacks on the Gemini API and on embeddings, and by providers behind them. */

const EMBEDDINGS = '/v1/embeddings'
const GOOGLE_MODEL = 'google/gemini-2.5-flash'
/** A provider that speaks chat completions, at the attacker's address. */
const CHAT_MODEL = 'mistral/mistral-small-latest'
const BOTH = [GOOGLE_MODEL, CHAT_MODEL]
const VECTOR_MODEL = 'openai/text-embedding-3-small'

const json = JSON.stringify
const many = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at))
const listOf = (item: string, bytes: number) => `[${`${item},`.repeat(Math.floor(bytes / (item.length + 1)))}${item}]`
/** A piece that is written so many times. */
function repeated(text: string, times: number): Script['pieces'][number] {
  let left = times
  return { repeat: text, while: () => left-- > 0 }
}

const asking = (name: string, path: string, body: () => string, further: Partial<Made> = {}): Attack => ({
  name,
  make: () => ({ bodies: [body()], path, ...further }),
})
const lying = (name: string, path: string, body: string, answer: () => Script): Attack => ({
  name,
  make: () => ({ bodies: [body], path, answer: answer() }),
})

const generate = (model: string) => `/v1beta/models/${model}:generateContent`
const stream = (model: string) => `/v1beta/models/${model}:streamGenerateContent?alt=sse`
const user = (parts: object[]) => ({ role: 'user', parts })
const saying = (text: string) => json({ contents: [user([{ text }])] })
const rounds = (count: number) => [
  user([{ text: 'Look.' }]),
  ...many(count, () => [
    { role: 'model', parts: [{ functionCall: { name: 'look', args: {} } }] },
    user([{ functionResponse: { name: 'look', response: { seen: true } } }]),
  ]).flat(),
]
const MANY_VALUES = `{"a":${listOf('{}', 12e6)}}`
const withArguments = (args: string) =>
  json({
    contents: [
      user([{ text: 'x' }]),
      { role: 'model', parts: [{ functionCall: { name: 'f', args: 0 } }] },
      user([{ text: 'y' }]),
    ],
  }).replace('"args":0', `"args":${args}`)

const SSE = { 'content-type': 'text/event-stream' }
const streamed = (...pieces: Script['pieces']): Script => ({ headers: SSE, pieces })
const whole = (...pieces: Script['pieces']): Script => ({ headers: { 'content-type': 'application/json' }, pieces })
const event = (value: object) => `data: ${json(value)}\r\n\r\n`
const said = (parts: object[], more: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
  usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 5, totalTokenCount: 10 },
})
const END = event(said([{ text: '' }], { finishReason: 'STOP' }))
const LONG = { text: 'x'.repeat(10_000) }
const delta = (fields: object, finish: string | null = null) =>
  `data: ${json({ choices: [{ index: 0, delta: fields, finish_reason: finish }] })}\n\n`
const call = (index: number, text: string, id?: string) =>
  delta({ tool_calls: [{ index, ...(id === undefined ? {} : { id }), function: { name: 'look', arguments: text } }] })
const CHAT_END = [delta({}, 'stop'), 'data: [DONE]\n\n']

const GEMINI_ATTACKS: readonly Attack[] = [
  ...BOTH.flatMap((model) => [
    asking(`a prompt of 19 MB, Gemini API, ${model}`, generate(model), () => saying('x'.repeat(19e6))),
    asking(`100,000 parts, Gemini API, ${model}`, generate(model), () =>
      json({ contents: [user(many(100_000, () => ({ text: 'x' })))] }),
    ),
    asking(
      `11.7 MB of zeros for contents, Gemini API, ${model}`,
      generate(model),
      () => `{"contents":${listOf('0', 11.7e6)}}`,
    ),
    asking(`arguments of 4 million values, Gemini API, ${model}`, generate(model), () => withArguments(MANY_VALUES)),
    asking(`4,900 tool rounds, Gemini API, ${model}`, generate(model), () => json({ contents: rounds(4900) })),
    asking(`20,000 declarations, Gemini API, ${model}`, generate(model), () =>
      json({
        contents: [user([{ text: 'x' }])],
        tools: [{ functionDeclarations: many(20_000, (at) => ({ name: `look_${at}` })) }],
      }),
    ),
    asking(`a signature of 8 MB, Gemini API, ${model}`, generate(model), () => {
      const thoughtSignature = `r9s1.${Buffer.alloc(6e6, 7).toString('base64')}`
      return json({ contents: [user([{ text: 'x' }]), { role: 'model', parts: [{ text: 'y', thoughtSignature }] }] })
    }),
  ]),
  asking('a prompt of 19 MB to be counted, Gemini API', `/v1beta/models/${CHAT_MODEL}:countTokens`, () =>
    saying('x'.repeat(19e6)),
  ),
  lying('an answer of 30 MB of text, Gemini API', generate(GOOGLE_MODEL), saying('x'), () =>
    whole(json(said([{ text: 'x'.repeat(30e6) }], { finishReason: 'STOP' }))),
  ),
  lying('an answer of 31 MB of {}, Gemini API', generate(GOOGLE_MODEL), saying('x'), () =>
    whole(`{"candidates":[],"extra":${listOf('{}', 31e6)}}`),
  ),
  lying('a text of 100 MB, Gemini API', stream(GOOGLE_MODEL), saying('x'), () =>
    streamed(repeated(event(said([LONG])), 10_000), END),
  ),
  lying('a text of 100 MB that ends each time, Gemini API', stream(GOOGLE_MODEL), saying('x'), () =>
    streamed(repeated(event(said([LONG], { finishReason: 'STOP' })), 10_000)),
  ),
  lying('100 MB without candidates, Gemini API', stream(GOOGLE_MODEL), saying('x'), () =>
    streamed(END, repeated(event({ usageMetadata: {}, extra: LONG.text }), 10_000)),
  ),
  lying('100,000 parts in an event, Gemini API', stream(GOOGLE_MODEL), saying('x'), () =>
    streamed(event(said(many(100_000, () => ({ text: 'x' })))), END),
  ),
  lying('100,000 candidates, Gemini API', stream(GOOGLE_MODEL), saying('x'), () =>
    streamed(
      many(100_000, (index) => event({ candidates: [{ content: { parts: [{ text: 'x' }] }, index }] })).join(''),
      END,
    ),
  ),
  ...[stream(CHAT_MODEL), stream(CHAT_MODEL).replace('?alt=sse', '')].flatMap((path) => {
    const kind = path.endsWith('sse') ? 'Gemini API' : 'Gemini API as a list'
    return [
      lying(`a text of 100 MB from a chat, ${kind}`, path, saying('x'), () =>
        streamed(repeated(delta({ content: LONG.text }), 10_000), ...CHAT_END),
      ),
      lying(`letters beside a call that does not end, ${kind}`, path, saying('x'), () =>
        streamed(
          call(0, '{', 'c'),
          repeated((delta({ reasoning_content: 'a' }) + delta({ content: 'b' })).repeat(50), 2000),
          ...CHAT_END,
        ),
      ),
    ]
  }),
  lying('a thousand calls at once, letter by letter, Gemini API', stream(CHAT_MODEL), saying('x'), () =>
    streamed(
      many(1000, (at) => call(at, '{', `c${at}`)).join(''),
      many(100_000, (at) => call(at % 1000, ' ')).join(''),
      many(1000, (at) => call(999 - at, '}')).join(''),
      ...CHAT_END,
    ),
  ),
  lying('an answer with arguments of 4 million values, Gemini API', generate(CHAT_MODEL), saying('x'), () => {
    const calls = [{ id: 'c', type: 'function', function: { name: 'look', arguments: MANY_VALUES } }]
    return whole(json({ choices: [{ index: 0, message: { tool_calls: calls }, finish_reason: 'tool_calls' }] }))
  }),
]

const embed = (input: unknown, model = VECTOR_MODEL, more: object = {}) => json({ model, input, ...more })
const vectors = (rows: string) => `{"object":"list","data":[${rows}],"model":"text-embedding-3-small","usage":{}}`
const row = (vector: string) => `{"object":"embedding","index":0,"embedding":${vector}}`

const EMBEDDING_ATTACKS: readonly Attack[] = [
  asking('10,000 inputs', EMBEDDINGS, () => embed(many(10_000, (at) => `text ${at}`))),
  asking('3 million inputs', EMBEDDINGS, () => `{"model":"${VECTOR_MODEL}","input":${listOf('"x"', 12e6)}}`),
  asking('a text of 19 MB, embeddings', EMBEDDINGS, () => embed('x'.repeat(19e6))),
  asking('19 MB of texts, embeddings', EMBEDDINGS, () => embed(many(1900, () => 'x'.repeat(10_000)))),
  asking('19 MB of texts for Gemini, embeddings', EMBEDDINGS, () =>
    embed(
      many(1900, () => 'x'.repeat(10_000)),
      'google/gemini-embedding-001',
    ),
  ),
  asking(
    '11.7 MB of tokens, embeddings',
    EMBEDDINGS,
    () => `{"model":"${VECTOR_MODEL}","input":${listOf('0', 11.7e6)}}`,
  ),
  asking('5,000 lists of 1,000 tokens', EMBEDDINGS, () => embed(many(5000, () => many(1000, () => 7)))),
  asking('8 MB of {}, beside an input', EMBEDDINGS, () => embed('x').replace('}', `,"extra":${listOf('{}', 8e6)}}`)),
  asking(
    '10,000 requests in a batch, Gemini API',
    '/v1beta/models/google/gemini-embedding-001:batchEmbedContents',
    () => json({ requests: many(10_000, (at) => ({ content: { parts: [{ text: `text ${at}` }] } })) }),
  ),
  ...['float', 'base64'].flatMap((encoding_format) => {
    const body = embed('x', VECTOR_MODEL, { encoding_format })
    return [
      lying(`a vector of 30 MB of numbers, ${encoding_format}`, EMBEDDINGS, body, () =>
        whole(vectors(row(listOf('0', 30e6)))),
      ),
      lying(`a vector of 30 MB of base64, ${encoding_format}`, EMBEDDINGS, body, () =>
        whole(vectors(row(`"${'A'.repeat(30e6)}"`))),
      ),
    ]
  }),
  lying('a million vectors for one text', EMBEDDINGS, embed('x'), () =>
    whole(vectors(`${`${row('[1]')},`.repeat(500_000)}${row('[1]')}`)),
  ),
  lying('30 MB of {}, for vectors', EMBEDDINGS, embed('x'), () =>
    whole(`{"object":"list","data":${listOf('{}', 30e6)}}`),
  ),
  lying('vectors that hold NaN', EMBEDDINGS, embed('x'), () => whole(vectors(row(listOf('NaN', 6000))))),
  lying('vectors without an end', EMBEDDINGS, embed('x'), () =>
    whole('{"object":"list","data":[', repeated(`${row(listOf('0.1', 10_000))},`, 10_000)),
  ),
  lying('vectors without an end for 10,000 texts', EMBEDDINGS, embed(many(10_000, (at) => `text ${at}`)), () =>
    whole('{"object":"list","data":[', repeated(`${row(listOf('0.1', 10_000))},`, 10_000)),
  ),
]

export const GEMINI_EMBEDDING_ATTACKS: readonly Attack[] = [...GEMINI_ATTACKS, ...EMBEDDING_ATTACKS]
