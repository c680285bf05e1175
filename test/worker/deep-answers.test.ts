import { describe, expect, test } from 'vitest'
import { chunksOf, useCase } from '../cases/router.ts'
import type { Script } from '../cases/scripted.ts'
import { chunk, completion, generated, SAYING, sse, stream, whole } from '../cases/wires.ts'
import { expectRefusal } from './refusal.ts'

/** JSON.parse takes as many levels as there are; JSON.stringify does not always. */
const LEVELS = 200_000
const LISTS = `${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}`
const DEEP: readonly { form: string; deep: string }[] = [
  { form: 'lists', deep: LISTS },
  // The engine has a way without recursion, which it leaves where a key is a number.
  { form: 'lists beside a numbered key', deep: `{"1":0,"lists":${LISTS}}` },
]
const MARK = '@deep@'
const SECOND = 'mistral-large-2512'

const router = useCase()

/** The text with the deep value wherever the mark stands. */
function deepened(deep: string, script: Script): Script {
  return { ...script, pieces: script.pieces.map((piece) => String(piece).replaceAll(JSON.stringify(MARK), deep)) }
}

const CALL = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }
const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
const said = { content: 'hello' }

const PLACES: readonly { place: string; model: string; body: Record<string, unknown>; chunks: readonly unknown[] }[] = [
  {
    place: 'the body',
    model: 'openai/gpt-4o',
    body: completion(said, 'stop', { unknown: MARK }),
    chunks: [chunk(said, null, { unknown: MARK }), chunk({}, 'stop')],
  },
  {
    place: 'a choice',
    model: 'openai/gpt-4o',
    body: completion({}, 'stop', { choices: [{ index: 0, message: said, finish_reason: 'stop', unknown: MARK }] }),
    chunks: [chunk({}, 'stop', { choices: [{ index: 0, delta: said, finish_reason: 'stop', unknown: MARK }] })],
  },
  {
    place: 'a message',
    model: 'openai/gpt-4o',
    body: completion({ ...said, unknown: MARK }, 'stop'),
    chunks: [chunk({ ...said, unknown: MARK }), chunk({}, 'stop')],
  },
  {
    place: 'a tool call',
    model: 'openai/gpt-4o',
    body: completion({ content: null, tool_calls: [{ ...CALL, unknown: MARK }] }, 'tool_calls'),
    chunks: [chunk({ tool_calls: [{ index: 0, ...CALL, unknown: MARK }] }), chunk({}, 'tool_calls')],
  },
  {
    place: 'the usage',
    model: 'openai/gpt-4o',
    body: completion(said, 'stop', { usage: { ...USAGE, unknown: MARK } }),
    chunks: [chunk(said), chunk({}, 'stop'), chunk({}, null, { choices: [], usage: { ...USAGE, unknown: MARK } })],
  },
  {
    place: 'the arguments of a call of Gemini',
    model: 'google/gemini-2.5-flash',
    body: generated([{ functionCall: { name: 'look', args: { unknown: MARK } } }], 'STOP'),
    chunks: [generated([{ functionCall: { name: 'look', args: { unknown: MARK } } }], 'STOP')],
  },
]

const ASK = { messages: [{ role: 'user', content: 'Hello!' }] }

const cases = PLACES.flatMap((place) => DEEP.map((deep) => ({ ...place, ...deep })))

// What can be put into JSON again may go to the client, whole; what cannot is the fault of the provider.
describe.each(cases)('nesting without end in $place: $form', ({ model, body, chunks, deep }) => {
  test.each([
    ['alone', []],
    ['with another candidate', [SECOND]],
  ])('of a whole answer is handed on whole, or the fault of the provider, never ours (%s)', async (_, models) => {
    router.upstream.play(deepened(deep, whole(body)), whole(SAYING.openai.whole('the second')))
    const response = await router.post({ model, ...ASK, models })
    if (response.status === 200) {
      const raw = await response.text()
      expect(raw.includes(LISTS) || raw.includes('the second')).toBe(true)
    } else {
      await expectRefusal(response, { status: 502, type: 'upstream_error', code: 'upstream_error' })
    }
  })

  test('of a stream that has begun is handed on whole, or ends it in an error chunk without [DONE]', async () => {
    const gemini = model.startsWith('google')
    const words = stream(sse(gemini ? generated([{ text: 'one ' }]) : chunk({ content: 'one ' })))
    const rest = deepened(deep, stream(sse(...chunks, ...(gemini ? [] : ['[DONE]']))))
    // Apart from one another, or they would be read as one.
    router.upstream.play({ ...words, pieces: [...words.pieces, { pauseMs: 100 }, ...rest.pieces] })
    const raw = await (await router.post({ model, ...ASK, stream: true })).text()
    expect(raw.includes('one ')).toBe(true)
    if (raw.endsWith('data: [DONE]\n\n')) {
      // What comes after the finish is not needed: then the usage is estimated.
      expect(raw.includes(LISTS) || raw.includes('"estimated":true')).toBe(true)
    } else {
      expect(chunksOf(raw).at(-1)).toMatchObject({
        error: { type: 'upstream_error', code: 'upstream_error' },
        choices: [{ index: 0, delta: {}, finish_reason: 'error' }],
      })
    }
  })
})

test('and the next request is answered as ever', async () => {
  const { choice } = await router.whole('openai/gpt-4o', whole(SAYING.openai.whole('well')))
  expect(choice.text).toBe('well')
  expect(router.worker.log()).not.toMatch(/uncaught|unhandled/i)
})
