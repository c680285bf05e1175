import { describe, expect, test } from 'vitest'
import { parseChat } from '../../../src/chat/request.ts'
import type { Traits } from '../../../src/formats/format.ts'
import { toGeminiContents } from '../../../src/formats/gemini/write-contents.ts'
import { ABLE, type Json, refusal } from '../asking.ts'

/** Gemini 3 is steered by levels, 2.5 by a budget. */
const THREE: Partial<Traits> = { reasoning: true, efforts: ['low', 'high'] }

function translate(messages: Json[], traits: Partial<Traits> = {}) {
  return toGeminiContents(parseChat({ model: 'm', messages }).messages, { ...ABLE, ...traits })
}

const contents = (...messages: Json[]) => translate(messages).contents
/** The parts of one user message with this content. */
const parts = (...content: Json[]) => contents({ role: 'user', content })[0]?.parts
const RAW = { result: JSON.rawJSON('9007199254740993') }
const hello = { role: 'user', content: 'Hello!' }
const call = (id: string, name = 'f', given = '{}', extra: Json = {}) => {
  return { id, type: 'function', function: { name, arguments: given }, ...extra }
}
const calls = (...tool_calls: Json[]) => ({ role: 'assistant', content: null, tool_calls })
const result = (tool_call_id: string, content: unknown = 'r') => ({ role: 'tool', tool_call_id, content })
const responses = (content: readonly { parts: readonly Json[] }[] | readonly unknown[], at = 2) => {
  return (content[at] as { parts: Json[] }).parts.map((part) => part.functionResponse)
}

test('system and developer messages become the instruction, wherever they stood', () => {
  const messages = [
    { role: 'system', content: 'a' },
    hello,
    { role: 'developer', content: [{ type: 'text', text: 'b' }] },
  ]
  expect(translate(messages)).toEqual({
    system: [{ text: 'a' }, { text: 'b' }],
    contents: [{ role: 'user', parts: [{ text: 'Hello!' }] }],
  })
})

test('an assistant is the model, and turns of one role are merged', () => {
  expect(
    contents(hello, { role: 'assistant', content: 'a' }, { role: 'assistant', content: 'b' }, hello, hello),
  ).toEqual([
    { role: 'user', parts: [{ text: 'Hello!' }] },
    { role: 'model', parts: [{ text: 'a' }, { text: 'b' }] },
    { role: 'user', parts: [{ text: 'Hello!' }, { text: 'Hello!' }] },
  ])
})

test('empty messages are dropped; nothing but empty ones is refused', () => {
  expect(contents(hello, { role: 'assistant', content: '' }, { role: 'user', content: [] })).toHaveLength(1)
  expect(refusal(() => contents({ role: 'system', content: '' }))).toEqual({
    code: 'invalid_value',
    param: 'messages',
  })
  expect(refusal(() => contents({ role: 'user', content: '' }))).toEqual({ code: 'invalid_value', param: 'messages' })
})

test('of system messages alone the last becomes a user message', () => {
  const rules = [
    { role: 'system', content: 'a' },
    { role: 'system', content: 'b' },
  ]
  expect(translate(rules)).toEqual({ system: [{ text: 'a' }], contents: [{ role: 'user', parts: [{ text: 'b' }] }] })
})

test('a conversation that the assistant begins gets a first word of the user', () => {
  const made = contents({ role: 'assistant', content: 'How can I help?' }, hello)
  expect(made.map(({ role }) => role)).toEqual(['user', 'model', 'user'])
  expect(made[0]?.parts).toEqual([{ text: expect.stringMatching(/\S/) }])
})

describe('a model without a place for system prompts (Gemma)', () => {
  const noSystem = { noSystem: true }
  const rule = (content: string) => ({ role: 'system', content })

  test('finds them before the first words of the user, wherever they stood', () => {
    expect(translate([rule('a'), hello, { role: 'assistant', content: 'b' }, rule('c')], noSystem)).toEqual({
      system: [],
      contents: [
        { role: 'user', parts: [{ text: 'a\n\n' }, { text: 'c\n\n' }, { text: 'Hello!' }] },
        { role: 'model', parts: [{ text: 'b' }] },
      ],
    })
  })

  test('finds them in a turn of their own where the assistant began', () => {
    const [first, second] = translate([rule('a'), { role: 'assistant', content: 'b' }, hello], noSystem).contents
    expect(first).toMatchObject({ role: 'user', parts: [{ text: 'a\n\n' }, {}] })
    expect(second).toEqual({ role: 'model', parts: [{ text: 'b' }] })
  })

  test('is not told anything where there are none', () => {
    expect(translate([hello], noSystem).contents).toEqual([{ role: 'user', parts: [{ text: 'Hello!' }] }])
  })
})

describe('a part is translated', () => {
  test.each<[string, Json, Json]>([
    ['text', { type: 'text', text: 'a' }, { text: 'a' }],
    [
      'a data URL of any case',
      { type: 'image_url', image_url: { url: 'data:Image/PNG;base64,QU JD' } },
      { inlineData: { mimeType: 'image/png', data: 'QUJD' } },
    ],
    [
      'audio',
      { type: 'input_audio', input_audio: { data: 'QUJD', format: 'wav' } },
      { inlineData: { mimeType: 'audio/wav', data: 'QUJD' } },
    ],
    [
      'a PDF',
      { type: 'file', file: { file_data: 'data:application/pdf;base64,QUJD', filename: 'a.pdf' } },
      { inlineData: { mimeType: 'application/pdf', data: 'QUJD' } },
    ],
    ['a file by its URI', { type: 'file', file: { file_id: 'files/1' } }, { fileData: { fileUri: 'files/1' } }],
    [
      'an https image',
      { type: 'image_url', image_url: { url: 'https://a.example/b.JPG?c#d' } },
      { fileData: { fileUri: 'https://a.example/b.JPG?c#d', mimeType: 'image/jpeg' } },
    ],
    [
      'a file in a bucket',
      { type: 'video_url', video_url: { url: 'gs://a/b.mp4' } },
      { fileData: { fileUri: 'gs://a/b.mp4', mimeType: 'video/mp4' } },
    ],
    [
      'an address that does not tell its type',
      { type: 'video_url', video_url: { url: 'https://a.example/watch' } },
      { fileData: { fileUri: 'https://a.example/watch' } },
    ],
  ])('%s', (_, given, expected) => {
    expect(parts(given)).toEqual([expected])
  })

  test.each<[string, Json, string, string]>([
    ['an unknown kind', { type: 'hologram' }, 'model_not_capable', ''],
    [
      'an http image',
      { type: 'image_url', image_url: { url: 'http://a.example/' } },
      'invalid_value',
      '.image_url.url',
    ],
    [
      'a data URL without base64',
      { type: 'image_url', image_url: { url: 'data:,a' } },
      'invalid_value',
      '.image_url.url',
    ],
  ])('but %s is refused', (_, given, code, where) => {
    expect(refusal(() => parts(given))).toEqual({ code, param: `messages[0].content[0]${where}` })
  })
})

describe('tool results', () => {
  test('are named after their calls, together and in the order of the calls', () => {
    const made = contents(hello, calls(call('1', 'a'), call('2', 'b')), result('2', 'B'), result('1', 'A'))
    expect(made).toHaveLength(3)
    expect(made[2]?.role).toBe('user')
    expect(responses(made)).toEqual([
      { name: 'a', response: { result: 'A' } },
      { name: 'b', response: { result: 'B' } },
    ])
  })

  test('of several rounds go to their own calls, though ids come back', () => {
    const made = contents(hello, calls(call('1', 'a')), result('1', 'A'), calls(call('1', 'b')), result('1', 'B'))
    expect(made.map(({ role }) => role)).toEqual(['user', 'model', 'user', 'model', 'user'])
    expect(responses(made, 4)).toEqual([{ name: 'b', response: { result: 'B' } }])
  })

  test.each([
    ['an object is itself', '{"a":[1]}', { a: [1] }],
    ['a list is wrapped', '[1]', { result: [1] }],
    ['a number is wrapped', '7', { result: 7 }],
    ['a number that a double would change keeps its digits', ' 9007199254740993', RAW],
    ['text is wrapped', 'not {json', { result: 'not {json' }],
    ['nothing is wrapped', '', { result: '' }],
  ])('%s', (_, content, response) => {
    expect(responses(contents(hello, calls(call('1')), result('1', content)))).toEqual([{ name: 'f', response }])
  })

  test('with pictures carry them inside on Gemini 3, beside before', () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } },
    ]
    const messages = [hello, calls(call('1')), result('1', content)]
    const image = { inlineData: { mimeType: 'image/png', data: 'QUJD' } }
    const response = { name: 'f', response: { result: 'a' } }
    expect(translate(messages, THREE).contents[2]?.parts).toEqual([
      { functionResponse: { ...response, parts: [image] } },
    ])
    expect(translate(messages).contents[2]?.parts).toEqual([{ functionResponse: response }, image])
  })

  test('of calls that nobody made are refused', () => {
    expect(refusal(() => contents(hello, calls(call('1')), result('2')))).toEqual({
      code: 'invalid_value',
      param: 'messages[2].tool_call_id',
    })
  })

  test('may be followed by what the user says', () => {
    const made = contents(hello, calls(call('1')), result('1'), hello)
    expect(made.slice(2).flatMap(({ role, parts }) => parts.map((part) => [role, Object.keys(part)[0]]))).toEqual([
      ['user', 'functionResponse'],
      ['user', 'text'],
    ])
  })
})

describe('tool calls', () => {
  test.each([
    ['', {}],
    ['null', {}],
    ['{"a":1}', { a: 1 }],
  ])('with the arguments %j have args %j', (given, args) => {
    expect(contents(hello, calls(call('1', 'f', given)))[1]?.parts).toEqual([{ functionCall: { name: 'f', args } }])
  })

  test('follow the text of their turn', () => {
    const made = contents(hello, { ...calls(call('1')), content: 'Wait.' })
    expect(made[1]?.parts).toEqual([{ text: 'Wait.' }, { functionCall: { name: 'f', args: {} } }])
  })

  test('whose arguments are no object are refused', () => {
    expect(refusal(() => contents(hello, calls(call('1', 'f', '[]'))))).toEqual({
      code: 'invalid_value',
      param: 'messages[1].tool_calls[0].function.arguments',
    })
  })
})

describe('thought signatures', () => {
  const signed = { extra_content: { google: { thought_signature: 's' } } }
  const signatures = (messages: Json[], traits?: Partial<Traits>) => {
    return translate(messages, traits).contents[1]?.parts.map((part) => part.thoughtSignature)
  }

  test('go back with their call', () => {
    expect(signatures([hello, calls(call('1', 'f', '{}', signed), call('2'))], THREE)).toEqual(['s', undefined])
    expect(signatures([hello, calls(call('1', 'f', '{}', signed))])).toEqual(['s'])
  })

  test("that were lost are replaced by Google's own word, on the first call only, and on Gemini 3 only", () => {
    const messages = [hello, calls(call('1'), call('2'))]
    expect(signatures(messages, THREE)).toEqual(['skip_thought_signature_validator', undefined])
    // A model for images takes no level, and wants signatures all the same.
    expect(signatures(messages, { reasoning: true, signsCalls: true })).toEqual([
      'skip_thought_signature_validator',
      undefined,
    ])
    expect(signatures(messages)).toEqual([undefined, undefined])
  })

  test('of a text go back with the text, also where it is empty', () => {
    const reasoning_details = [{ type: 'reasoning.encrypted', data: 's', format: 'google-gemini-v1' }]
    expect(contents(hello, { role: 'assistant', content: 'a', reasoning_details })[1]?.parts).toEqual([
      { text: 'a', thoughtSignature: 's' },
    ])
    expect(contents(hello, { role: 'assistant', content: '', reasoning_details })[1]?.parts).toEqual([
      { text: '', thoughtSignature: 's' },
    ])
  })

  test('of another maker are never sent', () => {
    const reasoning_details = [
      { type: 'reasoning.encrypted', data: 's', format: 'anthropic-claude-v1' },
      { type: 'reasoning.encrypted', data: 't' },
    ]
    expect(contents(hello, { role: 'assistant', content: 'a', reasoning_details })[1]?.parts).toEqual([{ text: 'a' }])
  })
})
