import { describe, expect, test } from 'vitest'
import type { OutputEvent } from '../../../src/chat/event.ts'
import { type AnswerQuirks, createOpenAIReader } from '../../../src/formats/openai-chat/read-answer.ts'
import { createStreamWriter } from '../../../src/formats/openai-chat/write-stream.ts'
import type { Json } from '../asking.ts'
import { answerOf, completion, counting, failureOf, type Message, readMessages, readWhole } from '../reading.ts'
import { chunk } from '../streams.ts'

const stream = (messages: Message[], quirks: AnswerQuirks = {}) =>
  readMessages(createOpenAIReader(quirks, counting()).chunk, messages)
const body = (given: unknown, quirks: AnswerQuirks = {}) =>
  readWhole(createOpenAIReader(quirks, counting()).body(given))
const whole = (message: Json, finish_reason = 'stop', further: Json = {}) => {
  return { id: 'c', object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], ...further }
}
const call = (index: number | undefined, id: string | undefined, name: string | undefined, args: string) => ({
  ...(index === undefined ? {} : { index }),
  ...(id === undefined ? {} : { id, type: 'function' }),
  function: { ...(name === undefined ? {} : { name }), arguments: args },
})
/** The calls that these deltas add up to, as `id name arguments`. */
const callsOf = (...deltas: Json[][]) => {
  const said = stream([...deltas.map((tool_calls) => chunk({ tool_calls })), chunk({}, 'tool_calls'), '[DONE]'])
  return (answerOf(said).tool_calls as { id: string; function: Json }[]).map((made) => {
    return `${made.id} ${made.function.name} ${made.function.arguments}`
  })
}

describe('the finish reason', () => {
  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
    ['function_call', 'stop'],
    ['eos', 'stop'],
    ['model_length', 'length'],
    ['end_turn', 'stop'],
    ['sensitive', 'content_filter'],
    ['something new', 'stop'],
  ])('%s is %s, never a word of the provider', (word, reason) => {
    expect(answerOf(stream([chunk({ content: 'a' }, word), '[DONE]'])).finish_reason).toBe(reason)
    expect(answerOf(body(whole({ content: 'a' }, word))).finish_reason).toBe(reason)
  })

  test.each(['error', 'network_error', 'insufficient_system_resource'])('%s means that the answer broke', (word) => {
    expect(failureOf(stream([chunk({ content: 'a' }), chunk({}, word)])).kind).toBe('provider-failed')
    expect(failureOf(body(whole({ content: 'a' }, word))).kind).toBe('provider-failed')
  })

  test('is null where it is empty or missing until the end', () => {
    const { choices } = chunk({ content: 'b' })
    const missing = { ...chunk({}), choices: (choices as Json[]).map(({ finish_reason, ...rest }) => rest) }
    expect(answerOf(stream([chunk({ content: 'a' }, ''), missing, chunk({}, 'stop')]))).toMatchObject({ content: 'ab' })
    expect(failureOf(stream([chunk({ content: 'a' }, '')])).kind).toBe('provider-failed')
  })

  test('tool_calls without a call is stop', () => {
    expect(answerOf(stream([chunk({ content: 'a' }, 'tool_calls'), '[DONE]'])).finish_reason).toBe('stop')
    expect(answerOf(body(whole({ content: 'a', tool_calls: [] }, 'tool_calls'))).finish_reason).toBe('stop')
  })

  test('may come twice (OpenRouter)', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
    expect(
      answerOf(stream([chunk({ content: 'a' }), chunk({}, 'stop'), chunk({}, 'stop', { usage }), '[DONE]'])),
    ).toMatchObject({
      content: 'a',
      finish_reason: 'stop',
      usage,
    })
  })
})

describe('chunks that say nothing are passed over', () => {
  test.each<[string, Json]>([
    ['no choices at all', { id: 'c' }],
    ['null choices', { id: 'c', choices: null }],
    ['empty choices', { choices: [], usage: null, moderation: {} }],
    ["Azure's first chunk", { id: '', model: '', created: 0, choices: [], prompt_filter_results: [] }],
    ['a delta of nulls', chunk({ role: null, content: null, tool_calls: null, function_call: null, refusal: null })],
    ['a choice without delta', { choices: [{ index: 0, finish_reason: null }] }],
    ['padding', chunk({}, null, { obfuscation: 'xxxx', p: 'yy' })],
    ['an empty list of calls', chunk({ tool_calls: [] })],
  ])('%s', (_, odd) => {
    const said = stream([odd, chunk({ content: 'a' }), odd, chunk({}, 'stop'), odd, '[DONE]'])
    expect(answerOf(said)).toMatchObject({ role: 'assistant', content: 'a', finish_reason: 'stop' })
    expect(JSON.stringify(said)).not.toMatch(/xxxx|yy/)
  })
})

describe('reasoning that a provider tells in details', () => {
  const details = (...given: Json[]) => ({ reasoning_details: given })
  const text = (said: string, further: Json = {}) => ({ type: 'reasoning.text', text: said, index: 0, ...further })
  const summary = (said: string) => ({ type: 'reasoning.summary', summary: said })
  const encrypted = { type: 'reasoning.encrypted', data: 'xyz' }

  test.each<[string, Json[], string | undefined]>([
    ['only', [details(text('H')), details(text('m.'), encrypted)], 'Hm.'],
    ['in summaries', [details(summary('H'), summary('m'), encrypted), details(summary('.'))], 'Hm.'],
    [
      'beside the text, in the same event',
      [
        { reasoning: 'H', ...details(text('H')) },
        { reasoning: 'm.', ...details(text('m.')) },
      ],
      'Hm.',
    ],
    [
      'beside the text, in events of their own',
      [{ reasoning_content: 'Hm.' }, details(text('Hm.')), details(text('', { signature: 's' }))],
      'Hm.',
    ],
    [
      'beside a text that is empty',
      [
        { reasoning: '', ...details(text('H')) },
        { reasoning: null, ...details(text('m.')) },
      ],
      'Hm.',
    ],
    ['in code only', [details(encrypted)], undefined],
  ])('%s is reasoning_content once, and the details go their own way', (_, deltas, reasoning) => {
    const all = deltas.flatMap(({ reasoning_details }) => (reasoning_details ?? []) as Json[])
    const streamed = answerOf(stream([...deltas.map((delta) => chunk(delta)), chunk({ content: 'a' }, 'stop')]))
    expect([streamed.reasoning_content, streamed.content]).toEqual([reasoning, 'a'])
    expect(streamed.reasoning_details).toEqual(all)
    const texts = deltas.map((delta) => delta.reasoning ?? delta.reasoning_content ?? '').join('')
    const given = whole({ ...(texts === '' ? {} : { reasoning: texts }), ...details(...all), content: 'a' })
    expect(answerOf(body(given))).toMatchObject({ content: 'a', reasoning_details: all })
    expect(answerOf(body(given)).reasoning_content).toBe(reasoning)
  })

  test('is of its own choice', () => {
    const at = (index: number, delta: Json) => ({ choices: [{ index, delta }] })
    const said = stream([at(0, { reasoning: 'A' }), at(1, details(text('B'))), at(0, details(text('A'))), '[DONE]'])
    expect(completion(said).choices.map(({ message }) => (message as Json).reasoning_content)).toEqual(['A', 'B'])
  })
})

describe('text', () => {
  test.each(['reasoning_content', 'reasoning'])('of reasoning is read from %s', (name) => {
    expect(answerOf(stream([chunk({ [name]: 'Hm.', content: null }), chunk({ content: 'a' }, 'stop')]))).toMatchObject({
      reasoning_content: 'Hm.',
      content: 'a',
    })
    expect(answerOf(body(whole({ [name]: 'Hm.', content: 'a' })))).toMatchObject({
      reasoning_content: 'Hm.',
      content: 'a',
    })
  })

  test('may come in parts, and then as a string again', () => {
    const parts = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }] },
      { type: 'text', text: 'a' },
    ]
    expect(answerOf(stream([chunk({ content: parts }), chunk({ content: 'b' }, 'stop')]))).toMatchObject({
      reasoning_content: 'Hm.',
      content: 'ab',
    })
  })

  test('in tags is told apart where the provider marks reasoning so', () => {
    const content = '<think>Hm.</think>\na'
    expect(answerOf(body(whole({ content }), { thinkTags: true }))).toMatchObject({
      reasoning_content: 'Hm.',
      content: 'a',
    })
    expect(answerOf(body(whole({ content })))).toMatchObject({ content })
  })

  test('in a tag that only closes is told apart in a whole answer', () => {
    const content = 'Hm.</think>\n\na'
    expect(answerOf(body(whole({ content }), { thinkTags: true }))).toMatchObject({
      reasoning_content: 'Hm.',
      content: 'a',
    })
  })

  test('in a tag that only closes is told apart in a stream too where the model is known for it', () => {
    const chunks = [chunk({ content: 'Hm.</th' }), chunk({ content: 'ink>\n\na' }, 'stop')]
    const quirks = { thinkTags: true }
    const known = readMessages(createOpenAIReader(quirks, counting(), true).chunk, chunks)
    expect(answerOf(known)).toMatchObject({ reasoning_content: 'Hm.', content: 'a' })
    const message = whole({ content: 'Hm.</think>\n\na' })
    const body = readWhole(createOpenAIReader(quirks, counting(), true).body(message))
    expect(answerOf(body)).toMatchObject({ reasoning_content: 'Hm.', content: 'a' })
    expect(answerOf(stream(chunks, quirks)).content, 'of another model').toBe('Hm.</think>\n\na')
  })

  test('of such a model is text where the provider tells its reasoning apart itself', () => {
    const chunks = [chunk({ reasoning_content: 'Hm.' }), chunk({ content: 'a' }, 'stop')]
    const said = readMessages(createOpenAIReader({ thinkTags: true }, counting(), true).chunk, chunks)
    expect(answerOf(said)).toMatchObject({ reasoning_content: 'Hm.', content: 'a' })
  })

  test('may come in parts with references to what it rests on (Mistral)', () => {
    const reference = (...reference_ids: number[]) => ({ type: 'reference', reference_ids })
    const parts = [{ type: 'text', text: 'a' }, reference(0, 2), { type: 'text', text: 'b' }]
    const expected = { content: 'abc', citations: [reference(0, 2), reference(1)] }
    const said = stream([
      chunk({ content: parts }),
      chunk({ content: 'c' }),
      chunk({ content: [reference(1)] }, 'stop'),
    ])
    expect(answerOf(said)).toMatchObject(expected)
    const message = { content: [...parts, { type: 'text', text: 'c' }, reference(1)] }
    expect(answerOf(body(whole(message)))).toMatchObject(expected)
  })

  test('that is spoken comes piece by piece: its sound, its words and where it can be had again', () => {
    const said = stream([
      chunk({ role: 'assistant', content: null, audio: { id: 'audio_1', transcript: 'Hel' } }),
      chunk({ audio: { data: 'QUJD' } }),
      chunk({ audio: { transcript: 'lo' } }),
      chunk({ audio: { data: 'REVG' } }),
      chunk({ audio: { expires_at: 1_800_000_000 } }),
      chunk({}, 'stop'),
      '[DONE]',
    ])
    const pieces = said.flatMap((item) => (item.type === 'extra' ? [item.fields.audio] : []))
    expect(pieces).toEqual([
      { id: 'audio_1', transcript: 'Hel' },
      { data: 'QUJD' },
      { transcript: 'lo' },
      { data: 'REVG' },
      { expires_at: 1_800_000_000 },
    ])
    const encode = createStreamWriter({ id: 'c', created: 1, model: 'm' }, false)
    const sent = said
      .map(encode)
      .join('')
      .split('\n\n')
      .filter((line) => line.includes('"audio"'))
    expect(sent, 'each in a chunk of its own').toHaveLength(pieces.length)
  })

  test('of a refusal stays one', () => {
    expect(answerOf(stream([chunk({ refusal: 'N' }), chunk({ refusal: 'o.' }, 'stop')]))).toMatchObject({
      refusal: 'No.',
      content: null,
    })
  })

  test('of a chunk with usage is said once', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
    expect(answerOf(stream([chunk({ content: 'a' }, null, { usage }), chunk({}, 'stop')])).content).toBe('a')
  })

  test('repeated as a whole message in each chunk is not read twice (Perplexity)', () => {
    const odd = {
      choices: [
        { index: 0, delta: { content: 'b' }, message: { role: 'assistant', content: 'ab' }, finish_reason: 'stop' },
      ],
    }
    expect(answerOf(stream([chunk({ content: 'a' }), odd])).content).toBe('ab')
  })
})

describe('words that stand elsewhere', () => {
  test.each<[string, unknown, string]>([
    ['an object', { a: [1, null], b: 'x' }, '{"a":[1,null],"b":"x"}'],
    ['a list that has no parts', [{ a: 1 }, 'b'], '[{"a":1},"b"]'],
    ['a number', 0, '0'],
    ['a truth value', false, 'false'],
    [
      'parts of type output_text',
      [
        { type: 'output_text', text: 'a' },
        { type: 'output_text', text: 'b' },
      ],
      'ab',
    ],
    ['a part of a type of tomorrow', [{ type: 'brand_new', text: 'a' }], 'a'],
    ['a part without a type', [{ text: 'a' }], 'a'],
    ['a text within its part', [{ type: 'text', text: { value: 'a', annotations: [] } }], 'a'],
    ['a text beside a part that says nothing', [{ type: 'brand_new' }, 'a'], 'a'],
  ])('in content that is %s are the text', (_, content, expected) => {
    expect(answerOf(body(whole({ content }))).content).toBe(expected)
    expect(answerOf(stream([chunk({ content }), chunk({}, 'stop')])).content).toBe(expected)
  })

  test.each<[string, Json]>([
    ['text beside no message', { text: 'Hello' }],
    ['text beside an empty message', { text: 'Hello', message: { role: 'assistant', content: '' } }],
    ['a message that is a text', { message: 'Hello' }],
    ['a delta', { delta: { role: 'assistant', content: 'Hello' } }],
  ])('of a body in %s are the text', (_, choice) => {
    expect(answerOf(body({ choices: [{ index: 0, finish_reason: 'stop', ...choice }] })).content).toBe('Hello')
  })

  const told = (...choices: Json[]) => {
    const end = { index: 0, delta: {}, finish_reason: 'stop' }
    return answerOf(stream([...choices.map((choice) => ({ choices: [{ index: 0, ...choice }] })), { choices: [end] }]))
  }

  test.each<[string, Json[]]>([
    ['a message', [{ message: { content: 'Hello' } }]],
    ['a message beside an empty delta', [{ delta: { content: '' }, message: { content: 'Hello' } }]],
    ['messages, piece by piece', [{ message: { content: 'Hel' } }, { message: { content: 'lo' } }]],
    ['messages, each with all so far', [{ message: { content: 'Hel' } }, { message: { content: 'Hello' } }]],
    ['texts', [{ text: 'Hel' }, { text: 'lo' }]],
    [
      'texts beside deltas that have them too',
      [{ text: 'Hel', delta: { content: 'Hel' } }, { delta: { content: 'lo' } }],
    ],
    ['deltas, and at last the message', [{ delta: { content: 'Hello' } }, { message: { content: 'Hello' } }]],
    ['deltas that are texts', [{ delta: 'Hel' }, { delta: 'lo' }]],
  ])('of a stream in %s are the text, once', (_, choices) => {
    expect(told(...choices).content).toBe('Hello')
  })

  test('of a call in a message of a stream are a call', () => {
    expect(told({ message: { tool_calls: [call(undefined, 'a', 'f', '{}')] } })).toMatchObject({
      tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }],
      finish_reason: 'tool_calls',
    })
  })

  test('of reasoning in parts is read, wherever a provider puts them', () => {
    const parts = [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] },
      { type: 'reasoning_text', text: 'So.' },
      { type: 'text', text: 'a' },
    ]
    expect(answerOf(body(whole({ content: parts })))).toMatchObject({ reasoning_content: 'Hm.So.', content: 'a' })
  })

  test('of a part that is a picture are kept as one', () => {
    const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
    expect(answerOf(body(whole({ content: [picture] })))).toMatchObject({ images: [picture] })
  })

  test.each<[string, Json]>([
    ['content of parts that say nothing', { message: { content: [{ type: 'brand_new', data: 1 }] } }],
    ['no message', {}],
    ['a null message', { message: null }],
  ])('that cannot be read are a failure, never an empty success (%s)', (_, choice) => {
    const given = { choices: [{ index: 0, finish_reason: 'stop', ...choice }] }
    expect(failureOf(body(given))).toMatchObject({ kind: 'provider-failed', failover: true })
  })

  test('that cannot be read are a failure of a stream, unless others can', () => {
    const odd = chunk({ content: [{ type: 'brand_new', data: 1 }] })
    expect(failureOf(stream([odd, chunk({}, 'stop'), '[DONE]'])).kind).toBe('provider-failed')
    expect(answerOf(stream([odd, chunk({ content: 'a' }), chunk({}, 'stop'), '[DONE]'])).content).toBe('a')
  })

  test('that a filter has taken away leave an empty answer (Azure)', () => {
    const given = { choices: [{ index: 0, finish_reason: 'content_filter', content_filter_results: { hate: {} } }] }
    expect(answerOf(body(given))).toMatchObject({ content: '', finish_reason: 'content_filter' })
  })
})

describe('tool calls', () => {
  test('in pieces are put together by their index', () => {
    expect(
      callsOf(
        [call(0, 'a', 'f', '')],
        [call(1, 'b', 'g', '')],
        [call(0, undefined, undefined, '{"x"')],
        [call(1, undefined, undefined, '{}')],
        [call(0, undefined, undefined, ':1}')],
      ),
    ).toEqual(['a f {"x":1}', 'b g {}'])
  })

  test('count from 0, whatever the provider counts from', () => {
    const said = stream([chunk({ tool_calls: [call(3, 'a', 'f', '{}')] }), '[DONE]'])
    expect(said.find(({ type }) => type === 'tool-start')).toMatchObject({ index: 0 })
  })

  test.each<[string, Json[][], string[]]>([
    [
      'no index in the pieces',
      [[call(undefined, 'a', 'f', '')], [call(undefined, undefined, undefined, '{}')]],
      ['a f {}'],
    ],
    ['the id in every piece', [[call(0, 'a', 'f', '{')], [call(0, 'a', undefined, '}')]], ['a f {}']],
    ['the name in every piece', [[call(0, 'a', 'f', '{')], [call(0, 'a', 'f', '}')]], ['a f {}']],
    ['an empty id and name in later pieces', [[call(0, 'a', 'f', '{')], [call(0, '', '', '}')]], ['a f {}']],
    ['all calls numbered 0, with ids', [[call(0, 'a', 'f', '{}')], [call(0, 'b', 'g', '{}')]], ['a f {}', 'b g {}']],
    [
      'all calls whole, in one delta, without index',
      [[call(undefined, 'a', 'f', '{}'), call(undefined, 'b', 'g', '{}')]],
      ['a f {}', 'b g {}'],
    ],
    [
      'the same id a second time at another index',
      [[call(0, 'a', 'f', '{}')], [call(1, 'b', 'f', '{}')]],
      ['a f {}', 'b f {}'],
    ],
    ['no id', [[call(0, '', 'f', '{}')], [call(1, undefined, 'g', '{}')]], ['made_1 f {}', 'made_2 g {}']],
    ['no arguments at all', [[{ index: 0, id: 'a', function: { name: 'f' } }]], ['a f {}']],
    [
      'arguments as an object',
      [[{ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } }]],
      ['a f {"x":1}'],
    ],
    [
      'an empty call at the end',
      [[call(0, 'a', 'f', '{}')], [{ index: 1, function: { name: null, arguments: null } }]],
      ['a f {}'],
    ],
    [
      'index 0 and an empty id for all of one chunk',
      [[call(0, '', 'f', '{"x":1}'), call(0, '', 'f', '{"x":2}'), call(0, '', 'g', '')]],
      ['made_1 f {"x":1}', 'made_2 f {"x":2}', 'made_3 g {}'],
    ],
    [
      'index 0 and no id for all, each in its own chunk',
      [[call(0, undefined, 'f', '{"x":1}')], [call(0, undefined, 'f', '{"x":2}')]],
      ['made_1 f {"x":1}', 'made_2 f {"x":2}'],
    ],
    [
      'neither index nor id, each in its own chunk',
      [[call(undefined, undefined, 'f', '{"x":1}')], [call(undefined, undefined, 'g', '{"x":2}')]],
      ['made_1 f {"x":1}', 'made_2 g {"x":2}'],
    ],
    [
      'a second whole object at the same index, without id or name',
      [
        [call(0, 'a', 'f', '{"x":')],
        [call(0, undefined, undefined, '"}{"}')],
        [call(0, undefined, undefined, '{"x":2}')],
      ],
      ['a f {"x":"}{"}', 'made_1 f {"x":2}'],
    ],
    [
      'a second object at the same index, in pieces',
      [
        [call(0, '', 'f', '{"x":1}')],
        [call(0, '', 'f', '{"x"')],
        [call(0, '', undefined, ':{}')],
        [call(0, '', undefined, '}')],
      ],
      ['made_1 f {"x":1}', 'made_2 f {"x":{}}'],
    ],
    [
      'the name in every piece and no id',
      [[call(0, '', 'f', '')], [call(0, '', 'f', '{"x":')], [call(0, '', 'f', '{}')], [call(0, '', 'f', '}')]],
      ['made_1 f {"x":{}}'],
    ],
    ['the same id for two tools', [[call(0, 'a', 'f', '{}'), call(0, 'a', 'g', '{}')]], ['a f {}', 'made_1 g {}']],
    ['a call told whole once more', [[call(0, 'a', 'f', '{"x":1}')], [call(0, 'a', 'f', '{"x":1}')]], ['a f {"x":1}']],
    [
      'an index in the later pieces only',
      [[call(undefined, 'a', 'f', '{')], [call(0, undefined, undefined, '}')]],
      ['a f {}'],
    ],
    [
      'arguments null',
      [[{ index: 0, id: 'a', function: { name: 'f', arguments: null } }], [call(1, 'b', 'g', 'null')]],
      ['a f {}', 'b g {}'],
    ],
    ['"null" in pieces', [[call(0, 'a', 'f', 'nu')], [call(0, undefined, undefined, 'll')]], ['a f {}']],
  ])('with %s', (_, deltas, expected) => {
    expect(callsOf(...deltas)).toEqual(expected)
  })

  test.each<[string, Json[][]]>([
    ['only the first piece has it', [[call(0, 'a', 'f', '')], [call(0, undefined, undefined, '{}')]]],
    ['every piece has it', [[call(0, 'a', 'f', '{')], [call(0, 'a', undefined, '}')]]],
    ['later pieces have an empty one', [[call(0, 'a', 'f', '{')], [call(0, '', undefined, '}')]]],
    ['each piece has a new one', [[call(0, 'a', 'f', '{')], [call(0, 'z', undefined, '}')]]],
    ['the first piece has none', [[call(0, undefined, 'f', '{')], [call(0, undefined, undefined, '}')]]],
    ['the first piece has none, a later one does', [[call(0, undefined, 'f', '{')], [call(0, 'a', undefined, '}')]]],
  ])('have one id, told once, where %s', (_, deltas) => {
    const said = stream([...deltas.map((tool_calls) => chunk({ tool_calls })), chunk({}, 'tool_calls'), '[DONE]'])
    const started = said.flatMap((item) => (item.type === 'tool-start' ? [item.id] : []))
    expect(started).toEqual([expect.stringMatching(/^(a|made_1)$/)])
    expect(answerOf(said).tool_calls).toEqual([
      { id: started[0], type: 'function', function: { name: 'f', arguments: '{}' } },
    ])
    const encode = createStreamWriter({ id: 'c', created: 1, model: 'm' }, false)
    const sent = said.map(encode).join('')
    expect(sent.split(`"id":${JSON.stringify(started[0])}`), 'in one chunk only').toHaveLength(2)
  })

  test('cut by the length stay as they are', () => {
    const said = stream([chunk({ tool_calls: [call(0, 'a', 'f', '{"x":')] }), chunk({}, 'length')])
    expect(answerOf(said)).toMatchObject({
      finish_reason: 'length',
      tool_calls: [{ function: { arguments: '{"x":' } }],
    })
  })

  test('in a body, with an index of their own or none', () => {
    const message = { content: null, tool_calls: [call(0, 'a', 'f', '{}'), call(undefined, 'b', 'g', '')] }
    expect(answerOf(body(whole(message, 'stop')))).toMatchObject({
      content: null,
      finish_reason: 'tool_calls',
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
        { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
      ],
    })
  })

  test('keep their further fields, such as a signature', () => {
    const extra_content = { google: { thought_signature: 's' } }
    const said = stream([chunk({ tool_calls: [{ ...call(0, 'a', 'f', '{}'), extra_content }] }, 'tool_calls')])
    expect(answerOf(said)).toMatchObject({ tool_calls: [{ id: 'a', extra_content }] })
  })

  test('of the old form stay so', () => {
    const said = stream([
      chunk({ function_call: { name: 'f', arguments: '{' } }),
      chunk({ function_call: { arguments: '}' } }, 'function_call'),
    ])
    expect(answerOf(said)).toMatchObject({
      function_call: { name: 'f', arguments: '{}' },
      finish_reason: 'function_call',
    })
  })

  test.each<[string, Json[]]>([
    ['an index that nothing was called at', [call(0, 'a', 'f', '{}'), call(3, undefined, undefined, '{"b":1}')]],
    ['an id, but no name', [call(0, 'a', undefined, '{"b":1}')]],
    ['nothing else', [call(undefined, undefined, undefined, '{"b":1}')]],
  ])('that have arguments with %s are refused, not lost', (_, calls) => {
    const events = calls.map((one) => chunk({ tool_calls: [one] }))
    expect(failureOf(stream([...events, chunk({}, 'tool_calls'), '[DONE]'])).message).toMatch(/arguments of no call/)
    const given = whole({ tool_calls: calls.map(({ index, ...one }) => one) }, 'tool_calls')
    expect(failureOf(body(given)).message).toMatch(/arguments of no call/)
  })

  test('whose name comes after their arguments have both', () => {
    expect(callsOf([call(0, undefined, undefined, '{"a"')], [call(0, 'x', 'f', ':1}')])).toEqual(['x f {"a":1}'])
  })

  test.each(['', '{}', ' { } ', 'null'])('without a name and with arguments %j are none (Workers AI)', (args) => {
    const said = [
      chunk({ content: 'a' }),
      chunk({ tool_calls: [call(0, undefined, undefined, args)] }),
      chunk({}, 'stop'),
    ]
    expect(answerOf(stream(said))).not.toHaveProperty('tool_calls')
  })

  test('of the old form whose name comes late, or never, have their arguments with it or are refused', () => {
    const piece = (function_call: Json) => chunk({ function_call })
    const late = [piece({ arguments: '{"a"' }), piece({ name: 'f', arguments: ':1}' }), chunk({}, 'function_call')]
    expect(answerOf(stream(late)).function_call).toEqual({ name: 'f', arguments: '{"a":1}' })
    const never = [piece({ arguments: '{"a":1}' }), chunk({}, 'function_call')]
    expect(failureOf(stream(never)).message).toMatch(/arguments of no call/)
  })

  test('in a body are as many as there are, whatever they have in common', () => {
    const tool_calls = [call(0, '', 'f', '{"x":1}'), call(0, '', 'f', '{"x":2}'), call(0, 'a', 'f', 'null')]
    expect(answerOf(body(whole({ content: null, tool_calls }))).tool_calls).toMatchObject([
      { id: 'made_1', function: { arguments: '{"x":1}' } },
      { id: 'made_2', function: { arguments: '{"x":2}' } },
      { id: 'a', function: { arguments: '{}' } },
    ])
  })

  test.each<[string, Json]>([
    ['an empty object', {}],
    ['empty members', { name: '', input: '' }],
  ])('of type function have a custom member that counts for nothing: %s (Snowflake)', (_, custom) => {
    const pieces = [
      { index: 0, id: 'a', type: 'function', custom, function: { name: 'f', arguments: '' } },
      { index: 0, custom, function: { arguments: '{"x":1}' } },
    ]
    const expected = [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }]
    expect(answerOf(stream([...pieces.map((piece) => chunk({ tool_calls: [piece] })), '[DONE]'])).tool_calls).toEqual(
      expected,
    )
    const whole1 = whole({ tool_calls: [{ ...pieces[0], function: { name: 'f', arguments: '{"x":1}' } }] })
    expect(answerOf(body(whole1)).tool_calls).toEqual(expected)
  })

  test('of type custom have a function member that counts for nothing', () => {
    const custom = { name: 'c', input: 'null' }
    const tool_calls = [{ index: 0, id: 'a', type: 'custom', custom, function: { name: 'f', arguments: '{}' } }]
    expect(answerOf(stream([chunk({ tool_calls }), '[DONE]'])).tool_calls).toEqual([
      { id: 'a', type: 'custom', custom },
    ])
  })

  test('in the old form beside the new one are told once', () => {
    const message = { tool_calls: [call(0, 'a', 'f', '{}')], function_call: { name: 'f', arguments: '{}' } }
    const { tool_calls, function_call } = answerOf(body(whole(message)))
    expect([tool_calls, function_call]).toMatchObject([[{ id: 'a', function: { arguments: '{}' } }], undefined])
  })

  test('are so many at most: an answer with more is malformed, in one event and in many', () => {
    const calls = Array.from({ length: 1001 }, (_, at) => call(at, `c${at}`, 'f', '{}'))
    const most = calls.slice(0, 1000)
    expect(answerOf(stream([chunk({ tool_calls: most }), '[DONE]'])).tool_calls).toHaveLength(1000)
    const malformed = { kind: 'provider-failed', failover: true }
    expect(failureOf(stream([chunk({ tool_calls: calls }), '[DONE]']))).toMatchObject(malformed)
    expect(failureOf(stream([...calls.map((one) => chunk({ tool_calls: [one] })), '[DONE]']))).toMatchObject(malformed)
    expect(failureOf(body(whole({ tool_calls: calls })))).toMatchObject(malformed)
  })

  test('of a custom tool have an input', () => {
    const tool_calls = [{ index: 0, id: 'a', type: 'custom', custom: { name: 'c', input: 'x' } }]
    expect(answerOf(stream([chunk({ tool_calls }, 'tool_calls')]))).toMatchObject({
      tool_calls: [{ type: 'custom', custom: { name: 'c', input: 'x' } }],
    })
  })
})

describe('usage', () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  const usageOf = (...further: Json[]) =>
    answerOf(stream([chunk({ content: 'a' }, 'stop'), ...further, '[DONE]'])).usage

  test.each<[string, Json[], Json]>([
    ['in a chunk of its own', [{ choices: [], usage }], usage],
    ['with a choice', [chunk({}, null, { usage })], usage],
    ['within a choice (Moonshot)', [{ choices: [{ index: 0, delta: {}, finish_reason: null, usage }] }], usage],
    ['in x_groq', [chunk({}, null, { x_groq: { usage } })], usage],
    [
      'on every chunk, growing',
      [chunk({}, null, { usage: { ...usage, completion_tokens: 1 } }), chunk({}, null, { usage })],
      usage,
    ],
    ['with null details', [{ choices: [], usage: { ...usage, prompt_tokens_details: null } }], usage],
  ])('is found %s', (_, further, expected) => {
    expect(usageOf(...further)).toEqual(expected)
  })

  test('has a total that is the sum, whatever the provider says', () => {
    expect(usageOf({ choices: [], usage: { ...usage, total_tokens: 4 } })).toEqual(usage)
    expect(usageOf({ choices: [], usage: { ...usage, total_tokens: undefined } })).toEqual(usage)
  })

  test('counts as completion what the provider counts in its total only', () => {
    const sum = { ...usage, completion_tokens: 96, total_tokens: 99 }
    expect(usageOf({ choices: [], usage: { ...usage, total_tokens: 99 } })).toEqual(sum)
    expect(usageOf({ choices: [], usage: { prompt_tokens: 3, total_tokens: 99 } })).toEqual(sum)
  })

  test('has reasoning added where the total says it was left out', () => {
    const given = {
      prompt_tokens: 3,
      completion_tokens: 2,
      total_tokens: 9,
      completion_tokens_details: { reasoning_tokens: 4 },
    }
    expect(usageOf({ choices: [], usage: given })).toMatchObject({ completion_tokens: 6, total_tokens: 9 })
  })

  test.each<[string, Json]>([
    ['prompt_tokens_details', { prompt_tokens_details: { cached_tokens: 2 } }],
    ['prompt_cache_hit_tokens (DeepSeek)', { prompt_cache_hit_tokens: 2 }],
    ['cached_tokens (Together)', { cached_tokens: 2 }],
  ])('has cached tokens from %s', (_, fields) => {
    expect(usageOf({ choices: [], usage: { ...usage, ...fields } })).toMatchObject({
      prompt_tokens_details: { cached_tokens: 2 },
    })
  })

  test("is read in the words of OpenAI's other API too", () => {
    const details = { input_tokens_details: { cached_tokens: 2 }, output_tokens_details: { reasoning_tokens: 1 } }
    const given = { input_tokens: 3, output_tokens: 2, total_tokens: 5, ...details }
    expect(usageOf({ choices: [], usage: given })).toMatchObject({
      prompt_tokens: 3,
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 1 },
    })
  })

  test('of the real kind is not replaced by an empty one that comes later', () => {
    const real = { choices: [], usage }
    for (const empty of [{}, { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, { cost: 0 }]) {
      expect(usageOf(real, { choices: [], usage: empty })).toEqual(usage)
    }
  })

  test('that was never told is estimated', () => {
    expect(usageOf()).toMatchObject({ estimated: true, completion_tokens: 1 })
  })
})

describe('fields we do not name reach the client', () => {
  test('of the body, the choice and the message', () => {
    const logprobs = { content: [{ token: 'a' }] }
    const message = { role: 'assistant', content: 'a', annotations: [{ type: 'x' }], audio: null }
    const given = {
      choices: [{ index: 0, message, finish_reason: 'stop', logprobs, stop_reason: 128 }],
      system_fingerprint: 'f',
    }
    expect(answerOf(body(given))).toMatchObject({
      annotations: [{ type: 'x' }],
      logprobs,
      stop_reason: 128,
      system_fingerprint: 'f',
    })
  })

  test('of a stream, logprobs with their text', () => {
    const said = stream([
      { choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [1] }, finish_reason: 'stop' }] },
    ])
    expect(said.slice(0, 2).map(({ type }) => type)).toEqual(['extra', 'text'])
  })

  test('of every chunk are told once, and again when they change', () => {
    const first = chunk({ content: 'a' }, null, { system_fingerprint: 'f' })
    const said = stream([first, first, chunk({ content: 'a' }, 'stop', { system_fingerprint: 'g' })])
    expect(said.filter(({ type }) => type === 'extra')).toHaveLength(2)
  })

  test('are remembered up to a million characters, and go out once more when they are forgotten', () => {
    const filled = (field: string, finish: string | null = null) =>
      chunk({ content: 'a' }, finish, { [field]: 'x'.repeat(600_000) })
    const fieldsOf = (chunks: Json[]) =>
      stream(chunks).flatMap((event) => (event.type === 'extra' ? [Object.keys(event.fields)] : []))
    expect(fieldsOf([filled('a'), filled('a', 'stop')])).toEqual([['a']])
    expect(fieldsOf([filled('a'), filled('b'), filled('a', 'stop')])).toEqual([['a'], ['b'], ['a']])
  })
})

test('the choices of n > 1 are kept apart, interleaved or not', () => {
  const at = (index: number, delta: Json, finish: string | null = null) => ({
    choices: [{ index, delta, finish_reason: finish }],
  })
  const said = stream([
    at(2, { content: 'c' }),
    at(0, { content: 'a' }),
    at(1, { tool_calls: [call(0, 'x', 'f', '{}')] }),
    at(2, {}, 'length'),
    at(0, {}, 'stop'),
    at(1, {}, 'stop'),
    '[DONE]',
  ])
  expect(completion(said).choices.map(({ index, finish_reason }) => [index, finish_reason])).toEqual([
    [0, 'stop'],
    [1, 'tool_calls'],
    [2, 'length'],
  ])
})

describe('choices whose indexes cannot all be theirs', () => {
  type Choices = [index: unknown, text: string][]

  test.each<[string, Choices, [number, string][]]>([
    [
      'the same index twice',
      [
        [0, 'a'],
        [0, 'b'],
      ],
      [
        [0, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'the same index thrice, and another',
      [
        [1, 'a'],
        [1, 'b'],
        [0, 'c'],
        [1, 'd'],
      ],
      [
        [0, 'b'],
        [1, 'a'],
        [2, 'c'],
        [3, 'd'],
      ],
    ],
    [
      'a negative one',
      [
        [-1, 'a'],
        [0, 'b'],
      ],
      [
        [0, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'one beyond all bounds',
      [
        [1e9, 'a'],
        [1, 'b'],
      ],
      [
        [0, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'one that is no whole number',
      [
        [0.5, 'a'],
        [0, 'b'],
      ],
      [
        [0, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'one that is no number',
      [
        ['0', 'a'],
        [null, 'b'],
      ],
      [
        [0, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'none for one of them',
      [
        [undefined, 'a'],
        [0, 'b'],
      ],
      [
        [0, 'a'],
        [1, 'b'],
      ],
    ],
    [
      'one that came in another order',
      [
        [1, 'a'],
        [0, 'b'],
      ],
      [
        [0, 'b'],
        [1, 'a'],
      ],
    ],
  ])('such as %s are told apart in a body and in a stream', (_, given, expected) => {
    const told = (said: readonly OutputEvent[]) =>
      completion(said).choices.map(({ index, message }) => [index, (message as Json).content])
    const choices = given.map(([index, content]) => ({ index, message: { content }, finish_reason: 'stop' }))
    expect(told(body({ choices }))).toEqual(expected)
    const event = (choice: (text: string) => Json) => {
      return { choices: given.map(([index, text]) => ({ index, ...choice(text) })) }
    }
    const events = [
      event((content) => ({ delta: { content } })),
      event(() => ({ delta: { content: '.' } })),
      event(() => ({ delta: {}, finish_reason: 'stop' })),
    ]
    expect(told(stream([...events, '[DONE]']))).toEqual(expected.map(([index, text]) => [index, `${text}.`]))
  })

  test('stay one choice over the events of a stream', () => {
    const at = (index: number, content: string) => ({ choices: [{ index, delta: { content } }] })
    const said = stream([at(-1, 'a'), at(1e9, 'x'), at(-1, 'b'), at(1e9, 'y'), at(0, 'm'), '[DONE]'])
    expect(completion(said).choices.map(({ index, message }) => [index, (message as Json).content])).toEqual([
      [0, 'ab'],
      [1, 'xy'],
      [2, 'm'],
    ])
  })
})

describe('an error', () => {
  test.each<[string, Json, string]>([
    ['in a chunk', chunk({}, 'error', { error: { code: 502, message: 'Why.' } }), 'provider-failed'],
    ['in an event of its own', { error: { message: 'Why.', status_code: 429 } }, 'rate-limited'],
    ['as text', { error: 'Why.' }, 'provider-failed'],
    ['in a choice', { choices: [{ index: 0, delta: {}, error: { code: 502, message: 'Why.' } }] }, 'provider-failed'],
    ['of an old vLLM', { object: 'error', message: 'Why.', code: 400 }, 'rejected'],
  ])('%s ends a stream', (_, odd, kind) => {
    const failure = failureOf(stream([chunk({ content: 'a' }), odd, chunk({}, 'stop'), '[DONE]']))
    expect(failure.kind).toBe(kind)
    expect(failure.message).toMatch(/Why\./)
  })

  test.each<[string, unknown]>([
    ['with an error', { error: { message: 'Why.' } }],
    ['without choices', { id: 'c' }],
    ['with empty choices', { choices: [] }],
    ['with an empty choice', { choices: [{}] }],
    ['that is text', 'Network connection lost.'],
    ['that is a list', []],
    ['that is null', null],
  ])('is what a body %s is', (_, given) => {
    expect(failureOf(body(given)).kind).toBe('provider-failed')
  })

  test('is what an event is that is no object', () => {
    for (const odd of [7, 'a', null, []])
      expect(failureOf(stream([odd as unknown as Json])).kind).toBe('provider-failed')
  })
})

describe('an answer of more choices than can be asked for is malformed', () => {
  const choices = Array.from({ length: 129 }, (_, index) => ({ index, delta: { content: 'a' }, finish_reason: 'stop' }))

  test('in one event, in many, and in a body', () => {
    expect(failureOf(stream([{ choices }, '[DONE]'])).kind).toBe('provider-failed')
    expect(failureOf(stream([...choices.map((choice) => ({ choices: [choice] })), '[DONE]'])).kind).toBe(
      'provider-failed',
    )
    expect(failureOf(body({ choices })).kind).toBe('provider-failed')
    expect(completion(stream([{ choices: choices.slice(1) }, '[DONE]'])).choices).toHaveLength(128)
  })
})
