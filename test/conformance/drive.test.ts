import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { drive } from './drive.ts'
import { handMade, handMadeBody, sse } from './hand-made.ts'
import type { Recording } from './manifest.ts'
import { slotOf } from './slots.ts'

const ENVELOPE = {
  id: `chatcmpl-${'b'.repeat(24)}`,
  object: 'chat.completion.chunk',
  created: 1_800_000_000,
  model: 'some',
}
const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
const piece = (delta: object, finish: string | null, more: object = {}) => ({
  ...ENVELOPE,
  choices: [{ index: 0, delta, finish_reason: finish }],
  ...more,
})
const TALK = sse({ choices: [{ index: 0, delta: { content: 'hi' }, finish_reason: 'stop' }], usage: USAGE }, '[DONE]')
const recordings = [
  handMadeBody(
    'openai',
    { error: { message: 'bad key' } },
    { file: 'openai/refused.json', kind: 'error', status: 401 },
  ),
  handMade('openai', TALK, { file: 'openai/talk.sse' }),
  handMade('elsewhere', TALK, { file: 'elsewhere/talk.sse' }),
]

const asSlots = (slots: Record<string, string | null>) => (recording: Recording) => slotOf(slots, recording.provider)

// A gateway that says "hi" whatever it is asked, and remembers the questions.
const asked: { model: string; stream: boolean; messages: { content: string }[] }[] = []
let server: Server
let url = ''

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += String(part)
    asked.push(JSON.parse(body) as (typeof asked)[number])
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'r' })
    const words = [piece({ role: 'assistant', content: 'hi' }, null), piece({}, 'stop', { usage: USAGE }), '[DONE]']
    response.end(sse(...words))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => server.close())

test('each recording is asked for by name, answers before faults, faults both ways', async () => {
  asked.length = 0
  const modelOf = asSlots({ openai: 'openai/some', elsewhere: null })
  const { results, skipped } = await drive({ url, key: 'k', recordings, modelOf, order: 'split:1' })
  expect(skipped).toEqual(['elsewhere/talk.sse'])
  expect(asked.map(({ model, stream, messages }) => [model, stream, messages[0]?.content])).toEqual([
    ['openai/some', true, 'recording:openai/talk.sse split:1'],
    ['openai/some', true, 'recording:openai/refused.json split:1'],
    ['openai/some', false, 'recording:openai/refused.json split:1'],
  ])
  expect(results.map(({ checks }) => checks.every(({ ok }) => ok))).toEqual([true, false, false])
})

test('an answer must be in the public name of the model, with or without its provider or in other letters', async () => {
  const play = async (model: string) => {
    const { results } = await drive({
      url,
      key: 'k',
      recordings,
      modelOf: asSlots({ openai: model }),
      only: 'openai/talk',
    })
    return results[0]?.checks.filter(({ ok }) => !ok).map(({ actual }) => actual)
  }
  expect(await play('a-provider/with/Some')).toEqual([])
  expect(await play('openai/other')).toEqual(['model is some, not other'])
})

test('a provider without a row is asked for through the generic one', async () => {
  asked.length = 0
  await drive({ url, key: 'k', recordings, modelOf: asSlots({}), only: 'elsewhere' })
  expect(asked.map(({ model }) => model)).toEqual(['custom/elsewhere'])
})

test('a cut changes what is expected, and leaves bodies out', async () => {
  const options = { url, key: 'k', recordings, modelOf: asSlots({}), only: 'openai/', order: 'cut:0' }
  const { results, skipped } = await drive(options)
  expect(skipped).toEqual(['openai/refused.json'])
  expect(results[0]?.checks[0]).toMatchObject({ name: 'outcome', ok: false, expected: 'status 502' })
})

test('a gateway that does not answer fails, and does not stop the run', async () => {
  const { results } = await drive({
    url: 'http://127.0.0.1:1',
    key: 'k',
    recordings,
    modelOf: asSlots({}),
    only: 'talk',
  })
  expect(results).toHaveLength(2)
  for (const { checks } of results) expect(checks[0]?.actual).toContain('no answer')
})
