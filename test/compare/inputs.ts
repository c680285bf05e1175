import { deflateSync, gzipSync } from 'node:zlib'
import { DEMO_KEY } from '../harness/worker.ts'
import { BASES, type Json, pathsIn, replaced, STRANGERS, textOf } from '../worker/request-fields.ts'
import { type CompareRequest, chatRequest } from './request.ts'
import { simulated } from './side.ts'
import type { Source } from './source.ts'

const MODELS = [
  'anthropic/claude-sonnet-4-6',
  'google/gemini-2.5-flash',
  'groq/llama-3.3-70b-instruct',
  'cohere/command-a-03-2025',
  'mistral/mistral-large-2512',
  'perplexity/sonar',
  'ollama/llama3',
  'deepseek/deepseek-chat',
]
const KEYS = {
  'sk-r9k-expired-key': { expires: '2026-01-02T00:00:00Z' },
  'sk-r9k-disabled-key': { disabled: true },
  'sk-r9k-narrow-key': { models: ['gpt-4o'] },
}
const HELLO = [{ role: 'user', content: 'Hello!' }]
const CHAT = JSON.stringify({ model: 'openai/gpt-4o', messages: HELLO })

/** What callers do wrong: each field with values of other types, bodies that are none, odd methods, paths, keys and types. */
export function inputs(quick: boolean): Source {
  const requests = [...fields(), ...bodies(), ...envelopes(), ...values()]
  return {
    name: 'inputs',
    setting: { upstream: simulated, keys: KEYS },
    requests: quick ? requests.filter((_, at) => at % 10 === 0) : requests,
  }
}

function fields(): CompareRequest[] {
  return Object.entries(BASES).flatMap(([base, request]) =>
    pathsIn(request).flatMap((path, row) =>
      STRANGERS.flatMap((stranger, column) => {
        const name = `${base} ${textOf(path)} ${JSON.stringify(stranger)}`
        const body = replaced(request, path, stranger)
        const model = MODELS[(row + column) % MODELS.length] ?? ''
        const elsewhere = { ...(body as Record<string, Json>), model, provider: null, models: null }
        return [chatRequest(name, body), chatRequest(`${name} ${model}`, elsewhere)]
      }),
    ),
  )
}

const DEEP = 20_000

function bodies(): CompareRequest[] {
  const inner = CHAT.slice(1, -1)
  const object = `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`
  const list = '['.repeat(DEEP) + ']'.repeat(DEEP)
  const content = (bytes: number[]) => {
    const [head = '', tail = ''] = CHAT.split('Hello!')
    return Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail)])
  }
  const all: Readonly<Record<string, string | Uint8Array>> = {
    nothing: '',
    'white space': ' \n\t\r ',
    'an array': `[${CHAT}]`,
    null: 'null',
    'a number': '42',
    'a string': '"{}"',
    'an empty object': '{}',
    'ends too early': CHAT.slice(0, -1),
    'ends in a string': CHAT.slice(0, -5),
    'two objects': CHAT + CHAT,
    'a comma too many': `${CHAT.slice(0, -1)},}`,
    'a comment': `${CHAT}// hello`,
    NaN: `{"temperature":NaN,${inner}}`,
    'a number too large': `{"temperature":1e400,${inner}}`,
    'single quotes': "{'model':1}",
    'form data': 'model=gpt-4o&messages=Hello',
    'no UTF-8': content([0xff]),
    'half a character': content([0xe4, 0xbd]),
    'a surrogate in UTF-8': content([0xed, 0xa0, 0x80]),
    'a byte order mark': Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(CHAT)]),
    'UTF-16': Buffer.from(CHAT, 'utf16le'),
    'a key twice': `{"model":"nothing",${inner}}`,
    'deep objects in a field': `{"x":${object},${inner}}`,
    'deep lists in a field': `{"x":${list},${inner}}`,
    'deep metadata': `{"metadata":{"a":${list}},${inner}}`,
    'deep parameters': `{"tools":[{"type":"function","function":{"name":"f","parameters":${object}}}],${inner}}`,
    'many zeros': `{"x":[${'0,'.repeat(300_000)}0],${inner}}`,
    'many messages': JSON.stringify({ model: 'openai/gpt-4o', messages: Array(10_001).fill(HELLO[0]) }),
    'many fields': `{${Array.from({ length: 50_000 }, (_, at) => `"f${at}":1`).join(',')},${inner}}`,
    'names of JavaScript': `{"__proto__":{"stream":true},"constructor":1,"toString":2,${inner}}`,
    'long numbers': `{"seed":12345678901234567890,"x":[1.10,1e2,-0,12345678901234567890.5],${inner}}`,
    '20 MiB and a byte': CHAT.padEnd(20 * 1024 * 1024 + 1),
    '2 MiB': CHAT.padEnd(2 * 1024 * 1024),
  }
  const packed: readonly (readonly [string, Uint8Array])[] = [
    ['gzip', gzipSync(CHAT)],
    ['GZIP', gzipSync(CHAT)],
    ['deflate', deflateSync(CHAT)],
    ['deflate', gzipSync(CHAT)],
    ['identity', Buffer.from(CHAT)],
    ['gzip', Buffer.from(CHAT)],
    ['gzip', gzipSync(CHAT).subarray(0, -12)],
    ['gzip', gzipSync('{"model":')],
    ['br', Buffer.from(CHAT)],
    ['gzip, gzip', gzipSync(CHAT)],
  ]
  return [
    ...Object.entries(all).flatMap(([name, body]) => [
      chatRequest(`body: ${name}`, body),
      // A body that is refused by its length alone, sent without one, ends in a race with the end of the connection.
      ...(body.length < 1_000_000 ? [chatRequest(`body: ${name}, chunked`, body, { chunked: true })] : []),
    ]),
    ...packed.map(([encoding, body], at) =>
      chatRequest(`packed ${at}: ${encoding}`, body, { headers: { ...json(), 'content-encoding': encoding } }),
    ),
  ]
}

function json(key = DEMO_KEY): Record<string, string> {
  return { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
}

function envelopes(): CompareRequest[] {
  const types = ['', 'text/plain', 'application/json; charset=utf-8', 'Application/JSON', 'application/jsonp']
  const moreTypes = ['multipart/form-data; boundary=x', 'application/json;charset=latin1', 'application/vnd.api+json']
  const authorizations = ['', 'Bearer', 'Bearer ', 'Basic abc', `bearer ${DEMO_KEY}`, `Bearer  ${DEMO_KEY}`, DEMO_KEY]
  const keys = ['sk-r9k-unknown', 'sk-proj-abcdef', 'sk-r9k-', 'sk-r9k-a!b!c!', 'x'.repeat(5000), ...Object.keys(KEYS)]
  const models = [
    'gpt-4o',
    'anthropic/claude-sonnet-4-6',
    'nothing',
    '',
    ' ',
    '/',
    'openai/',
    '/gpt-4o',
    'gpt-4o\u0000',
  ]
  const moreModels = ['ollama/../../v1/x', 'ollama/🙂', `ollama/${'m'.repeat(300)}`, '__proto__', 'constructor/gpt-4o']
  return [
    ...[...types, ...moreTypes].map((type) =>
      chatRequest(`type '${type}'`, CHAT, { headers: { ...json(), 'content-type': type } }),
    ),
    ...authorizations.map((authorization) =>
      chatRequest(`authorization '${authorization}'`, CHAT, { headers: { ...json(), authorization } }),
    ),
    chatRequest('no headers at all', CHAT, { headers: {} }),
    ...keys.flatMap((key) => [
      chatRequest(`key ${key.slice(0, 30)}`, CHAT, { headers: json(key) }),
      chatRequest(`key ${key.slice(0, 30)}, another model`, CHAT.replace('gpt-4o', 'gpt-5'), { headers: json(key) }),
      chatRequest(`key ${key.slice(0, 30)}, no model`, '{}', { headers: json(key) }),
    ]),
    ...[...models, ...moreModels].map((model) =>
      chatRequest(`model ${JSON.stringify(model).slice(0, 40)}`, { model, messages: HELLO }),
    ),
  ]
}

/** Values of the right type that are out of bounds, at their bounds, or odd. */
function values(): CompareRequest[] {
  const numbers: Readonly<Record<string, readonly number[]>> = {
    temperature: [-0.1, 0, 2, 2.1, 1e308],
    top_p: [-0.01, 0, 1, 1.01],
    max_tokens: [0, 1, 1.5, 9_007_199_254_740_991],
    max_completion_tokens: [0, 1],
    n: [0, 1, 2, 128, 129],
    presence_penalty: [-2.1, -2, 2, 2.1],
    frequency_penalty: [-3, 2, 3],
    top_logprobs: [-1, 0, 20, 21],
    seed: [0.5, -1, 0],
    top_k: [-1, 0, 40],
  }
  const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }
  const [user] = HELLO
  const talks: Readonly<Record<string, unknown>> = {
    'no message': [],
    'an unknown role': [user, { role: 'wizard', content: 'Hi' }],
    'no content': [{ role: 'user' }],
    'a result without its call': [user, { role: 'tool', content: '1' }],
    'a result of no call': [user, { role: 'tool', tool_call_id: 'call_9', content: '1' }],
    'a function without a name': [user, { role: 'function', content: '1' }],
    'old functions': [
      user,
      { role: 'assistant', content: null, function_call: { name: 'look', arguments: '{}' } },
      { role: 'function', name: 'look', content: '1' },
    ],
    'a part without a type': [{ role: 'user', content: [{ text: 'Hi' }] }],
    'an unknown part': [{ role: 'user', content: [{ type: 'hologram', hologram: 1 }] }],
    'a picture without an address': [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }],
    'an audio': [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'QUJD', format: 'wav' } }] }],
    'a file id': [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }],
    'a call without an id': [user, { role: 'assistant', tool_calls: [{ type: 'function', function: call.function }] }],
    'a call and no result': [user, { role: 'assistant', tool_calls: [call] }],
    'a call and its result': [
      user,
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: '1' },
    ],
    'arguments that are none': [
      user,
      { role: 'assistant', tool_calls: [{ ...call, function: { name: 'look', arguments: 'no' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: '1' },
    ],
    'only a system message': [{ role: 'system', content: 'Be brief.' }],
    'an empty system message': [{ role: 'system', content: ' ' }],
    'only an assistant': [{ role: 'assistant', content: 'Once upon' }],
    'a prefill': [user, { role: 'assistant', content: 'Once upon' }],
    'half a surrogate pair': [{ role: 'user', content: 'a\ud83d b' }],
    controls: [{ role: 'user', content: 'a\u0000b\u001bc\u2028d\u200be' }],
  }
  const models = ['openai/gpt-4o', ...MODELS, 'azure/gpt-4o', 'openrouter/gpt-4o', 'xai/grok-4.3', 'workers-ai/any']
  return models.flatMap((model) => [
    ...Object.entries(numbers).flatMap(([field, list]) =>
      list.map((value) => chatRequest(`${model} ${field} ${value}`, { model, messages: HELLO, [field]: value })),
    ),
    ...Object.entries(talks).flatMap(([name, messages]) =>
      [true, false].map((stream) =>
        chatRequest(`${model} ${name}${stream ? ' stream' : ''}`, { model, messages, stream }),
      ),
    ),
  ])
}
