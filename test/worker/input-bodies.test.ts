import { deflateSync, gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { useRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { errorOf, expectRefusal } from './refusal.ts'
import { upload } from './upload.ts'

const MAX_BYTES = 20 * 1024 * 1024
const NESTED_LEVELS = 100_000
const MESSAGES = '"messages":[{"role":"user","content":"Hello!"}]'
const CHAT = `{"model":"gpt-4o",${MESSAGES}}`
const MODELS = [
  'gpt-4o',
  'anthropic/claude-sonnet-4-6',
  'google/gemini-2.5-flash',
  'groq/llama-3.3-70b-instruct',
  'auto',
]

const router9 = useRouter9()
beforeEach(() => router9.simulator.clearRequests())

function send(body: string | Uint8Array, chunked = false, more: Record<string, string> = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json', ...more }
  return upload({ url: `${router9.url}/v1/chat/completions`, headers, body, chunked })
}

function bytes(...pieces: (string | number[])[]): Uint8Array {
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)))
}

describe.each([false, true])('bodies that are no JSON object (length not told: %s)', (chunked) => {
  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['white space', ' \n\t\r '],
    ['an array', `[${CHAT}]`],
    ['an empty array', '[]'],
    ['null', 'null'],
    ['true', 'true'],
    ['a number', '42'],
    ['a string', '"{}"'],
    ['an object that ends too early', CHAT.slice(0, -1)],
    ['two objects', CHAT + CHAT],
    ['a comma too many', `${CHAT.slice(0, -1)},}`],
    ['a comment', `${CHAT}// hello`],
    ['NaN', `{"temperature":NaN,"model":"gpt-4o",${MESSAGES}}`],
    ['Infinity', `{"temperature":Infinity,"model":"gpt-4o",${MESSAGES}}`],
    ['a raw line break in a string', '{"model":"gpt\n4o"}'],
    ['form data', 'model=gpt-4o&messages=Hello'],
    ['a byte that is not UTF-8', bytes('{"model":"gpt-4o","messages":[{"role":"user","content":"', [0xff], '"}]}')],
    ['half a character', bytes('{"model":"gpt-4o","messages":[{"role":"user","content":"', [0xe4, 0xbd], '"}]}')],
    ['an overlong encoding', bytes('{"model":"gpt-4o","messages":[{"role":"user","content":"', [0xc0, 0xaf], '"}]}')],
    [
      'a surrogate in UTF-8',
      bytes('{"model":"gpt-4o","messages":[{"role":"user","content":"', [0xed, 0xa0, 0x80], '"}]}'),
    ],
    ['UTF-16', Buffer.from(CHAT, 'utf16le')],
  ])('%s is refused as such', async (_, body) => {
    await expectRefusal(await send(body, chunked), { status: 400, code: 'invalid_json' })
    expect(router9.simulator.requests()).toEqual([])
  })
})

test('a byte order mark before the JSON does no harm', async () => {
  const response = await send(bytes([0xef, 0xbb, 0xbf], CHAT))
  expect(response.status).toBe(200)
})

test('what is broken is not quoted back', async () => {
  const error = await expectRefusal(await send('{"model": secret-words-of-the-caller'), {
    status: 400,
    code: 'invalid_json',
  })
  expect(error.message).not.toContain('secret-words')
})

describe('where a body breaks is told rightly', () => {
  test.each(['{"model":', '[', '', ' '])('it ends too early: %s', async (body) => {
    const { message } = await expectRefusal(await send(body), { status: 400, code: 'invalid_json' })
    expect(message).toContain('too early')
  })

  test.each(['hello', '{"model": gpt}', '{"model": gpt', `${CHAT}}`, "{'model':1}", '[1,]', 'undefined'])(
    'it does not end too early: %s',
    async (body) => {
      const { message } = await expectRefusal(await send(body), { status: 400, code: 'invalid_json' })
      expect(message).not.toContain('too early')
      expect(message).toContain('not valid JSON')
    },
  )
})

describe.each([false, true])('the size of a body (length not told: %s)', (chunked) => {
  test('20 MiB and not a byte more is taken', async () => {
    const response = await send(CHAT + ' '.repeat(MAX_BYTES - CHAT.length), chunked)
    expect(response.status).toBe(200)
  })

  test('20 MiB of words reach the provider', async () => {
    const [head, tail] = ['{"model":"gpt-4o","messages":[{"role":"user","content":"', '"}]}']
    const response = await send(`${head}${'a '.repeat((MAX_BYTES - head.length - tail.length) / 2)}${tail}`, chunked)
    expect(response.status).toBe(200)
    expect(router9.simulator.requests('openai')).toHaveLength(1)
  })

  test('one byte more is refused', async () => {
    const response = await send(CHAT + ' '.repeat(MAX_BYTES + 1 - CHAT.length), chunked)
    await expectRefusal(response, { status: 413, code: 'request_too_large' })
  })
})

describe.each([false, true])('a body that is packed (length not told: %s)', (chunked) => {
  const sendPacked = (packed: Uint8Array, encoding: string) => send(packed, chunked, { 'content-encoding': encoding })

  test.each<[string, (text: string) => Uint8Array]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['identity', Buffer.from],
  ])('is read: %s', async (encoding, pack) => {
    const words = 'Grüße, 你好 🙂'
    const body = JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: words }] })
    expect((await sendPacked(pack(body), encoding)).status).toBe(200)
    const [asked] = router9.simulator.requests('openai')
    expect(asked?.body).toMatchObject({ messages: [{ role: 'user', content: words }] })
    expect(asked?.headers).not.toHaveProperty('content-encoding')
  })

  test('may have 20 MiB when it is unpacked, and not a byte more', async () => {
    expect((await sendPacked(gzipSync(CHAT.padEnd(MAX_BYTES)), 'gzip')).status).toBe(200)
    const refused = await sendPacked(gzipSync(CHAT.padEnd(MAX_BYTES + 1)), 'gzip')
    await expectRefusal(refused, { status: 413, code: 'request_too_large' })
  })

  test.each<[string, Uint8Array, string]>([
    ['what is not packed', Buffer.from(CHAT), 'gzip'],
    ['nothing at all', Buffer.from(''), 'gzip'],
    ['what ends too early', gzipSync(CHAT).subarray(0, -12), 'gzip'],
    ['what has another checksum', Buffer.concat([gzipSync(CHAT).subarray(0, -8), Buffer.alloc(8)]), 'gzip'],
    ['gzip under the name of deflate', gzipSync(CHAT), 'deflate'],
    ['what is no JSON', gzipSync('{"model":'), 'gzip'],
  ])('is refused where it is not what it says: %s', async (_, packed, encoding) => {
    await expectRefusal(await sendPacked(packed, encoding), { status: 400, code: 'invalid_json' })
    expect(router9.simulator.requests()).toEqual([])
  })

  test.each(['br', 'zstd', 'gzip, gzip', 'nonsense'])('is refused where nobody can unpack it: %s', async (encoding) => {
    const error = await expectRefusal(await sendPacked(Buffer.from(CHAT), encoding), {
      status: 415,
      code: 'unsupported_media_type',
    })
    expect(error.message).toContain('gzip')
  })
})

describe('how much a body holds is bounded', () => {
  const zeros = '0,'.repeat(300_000)
  test.each<[string, string | null, string]>([
    ['zeros for messages', 'messages', `{"model":"gpt-4o","messages":[${zeros}0]}`],
    ['zeros behind the messages', 'x', `{"model":"gpt-4o",${MESSAGES},"x":[${zeros}0]}`],
    ['lists without an end', 'x', `{"model":"gpt-4o",${MESSAGES},"x":${'['.repeat(300_000)}`],
    ['objects in objects', 'x', `{"model":"gpt-4o",${MESSAGES},"x":${'{"a":'.repeat(60_000)}1${'}'.repeat(60_000)}}`],
    ['a list of its own', null, `[${zeros}0]`],
  ])('%s', async (_, param, body) => {
    await expectRefusal(await send(body), { status: 400, code: 'invalid_value', param })
    expect(router9.simulator.requests()).toEqual([])
  })

  test('and a long talk with many tools is far from it', async () => {
    const round = (at: number) => [
      { role: 'user', content: `Question ${at}` },
      {
        role: 'assistant',
        tool_calls: [{ id: `call_${at}`, type: 'function', function: { name: 'f', arguments: '{"a":[1,{"b":2}]}' } }],
      },
      { role: 'tool', tool_call_id: `call_${at}`, content: `Result ${at}` },
    ]
    const parameters = { type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } }
    const tools = Array.from({ length: 500 }, (_, at) => ({
      type: 'function',
      function: { name: `f${at}`, parameters },
    }))
    const messages = Array.from({ length: 3000 }, (_, at) => round(at)).flat()
    const response = await send(JSON.stringify({ model: 'gpt-4o', messages, tools }))
    expect(response.status, (await response.clone().text()).slice(0, 300)).toBe(200)
  })
})

describe('nesting without end is never a fault of ours', () => {
  const deep = (open: string, close: string) => open.repeat(NESTED_LEVELS) + close.repeat(NESTED_LEVELS)
  const object = `${'{"a":'.repeat(NESTED_LEVELS)}1${'}'.repeat(NESTED_LEVELS)}`
  const list = deep('[', ']')
  const ask =
    (fields: string, messages = MESSAGES) =>
    (model: string) =>
      `{"model":"${model}",${fields}${messages}}`
  const user = (more: string) => `"messages":[{"role":"user","content":"Hello!"${more}}]`
  const part = (more: string) => `"messages":[{"role":"user","content":[{"type":"text","text":"Hello!"${more}}]}]`
  const tool = (parameters: string) =>
    `"tools":[{"type":"function","function":{"name":"f","parameters":${parameters}}}],`
  const places: readonly { place: string; body: (model: string) => string; status: RegExp }[] = [
    // What has a form of its own is refused; the rest is handed on or left out, however deep.
    { place: 'an unknown field (lists)', body: ask(`"x":${list},`), status: /200|400/ },
    { place: 'an unknown field (objects)', body: ask(`"x":${object},`), status: /200|400/ },
    { place: 'an unknown field of a message', body: ask('', user(`,"x":${list}`)), status: /200|400/ },
    { place: 'an unknown field of a part', body: ask('', part(`,"x":${object}`)), status: /200|400/ },
    { place: 'messages', body: ask('', `"messages":${list}`), status: /400/ },
    {
      place: 'the content of a message',
      body: ask('', `"messages":[{"role":"user","content":${list}}]`),
      status: /400/,
    },
    { place: 'the parameters of a tool', body: ask(tool(object)), status: /200|400/ },
    {
      place: 'a property of a tool',
      body: ask(tool(`{"type":"object","properties":{"p":${object}}}`)),
      status: /200|400/,
    },
    {
      place: 'a schema of schemas in a tool',
      body: ask(tool(`${'{"type":"array","items":'.repeat(NESTED_LEVELS)}{}${'}'.repeat(NESTED_LEVELS)}`)),
      status: /200|400/,
    },
    {
      place: 'the schema of a response format',
      body: ask(
        `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":${'{"items":'.repeat(NESTED_LEVELS)}{}${'}'.repeat(NESTED_LEVELS)}}},`,
      ),
      status: /200|400/,
    },
    { place: 'metadata', body: ask(`"metadata":{"a":${list}},`), status: /200|400/ },
    { place: 'provider', body: ask(`"provider":{"a":${object}},`), status: /200|400/ },
    {
      place: 'the arguments of an earlier call',
      body: ask(
        '',
        `"messages":[{"role":"user","content":"Hello!"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":${JSON.stringify(object)}}}]},{"role":"tool","tool_call_id":"c","content":"1"}]`,
      ),
      status: /200|400/,
    },
  ]
  test.each(places.flatMap((place) => MODELS.map((model) => ({ ...place, model }))))(
    '$place, to $model',
    async ({ body, model, status }) => {
      const response = await send(body(model))
      expect(String(response.status), (await response.clone().text()).slice(0, 500)).toMatch(status)
      if (response.status !== 200) await errorOf(response)
    },
  )

  test('and the next request is answered as ever', async () => {
    expect((await send(CHAT)).status).toBe(200)
  })
})

describe('names that mean something to JavaScript mean nothing here', () => {
  const pollution = '{"polluted":true,"role":"system","stream":true,"model":"auto","temperature":9}'
  test.each([
    ['__proto__ at the top', `{"__proto__":${pollution},"model":"gpt-4o",${MESSAGES}}`],
    ['constructor at the top', `{"constructor":{"prototype":${pollution}},"model":"gpt-4o",${MESSAGES}}`],
    ['toString and valueOf', `{"toString":1,"valueOf":2,"hasOwnProperty":3,"model":"gpt-4o",${MESSAGES}}`],
    [
      '__proto__ in a message',
      `{"model":"gpt-4o","messages":[{"role":"user","content":"Hi","__proto__":${pollution}}]}`,
    ],
    [
      '__proto__ in a part',
      `{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"Hi","__proto__":${pollution}}]}]}`,
    ],
    [
      'the types of parts',
      '{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"constructor"},{"type":"__proto__"},{"type":"toString"}]}]}',
    ],
    ['a role', '{"model":"gpt-4o","messages":[{"role":"constructor","content":"Hi"}]}'],
    ['__proto__ as a role', '{"model":"gpt-4o","messages":[{"role":"__proto__","content":"Hi"}]}'],
    ['the model __proto__', `{"model":"__proto__",${MESSAGES}}`],
    ['the model constructor', `{"model":"constructor",${MESSAGES}}`],
    ['the provider constructor', `{"model":"constructor/gpt-4o",${MESSAGES}}`],
    ['the provider __proto__', `{"model":"__proto__/gpt-4o",${MESSAGES}}`],
    ['further models', `{"model":"gpt-4o","models":["__proto__","toString"],${MESSAGES}}`],
    [
      'routing',
      `{"model":"gpt-4o","provider":{"order":["__proto__","constructor"],"ignore":["toString"],"__proto__":${pollution}},${MESSAGES}}`,
    ],
    ['the only provider', `{"model":"gpt-4o","provider":{"only":["constructor"]},${MESSAGES}}`],
    ['a tool choice', `{"model":"gpt-4o","tool_choice":{"type":"constructor","__proto__":{}},${MESSAGES}}`],
    ['a response format', `{"model":"gpt-4o","response_format":{"type":"constructor"},${MESSAGES}}`],
    ['a reasoning effort', `{"model":"gpt-4o","reasoning_effort":"constructor",${MESSAGES}}`],
    [
      'an effort of reasoning',
      `{"model":"anthropic/claude-sonnet-4-6","reasoning":{"effort":"__proto__"},${MESSAGES}}`,
    ],
    ['metadata and biases', `{"model":"gpt-4o","metadata":{"__proto__":"a"},"logit_bias":{"__proto__":1},${MESSAGES}}`],
    ...['gpt-4o', 'anthropic/claude-sonnet-4-6', 'google/gemini-2.5-flash'].map((model) => [
      `a tool for ${model}`,
      `{"model":"${model}","tools":[{"type":"function","function":{"name":"constructor","parameters":{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}},"__proto__":${pollution}}}}],${MESSAGES}}`,
    ]),
  ] as [string, string][])('%s', async (_, body) => {
    const response = await send(body)
    expect([200, 400, 404]).toContain(response.status)
    if (response.status !== 200) await errorOf(response)
    const after = await send(CHAT)
    expect(after.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await after.json()).toMatchObject({ object: 'text_completion', model: 'gpt-4o' })
  })
})

test('of a key that stands twice the later one counts, as JSON.parse has it', async () => {
  const response = await send(
    `{"model":"gpt-9-imaginary","temperature":"hot",${MESSAGES},"temperature":1,"model":"gpt-4o"}`,
  )
  expect(response.status).toBe(200)
  expect(response.headers.get('x-router9-model')).toBe('gpt-4o')
})
