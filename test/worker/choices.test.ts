import { describe, expect, test } from 'vitest'
import { chunksOf, useCase } from '../cases/router.ts'
import type { Script } from '../cases/scripted.ts'
import { broken, chunk, completion, sse, stream, whole } from '../cases/wires.ts'

const router = useCase()

/** A chunk of one of several choices. */
function of(index: number, delta: Record<string, unknown>, finish: string | null = null) {
  return chunk({}, null, { choices: [{ index, delta, finish_reason: finish }] })
}

const FIRST = [of(0, { role: 'assistant', content: '' }), of(0, { content: 'heads' }), of(0, {}, 'stop')]
const OTHER = [of(1, { role: 'assistant', content: '' }), of(1, { content: 'tails' }), of(1, {}, 'stop')]

async function ask(script: Script): Promise<string> {
  router.upstream.play(script)
  const response = await router.post({
    model: 'openai/gpt-4o',
    messages: [{ role: 'user', content: 'Toss a coin' }],
    n: 2,
    stream: true,
  })
  expect(response.status).toBe(200)
  return response.text()
}

describe('a stream of two choices', () => {
  test.each(['cut', 'closed', 'reset'] as const)(
    'that breaks off after the first of them, before the other began, ends in an error without [DONE] (%s)',
    async (ending) => {
      const raw = await ask(broken(ending, sse(...FIRST)))
      expect(raw).toContain('heads')
      expect(raw).not.toContain('[DONE]')
      expect(chunksOf(raw).at(-1)).toMatchObject({
        error: { type: 'upstream_error', code: 'upstream_error', param: null },
        choices: [{ index: 0, delta: {}, finish_reason: 'error' }],
      })
    },
  )

  test('that breaks off in the middle of the other ends in an error for both', async () => {
    const raw = await ask(broken('closed', sse(...FIRST, ...OTHER.slice(0, 2))))
    expect(raw).not.toContain('[DONE]')
    const last = chunksOf(raw).at(-1)
    expect(last?.error).toBeDefined()
    expect(last?.choices.map(({ index, finish_reason }) => [index, finish_reason])).toEqual([
      [0, 'error'],
      [1, 'error'],
    ])
  })

  test.each([
    ['with one choice, is complete if its provider says so', FIRST, [[0, 'stop']]],
    [
      'with both is complete',
      [...FIRST, ...OTHER],
      [
        [0, 'stop'],
        [1, 'stop'],
      ],
    ],
  ])('%s', async (_, chunks, finishes) => {
    const raw = await ask(stream(sse(...chunks, '[DONE]')))
    expect(raw.endsWith('data: [DONE]\n\n')).toBe(true)
    const seen = chunksOf(raw).flatMap(({ choices }) => choices)
    const ended = seen.filter(({ finish_reason }) => finish_reason !== null)
    expect(ended.map(({ index, finish_reason }) => [index, finish_reason])).toEqual(finishes)
  })

  test('with both is complete at the end of the connection, without [DONE] from the provider', async () => {
    const raw = await ask(stream(sse(...FIRST, ...OTHER)))
    expect(raw.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(raw).toContain('tails')
  })
})

describe('choices whose indexes cannot be theirs', () => {
  const texts = (choices: readonly { index: number; text: string }[]) => choices.map(({ index, text }) => [index, text])

  test.each([
    ['equal', 0, 0],
    ['negative', -1, 0],
    ['beyond all bounds', 1e9, 1e9],
  ])('(%s) reach the client one by one, whole and streamed', async (_, one, other) => {
    const said = [
      { index: one, content: 'heads' },
      { index: other, content: 'tails' },
    ]
    const message = (content: string) => ({ role: 'assistant', content })
    const choices = said.map(({ index, content }) => ({ index, message: message(content), finish_reason: 'stop' }))
    const asked = { n: 2 }
    const { answer } = await router.whole('openai/gpt-4o', whole(completion({}, '', { choices })), asked)
    expect(texts(answer.choices)).toEqual([
      [0, 'heads'],
      [1, 'tails'],
    ])
    const events = [
      { choices: said.map(({ index, content }) => ({ index, delta: message(content) })) },
      { choices: said.map(({ index }) => ({ index, delta: {}, finish_reason: 'stop' })) },
    ]
    const streamed = await router.streamed('openai/gpt-4o', stream(sse(...events, '[DONE]')), asked)
    expect(texts(streamed.answer.choices)).toEqual(texts(answer.choices))
  })
})

test('arguments of no call break a stream in the open, and are no whole answer', async () => {
  const lost = { tool_calls: [{ index: 4, function: { arguments: '{"city":"Rome"}' } }] }
  const events = [chunk({ content: 'Well' }), chunk(lost), chunk({}, 'tool_calls'), '[DONE]']
  const { answer } = await router.streamed('openai/gpt-4o', stream(sse(...events)))
  expect(answer.error).toMatchObject({ type: 'upstream_error' })
  expect(answer.done).toBe(false)
  const { status, error } = await router.refused('openai/gpt-4o', whole(completion(lost, 'tool_calls')))
  expect([status, error.type]).toEqual([502, 'upstream_error'])
})
