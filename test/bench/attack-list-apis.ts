import { gzipSync } from 'node:zlib'
import type { Script } from '../cases/scripted.ts'
import type { Attack, Made } from './attack-list.ts'

/** Attacks on the APIs beside chat completions, and by providers that speak them. */

const MB = 2 ** 20
const RESPONSES = '/v1/responses'
const MESSAGES = '/v1/messages'
/** A provider that speaks chat completions, at the attacker's address. */
const CHAT_MODEL = 'mistral/mistral-small-latest'
const OPENAI_MODEL = 'openai/gpt-4o'
const ANTHROPIC_MODEL = 'anthropic/claude-sonnet-4-5'
const MODELS = [OPENAI_MODEL, CHAT_MODEL, ANTHROPIC_MODEL, 'google/gemini-2.5-flash', 'cohere/command-a-03-2025']
const SSE = { 'content-type': 'text/event-stream' }

const json = JSON.stringify
const many = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at))
const listOf = (item: string, bytes: number) => `[${`${item},`.repeat(Math.floor(bytes / (item.length + 1)))}${item}]`
const user = { role: 'user', content: 'Hello!' }

const responses = (model: string, fields: object = {}) => json({ model, input: 'Hello!', ...fields })
const messages = (model: string, fields: object = {}) => json({ model, max_tokens: 100, messages: [user], ...fields })

const asking = (name: string, path: string, body: () => string, further: Partial<Made> = {}): Attack => ({
  name,
  make: () => ({ bodies: [body()], path, ...further }),
})

const event = (value: { readonly type: string } | object) =>
  `${'type' in value ? `event: ${value.type}\n` : ''}data: ${json(value)}\n\n`
/** A piece that is written so many times. */
function repeated(text: string, times: number): Script['pieces'][number] {
  let left = times
  return { repeat: text, while: () => left-- > 0 }
}
const streamed = (...pieces: Script['pieces']): Script => ({ headers: SSE, pieces })
const whole = (body: string): Script => ({ headers: { 'content-type': 'application/json' }, pieces: [body] })

const delta = (fields: object, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta: fields, finish_reason: finish }] })
const call = (index: number, text: string, id?: string) =>
  delta({ tool_calls: [{ index, ...(id === undefined ? {} : { id }), function: { name: 'look', arguments: text } }] })
const CHAT_END = [delta({}, 'stop'), 'data: [DONE]\n\n']
const CREATED = event({ type: 'response.created', response: { id: 'r', status: 'in_progress', output: [] } })
const COMPLETED = event({ type: 'response.completed', response: { id: 'r', status: 'completed', output: [] } })
const STARTED = event({ type: 'message_start', message: { id: 'm', role: 'assistant', content: [], usage: {} } })
const STOPPED = [
  event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5 } }),
  event({ type: 'message_stop' }),
]

/** By a provider that is asked through one of these APIs. */
const lying = (name: string, path: string, body: string, answer: () => Script): Attack => ({
  name,
  make: () => ({ bodies: [body], path, answer: answer() }),
})
const lyingResponses = (name: string, answer: () => Script, fields: object = {}, model = OPENAI_MODEL) =>
  lying(`${name}, Responses`, RESPONSES, responses(model, { stream: true, ...fields }), answer)
const lyingChat = (name: string, answer: () => Script, fields: object = {}) => [
  lyingResponses(name, answer, fields, CHAT_MODEL),
  lying(`${name}, Messages`, MESSAGES, messages(CHAT_MODEL, { stream: true, thinking: { type: 'adaptive' } }), answer),
]
const lyingMessages = (name: string, answer: () => Script) =>
  lying(`${name}, Messages`, MESSAGES, messages(ANTHROPIC_MODEL, { stream: true }), answer)

/** Looks as if Router9 had sealed it. */
const sealed = (bytes: number) => `r9s1.${Buffer.alloc(bytes, 7).toString('base64')}`
const rounds = (count: number) => [
  { role: 'user', content: 'Look.' },
  ...many(count, (at) => [
    { type: 'function_call', call_id: `c${at}`, name: 'look', arguments: '{}' },
    { type: 'function_call_output', call_id: `c${at}`, output: 'seen' },
  ]).flat(),
]
const messageRounds = (count: number) => [
  user,
  ...many(count, (at) => [
    { role: 'assistant', content: [{ type: 'tool_use', id: `c${at}`, name: 'look', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: `c${at}`, content: 'seen' }] },
  ]).flat(),
]
const look = (at: number) => ({ type: 'function', name: `look_${at}`, parameters: { type: 'object', properties: {} } })
const MANY_VALUES = `{"a":${listOf('{}', 12e6)}}`

export const API_ATTACKS: readonly Attack[] = [
  asking('11.7 MB of zeros for input', RESPONSES, () => `{"model":"${OPENAI_MODEL}","input":${listOf('0', 11.7e6)}}`),
  asking('11.7 MB of zeros for messages of Messages', MESSAGES, () =>
    messages(OPENAI_MODEL).replace(json([user]), listOf('0', 11.7e6)),
  ),
  ...[OPENAI_MODEL, CHAT_MODEL].flatMap((model) => [
    asking(`instructions of 19 MB, repeated in a stream, ${model}`, RESPONSES, () =>
      responses(model, { instructions: 'x'.repeat(19e6), stream: true }),
    ),
    asking(`20 namespaces of 1,000 tools, ${model}`, RESPONSES, () =>
      responses(model, { tools: many(20, (at) => ({ type: 'namespace', name: `n${at}`, tools: many(1000, look) })) }),
    ),
  ]),
  asking('2,000 tools whose names become one name', RESPONSES, () =>
    responses(CHAT_MODEL, {
      tools: many(2, (at) => ({
        type: 'namespace',
        name: at === 0 ? 'a' : 'a__',
        tools: many(1000, (tool) => ({
          ...look(tool),
          name: `${at === 0 ? '__' : ''}${'_'.repeat(tool % 60)}b${tool}`,
        })),
      })),
    }),
  ),
  ...MODELS.flatMap((model) => [
    asking(`4,900 tool rounds in Responses, ${model}`, RESPONSES, () => responses(model, { input: rounds(4900) })),
    asking(`4,900 tool rounds in Messages, ${model}`, MESSAGES, () =>
      messages(model, { messages: messageRounds(4900) }),
    ),
  ]),
  asking('a sealed text of 19 MB', RESPONSES, () =>
    responses(CHAT_MODEL, { input: [user, { type: 'reasoning', summary: [], encrypted_content: sealed(14e6) }] }),
  ),
  asking('a sealed text of 8 MB', RESPONSES, () =>
    responses(CHAT_MODEL, { input: [user, { type: 'reasoning', summary: [], encrypted_content: sealed(6e6) }] }),
  ),
  asking('a sealed signature of 8 MB', MESSAGES, () =>
    messages(CHAT_MODEL, {
      messages: [user, { role: 'assistant', content: [{ type: 'redacted_thinking', data: sealed(6e6) }] }, user],
    }),
  ),
  ...MODELS.slice(2).map((model) =>
    asking(`arguments of 4 million values, ${model}`, RESPONSES, () =>
      responses(model, {
        input: [user, { type: 'function_call', call_id: 'c', name: 'look', arguments: MANY_VALUES }],
      }),
    ),
  ),
  asking('a result of 4 million values, google/gemini-2.5-flash', RESPONSES, () =>
    responses('google/gemini-2.5-flash', {
      input: [...rounds(1), { type: 'function_call_output', call_id: 'c0', output: MANY_VALUES }],
    }),
  ),
  ...[RESPONSES, MESSAGES].map((path) => ({
    name: `a packed body of 200 KB that unpacks to 200 MB, ${path}`,
    make: () => ({
      bodies: [gzipSync(Buffer.alloc(200 * MB, '['), { level: 1 })],
      path,
      headers: { 'content-encoding': 'gzip' },
    }),
  })),
  asking('2,000 references to items that are not there', RESPONSES, () =>
    responses(CHAT_MODEL, { input: many(2000, (at) => ({ type: 'item_reference', id: `msg_${at}` })) }),
  ),
  {
    name: '2,000 references to an item of 6 MB',
    make: () => ({
      path: RESPONSES,
      before: responses(CHAT_MODEL, { input: [{ ...user, content: 'x'.repeat(6e6) }] }),
      bodies: (id) => {
        const item = { type: 'item_reference', id: `msg_${id.slice(-28)}i0` }
        return [responses(CHAT_MODEL, { input: [...many(2000, () => item), user] })]
      },
    }),
  },
  {
    name: 'an answer of 6 MB continued four times at once',
    make: () => ({
      path: RESPONSES,
      before: responses(CHAT_MODEL, { input: [{ ...user, content: 'x'.repeat(6e6) }] }),
      bodies: (id) => many(4, () => responses(CHAT_MODEL, { previous_response_id: id })),
    }),
  },
  asking('a prompt of 19 MB to be counted', `${MESSAGES}/count_tokens`, () =>
    messages(CHAT_MODEL, { messages: [{ ...user, content: 'x'.repeat(19e6) }] }),
  ),
  asking('a prompt of 19 MB to be counted by OpenAI', `${RESPONSES}/input_tokens`, () =>
    responses(OPENAI_MODEL, { input: 'x'.repeat(19e6) }),
  ),

  lyingResponses('100,000 items', () =>
    streamed(
      CREATED,
      many(100_000, (at) =>
        event({ type: 'response.output_item.done', output_index: at, item: { type: 'x', id: `x${at}` } }),
      ).join(''),
      COMPLETED,
    ),
  ),
  lyingResponses('200 whole items of 1 MB', () =>
    streamed(
      CREATED,
      repeated(
        event({ type: 'response.output_item.done', output_index: 0, item: { type: 'x', id: 'x', x: 'x'.repeat(MB) } }),
        200,
      ),
      COMPLETED,
    ),
  ),
  lyingResponses('an answer of 7 MB, told three times', () => {
    const item = { type: 'message', id: 'm', content: [{ type: 'output_text', text: 'x'.repeat(7 * MB) }] }
    return streamed(
      CREATED,
      event({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'x'.repeat(7 * MB) }),
      event({ type: 'response.output_item.done', output_index: 0, item }),
      event({ type: 'response.completed', response: { id: 'r', status: 'completed', output: [item] } }),
    )
  }),
  lyingResponses('100 MB of the whole response, again and again', () =>
    streamed(
      repeated(
        event({ type: 'response.in_progress', response: { id: 'r', status: 'in_progress', x: 'x'.repeat(MB) } }),
        100,
      ),
      COMPLETED,
    ),
  ),
  lyingResponses('200,000 events of no known type', () =>
    streamed(
      CREATED,
      repeated(event({ type: 'response.x', output_index: 0, item_id: 'x' }).repeat(100), 2000),
      COMPLETED,
    ),
  ),
  lyingMessages('100,000 blocks', () =>
    streamed(
      STARTED,
      many(100_000, (index) => event({ type: 'content_block_start', index, content_block: { type: 'x' } })).join(''),
      ...STOPPED,
    ),
  ),
  lyingMessages('100,000 beginnings', () => streamed(repeated(STARTED.repeat(100), 1000), ...STOPPED)),
  lyingMessages('thinking of 100 MB', () =>
    streamed(
      STARTED,
      event({ type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } }),
      repeated(
        event({
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'thinking_delta', thinking: 'x'.repeat(10_000) },
        }),
        10_000,
      ),
      ...STOPPED,
    ),
  ),
  ...lyingChat('a text of 100 MB', () =>
    streamed(repeated(delta({ content: 'x'.repeat(10_000) }), 10_000), ...CHAT_END),
  ),
  ...lyingChat('reasoning and text, letter by letter', () =>
    streamed(repeated((delta({ reasoning_content: 'a' }) + delta({ content: 'b' })).repeat(50), 2000), ...CHAT_END),
  ),
  ...lyingChat('letters beside a call that does not end', () =>
    streamed(
      call(0, '{', 'c'),
      repeated((delta({ reasoning_content: 'a' }) + delta({ content: 'b' })).repeat(50), 2000),
      ...CHAT_END,
    ),
  ),
  ...lyingChat('a thousand calls at once, letter by letter', () =>
    streamed(
      many(1000, (at) => call(at, '{', `c${at}`)).join(''),
      many(100_000, (at) => call(at % 1000, ' ')).join(''),
      many(1000, (at) => call(999 - at, '}')).join(''),
      ...CHAT_END,
    ),
  ),
  ...lyingChat('100 MB of citations beside a word', () =>
    streamed(
      delta({ content: 'x' }),
      repeated(delta({ annotations: [{ type: 'x', text: 'y'.repeat(10_000) }] }), 10_000),
      ...CHAT_END,
    ),
  ),
  ...lyingChat('100 MB of log probabilities', () =>
    streamed(
      repeated(
        event({
          choices: [{ index: 0, delta: { content: 'x' }, logprobs: { content: [{ token: 'y'.repeat(10_000) }] } }],
        }),
        10_000,
      ),
      ...CHAT_END,
    ),
  ),
  lyingResponses(
    'a custom tool’s input of 100 MB, in another form',
    () => streamed(call(0, '{"other":"', 'c'), repeated(call(0, 'x'.repeat(10_000)), 10_000), ...CHAT_END),
    { tools: [{ type: 'custom', name: 'look' }] },
    CHAT_MODEL,
  ),
  ...[RESPONSES, MESSAGES].flatMap((path) => {
    const body = path === RESPONSES ? responses(CHAT_MODEL) : messages(CHAT_MODEL)
    const answered = (message: object) =>
      whole(json({ choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop' }] }))
    return [
      lying(`an answer of 30 MB of text, ${path}`, path, body, () => answered({ content: 'x'.repeat(30e6) })),
      lying(`an answer with arguments of 4 million values, ${path}`, path, body, () =>
        answered({ tool_calls: [{ id: 'c', type: 'function', function: { name: 'look', arguments: MANY_VALUES } }] }),
      ),
    ]
  }),
]
