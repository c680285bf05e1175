import { describe, expect, test } from 'vitest'
import { call } from './calls.ts'
import { useCase } from './router.ts'
import {
  chunk,
  crlf,
  FORMATS,
  generated,
  MESSAGE_START,
  messageEnd,
  named,
  sse,
  stream,
  textBlock,
  whole,
} from './wires.ts'

const router9 = useCase()

/** What one upstream event may weigh (contract 6). */
const MAX_BYTES = 8 * 1024 * 1024

/** An event whose line, or whose data alone, has so many bytes; its text is as long as it takes. */
function giant(bytes: number, of: 'line' | 'data', make: (text: string) => string): { event: string; text: string } {
  const line = make('').trimEnd()
  const frame = of === 'line' ? line.length : line.length - 'data: '.length
  const text = 'x'.repeat(bytes - frame)
  return { event: make(text), text }
}

const forms = [
  {
    format: 'custom',
    before: sse(chunk({ content: 'One' })),
    make: (content: string) => sse(chunk({ content })),
    after: sse(chunk({}, 'stop'), '[DONE]'),
  },
  {
    format: 'gemini',
    before: crlf(generated([{ text: 'One' }])),
    make: (text: string) => crlf(generated([{ text }])),
    after: crlf(generated([{ text: '' }], 'STOP')),
  },
  {
    format: 'anthropic',
    before: named(MESSAGE_START, ...textBlock(0, 'One').slice(0, -1)),
    make: (text: string) => sse({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    after: named({ type: 'content_block_stop', index: 0 }, ...messageEnd('end_turn')),
  },
] as const

describe.each(forms)('an upstream event of $format', ({ format, before, make, after }) => {
  const { model } = FORMATS[format]

  test('of exactly 8 MiB comes through, after words and as the first of them', async () => {
    const { event, text } = giant(MAX_BYTES, 'line', make)
    const later = await router9.streamed(model, stream(before, event, after))
    expect(later.choice.text.length).toBe('One'.length + text.length)
    expect(later.choice.text === `One${text}`).toBe(true)
    expect([later.choice.finishReason, later.answer.done]).toEqual(['stop', true])
    if (format === 'anthropic') return
    const first = await router9.streamed(model, stream(event, after))
    expect(first.choice.text === text).toBe(true)
    expect(first.answer.done).toBe(true)
  })

  test('of one byte more breaks a stream in the open', async () => {
    const { event } = giant(MAX_BYTES + 1, 'data', make)
    const { answer } = await router9.streamed(model, stream(before, event, after))
    expect(answer.choices[0]?.text).toBe('One')
    expect(answer).toMatchObject({
      done: false,
      error: { type: 'upstream_error', code: 'upstream_error', param: null },
    })
  })

  test('of one byte more is a 502 before the first word', async () => {
    const { event } = giant(MAX_BYTES + 1, 'data', make)
    const { status, error } = await router9.refused(model, stream(event, after), { stream: true })
    expect([status, error.type, error.code]).toEqual([502, 'upstream_error', 'upstream_error'])
    expect(String(error.message).length).toBeLessThan(500)
  })
})

const endless = [
  { what: 'a line that never ends', wire: `data: ${'x'.repeat(MAX_BYTES + 10)}` },
  { what: 'a comment that never ends', wire: `: ${'x'.repeat(MAX_BYTES + 10)}` },
  { what: 'data lines without a blank line', wire: `data: ${'x'.repeat(1023)}\n`.repeat(8300) },
]

test.each(endless)('$what is too long before it has ended', async ({ wire }) => {
  let goOn = () => {}
  const until = new Promise<void>((resolve) => {
    goOn = resolve
  })
  // The upstream holds on until the Worker has given up.
  const script = stream(sse(chunk({ content: 'One' })), wire, { until })
  const { answer } = await router9.streamed(FORMATS.custom.model, script).finally(goOn)
  expect(answer).toMatchObject({ done: false, error: { code: 'upstream_error' } })
  expect(answer.choices[0]?.text).toBe('One')
})

test('many events are more than 8 MiB together, and none of them is too long', async () => {
  const text = 'x'.repeat(1024 * 1024)
  const events = Array.from({ length: 12 }, () => sse(chunk({ content: text })))
  const script = stream(...events, sse(chunk({}, 'stop'), '[DONE]'))
  const { choice, answer } = await router9.streamed(FORMATS.custom.model, script)
  expect([choice.text.length, answer.done]).toEqual([12 * text.length, true])
})

test('a body may be longer than an event', async () => {
  const content = 'x'.repeat(MAX_BYTES + 1000)
  const body = { ...chunk({}), choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }
  const { choice } = await router9.whole(FORMATS.custom.model, whole(body))
  expect(choice.text.length).toBe(content.length)
})

const MANY_CALLS = Array.from({ length: 40_000 }, (_, at) => call(at, `call_${at}`, 'f', '{}'))
const MANY_CHOICES = Array.from({ length: 40_000 }, (_, index) => ({ index, delta: { content: 'a' } }))
const absurd = [
  { what: 'tool calls of one choice', event: chunk({ tool_calls: MANY_CALLS }) },
  { what: 'choices', event: { ...chunk({}), choices: MANY_CHOICES } },
]

test.each(absurd)('an event of 40,000 $what is a malformed answer', async ({ event }) => {
  const { model } = FORMATS.custom
  const end = sse(chunk({}, 'stop'), '[DONE]')
  const { status, error } = await router9.refused(model, stream(sse(event), end), { stream: true })
  expect([status, error.code]).toEqual([502, 'upstream_error'])
  const later = await router9.streamed(model, stream(sse(chunk({ content: 'One' })), { pauseMs: 50 }, sse(event), end))
  expect(later.answer).toMatchObject({
    done: false,
    choices: [{ text: 'One' }],
    error: { message: expect.stringContaining('malformed') },
  })
})

const LONG = 'x'.repeat(300_000)
const preambles = [
  { what: 'many', fields: (at: number) => ({ choices: [], [`field_${at}`]: at }), count: 3000 },
  { what: 'long', fields: (at: number) => ({ choices: [], [`field_${at}`]: LONG }), count: 8 },
]

test.each(preambles)('fields that are too $what before the first word are the fault of the provider', async (row) => {
  const fields = Array.from({ length: row.count }, (_, at) => sse(row.fields(at)))
  const script = stream(...fields, sse(chunk({ content: 'One' }), chunk({}, 'stop'), '[DONE]'))
  const refused = await router9.refused(FORMATS.custom.model, script, { stream: true })
  expect([refused.status, refused.error.code]).toEqual([502, 'upstream_error'])
  const few = stream(...fields.slice(0, 2), sse(chunk({ content: 'One' }), chunk({}, 'stop'), '[DONE]'))
  const { choice, raw } = await router9.streamed(FORMATS.custom.model, few)
  expect(choice.text).toBe('One')
  expect(raw).toContain('field_1')
})
