import { describe, expect, test } from 'vitest'
import { parseChat } from '../../../src/chat/request.ts'
import { toAnthropicMessages, trimPrefill } from '../../../src/formats/anthropic-messages/write-messages.ts'
import { type Json, refusal } from '../asking.ts'

function translate(...messages: Json[]) {
  return toAnthropicMessages(parseChat({ model: 'm', messages }).messages)
}

const turns = (...messages: Json[]) => translate(...messages).messages
/** The blocks of one user message with these parts. */
const blocks = (...content: Json[]) => turns({ role: 'user', content })[0]?.content
const hello = { role: 'user', content: 'Hello!' }
const text = (content: string) => ({ type: 'text', text: content })
const call = (id: string, given = '{}', name = 'f') => ({ id, type: 'function', function: { name, arguments: given } })
const calls = (...tool_calls: Json[]) => ({ role: 'assistant', content: null, tool_calls })
const result = (tool_call_id: string, content: unknown = 'r') => ({ role: 'tool', tool_call_id, content })
const mark = { type: 'ephemeral' }

describe('system messages', () => {
  test('of both names go to the top, in order, joined by a line end', () => {
    const { system, messages } = translate(
      { role: 'system', content: 'a' },
      { role: 'developer', content: [text('b'), text('c')] },
      hello,
    )
    expect(system).toBe('a\nb\nc')
    expect(messages).toEqual([{ role: 'user', content: [text('Hello!')] }])
  })

  test('in the middle are hoisted too', () => {
    expect(translate(hello, { role: 'system', content: 'a' }).system).toBe('a')
  })

  test('stay blocks where one has a cache mark, so that the breakpoint holds', () => {
    const content = [{ ...text('a'), cache_control: mark }, text('b')]
    expect(translate({ role: 'system', content }, hello).system).toEqual(content)
  })

  test('that are empty are dropped', () => {
    expect(
      translate({ role: 'system', content: '' }, { role: 'system', content: [text('')] }, hello).system,
    ).toBeUndefined()
  })

  test('alone are a conversation: the last that is not empty becomes a user message', () => {
    const rule = (content: string) => ({ role: 'system', content })
    expect(translate(rule('a'))).toMatchObject({ messages: [{ role: 'user', content: [text('a')] }] })
    expect(translate(rule('a')).system).toBeUndefined()
    expect(
      translate(rule('a'), { role: 'developer', content: 'b' }, rule(' '), { role: 'user', content: '' }),
    ).toMatchObject({
      system: 'a',
      messages: [{ role: 'user', content: [text('b')] }],
    })
  })

  test('that are empty alone are none', () => {
    expect(refusal(() => translate({ role: 'system', content: ' ' }, { role: 'user', content: '' }))).toEqual({
      code: 'invalid_value',
      param: 'messages',
    })
  })
})

describe('a part becomes a block', () => {
  test.each<[string, Json, Json]>([
    ['text', text('a'), text('a')],
    [
      'a base64 image',
      { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD', detail: 'high' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QUJD' } },
    ],
    [
      'an image whose type is in capitals, with a charset and white space',
      { type: 'image_url', image_url: { url: 'DATA:IMAGE/JPEG;charset=utf-8;base64, QU\nJD ' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'QUJD' } },
    ],
    [
      'an https image, by its address',
      { type: 'image_url', image_url: { url: 'https://a.example/b.png' } },
      { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
    ],
    [
      'a PDF, with its name',
      { type: 'file', file: { file_data: 'data:application/pdf;base64,QUJD', filename: 'a.pdf' } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'QUJD' }, title: 'a.pdf' },
    ],
    [
      'a text file, decoded',
      { type: 'file', file: { file_data: 'data:text/plain;base64,w6k=' } },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'é' } },
    ],
    [
      'a file of the Files API',
      { type: 'file', file: { file_id: 'file_1' } },
      { type: 'document', source: { type: 'file', file_id: 'file_1' } },
    ],
    ['a cache mark', { ...text('a'), cache_control: mark }, { ...text('a'), cache_control: mark }],
  ])('%s', (_, part, block) => {
    expect(blocks(part)).toEqual([block])
  })

  test('in the order in which they came, empty text left out', () => {
    expect(
      blocks(text('a'), text(''), { type: 'image_url', image_url: { url: 'https://a.example/' } }, text('b')),
    ).toEqual([text('a'), { type: 'image', source: { type: 'url', url: 'https://a.example/' } }, text('b')])
  })

  test('and a reference to a file is told, for it needs a beta', () => {
    expect(translate({ role: 'user', content: [{ type: 'file', file: { file_id: 'a' } }] }).usesFiles).toBe(true)
    expect(translate(hello).usesFiles).toBe(false)
  })

  test.each<[string, Json, string, string]>([
    ['audio', { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }, 'model_not_capable', ''],
    ['an unknown kind', { type: 'hologram' }, 'model_not_capable', ''],
    [
      'an SVG',
      { type: 'image_url', image_url: { url: 'data:image/svg+xml;base64,AA==' } },
      'invalid_value',
      '.image_url.url',
    ],
    [
      'a data URL without base64',
      { type: 'image_url', image_url: { url: 'data:image/png,abc' } },
      'invalid_value',
      '.image_url.url',
    ],
    [
      'an http image',
      { type: 'image_url', image_url: { url: 'http://a.example/b.png' } },
      'invalid_value',
      '.image_url.url',
    ],
    [
      'a file of another type',
      { type: 'file', file: { file_data: 'data:application/zip;base64,AA==' } },
      'model_not_capable',
      '.file.file_data',
    ],
    [
      'text that is not base64',
      { type: 'file', file: { file_data: 'data:text/plain;base64,%%%' } },
      'invalid_value',
      '.file.file_data',
    ],
  ])('but %s is refused, not dropped', (_, part, code, where) => {
    expect(refusal(() => blocks(text('a'), part))).toEqual({ code, param: `messages[0].content[1]${where}` })
  })
})

describe('tool calls', () => {
  test('follow the text of their turn', () => {
    expect(turns(hello, { ...calls(call('a', '{"x":1}')), content: 'Wait.' })[1]).toEqual({
      role: 'assistant',
      content: [text('Wait.'), { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }],
    })
  })

  test.each([
    ['nothing', '', {}],
    ['white space', ' \n', {}],
    ['null', 'null', {}],
    ['an object', '{"a":{"b":[1]}}', { a: { b: [1] } }],
    ['prototype keys', '{"__proto__":1,"constructor":2}', JSON.parse('{"__proto__":1,"constructor":2}')],
  ])('with %s for arguments have an object for input', (_, given, input) => {
    const made = turns(hello, calls(call('a', given)))[1]?.content[0]?.input
    expect(JSON.stringify(made)).toBe(JSON.stringify(input))
  })

  test.each([['{'], ['[1]'], ['"a"'], ['7'], ['true']])('with arguments %s are refused', (given) => {
    expect(refusal(() => turns(hello, calls(call('a', given))))).toEqual({
      code: 'invalid_value',
      param: 'messages[1].tool_calls[0].function.arguments',
    })
  })

  test.each([['functions.f:0'], ['a b'], ['é🙂'], [''], ['__proto__']])(
    'with the id %j get one that Anthropic takes, the same in the result',
    (id) => {
      const [, callTurn, resultTurn] = turns(hello, calls(call(id)), result(id))
      expect(callTurn?.content[0]?.id).toMatch(/^[a-zA-Z0-9_-]+$/)
      expect(resultTurn?.content[0]?.tool_use_id).toBe(callTurn?.content[0]?.id)
    },
  )

  test('with different ids keep different ids', () => {
    const [, callTurn, resultTurn] = turns(
      hello,
      calls(call('a:0'), call('a.0'), call('a_0')),
      result('a.0'),
      result('a:0'),
    )
    const ids = callTurn?.content.map(({ id }) => id) ?? []
    expect(new Set(ids).size).toBe(3)
    expect(resultTurn?.content.map(({ tool_use_id }) => tool_use_id)).toEqual([ids[1], ids[0]])
  })

  test('of a custom tool carry their input as text', () => {
    const custom = { id: 'a', type: 'custom', custom: { name: 'c', input: 'x' } }
    expect(turns(hello, calls(custom))[1]?.content).toEqual([
      { type: 'tool_use', id: 'a', name: 'c', input: { input: 'x' } },
    ])
  })
})

describe('tool results', () => {
  test('come in one user turn, before what the user says', () => {
    expect(turns(hello, calls(call('a'), call('b')), result('a', '1'), result('b', '2'), hello).slice(2)).toEqual([
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: '1' },
          { type: 'tool_result', tool_use_id: 'b', content: '2' },
          text('Hello!'),
        ],
      },
    ])
  })

  test('come first even where the user spoke before them', () => {
    const last = turns(hello, calls(call('a')), hello, result('a'))[2]
    expect(last?.content.map(({ type }) => type)).toEqual(['tool_result', 'text'])
  })

  test('may hold images', () => {
    const content = [text('a'), { type: 'image_url', image_url: { url: 'https://a.example/' } }]
    expect(turns(hello, calls(call('a')), result('a', content))[2]?.content[0]?.content).toEqual([
      text('a'),
      { type: 'image', source: { type: 'url', url: 'https://a.example/' } },
    ])
  })

  test.each([
    ['', ''],
    ['[]', []],
    ['an empty part', [text('')]],
  ])('that are empty (%s) have no content', (_, content) => {
    expect(turns(hello, calls(call('a')), result('a', content))[2]?.content).toEqual([
      { type: 'tool_result', tool_use_id: 'a' },
    ])
  })
})

describe('turns', () => {
  test.each<[string, Json[]]>([
    ['a greeting of the assistant', [{ role: 'assistant', content: 'How can I help?' }, hello]],
    ['one whose user message is empty', [{ role: 'user', content: '' }, { role: 'assistant', content: 'a' }, hello]],
    ['a call and its result', [calls(call('1')), result('1')]],
    ['nothing but a beginning of the answer', [{ role: 'assistant', content: 'a' }]],
  ])('begin with the user in a conversation that begins with %s', (_, messages) => {
    const made = turns(...messages)
    expect(made.slice(0, 2).map(({ role }) => role)).toEqual(['user', 'assistant'])
    expect(made[0]?.content).toEqual([text(expect.stringMatching(/\S/) as unknown as string)])
  })

  test('of one role are merged, and empty ones dropped', () => {
    const empty = { role: 'assistant', content: '' }
    expect(
      turns(
        hello,
        empty,
        { role: 'user', content: [] },
        { role: 'user', content: 'b' },
        { role: 'assistant', content: null },
      ),
    ).toEqual([{ role: 'user', content: [text('Hello!'), text('b')] }])
  })

  test('of an assistant keep a refusal as text', () => {
    expect(turns(hello, { role: 'assistant', content: null, refusal: 'No.' })[1]?.content).toEqual([text('No.')])
    expect(turns(hello, { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] })[1]?.content).toEqual([
      text('No.'),
    ])
  })

  test('begin with their thinking, if it is signed by Anthropic', () => {
    const reasoning_details = [
      { type: 'reasoning.text', text: 'Hm.', signature: 's', format: 'anthropic-claude-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'd', format: 'anthropic-claude-v1', index: 1 },
      { type: 'reasoning.text', text: 'unsigned', signature: '', format: 'anthropic-claude-v1' },
      { type: 'reasoning.text', text: 'foreign', signature: 's', format: 'other' },
      { type: 'reasoning.encrypted', data: 'foreign', format: 'google-gemini-v1' },
    ]
    expect(turns(hello, { ...calls(call('a')), content: 'So.', reasoning_details })[1]?.content).toEqual([
      { type: 'thinking', thinking: 'Hm.', signature: 's' },
      { type: 'redacted_thinking', data: 'd' },
      text('So.'),
      { type: 'tool_use', id: 'a', name: 'f', input: {} },
    ])
  })

  test('begin with thinking that came in Anthropic’s own words', () => {
    const thinking_blocks = [
      { type: 'thinking', thinking: 'Hm.', signature: 's' },
      { type: 'redacted_thinking', data: 'd' },
      { type: 'thinking', thinking: 'unsigned' },
    ]
    expect(turns(hello, { role: 'assistant', content: 'So.', thinking_blocks })[1]?.content).toEqual([
      { type: 'thinking', thinking: 'Hm.', signature: 's' },
      { type: 'redacted_thinking', data: 'd' },
      text('So.'),
    ])
  })

  test('without a signature drop the reasoning text', () => {
    expect(turns(hello, { role: 'assistant', content: 'a', reasoning_content: 'secret' })[1]?.content).toEqual([
      text('a'),
    ])
  })

  test('with a cache mark of the whole message mark its last block', () => {
    expect(turns({ ...hello, cache_control: mark })[0]?.content).toEqual([{ ...text('Hello!'), cache_control: mark }])
    expect(
      turns(hello, calls(call('a')), { ...result('a'), cache_control: mark })[2]?.content[0]?.cache_control,
    ).toEqual(mark)
  })
})

describe('a prefill', () => {
  const prefill = (...content: Json[]) =>
    trimPrefill([
      { role: 'user', content: [text('a')] },
      { role: 'assistant', content },
    ])

  test('loses the white space at its end', () => {
    expect(prefill(text('{ \n'))[1]?.content).toEqual([text('{')])
  })

  test('that is nothing but white space is dropped', () => {
    expect(prefill(text(' \n'))).toHaveLength(1)
    expect(prefill(text('b '), text(' '))[1]?.content).toEqual([text('b')])
  })

  test('stays as it is where the talk ends with the user', () => {
    const talk = [{ role: 'user', content: [text('a ')] }] as const
    expect(trimPrefill(talk)).toBe(talk)
  })
})
