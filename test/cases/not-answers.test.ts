import OpenAI, { APIError } from 'openai'
import { describe, expect, test } from 'vitest'
import { DEMO_KEY } from '../harness/worker.ts'
import { useCase } from './router.ts'
import type { Script } from './scripted.ts'
import { BEGINNINGS, chunk, completion, FORMAT_NAMES, FORMATS, named, SAYING, sse, stream, whole } from './wires.ts'

const router9 = useCase()

const _APART = { pauseMs: 10 }

const HTML = '<html><body><h1>502 Bad Gateway</h1></body></html>'
const notAnswers: readonly { what: string; script: Script }[] = [
  { what: 'an HTML page', script: { headers: { 'content-type': 'text/html' }, pieces: [HTML] } },
  { what: 'an HTML page that calls itself a stream', script: stream(HTML) },
  { what: 'a plain text', script: { headers: { 'content-type': 'text/plain' }, pieces: ['Network connection lost.'] } },
  { what: 'a text of no type', script: { pieces: ['Network connection lost.'] } },
  { what: 'nothing', script: { headers: { 'content-type': 'application/json' }, pieces: [] } },
  { what: 'JSON that is something else', script: whole({ ok: true }) },
]

test.each(notAnswers.flatMap((row) => [true, false].map((isStream) => ({ ...row, isStream }))))(
  'a 200 with $what is a 502, after a second try (stream: $isStream)',
  async ({ script, isStream }) => {
    // All of them play the same script, so the counts add up.
    const all = await Promise.all(
      FORMAT_NAMES.map((format) => router9.refused(FORMATS[format].model, script, { stream: isStream })),
    )
    for (const { status, error } of all) {
      expect([status, error.type, error.code]).toEqual([502, 'upstream_error', 'upstream_error'])
      expect(error.message).not.toMatch(/<html|lost/)
    }
    expect(router9.upstream.asked()).toHaveLength(2 * FORMAT_NAMES.length)
  },
)

test.each(notAnswers)(
  'a second try that goes well after a 200 with $what is all the client sees',
  async ({ script }) => {
    const good = stream(SAYING.openai.streamed('One'))
    const { choice } = await router9.streamed(FORMATS.openai.model, [script, good])
    expect(choice.text).toBe('One')
    const { choice: read } = await router9.whole(FORMATS.openai.model, [script, whole(SAYING.openai.whole('One'))])
    expect(read.text).toBe('One')
  },
)

const LONG = "This model's maximum context length is 8192 tokens, and you asked for more."
const inside: readonly { what: string; body: unknown; status: number; code: string }[] = [
  {
    what: 'an error object',
    body: { error: { message: 'No instances', code: 502 } },
    status: 502,
    code: 'upstream_error',
  },
  { what: 'an error that is a text', body: { error: 'No instances' }, status: 502, code: 'upstream_error' },
  {
    what: 'an error beside empty choices',
    body: { choices: [], error: { message: 'Down' } },
    status: 502,
    code: 'upstream_error',
  },
  {
    what: 'an error in its choice',
    body: {
      choices: [{ index: 0, message: { role: 'assistant', content: '' }, error: { code: 500, message: 'Down' } }],
    },
    status: 502,
    code: 'upstream_error',
  },
  {
    what: 'a limit',
    body: { error: { message: 'Slow down', code: 429, type: 'rate_limit_exceeded' } },
    status: 429,
    code: 'upstream_rate_limited',
  },
  {
    what: 'a prompt that is too long',
    body: { error: { message: LONG, code: 'context_length_exceeded' } },
    status: 400,
    code: 'context_length_exceeded',
  },
]

test.each(inside)('a 200 whose body holds $what is that error', async ({ body, status, code }) => {
  for (const more of [{}, { stream: true }]) {
    const refused = await router9.refused('openrouter/openai/gpt-4o', whole(body), more)
    expect([refused.status, refused.error.code]).toEqual([status, code])
  }
})

test.each(inside)('a stream whose first event holds $what is that error', async ({ body, status, code }) => {
  const { error: own, choices } = body as { error?: unknown; choices?: unknown[] }
  const event = own === undefined ? { ...chunk({}), choices } : { error: own }
  const refused = await router9.refused('openrouter/openai/gpt-4o', stream(sse(event)), { stream: true })
  expect([refused.status, refused.error.code]).toEqual([status, code])
})

const elsewhere: readonly { what: string; choice: Record<string, unknown>; text: string }[] = [
  { what: 'an object', choice: { message: { content: { city: 'Paris' } } }, text: '{"city":"Paris"}' },
  { what: 'a number', choice: { message: { content: 42 } }, text: '42' },
  { what: 'a truth value', choice: { message: { content: false } }, text: 'false' },
  { what: 'output_text', choice: { message: { content: [{ type: 'output_text', text: 'One' }] } }, text: 'One' },
  { what: 'text beside no message', choice: { text: 'One' }, text: 'One' },
]

test.each(elsewhere)('content that is $what is read, in a body and in a stream', async ({ choice, text }) => {
  const { model } = FORMATS.custom
  const body = completion({}, 'stop', { choices: [{ index: 0, finish_reason: 'stop', ...choice }] })
  expect((await router9.whole(model, whole(body))).choice.text).toBe(text)
  const { message, ...rest } = choice
  const event = {
    ...chunk({}),
    choices: [{ index: 0, finish_reason: null, ...rest, ...(message ? { delta: message } : {}) }],
  }
  const read = await router9.streamed(model, stream(sse(event, chunk({}, 'stop'), '[DONE]')))
  expect(read.choice).toMatchObject({ text, finishReason: 'stop' })
})

test('a message inside a stream is read where there is no delta', async () => {
  const event = { ...chunk({}), choices: [{ index: 0, message: { content: 'One' }, finish_reason: 'stop' }] }
  expect((await router9.streamed(FORMATS.custom.model, stream(sse(event, '[DONE]')))).choice.text).toBe('One')
})

const unreadable = [{ content: [{ type: 'brand_new', data: 1 }] }, { content: [{ type: 'text', text: 5 }] }]

test.each(unreadable)('content that cannot be read is a 502, never an empty success (%j)', async (message) => {
  const { model } = FORMATS.custom
  const refused = await router9.refused(model, whole(completion(message, 'stop')))
  expect([refused.status, refused.error.code]).toEqual([502, 'upstream_error'])
  const events = sse(chunk(message), chunk({}, 'stop'), '[DONE]')
  const streamed = await router9.refused(model, stream(events), { stream: true })
  expect([streamed.status, streamed.error.code]).toEqual([502, 'upstream_error'])
})

describe('the official client', () => {
  test('throws APIError with our message, type and code where a stream breaks', async () => {
    const event = named({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded for now' } })
    router9.upstream.play(stream(...BEGINNINGS.anthropic, event))
    const client = new OpenAI({ baseURL: `${router9.url}/v1`, apiKey: DEMO_KEY, maxRetries: 0 })
    const messages = [{ role: 'user' as const, content: 'Count.' }]
    const { model } = FORMATS.anthropic
    let text = ''
    const reading = (async () => {
      const read = await client.chat.completions.create({ model, messages, stream: true })
      for await (const { choices } of read) text += choices[0]?.delta.content ?? ''
    })()
    const error = await reading.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(APIError)
    expect(error).toMatchObject({ type: 'upstream_error', code: 'upstream_unavailable', param: null })
    expect((error as APIError).message).toContain('Overloaded for now')
    expect(text).toBe('One two three')
  })

  test('does not take an error of the provider that says nothing for one', async () => {
    const events = [chunk({ content: 'One' }, null, { error: null }), chunk({}, 'stop', { error: null })]
    const { choice, raw } = await router9.streamed(FORMATS.custom.model, stream(sse(...events, '[DONE]')))
    expect([choice.text, choice.finishReason]).toEqual(['One', 'stop'])
    expect(raw).not.toContain('"error"')
    const { choice: read } = await router9.whole(
      FORMATS.custom.model,
      whole(completion({ content: 'One' }, 'stop', { error: null })),
    )
    expect(read.text).toBe('One')
  })
})
