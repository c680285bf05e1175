import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Case, startCase } from '../cases/router.ts'
import type { Script } from '../cases/scripted.ts'
import { broken, chunk, completion, sse, stream, whole } from '../cases/wires.ts'
import { callLines } from '../harness/log-lines.ts'

/** Stands in the prompt and in the answer, and nowhere in a log. */
const SECRET_WORDS = 'the-heron-flies-at-midnight'

let quiet: Case
let chatty: Case
beforeAll(async () => {
  ;[quiet, chatty] = await Promise.all([startCase(), startCase({ LOG_DETAIL: 'on' })])
})
afterAll(() => Promise.all([quiet.stop(), chatty.stop()]))

const quoting = (code: string) => ({ error: { message: `Cannot answer "${SECRET_WORDS}"`, type: SECRET_WORDS, code } })
const said = sse(chunk({ content: `It says ${SECRET_WORDS}` }))

const SCRIPTS: readonly [string, Script][] = [
  ...[400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529].map((status): [string, Script] => [
    `an error with ${status}`,
    whole({ error: { ...quoting('').error, type: 'some_error' } }, status),
  ]),
  ['plain words', { status: 500, headers: {}, pieces: [`failed on ${SECRET_WORDS}`] }],
  ['a sentence for a code', whole({ error: { code: `failed on: ${SECRET_WORDS}!` } }, 503)],
  ['an error inside a 200', whole({ error: { message: SECRET_WORDS } })],
  ['a 200 that is no JSON', { status: 200, headers: {}, pieces: [`<p>${SECRET_WORDS}`] }],
  ['an event that is no JSON', stream(`data: {"content": "${SECRET_WORDS}\n\n`)],
  ['words, then an event that is no JSON', stream(said, `data: {"content": "${SECRET_WORDS}\n\n`)],
  ['words, then an error', stream(said, sse({ error: { message: SECRET_WORDS } }))],
  ['words, then nothing', broken('cut', said)],
  ['an answer', whole(completion({ content: SECRET_WORDS }, 'stop'))],
  ['a whole stream', stream(said, sse(chunk({}, 'stop'), '[DONE]'))],
]

async function logOf(router: Case, script: Script, streaming: boolean): Promise<string> {
  const before = router.worker.log().length
  router.upstream.play(script)
  const messages = [
    { role: 'system', content: SECRET_WORDS },
    { role: 'user', content: `Repeat: ${SECRET_WORDS}` },
  ]
  const response = await router.post({ model: 'openai/gpt-4o', messages, stream: streaming, user: SECRET_WORDS })
  await response.text()
  const log = () => router.worker.log().slice(before)
  await expect.poll(() => callLines(log()), { timeout: 10_000 }).toHaveLength(1)
  return log()
}

describe.each([false, true])('no word of a prompt or an answer gets into the log (stream: %s)', (streaming) => {
  test.each(SCRIPTS)('whatever the provider says: %s', async (_, script) => {
    expect(await logOf(quiet, script, streaming)).not.toContain(SECRET_WORDS)
  })
})

test('a body that is refused does not either', async () => {
  const before = quiet.worker.log().length
  const bodies = [
    `{"messages": "${SECRET_WORDS}`,
    JSON.stringify({ model: 'gpt-4o', messages: [{ role: SECRET_WORDS, content: SECRET_WORDS }] }),
    JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: { [SECRET_WORDS]: 1 } }] }),
  ]
  for (const body of bodies) {
    const response = await fetch(`${quiet.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-r9k-demo', 'content-type': 'application/json' },
      body,
    })
    expect(response.status).toBe(400)
    await response.text()
  }
  const log = () => quiet.worker.log().slice(before)
  await expect.poll(() => callLines(log()), { timeout: 10_000 }).toHaveLength(bodies.length)
  expect(log()).not.toContain(SECRET_WORDS)
})

test('with LOG_DETAIL=on a provider’s own words are there, and the search above would have found them', async () => {
  expect(await logOf(chatty, whole(quoting('some_error'), 500), false)).toContain(SECRET_WORDS)
  expect(await logOf(chatty, stream(`data: {"content": "${SECRET_WORDS}\n\n`), true)).toContain(SECRET_WORDS)
})
