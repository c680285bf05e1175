import { expect, test } from 'vitest'
import { ask, sayingToGemini, useSimulator, WEATHER_QUESTION, WEATHER_SCHEMA } from './asking.ts'
import { type Fields, fieldsOf, rowsOf } from './json.ts'

useSimulator()

const generate = (model: string): string => `/gemini/v1beta/models/${model}:generateContent`
const stream = (model: string): string => `/gemini/v1beta/models/${model}:streamGenerateContent?alt=sse`
const tools = [{ functionDeclarations: [{ name: 'get_weather', parametersJsonSchema: WEATHER_SCHEMA }] }]

function partsOf(event: Fields): Fields[] {
  return rowsOf(fieldsOf(rowsOf(event.candidates)[0]?.content)?.parts)
}

test('a stream has CRLF and no [DONE], its usage grows, and its last event tells the finish', async () => {
  const said = await ask(stream('gemini-2.5-flash'), sayingToGemini('Count to 20'))
  expect(said.text).toContain('\r\n\r\n')
  expect(said.text).not.toMatch(/\[DONE\]|^event:/m)
  const text = said.events
    .flatMap(partsOf)
    .map((part) => part.text)
    .join('')
  expect(text.endsWith('19, 20')).toBe(true)
  expect(said.events.map((event) => rowsOf(event.candidates)[0]?.finishReason).filter(Boolean)).toEqual(['STOP'])
  const whole = await ask(generate('gemini-2.5-flash'), sayingToGemini('Count to 20'))
  expect(said.events.at(-1)?.usageMetadata).toEqual(whole.json.usageMetadata)
})

test('without alt=sse the stream is one JSON array', async () => {
  const said = await ask('/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent', sayingToGemini('Count to 20'))
  expect(JSON.parse(said.text).length).toBeGreaterThan(3)
})

test('Gemini 3 signs the first of parallel calls and wants that signature back', async () => {
  const first = await ask(generate('gemini-3-pro'), sayingToGemini(WEATHER_QUESTION, { tools }))
  const calls = partsOf(first.json)
  expect(calls.map((part) => fieldsOf(part.functionCall)?.args)).toEqual([{ city: 'Paris' }, { city: 'Rome' }])
  expect(calls.map((part) => part.thoughtSignature !== undefined)).toEqual([true, false])
  const response = { functionResponse: { name: 'get_weather', response: { result: 'sunny' } } }
  const next = (given: Fields[], answers = 2): Fields => ({
    tools,
    contents: [
      { role: 'user', parts: [{ text: WEATHER_QUESTION }] },
      { role: 'model', parts: given },
      { role: 'user', parts: Array.from({ length: answers }, () => response) },
    ],
  })
  const bare = calls.map(({ thoughtSignature: _, ...part }) => part)
  const sentinel = [{ ...bare[0], thoughtSignature: 'skip_thought_signature_validator' }, ...bare.slice(1)]
  expect((await ask(generate('gemini-3-pro'), next(calls))).text).toContain('get_weather answered: sunny')
  expect((await ask(generate('gemini-3-pro'), next(sentinel))).status).toBe(200)
  expect((await ask(generate('gemini-2.5-pro'), next(bare))).status).toBe(200)
  const missing = await ask(generate('gemini-3-pro'), next(bare))
  expect(fieldsOf(missing.json.error)?.message).toContain('missing a thought_signature')
  const few = await ask(generate('gemini-3-pro'), next(calls, 1))
  expect(fieldsOf(few.json.error)?.message).toContain('number of function response parts')
})

test('thoughts are shown when asked for, and always counted apart', async () => {
  const config = (includeThoughts: boolean): Fields => ({
    generationConfig: { thinkingConfig: { thinkingBudget: 2048, includeThoughts } },
  })
  const shown = await ask(generate('gemini-2.5-flash'), sayingToGemini('Say: x', config(true)))
  expect(partsOf(shown.json).map(({ thought }) => thought === true)).toEqual([true, false])
  const hidden = await ask(generate('gemini-2.5-flash'), sayingToGemini('Say: x', config(false)))
  expect(partsOf(hidden.json)).toHaveLength(1)
  const usage = fieldsOf(hidden.json.usageMetadata) ?? {}
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, totalTokenCount } = usage
  expect(thoughtsTokenCount).toBeGreaterThan(0)
  expect(totalTokenCount).toBe(Number(promptTokenCount) + Number(candidatesTokenCount) + Number(thoughtsTokenCount))
})

test('a refused prompt is blocked with status 200 and no candidates', async () => {
  const { status, json } = await ask(generate('gemini-2.5-flash'), sayingToGemini('Refuse this'))
  expect(status).toBe(200)
  expect(json).toMatchObject({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } })
  expect(json).not.toHaveProperty('candidates')
})

const declare = (parameters: Fields): Fields => ({ tools: [{ functionDeclarations: [{ name: 'f', parameters }] }] })

test.each<[string, Fields, string]>([
  ['an unknown name', { generationConfig: { max_tokens: 4 } }, 'Unknown name "max_tokens" at \'generation_config\''],
  [
    'additionalProperties',
    declare({ type: 'object', additionalProperties: false }),
    'Unknown name "additionalProperties"',
  ],
  [
    'a list of types',
    declare({ type: 'object', properties: { a: { type: ['string', 'null'] } } }),
    'Proto field is not repeating',
  ],
  [
    'another role',
    { contents: [{ role: 'assistant', parts: [{ text: 'x' }] }] },
    'Please use a valid role: user, model.',
  ],
  ['a model that begins', { contents: [{ role: 'model', parts: [{ text: 'x' }] }] }, 'start with a user turn'],
  ['empty parts', { contents: [{ role: 'user', parts: [] }] }, 'must not be empty'],
  ['a temperature over 2', { generationConfig: { temperature: 2.1 } }, 'temperature'],
  ['six stop sequences', { generationConfig: { stopSequences: ['a', 'b', 'c', 'd', 'e', 'f'] } }, 'stop_sequences'],
  ['logprobs that were not switched on', { generationConfig: { logprobs: 2 } }, 'response_logprobs'],
  ['21 logprobs', { generationConfig: { responseLogprobs: true, logprobs: 21 } }, 'range [1, 20]'],
  ['functions with JSON', { tools, generationConfig: { responseMimeType: 'application/json' } }, 'is unsupported'],
])('Gemini refuses %s', async (_, more, message) => {
  const { status, json } = await ask(generate('gemini-2.5-flash'), sayingToGemini('Hi', more))
  expect([status, fieldsOf(json.error)?.status]).toEqual([400, 'INVALID_ARGUMENT'])
  expect(fieldsOf(json.error)?.message).toContain(message)
})

test('log probabilities come with the text, the same streamed and whole', async () => {
  const asked = sayingToGemini('Count to 20', { generationConfig: { responseLogprobs: true, logprobs: 2 } })
  const resultOf = (event: Fields) => fieldsOf(rowsOf(event.candidates)[0]?.logprobsResult)
  const whole = resultOf((await ask(generate('gemini-2.5-flash'), asked)).json)
  const chosen = rowsOf(whole?.chosenCandidates)
  expect(chosen.map(({ token }) => token).join('')).toContain('19, 20')
  expect(rowsOf(whole?.topCandidates).map(({ candidates }) => rowsOf(candidates).length)).toEqual(chosen.map(() => 2))
  const { events } = await ask(stream('gemini-2.5-flash'), asked)
  expect(events.flatMap((event) => rowsOf(resultOf(event)?.chosenCandidates))).toEqual(chosen)
})

test('Gemma gives no log probabilities', async () => {
  const asked = sayingToGemini('Hi', { generationConfig: { responseLogprobs: true } })
  const { status, json } = await ask(generate('gemma-4-31b-it'), asked)
  expect(status).toBe(400)
  expect(fieldsOf(json.error)?.message).toBe('Logprobs is not enabled for models/gemma-4-31b-it')
})

test('Gemma has no system instruction, and signs no calls', async () => {
  const system = { systemInstruction: { parts: [{ text: 'Be brief.' }] } }
  const refused = await ask(generate('gemma-4-31b-it'), sayingToGemini('Hi', system))
  expect(fieldsOf(refused.json.error)?.message).toContain('Developer instruction is not enabled')
  const contents = [
    { role: 'user', parts: [{ text: WEATHER_QUESTION }] },
    { role: 'model', parts: [{ functionCall: { name: 'get_weather', args: {} } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'get_weather', response: {} } }] },
  ]
  expect((await ask(generate('gemma-4-31b-it'), { tools, contents })).status).toBe(200)
})

test("what Google's own clients send is taken: an event a content, the empty one at the end too, and names in snake_case", async () => {
  const declared = { name: 'read_file', parameters_json_schema: { $schema: 'x', type: 'object', properties: {} } }
  const asked = {
    contents: [{ role: 'user', parts: [{ text: '[[sim * call=read_file{}]]' }] }],
    tools: [{ function_declarations: [declared] }],
    generation_config: { thinking_config: { include_thoughts: true } },
  }
  const { events } = await ask(stream('gemini-3-pro'), asked)
  const said = events.map((event) => fieldsOf(rowsOf(event.candidates)[0]?.content) ?? {})
  expect(rowsOf(said.at(-1)?.parts)).toEqual([{ text: '' }])
  const answer = { function_response: { name: 'read_file', response: { output: 'the file' } } }
  const next = { ...asked, contents: [...asked.contents, ...said, { role: 'user', parts: [answer] }] }
  const { json } = await ask(generate('gemini-3-pro'), next)
  expect(JSON.stringify(rowsOf(json.candidates)[0]?.content)).toContain('the file')
})

test('a sum is worked out by its own interpreter, and addresses are read, where these tools are offered', async () => {
  const summing = { tools: [{ code_execution: {} }], contents: [{ parts: [{ text: '12 + 30' }] }] }
  const whole = partsOf((await ask(generate('gemini-2.5-flash'), summing)).json)
  expect(whole.map((part) => Object.keys(part)[0])).toEqual(['executableCode', 'codeExecutionResult', 'text'])
  expect(whole[1]?.codeExecutionResult).toEqual({ outcome: 'OUTCOME_OK', output: '42\n' })
  const { events } = await ask(stream('gemini-2.5-flash'), summing)
  expect(events.flatMap(partsOf).slice(0, 2)).toEqual(whole.slice(0, 2))
  const reading = sayingToGemini('Read https://example.com/page', { tools: [{ urlContext: {} }] })
  const [read] = rowsOf((await ask(generate('gemini-2.5-flash'), reading)).json.candidates)
  expect(fieldsOf(read?.urlContextMetadata)?.urlMetadata).toMatchObject([{ retrievedUrl: 'https://example.com/page' }])
})

test('a signature that is not its own is refused, also by models that do not insist on theirs', async () => {
  const said = { role: 'model', parts: [{ text: 'x', thoughtSignature: 'c2VhbGVk' }] }
  const contents = [{ parts: [{ text: 'x' }] }, said, { parts: [{ text: 'y' }] }]
  const { json } = await ask(generate('gemini-2.5-flash'), { contents })
  expect(fieldsOf(json.error)?.message).toBe('Corrupted thought signature.')
})

test('a bad key is 400 with its reason, a missing one 403', async () => {
  const bad = await ask(generate('gemini-2.5-flash'), sayingToGemini('Hi'), { 'x-goog-api-key': 'bad-key' })
  expect([bad.status, rowsOf(fieldsOf(bad.json.error)?.details)[0]?.reason]).toEqual([400, 'API_KEY_INVALID'])
  expect((await ask(generate('gemini-2.5-flash'), sayingToGemini('Hi'), {})).status).toBe(403)
})

test('tokens are counted, the request wrapped or not', async () => {
  const path = '/gemini/v1beta/models/gemini-3-pro:countTokens'
  const counted = { totalTokens: 4, promptTokensDetails: [{ modality: 'TEXT', tokenCount: 4 }] }
  expect((await ask(path, sayingToGemini('Tell me a joke.'))).json).toEqual(counted)
  const wrapped = { generateContentRequest: { model: 'models/gemini-3-pro', ...sayingToGemini('Tell me a joke.') } }
  expect((await ask(path, wrapped)).json).toEqual(counted)
})
