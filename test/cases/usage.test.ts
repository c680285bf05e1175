import { describe, expect, test } from 'vitest'
import { chunksOf, useCase } from './router.ts'
import { chunk, completion, crlf, FORMAT_NAMES, FORMATS, SAYING, sse, stream, USAGE_CHUNK, whole } from './wires.ts'

const router9 = useCase()

const ASKED = { stream_options: { include_usage: true } }
const COUNTED = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }

test.each(FORMAT_NAMES)(
  'include_usage gives one usage chunk without choices, right before [DONE] (%s)',
  async (format) => {
    const { model } = FORMATS[format]
    const { raw } = await router9.streamed(model, stream(SAYING[format].streamed('One', ' two')), ASKED)
    const withUsage = chunksOf(raw).filter(({ usage }) => usage)
    expect(withUsage).toEqual([expect.objectContaining({ choices: [], usage: expect.objectContaining(COUNTED) })])
    const lines = raw.split('\n\n').filter((line) => line !== '')
    expect(lines.at(-1)).toBe('data: [DONE]')
    expect(JSON.parse(lines.at(-2)?.slice('data: '.length) ?? '')).toEqual(withUsage[0])
  },
)

test.each(FORMAT_NAMES)('with include_usage all other chunks say usage: null (%s)', async (format) => {
  const { model } = FORMATS[format]
  const { raw } = await router9.streamed(model, stream(SAYING[format].streamed('One', ' two')), ASKED)
  const chunks = chunksOf(raw)
  expect(chunks.length).toBeGreaterThan(3)
  expect(chunks.slice(0, -1).every((each) => each.usage === null && each.choices.length === 1)).toBe(true)
})

const places: readonly { where: string; events: readonly unknown[] }[] = [
  { where: 'on the chunk that finishes', events: [chunk({}, 'stop', { usage: COUNTED }), '[DONE]'] },
  {
    where: 'on the chunk that finishes, with its last words',
    events: [chunk({ content: '!' }, 'stop', { usage: COUNTED }), '[DONE]'],
  },
  { where: 'in a chunk of its own', events: [chunk({}, 'stop'), USAGE_CHUNK, '[DONE]'] },
  {
    where: 'in a chunk of its own that has no choices at all',
    events: [chunk({}, 'stop'), { usage: COUNTED }, '[DONE]'],
  },
  {
    where: 'on a choice',
    events: [{ ...chunk({}), choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage: COUNTED }] }, '[DONE]'],
  },
  { where: 'beside x_groq', events: [chunk({}, 'stop', { x_groq: { id: 'req_1', usage: COUNTED } }), '[DONE]'] },
  {
    where: 'before a last chunk about something else',
    events: [chunk({}, 'stop'), USAGE_CHUNK, { ...chunk({}), choices: [], usage: null, moderation: {} }, '[DONE]'],
  },
]

describe.each(places)('usage that the provider puts $where', ({ events }) => {
  const streamed = stream(sse(chunk({ role: 'assistant', content: 'One' }), ...events))

  test('stands in the usage chunk where it was asked for', async () => {
    const { raw } = await router9.streamed('mistral/mistral-small-latest', streamed, ASKED)
    const chunks = chunksOf(raw)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: COUNTED })
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
  })

  test('stands on the chunk that finishes where it was not', async () => {
    const { raw } = await router9.streamed('mistral/mistral-small-latest', streamed)
    const chunks = chunksOf(raw)
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: COUNTED })
    expect(chunks.slice(0, -1).every((each) => !('usage' in each))).toBe(true)
  })
})

test.each(FORMAT_NAMES)('what the provider counted is what the stream says (%s)', async (format) => {
  const { model } = FORMATS[format]
  const { answer } = await router9.streamed(model, stream(SAYING[format].streamed('One')))
  expect(answer.usage).toMatchObject(COUNTED)
  expect(answer.usage).not.toHaveProperty('estimated')
})

test('where the provider counts cumulatively the last count holds, not the sum', async () => {
  const partial = (completion_tokens: number) => ({
    usage: { prompt_tokens: 11, completion_tokens, total_tokens: 11 + completion_tokens },
  })
  const events = [
    chunk({ content: 'One' }, null, partial(1)),
    chunk({ content: ' two' }, null, partial(4)),
    chunk({}, 'stop', partial(7)),
  ]
  const { answer } = await router9.streamed('perplexity/sonar', stream(crlf(...events)))
  expect(answer.usage).toMatchObject(COUNTED)
})

test('where the provider counts nothing it is estimated, and said so', async () => {
  const streamed = stream(sse(chunk({ content: 'Some words of an answer' }), chunk({}, 'stop'), '[DONE]'))
  const { answer } = await router9.streamed(FORMATS.custom.model, streamed)
  expect(answer.usage).toMatchObject({ estimated: true, prompt_tokens: expect.any(Number) })
  expect(answer.usage?.completion_tokens).toBeGreaterThan(0)
  const { usage: _, ...body } = completion({ content: 'Some words of an answer' }, 'stop')
  expect((await router9.whole(FORMATS.custom.model, whole(body))).answer.usage).toEqual(answer.usage)
})

test.each(['mistral/mistral-small-latest', 'perplexity/sonar'])(
  '%s is not sent stream_options, and the client gets usage all the same',
  async (model) => {
    const streamed = stream(sse(chunk({ content: 'One' }), chunk({}, 'stop', { usage: COUNTED }), '[DONE]'))
    const { raw } = await router9.streamed(model, streamed, ASKED)
    expect(router9.upstream.asked()[0]?.body).not.toHaveProperty('stream_options')
    expect(chunksOf(raw).at(-1)).toMatchObject({ choices: [], usage: COUNTED })
  },
)

test('others are asked for usage always, and without a stream never', async () => {
  await router9.streamed(FORMATS.openai.model, stream(SAYING.openai.streamed('One')))
  expect(router9.upstream.asked()[0]?.body.stream_options).toEqual({ include_usage: true })
  const { body } = await router9.sent(FORMATS.openai.model, whole(SAYING.openai.whole('One')), {})
  expect(body).not.toHaveProperty('stream_options')
})

test('words in a chunk that also has usage are said once', async () => {
  const words = ['One', ' two', ' three']
  const streamed = stream(
    sse(
      ...words.map((content) => chunk({ content }, null, { usage: COUNTED })),
      chunk({}, 'stop', { usage: COUNTED }),
      '[DONE]',
    ),
  )
  for (const body of [{}, ASKED]) {
    const { choice, raw } = await router9.streamed(FORMATS.custom.model, streamed, body)
    expect(choice.text).toBe('One two three')
    expect(chunksOf(raw).filter(({ usage }) => usage)).toHaveLength(1)
  }
})

const choiceless = [
  { what: 'choices: []', event: { ...chunk({}), choices: [] } },
  { what: 'choices: null', event: { ...chunk({}), choices: null } },
  { what: 'no choices', event: { id: 'x', object: 'chat.completion.chunk' } },
  {
    what: 'prompt filters only',
    event: { id: '', model: '', created: 0, object: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
  },
  { what: 'a choice without delta', event: { ...chunk({}), choices: [{ index: 0, finish_reason: null }] } },
  { what: 'a choice that is null', event: { ...chunk({}), choices: [null] } },
]

test.each(choiceless)('an upstream event with $what breaks nothing, first, amid or last', async ({ event }) => {
  const streamed = stream(
    sse(event, chunk({ content: 'One' }), event, chunk({ content: ' two' }), event, chunk({}, 'stop'), event, '[DONE]'),
  )
  const { choice, answer } = await router9.streamed('azure/gpt-4o', streamed)
  expect([choice.text, choice.finishReason, answer.done, answer.model]).toEqual(['One two', 'stop', true, 'gpt-4o'])
})

test.each([[], undefined, null])('a body with the choices %j is an upstream error', async (choices) => {
  const body = { ...completion({ content: '' }, 'stop'), choices }
  const { status, error } = await router9.refused(FORMATS.custom.model, whole(body))
  expect([status, error.type, error.code]).toEqual([502, 'upstream_error', 'upstream_error'])
})

test.each(FORMAT_NAMES)('usage that nobody asked for rides on the chunk that finishes (%s)', async (format) => {
  const { model } = FORMATS[format]
  for (const more of [{}, { stream_options: { include_usage: false } }]) {
    router9.upstream.play(stream(SAYING[format].streamed('One', ' two')))
    const response = await router9.post({
      model,
      messages: [{ role: 'user', content: 'Count.' }],
      stream: true,
      ...more,
    })
    const chunks = chunksOf(await response.text())
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true)
    expect(chunks.filter(({ usage }) => usage !== undefined)).toEqual(chunks.slice(-1))
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: COUNTED })
  }
})
