import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Case, startCase } from '../cases/router.ts'
import { completion, whole } from '../cases/wires.ts'

let router: Case
beforeAll(async () => {
  router = await startCase()
})
afterAll(() => router.stop())

const KIMI = 'moonshot/kimi-k2-thinking'
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]
const ANSWER = whole(completion({ content: 'Done.' }, 'stop'))

type Fields = Readonly<Record<string, unknown>>

/** Some count their calls anew in each answer. */
function call(id: string, given = '{}'): Fields {
  return { id, type: 'function', function: { name: 'f', arguments: given } }
}

/** A turn that called, as a client sends it back that keeps OpenAI's fields only, and what came of it. */
function round(called: Fields, result: string): Fields[] {
  return [
    { role: 'assistant', content: null, tool_calls: [called] },
    { role: 'tool', tool_call_id: called.id, content: result },
  ]
}

/** The messages that the provider got last. */
function lastSent(): readonly Fields[] {
  return router.upstream.asked().at(-1)?.body.messages as readonly Fields[]
}

describe('what a model thought before it called', () => {
  test('reaches its provider in its own conversation only, though another of the same key looks alike', async () => {
    const talk = (customer: string): Fields[] => [
      { role: 'system', content: `The customer is ${customer}.` },
      { role: 'user', content: 'What do I owe?' },
    ]
    const thinks = (customer: string) =>
      completion({ reasoning_content: `So it is ${customer}.`, tool_calls: [call('f:0')] }, 'tool_calls')
    for (const customer of ['Ada', 'Bob']) {
      await router.whole(KIMI, whole(thinks(customer)), { tools: TOOLS, messages: talk(customer) })
    }
    for (const customer of ['Ada', 'Bob', 'Eve']) {
      const messages = [...talk(customer), ...round(call('f:0'), '3 EUR')]
      await router.whole(KIMI, ANSWER, { tools: TOOLS, messages })
      const thought = customer === 'Eve' ? undefined : `So it is ${customer}.`
      expect(lastSent()[2]?.reasoning_content).toBe(thought)
    }
  })

  test('goes back to its own choice where two were asked for', async () => {
    const messages = [{ role: 'user', content: 'Toss two coins.' }]
    const sides = ['heads', 'tails']
    const choices = sides.map((side, index) => ({
      index,
      message: {
        role: 'assistant',
        content: null,
        reasoning_content: `I see ${side}.`,
        tool_calls: [call('f:0', `{"side":"${side}"}`)],
      },
      finish_reason: 'tool_calls',
    }))
    await router.whole(KIMI, whole(completion({}, '', { choices })), { tools: TOOLS, messages, n: 2 })
    for (const side of sides) {
      const all = [...messages, ...round(call('f:0', `{ "side": "${side}" }`), 'ok')]
      await router.whole(KIMI, ANSWER, { tools: TOOLS, messages: all })
      expect(lastSent()[1]?.reasoning_content).toBe(`I see ${side}.`)
    }
  })

  test('is looked for in the last 32 rounds, with one read each, however many there were', async () => {
    const rounds = Array.from({ length: 600 }, (_, at) => round(call(`f:${at}`), `result ${at}`)).flat()
    const before = router.worker.keys.reads()
    await router.whole(KIMI, ANSWER, { tools: TOOLS, messages: [{ role: 'user', content: 'Go on.' }, ...rounds] })
    const reads = router.worker.keys.reads() - before
    expect(reads).toBeGreaterThanOrEqual(32)
    // One may be of the caller's own key.
    expect(reads).toBeLessThanOrEqual(33)
  })
})
