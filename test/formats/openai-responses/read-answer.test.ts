import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createResponsesReader } from '../../../src/formats/openai-responses/read-answer.ts'
import type { Json } from '../asking.ts'
import { answerOf, counting, failureOf, readMessages, readWhole } from '../reading.ts'
import { responsesEvents } from '../streams.ts'

const { open, grow, close, end } = responsesEvents

function reader(isNative = false) {
  return createResponsesReader({ isNative, newId: counting(), reasoningFormat: 'made-here' })
}

const streamed = (...messages: Json[]) => readMessages(reader().message, messages)
const whole = (output: readonly Json[], further: Json = {}) =>
  readWhole(reader().body({ object: 'response', status: 'completed', output, ...further }))
const text = (words: string, further: Json = {}) => ({
  type: 'message',
  content: [{ type: 'output_text', text: words, ...further }],
})

describe('a stream', () => {
  test('is told by output index: ids change from event to event, and items overlap', () => {
    const said = streamed(
      open(0, { id: 'a', type: 'reasoning', summary: [], encrypted_content: 'early' }),
      open(1, { id: 'b', type: 'message', content: [] }),
      grow(0, 'reasoning_summary_text', 'One.', { item_id: 'c', summary_index: 0 }),
      grow(1, 'output_text', 'Hi', { item_id: 'd' }),
      grow(0, 'reasoning_summary_text', 'Two.', { item_id: 'e', summary_index: 1 }),
      close(0, {
        id: 'f',
        type: 'reasoning',
        summary: [{ text: 'One.' }, { text: 'Two.' }],
        encrypted_content: 'late',
      }),
      close(1, text('Hi.')),
      end(),
    )
    expect(answerOf(said)).toMatchObject({
      content: 'Hi.',
      reasoning_content: 'One.\n\nTwo.',
      reasoning_details: [
        { type: 'reasoning.summary', summary: 'One.\n\nTwo.', id: 'f', format: 'made-here', index: 0 },
        { type: 'reasoning.encrypted', data: 'late', id: 'f', format: 'made-here', index: 0 },
      ],
      finish_reason: 'stop',
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
  })

  test('may give arguments without a delta, a name only at their end, and items only in the last message', () => {
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{"a":1}' }
    const expected = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }]
    const { type, call_id, ...rest } = call
    for (const messages of [
      [
        open(0, { ...call, arguments: '' }),
        { type: 'response.function_call_arguments.done', output_index: 0, ...rest },
      ],
      [open(0, { type, call_id }), grow(0, 'function_call_arguments', '{"a"'), close(0, call)],
      [open(0, { ...call, arguments: '' }), grow(0, 'function_call_arguments', '{"a":'), close(0, call)],
    ]) {
      expect(answerOf(streamed(...messages, end()))).toMatchObject({
        tool_calls: expected,
        finish_reason: 'tool_calls',
      })
    }
    expect(answerOf(streamed(end([call])))).toMatchObject({ tool_calls: expected })
    expect(answerOf(streamed(open(0, { ...call, arguments: '' }), end([call])))).toMatchObject({ tool_calls: expected })
    // The last list may lack items: what has another number there is not told twice.
    expect(answerOf(streamed(open(1, { ...call, arguments: '' }), close(1, call), end([call])))).toMatchObject({
      tool_calls: expected,
    })
  })

  test('tells citations and log probabilities once, though the ends of text, part, item and answer repeat them', () => {
    const cited = { type: 'url_citation', url: 'https://example.com', title: 'T', start_index: 0, end_index: 2 }
    const logprobs = [{ token: 'Hi' }]
    const item = text('Hi', { annotations: [cited], logprobs })
    const at = { output_index: 0, content_index: 0 }
    const said = streamed(
      open(0, { type: 'message', content: [] }),
      grow(0, 'output_text', 'Hi', { content_index: 0, logprobs }),
      { type: 'response.output_text.annotation.added', ...at, annotation_index: 0, annotation: cited },
      { type: 'response.output_text.done', ...at, text: 'Hi', logprobs },
      { type: 'response.content_part.done', ...at, part: item.content[0] },
      close(0, item),
      end([item]),
    )
    const { annotations, ...answer } = answerOf(said)
    expect(annotations).toHaveLength(1)
    expect(answer).toMatchObject({ content: 'Hi', logprobs: { content: logprobs } })
  })

  test('that ends without its last message has not ended', () => {
    expect(failureOf(streamed(grow(0, 'output_text', 'Hi'), close(0, text('Hi')))).kind).toBe('provider-failed')
  })

  test('that does not go on from its pieces is not completed with other words', () => {
    expect(answerOf(streamed(grow(0, 'output_text', 'Hi.'), close(0, text('Hi there')), end())).content).toBe('Hi.')
  })

  test('breaks with an error event, nested or flat, or with a failed response', () => {
    const error = { code: 'rate_limit_exceeded', message: 'Slow down.' }
    for (const message of [
      { type: 'error', error: { type: 'requests', ...error } },
      { type: 'error', ...error },
      { type: 'response.failed', response: { status: 'failed', error, output: [] } },
    ]) {
      expect(failureOf(streamed(message)).kind).toBe('rate-limited')
    }
    const kinds = ['server_error', 'context_length_exceeded', 'invalid_prompt', 'invalid_image_url'].map(
      (code) => failureOf(whole([], { status: 'failed', error: { code, message: 'x' } })).kind,
    )
    expect(kinds).toEqual(['provider-failed', 'context-length', 'content-filter', 'rejected'])
  })

  test('of a client of the same format passes every message, and says which no other event tells', () => {
    const { message } = reader(true)
    const search = open(0, { type: 'web_search_call', id: 'ws' })
    expect(message(search, '')).toEqual([{ type: 'native', message: search, isContent: true }])
    const unheard = { type: 'response.unheard_of', output_index: 0 }
    expect(message(unheard, '')).toEqual([{ type: 'native', message: unheard }])
    expect(message(grow(1, 'output_text', 'Hi'), '')).toEqual([
      { type: 'native', message: grow(1, 'output_text', 'Hi') },
      { type: 'text', choice: 0, text: 'Hi' },
    ])
  })
})

describe('an answer', () => {
  test('counts what was cached within its prompt', () => {
    const usage = {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 2 },
    }
    expect(answerOf(whole([text('Hi')], { usage })).usage).toMatchObject({
      prompt_tokens: 10,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens: 5,
      completion_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 15,
    })
  })

  test('that was cut says so', () => {
    const cut = (reason: string) => ({ status: 'incomplete', incomplete_details: { reason } })
    expect(answerOf(whole([text('Hi')], cut('max_output_tokens'))).finish_reason).toBe('length')
    expect(answerOf(whole([text('Hi')], cut('content_filter'))).finish_reason).toBe('content_filter')
    for (const status of ['queued', 'in_progress', 'cancelled']) {
      expect(failureOf(whole([text('Hi')], { status })).kind).toBe('provider-failed')
    }
  })

  test('gives citations of web pages by their place in the whole text, log probabilities, custom calls and refusals', () => {
    const url = { type: 'url_citation', url: 'https://example.com', title: 'T', start_index: 1, end_index: 2 }
    const said = whole([
      text('Hello'),
      text('So', { annotations: [url, { type: 'file_citation', file_id: 'f' }], logprobs: [{ token: 'So' }] }),
      { type: 'custom_tool_call', call_id: 'c', name: 'patch', input: '*** a "b"' },
      { type: 'message', content: [{ type: 'refusal', refusal: 'No.' }] },
    ])
    expect(answerOf(said)).toMatchObject({
      content: 'HelloSo',
      refusal: 'No.',
      annotations: [
        {
          type: 'url_citation',
          url_citation: { url: 'https://example.com', title: 'T', start_index: 6, end_index: 7 },
        },
      ],
      logprobs: { content: [{ token: 'So' }] },
      tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'patch', input: '*** a "b"' } }],
    })
  })

  test('of which nothing can be read is a failure, but for a client of the same format', () => {
    const output = [{ type: 'apply_patch_call', call_id: 'c' }]
    expect(failureOf(whole(output)).kind).toBe('provider-failed')
    expect(readWhole(reader(true).body({ status: 'completed', output })).map(({ type }) => type)).toEqual([
      'native',
      'end',
    ])
  })

  test('says whole what it says streamed', () => {
    const item = fc.oneof(
      fc.record({ kind: fc.constant('message'), words: fc.string({ unit: 'binary', minLength: 1 }) }),
      fc.record({ kind: fc.constant('reasoning'), words: fc.string({ minLength: 1 }) }),
      fc.record({ kind: fc.constant('custom_tool_call'), words: fc.string({ minLength: 1 }) }),
      fc.record({ kind: fc.constant('function_call'), words: fc.json() }),
    )
    const wholeItem = ({ kind, words }: { kind: string; words: string }, at: number): Json => {
      if (kind === 'message') return text(words)
      if (kind === 'reasoning')
        return { type: kind, summary: [{ type: 'summary_text', text: words }], encrypted_content: 'e' }
      return { type: kind, call_id: `c${at}`, name: 'f', [kind === 'function_call' ? 'arguments' : 'input']: words }
    }
    const deltas: Record<string, string> = {
      message: 'output_text',
      reasoning: 'reasoning_summary_text',
      custom_tool_call: 'custom_tool_call_input',
      function_call: 'function_call_arguments',
    }
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 5 }), fc.nat(9), (items, cut) => {
        const output = items.map(wholeItem)
        const messages = items.flatMap((given, at) => {
          const kind = deltas[given.kind] ?? ''
          const { arguments: args, input, ...begun } = output[at] as Json
          return [
            open(at, { ...begun, content: [], summary: [] }),
            grow(at, kind, given.words.slice(0, cut)),
            grow(at, kind, given.words.slice(cut)),
            close(at, output[at] as Json),
          ]
        })
        const usage = { input_tokens: 3, output_tokens: 2 }
        expect(answerOf(streamed(...messages, end(output, { usage })))).toEqual(answerOf(whole(output, { usage })))
      }),
    )
  })
})
