import { expect, test } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import type { Chat } from '../../src/chat/request.ts'
import { anthropic } from '../../src/formats/anthropic-messages/write-request.ts'
import { cohere } from '../../src/formats/cohere/write-request.ts'
import type { ProviderFormat } from '../../src/formats/format.ts'
import { gemini } from '../../src/formats/gemini/write-request.ts'
import { ollama } from '../../src/formats/ollama/write-request.ts'
import { type OpenAIQuirks, openai } from '../../src/formats/openai-chat/write-request.ts'
import { openaiResponses } from '../../src/formats/openai-responses/provider.ts'
import { ABLE, type Json } from './asking.ts'

const FEW = 1000
/** So many times as much work takes so many times as long where it grows in proportion, and the square of it where it does not. */
const TIMES = 8
const MOST = 3 * TIMES
/** What is so quick says nothing about growth. */
const MIN_MS = 1

/** Without the schema, whose own time would hide the rest. */
function asker<Quirks>({ prepare }: ProviderFormat<Quirks>, quirks: Quirks) {
  return (request: Json) => {
    const chat = { model: 'public', messages: [user], ...request } as Chat
    prepare({ chat, model: 'theirs', stream: false, traits: ABLE, quirks, newId: () => 'made' })
  }
}

const DIALECTS = {
  openai: asker<OpenAIQuirks>(openai, {}),
  strict: asker<OpenAIQuirks>(openai, { strictMessages: true }),
  alternating: asker<OpenAIQuirks>(openai, { alternatingRoles: true }),
  'exact ids': asker<OpenAIQuirks>(openai, { toolIdLength: 9 }),
  anthropic: asker(anthropic, {}),
  responses: asker(openaiResponses, {}),
  gemini: asker(gemini, {}),
  cohere: asker(cohere, {}),
  ollama: asker(ollama, {}),
}
type Name = keyof typeof DIALECTS

const user = { role: 'user', content: 'Hello!' }
const list = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'r' })
const tool = (at: number) => ({ type: 'function', function: { name: `a_tool_of_many_${at}` } })

/** Ids that differ in characters alone that Anthropic does not take. */
const oddId = (at: number) => `call${at.toString(2).padStart(16, '0').replaceAll('0', '.').replaceAll('1', ':')}`

function round(ids: readonly string[], results: readonly Json[]): Json {
  return { messages: [user, { role: 'assistant', content: null, tool_calls: ids.map(call) }, ...results] }
}

const EVERYBODY = ['openai', 'strict', 'exact ids', 'anthropic', 'responses', 'gemini', 'cohere', 'ollama'] as const

/** What, as a request of so many of it, for whom, and how many times more of it a mistake takes to show. */
const requests: readonly [string, (count: number) => Json, readonly Name[], number?][] = [
  [
    'calls, answered in the opposite order',
    (count) => {
      const ids = list(count, (at) => `call_${at}`)
      return round(ids, ids.toReversed().map(result))
    },
    ['openai', 'anthropic', 'gemini'],
    5,
  ],
  [
    'calls with ids that differ in odd characters alone',
    (count) => {
      const ids = list(count, oddId)
      return round(ids, ids.map(result))
    },
    EVERYBODY,
  ],
  [
    'calls of one id',
    (count) => {
      const ids = list(count, () => 'call')
      return round(ids, ids.map(result))
    },
    EVERYBODY,
  ],
  [
    'results of one call',
    (count) =>
      round(
        ['call'],
        list(count, () => result('call')),
      ),
    EVERYBODY,
  ],
  [
    'calls, their results each followed by a word of the user',
    (count) => {
      const ids = list(count, (at) => `call_${at}`)
      return round(
        ids,
        ids.flatMap((id) => [result(id), user]),
      )
    },
    EVERYBODY,
  ],
  [
    'parts of a schema that must all fit',
    (count) => {
      const allOf = list(count, (at) => ({
        properties: { [`field_${at}`]: { oneOf: [{ const: at }] } },
        required: [`field_${at}`],
      }))
      return {
        tools: [{ type: 'function', function: { name: 'f', strict: true, parameters: { type: 'object', allOf } } }],
      }
    },
    ['anthropic', 'gemini'],
  ],
  [
    'allowed tools',
    (count) => {
      const allowed = { mode: 'auto', tools: list(count, tool).reverse() }
      return { tools: list(count, tool), tool_choice: { type: 'allowed_tools', allowed_tools: allowed } }
    },
    ['anthropic', 'gemini', 'cohere'],
    2,
  ],
  [
    'messages of the user',
    (count) => ({ messages: list(count, () => ({ role: 'user', content: 'a'.repeat(500) })) }),
    [...EVERYBODY, 'alternating'],
  ],
  [
    'parts of the user, in messages of their own',
    (count) => ({ messages: list(count, () => ({ role: 'user', content: [{ type: 'text', text: 'a' }] })) }),
    [...EVERYBODY, 'alternating'],
  ],
  [
    'blank refusals at the end',
    (count) => ({ messages: [user, ...list(count, () => ({ role: 'assistant', content: '', refusal: ' ' }))] }),
    EVERYBODY,
  ],
  [
    'unknown fields of a message',
    (count) => ({ messages: [{ ...user, ...Object.fromEntries(list(count, (at) => [`field_${at}`, at])) }] }),
    [...EVERYBODY, 'alternating'],
  ],
  [
    'functions, and calls of them',
    (count) => ({
      functions: list(count, (at) => ({ name: `tool_${at}` })),
      messages: list(count, (at) => [
        user,
        { role: 'assistant', content: null, function_call: { name: `tool_${at}`, arguments: '{}' } },
        { role: 'function', name: `tool_${at}`, content: 'r' },
      ]).flat(),
    }),
    EVERYBODY,
  ],
]

const rows = requests.flatMap(([what, make, names, times = 1]) => {
  return names.map((name) => [name, what, make, FEW * times] as const)
})

test.each(rows)('%s: the work for %s grows in proportion', (name, what, make, count) => {
  const [few, many] = [make(count), make(count * TIMES)]
  // Once, so that what is measured is compiled.
  spent(name, few)
  const short = Math.max(least(name, few), MIN_MS)
  expect(least(name, many), what).toBeLessThan(MOST * short)
})

/** Other programs take time away, and none gives any: the least is the nearest. */
function least(name: Name, request: Json): number {
  return Math.min(...list(2, () => spent(name, request)))
}

/** The processor's time that a translation takes, in milliseconds. */
function spent(name: Name, request: Json): number {
  const before = process.cpuUsage()
  try {
    DIALECTS[name](request)
  } catch (error) {
    // To be refused is as good as to be translated, if it does not take long.
    if (!(error instanceof Failure)) throw error
  }
  const { user: own, system } = process.cpuUsage(before)
  return (own + system) / 1000
}
