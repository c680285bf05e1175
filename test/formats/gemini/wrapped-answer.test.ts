import { describe, expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import { read } from './requests.ts'
import { ended, inputFor, native, partsOf, reasoning, responses, text, whole } from './writing.ts'

type Fields = Readonly<Record<string, unknown>>

const LIST = { type: 'ARRAY', items: { type: 'OBJECT', properties: { a: { type: 'STRING' } }, required: ['a'] } }
const WORD = { type: 'STRING', enum: ['yes', 'no'] }
const JSON_TYPE = 'application/json'

const chatFor = (responseSchema: Fields, responseMimeType = JSON_TYPE) =>
  read({ generationConfig: { responseMimeType, responseSchema } }).chat
const inputOf = (...asked: Parameters<typeof chatFor>) => ({ ...inputFor(), chat: chatFor(...asked) })

/** What the client gets of these pieces, whole and streamed. */
function written(pieces: readonly string[], input = inputOf(LIST)): string {
  const events: OutputEvent[] = [reasoning('{'), ...pieces.map((piece) => text(piece)), ended()]
  const [once, streamed] = [partsOf([whole(events, input)]), partsOf(responses(events, input))].map((parts) =>
    parts.map((part) => part.text).join(''),
  )
  expect(streamed).toBe(once)
  return once ?? ''
}

describe('a schema that is no object', () => {
  test('is the only member of one elsewhere, with what it refers to at the root', () => {
    const { response_format } = read({
      generationConfig: {
        responseJsonSchema: {
          type: 'array',
          items: { $ref: '#/$defs/A' },
          $defs: { A: { type: 'object', properties: {}, additionalProperties: false } },
        },
      },
    }).chat
    expect(response_format?.json_schema).toMatchObject({
      strict: true,
      schema: {
        type: 'object',
        properties: { answer: { type: 'array', items: { $ref: '#/$defs/A' } } },
        required: ['answer'],
        additionalProperties: false,
        $defs: { A: { type: 'object' } },
      },
    })
  })

  test.each<Fields>([{ type: 'OBJECT' }, { properties: { a: {} } }, { description: 'Anything.' }])(
    '%j is one, and stays what it is',
    (schema) => {
      const format = chatFor(schema).response_format?.json_schema
      expect(format?.name).toBe('answer')
      expect(Object.keys(format?.schema?.properties ?? {})).toEqual(Object.keys(schema.properties ?? {}))
      const input = inputOf(schema)
      expect(written(['{"answer": [1]}'], input)).toBe('{"answer": [1]}')
    },
  )
})

describe('the answer to it', () => {
  const value = '[{"a": "}]} {"}, {"a": "\\"answer\\": "}]'

  test.each([`{"answer":${value}}`, ` {\n  "answer" : ${value}\n }\n`, `{"answer": ${value} } `])(
    'comes without the object, wherever its text is split: %j',
    (answer) => {
      for (let at = 0; at <= answer.length; at++) {
        expect(written([answer.slice(0, at), answer.slice(at)].filter(Boolean))).toBe(value)
      }
      expect(written([...answer])).toBe(value)
    },
  )

  test('goes out as it comes', () => {
    const pieces = ['{"answer":', '[{"a":"b"}', ',{"a":"c"', '}', ']', '}']
    const events = [...pieces.map((piece) => text(piece)), ended()]
    const parts = partsOf(responses(events, inputOf(LIST))).map((part) => part.text)
    expect(parts).toEqual(['[{"a":"b"', '},{"a":"c"', '}]', ''])
  })

  test('is told apart by choice', () => {
    const events: OutputEvent[] = [
      ...[text('{"ans', 0), text('{"answer":[1', 1), text('wer":[0]}', 0), text(']}', 1)],
      { ...ended(), finishes: [0, 1].map((choice) => ({ choice, reason: 'stop' })) } as OutputEvent,
    ]
    const all = responses(events, inputOf(LIST))
    expect(
      [0, 1].map((index) =>
        partsOf(all, index)
          .map((part) => part.text)
          .join(''),
      ),
    ).toEqual(['[0]', '[1]'])
  })

  test.each(['I cannot.', '[1]', '{"other": 1}', `{${' '.repeat(300)}"answer": 1}`, '{"answ'])(
    'stays what it is where the model did not keep to the schema: %j',
    (answer) => {
      expect(written([...answer])).toBe(answer)
    },
  )

  test('is a bare word where one was asked for', () => {
    const input = inputOf(WORD, 'text/x.enum')
    expect(input.chat.response_format?.json_schema?.schema).toMatchObject({
      properties: { answer: { type: 'string', enum: ['yes', 'no'] } },
    })
    expect(written([...'{ "answer": "y\\u0065s" }'], input)).toBe('yes')
    expect(written(['yes'], input)).toBe('yes')
    expect(written(['{"answer": {"a": 1}}'], input)).toBe('{"a": 1}')
    expect(written([`{"answer": "${'x'.repeat(20_000)}`], input)).toHaveLength(20_001)
    expect(written(['{"answer": "yes"}'], inputOf(WORD))).toBe('"yes"')
  })

  test('is not held back for what cannot be its end', () => {
    const answer = `{"answer":[1${' '.repeat(20_000)}`
    const first = responses([text(answer.slice(0, 12)), text(answer.slice(12)), text(',2]}'), ended()], inputOf(LIST))
    expect(partsOf(first).map((part) => String(part.text).length)).toEqual([2, 20_000, 4, 0])
  })

  test('of Google’s own is in no object', () => {
    const message = { candidates: [{ content: { role: 'model', parts: [{ text: '{"answer": [1]}' }] }, index: 0 }] }
    const events = [native(message), text('{"answer": [1]}'), native(message), ended()]
    expect(partsOf([whole(events, inputOf(LIST))])[0]?.text).toBe('{"answer": [1]}')
  })
})
