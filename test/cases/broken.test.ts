import { expect, test } from 'vitest'
import { chunksOf, useCase } from './router.ts'
import {
  BEGINNINGS,
  broken,
  chunk,
  cohereEnd,
  crlf,
  FORMAT_NAMES,
  FORMATS,
  generated,
  named,
  SAYING,
  sse,
  stream,
  whole,
} from './wires.ts'

const router9 = useCase()

const APART = { pauseMs: 10 }

const breaks = [
  { how: 'is reset', ending: 'reset' },
  { how: 'is closed in the middle of the coding', ending: 'cut' },
] as const

test.each(FORMAT_NAMES.flatMap((format) => breaks.map((row) => ({ format, ...row }))))(
  'a stream of $format whose connection $how after three chunks ends in an error',
  async ({ format, ending }) => {
    const pieces = BEGINNINGS[format].flatMap((event) => [event, APART])
    const { answer, raw } = await router9.streamed(FORMATS[format].model, broken(ending, ...pieces))
    expect(answer).toMatchObject({
      done: false,
      error: { type: 'upstream_error', param: null, code: 'upstream_error', message: expect.stringMatching(/./) },
    })
    const last = chunksOf(raw).at(-1)
    expect(last?.choices).toEqual([{ index: 0, delta: {}, finish_reason: 'error' }])
    // Neither zeros nor any other counts: it is not a success.
    expect(chunksOf(raw).some(({ usage }) => usage)).toBe(false)
    expect('One two three'.startsWith(answer.choices[0]?.text ?? 'nothing')).toBe(true)
    expect(raw).toContain('"content":"One"')
  },
)

test('with usage asked for, a broken stream has usage: null to its end', async () => {
  const pieces = BEGINNINGS.openai.flatMap((event) => [event, APART])
  const more = { stream_options: { include_usage: true } }
  const { answer, raw } = await router9.streamed(FORMATS.openai.model, broken('reset', ...pieces), more)
  expect([answer.done, answer.error === undefined]).toEqual([false, false])
  expect(chunksOf(raw).every(({ usage }) => usage === null)).toBe(true)
})

test.each(['reset', 'cut', 'closed'] as const)('half a body is a 502, whoever sends it (%s)', async (ending) => {
  router9.upstream.play(({ path }) => {
    const format = FORMAT_NAMES.find((name) => path.startsWith(`/${FORMATS[name].model.split('/')[0]}/`)) ?? 'openai'
    const { pieces, headers = {} } = whole(SAYING[format].whole('One two three'))
    return { headers, pieces: [String(pieces[0]).slice(0, 120), APART], ending }
  })
  const messages = [{ role: 'user', content: 'Count.' }]
  const responses = await Promise.all(
    FORMAT_NAMES.map((format) => router9.post({ model: FORMATS[format].model, messages })),
  )
  for (const response of responses) {
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { type: 'upstream_error', code: 'upstream_error' } })
  }
})

test.each(FORMAT_NAMES.flatMap((format) => (['whole', 'closed'] as const).map((ending) => ({ format, ending }))))(
  'a stream of $format that just ends ($ending) without finishing is never a stop',
  async ({ format, ending }) => {
    const { answer, raw } = await router9.streamed(FORMATS[format].model, broken(ending, ...BEGINNINGS[format]))
    expect(answer).toMatchObject({ done: false, error: { type: 'upstream_error' } })
    expect(raw).not.toContain('"finish_reason":"stop"')
    expect(answer.choices[0]?.text).toBe('One two three')
  },
)

test('a call that just ends is never tool_calls', async () => {
  const call = { index: 0, id: 'call_a', type: 'function', function: { name: 'pay', arguments: '{"amount":1' } }
  const { answer, raw } = await router9.streamed(FORMATS.custom.model, stream(sse(chunk({ tool_calls: [call] }))))
  expect([answer.done, answer.error === undefined]).toEqual([false, false])
  expect(raw).not.toContain('"finish_reason":"tool_calls"')
})

test('of two choices, one that has not finished makes the answer broken', async () => {
  const second = { ...chunk({}), choices: [{ index: 1, delta: { content: 'Two' }, finish_reason: null }] }
  const events = [chunk({ content: 'One' }), second, chunk({}, 'stop')]
  const { answer } = await router9.streamed(FORMATS.openai.model, stream(sse(...events)), { n: 2 })
  expect([answer.done, answer.error === undefined]).toEqual([false, false])
})

const endsWell: readonly { what: string; format: keyof typeof FORMATS; rest: string }[] = [
  { what: 'a finish_reason and no [DONE]', format: 'custom', rest: sse(chunk({}, 'stop')) },
  { what: '[DONE] and no finish_reason', format: 'custom', rest: sse('[DONE]') },
  {
    what: 'a stop_reason and no message_stop',
    format: 'anthropic',
    rest: named({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } }),
  },
  { what: 'message-end and no [DONE]', format: 'cohere', rest: named(cohereEnd('COMPLETE')) },
  { what: 'finishReason', format: 'gemini', rest: crlf(generated([{ text: '' }], 'STOP')) },
]

test.each(endsWell)('but $what is a proper end ($format)', async ({ format, rest }) => {
  const { answer, choice } = await router9.streamed(
    FORMATS[format].model,
    broken('closed', ...BEGINNINGS[format], rest),
  )
  expect([choice.text, choice.finishReason, answer.done]).toEqual(['One two three', 'stop', true])
})

const toldOff: readonly {
  who: string
  format: keyof typeof FORMATS
  model?: string
  event: string
  told: readonly string[]
  code?: string
}[] = [
  {
    who: 'Anthropic, overloaded',
    format: 'anthropic',
    event: named({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded for now' } }),
    told: ['Overloaded for now', 'overloaded_error'],
    code: 'upstream_unavailable',
  },
  {
    who: 'Anthropic, broken',
    format: 'anthropic',
    event: named({ type: 'error', error: { type: 'api_error', message: 'Internal server error' } }),
    told: ['Internal server error', 'api_error'],
  },
  {
    who: 'Groq',
    format: 'custom',
    model: 'groq/llama-3.3-70b-versatile',
    event: `event: error\n${sse({ error: { message: 'over capacity', type: 'internal_server_error', status_code: 503 } })}`,
    told: ['over capacity'],
    code: 'upstream_unavailable',
  },
  {
    who: 'OpenRouter',
    format: 'custom',
    model: 'openrouter/openai/gpt-4o',
    event: sse(
      { ...chunk({ content: '' }, 'error'), error: { code: 502, message: 'Provider disconnected' } },
      '[DONE]',
    ),
    told: ['Provider disconnected'],
  },
  {
    who: 'vLLM, as it was',
    format: 'custom',
    event: sse(
      { object: 'error', message: 'engine died', type: 'InternalServerError', param: null, code: 500 },
      '[DONE]',
    ),
    told: ['engine died'],
  },
  {
    who: 'Gemini, as an event',
    format: 'gemini',
    event: crlf({ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }),
    told: ['The model is overloaded.', 'UNAVAILABLE'],
    code: 'upstream_unavailable',
  },
  {
    who: 'Gemini, as bare JSON',
    format: 'gemini',
    event: JSON.stringify({ error: { code: 500, message: 'An internal error.', status: 'INTERNAL' } }, null, 2),
    told: ['An internal error.', 'INTERNAL'],
  },
  {
    who: 'Cohere',
    format: 'cohere',
    event: named({ type: 'message-end', delta: { finish_reason: 'ERROR', error: 'Model crashed', usage: {} } }),
    told: [],
  },
]

test.each(toldOff)('an error in the middle of a stream reaches the client with its words ($who)', async (row) => {
  const script = stream(...BEGINNINGS[row.format], row.event)
  const { answer, raw } = await router9.streamed(row.model ?? FORMATS[row.format].model, script)
  expect(answer.choices[0]?.text).toBe('One two three')
  expect(answer).toMatchObject({ done: false, error: { type: 'upstream_error', code: row.code ?? 'upstream_error' } })
  for (const words of row.told) expect(answer.error?.message).toContain(words)
  expect(chunksOf(raw).filter(({ error }) => error)).toHaveLength(1)
})
