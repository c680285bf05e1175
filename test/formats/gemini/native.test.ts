import { describe, expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import type { Traits } from '../../../src/formats/format.ts'
import { gemini } from '../../../src/formats/gemini/write-request.ts'
import { ABLE, type Json } from '../asking.ts'
import { readMessages, readWhole } from '../reading.ts'
import { geminiEvent as event } from '../streams.ts'
import { read, readPrompt } from './requests.ts'

const THREE: Partial<Traits> = { reasoning: true, efforts: ['low', 'high'] }
const QUESTION = { role: 'user', parts: [{ text: 'Hi' }] }

function prepare({ chat, source }: ReturnType<typeof read>, traits: Partial<Traits> = {}, stream = false) {
  return gemini.prepare({
    ...{ chat, source, stream, model: 'theirs', traits: { ...ABLE, ...traits }, quirks: {} },
    newId: () => 'made',
  })
}

function sent(fields: Json, traits?: Partial<Traits>): Json {
  return JSON.parse(prepare(read(fields), traits).request.body)
}

describe('a request that came in this format', () => {
  test('goes as it came, whatever it holds, whole or streamed', () => {
    const body = {
      contents: [{ role: 'user', parts: [{ text: '', unknown: { a_b: 1 } }, { text: 'Hi' }] }],
      generation_config: { response_schema: { type: 'STRING' }, max_output_tokens: 5, newField: [] },
      tools: [{ googleMaps: {} }, { functionDeclarations: [{ name: 'f', parameters: { type: 'OBJECT' } }] }],
      safetySettings: null,
      cachedContent: 'cachedContents/a',
    }
    expect(sent({ ...body, stream: true, models: ['a'], provider: {}, session_id: 's' })).toEqual(body)
    const { request, dropped } = prepare(read(body), {}, true)
    expect(request.path).toBe('/v1beta/models/theirs:streamGenerateContent?alt=sse')
    expect(dropped).toEqual([])
  })

  test('keeps the digits of its numbers', () => {
    const args = { id: JSON.rawJSON('12345678901234567890') }
    const { request } = prepare(
      read({ contents: [QUESTION, { role: 'model', parts: [{ functionCall: { name: 'f', args } }] }] }),
    )
    expect(request.body).toContain('12345678901234567890')
  })

  test('has a signature at the first call of each turn where the model insists on one, and the client has none', () => {
    const call = (name: string, signature?: string) => ({
      functionCall: { name },
      ...(signature === undefined ? {} : { thoughtSignature: signature }),
    })
    const model = (...parts: object[]) => ({ role: 'model', parts })
    const contents = [
      QUESTION,
      model({ text: 'a' }, call('f'), call('g')),
      model(call('h')),
      QUESTION,
      model(call('f', 'Cmg='), call('g')),
      QUESTION,
    ]
    const placeholder = 'skip_thought_signature_validator'
    expect(sent({ contents }, THREE).contents).toEqual(
      contents.with(1, model({ text: 'a' }, call('f', placeholder), call('g'))),
    )
    expect(sent({ contents }).contents).toEqual(contents)
    const alone = { role: 'model', parts: call('f') }
    expect(sent({ contents: [QUESTION, alone] }, THREE).contents).toEqual([QUESTION, model(call('f', placeholder))])
  })

  test.each<[string, Json, Json]>([
    ['contents', { contents: [QUESTION] }, { contents: [QUESTION] }],
    [
      'more than contents',
      { contents: [QUESTION], tools: [] },
      { generateContentRequest: { model: 'models/theirs', contents: [QUESTION], tools: [] } },
    ],
    [
      'a whole request',
      { generateContentRequest: { model: 'models/a', contents: [QUESTION], tools: [] } },
      { generateContentRequest: { model: 'models/theirs', contents: [QUESTION], tools: [] } },
    ],
  ])('is counted: %s', (_, body, counted) => {
    const count = prepare(readPrompt(body)).count
    expect(count?.request().path).toBe('/v1beta/models/theirs:countTokens')
    expect(JSON.parse(count?.request().body ?? '')).toEqual(counted)
    expect(count?.read({ totalTokens: 7 })).toBe(7)
  })
})

describe('the answer to it', () => {
  const streamed = (...messages: Json[]): OutputEvent[] =>
    readMessages(prepare(read(), {}, true).streamReader(), messages)
  const whole = (body: unknown) => readWhole(prepare(read()).readAnswer(body))
  const types = (events: readonly OutputEvent[]) => events.map(({ type }) => type)

  test('comes with each of Google’s own messages, before what is read from it', () => {
    const first = event([{ text: 'a' }])
    const last = { ...event([{ functionCall: { name: 'f' } }], 'STOP'), modelVersion: 'gemini-x' }
    const events = streamed(first, last)
    expect(types(events)).toEqual(['native', 'text', 'native', 'tool-start', 'tool-delta', 'end'])
    expect(events[0]).toEqual({ type: 'native', message: first })
    expect(events[2]).toEqual({ type: 'native', message: last })
    expect(whole(last)[0]).toEqual({ type: 'native', message: last })
  })

  test('counts as begun where only this format can say what came', () => {
    const code = event([{ executableCode: { language: 'PYTHON', code: '1' } }])
    expect(streamed(code, event([], 'STOP'))[0]).toEqual({ type: 'native', message: code, isContent: true })
  })

  test('is the blocked prompt, and no error, as Google’s clients expect it', () => {
    const blocked = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 3 } }
    for (const events of [streamed(blocked), whole(blocked)]) {
      expect(events).toMatchObject([
        { type: 'native', message: blocked, isContent: true },
        { type: 'end', finishes: [{ choice: 0, reason: 'content_filter' }], usage: { prompt_tokens: 3 } },
      ])
    }
  })

  test('is an error where the provider failed, and nothing of its message', () => {
    for (const message of [{ error: { code: 500, message: 'x' } }, event([], 'MALFORMED_FUNCTION_CALL')]) {
      expect(types(streamed(message))).toEqual(['error'])
      expect(types(whole(message))).toEqual(['error'])
    }
  })
})
