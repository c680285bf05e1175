import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Case, chunksOf, startCase } from '../cases/router.ts'
import type { Script } from '../cases/scripted.ts'
import { broken, chunk, sse, stream } from '../cases/wires.ts'

let router: Case
beforeAll(async () => {
  router = await startCase()
})
afterAll(() => router.stop())

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
