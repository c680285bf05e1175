import fc from 'fast-check'
import type { Traits } from '../../src/formats/format.ts'

const words = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', ' ', ' \n', 'Hello!', '你好🙂', '"}]', '<think>', '__proto__', '\ud800', '[DONE]', 'a '),
)
const id = fc.oneof(
  fc.constantFrom('call_1', 'functions.f:0', '', 'a b', '__proto__', 'constructor', 'é🙂', 'call.1', 'call:1'),
  fc.string(),
)
const name = fc.constantFrom('weather', 'clock', 'json', 'constructor', '__proto__', 'toString')
const jsonObject = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'type')),
  fc.jsonValue(),
)
const argument = fc.oneof(
  { weight: 4, arbitrary: jsonObject.map((value) => JSON.stringify(value)) },
  fc.constantFrom('', 'null', ' ', '{"__proto__":{"a":1}}'),
  { weight: 1, arbitrary: fc.constantFrom('[1]', '{', '"a"') },
)
const mark = { cache_control: { type: 'ephemeral' } }

const textPart = fc
  .tuple(words, fc.boolean())
  .map(([text, marked]) => ({ type: 'text', text, ...(marked ? mark : {}) }))
const media = fc.constantFrom<Record<string, unknown>>(
  { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } },
  { type: 'image_url', image_url: { url: 'https://a.example/b.png' } },
  { type: 'file', file: { file_data: 'data:application/pdf;base64,QUJD', filename: 'a' } },
  { type: 'file', file: { file_data: 'data:text/plain;base64,QUJD' } },
)
const refused = fc.constantFrom<Record<string, unknown>>(
  { type: 'image_url', image_url: { url: 'ftp://a' } },
  { type: 'input_audio', input_audio: { data: 'QUJD', format: 'wav' } },
)
const part = fc.oneof(
  { weight: 5, arbitrary: textPart },
  { weight: 3, arbitrary: media },
  { weight: 1, arbitrary: refused },
)
const texts = fc.oneof(words, fc.array(textPart, { maxLength: 3 }))
const anything = fc.oneof(words, fc.array(part, { maxLength: 3 }))

const calls = fc.array(
  fc.record({ id, type: fc.constant('function'), function: fc.record({ name, arguments: argument }) }),
  { minLength: 1, maxLength: 3 },
)
const details = fc.array(
  fc.record({
    type: fc.constantFrom('reasoning.text', 'reasoning.encrypted'),
    format: fc.constantFrom('anthropic-claude-v1', 'google-gemini-v1', 'other'),
    text: words,
    data: words,
    signature: words,
  }),
  { maxLength: 2 },
)
const system = fc.record({ role: fc.constantFrom('system', 'developer'), content: texts })
const user = fc.record({ role: fc.constant('user'), content: anything })
const assistant = fc.record(
  {
    role: fc.constant('assistant'),
    content: fc.oneof(texts, fc.constant(null)),
    reasoning_content: words,
    reasoning_details: details,
  },
  { requiredKeys: ['role', 'content'] },
)
/** Calls and their results, sometimes not all of them, sometimes with a word between. */
const round = fc
  .record({
    made: calls,
    content: fc.oneof(words, fc.constant(null)),
    results: fc.array(anything),
    between: fc.option(user, { freq: 8 }),
  })
  .map(({ made, content, results, between }) => [
    { role: 'assistant', content, tool_calls: made },
    ...(between === null ? [] : [between]),
    ...made
      .slice(0, Math.max(results.length, 1))
      .map((call, at) => ({ role: 'tool', tool_call_id: call.id, content: results[at] ?? 'r' })),
  ])
const messages = fc
  .array(
    fc.oneof(
      system.map((one) => [one]),
      user.map((one) => [one]),
      assistant.map((one) => [one]),
      round,
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((pieces) => pieces.flat())

const schema = fc.oneof(
  jsonObject,
  fc.record({ type: fc.constant('object'), properties: jsonObject }),
  fc.constant({
    type: 'object',
    properties: { a: { oneOf: [{ const: 1 }, { $ref: '#/$defs/b' }] } },
    $defs: { b: {} },
  }),
)
const tools = fc.uniqueArray(
  fc.record({
    type: fc.constant('function'),
    function: fc.record(
      { name, description: words, parameters: schema, strict: fc.boolean() },
      { requiredKeys: ['name'] },
    ),
  }),
  { selector: (tool) => tool.function.name, maxLength: 3 },
)

/** Any request that passes the schema of `chat/request.ts`, hostile ones among them. */
export const request = fc.record(
  {
    model: fc.constant('public'),
    messages,
    tools,
    tool_choice: fc.constantFrom('none', 'auto', 'required'),
    parallel_tool_calls: fc.boolean(),
    response_format: fc.oneof(
      fc.constant({ type: 'json_object' }),
      fc.record({ type: fc.constant('json_schema'), json_schema: fc.record({ name: fc.constant('a'), schema }) }),
    ),
    stop: fc.oneof(words, fc.array(words, { maxLength: 6 })),
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    top_p: fc.double({ min: 0, max: 1, noNaN: true }),
    max_tokens: fc.integer({ min: 1, max: 200_000 }),
    reasoning_effort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'),
  },
  { requiredKeys: ['model', 'messages'] },
)

/** Models of every age. */
export const anyTraits: fc.Arbitrary<Partial<Traits>> = fc
  .record({
    jsonSchema: fc.boolean(),
    temperature: fc.boolean(),
    outputTokens: fc.constantFrom(0, 1024, 4096, 64_000),
    reasoning: fc.constantFrom<Partial<Traits>>(
      { reasoning: false },
      { reasoning: true, toggle: true, budget: { min: 1024 } },
      { reasoning: true, budget: { min: 128, max: 32_768 } },
      { reasoning: true, efforts: ['low', 'medium', 'high', 'max'] },
      { reasoning: true, efforts: ['minimal', 'low', 'high'] },
    ),
  })
  .map(({ reasoning, ...abilities }) => ({ ...abilities, ...reasoning }))
