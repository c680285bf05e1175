import { expect, test } from 'vitest'
import { readGeminiAnswerBody, readGeminiAnswerStream } from './answer-gemini.ts'

const OWN = { modelVersion: 'some', responseId: 'answer-1' }
const counts = (more: object = {}) => ({ usageMetadata: { promptTokenCount: 5, totalTokenCount: 5, ...more } })
const said = (parts: object[], end: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, ...end, index: 0 }],
  ...counts(),
  ...OWN,
})
const thought = said([{ text: 'so', thought: true }])
const calling = said([{ functionCall: { id: 'call_1', name: 'f', args: { a: 1 } }, thoughtSignature: 'eA==' }])
const last = {
  ...said([{ text: '' }], { finishReason: 'STOP' }),
  ...counts({ candidatesTokenCount: 4, thoughtsTokenCount: 3, cachedContentTokenCount: 2, totalTokenCount: 12 }),
}
const error = { error: { code: 502, message: 'Oh', status: 'UNAVAILABLE' } }
const wire = (...events: object[]) => events.map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join('')
const read = (...events: object[]) => readGeminiAnswerStream(wire(...events))

test('a stream as Google has it is read without a problem, with empty lines that keep it alive', () => {
  const answer = readGeminiAnswerStream(`${wire(thought)}\r\n\r\n${wire(calling, last)}`)
  expect([answer.problems, answer.roleProblems, answer.usageProblems]).toEqual([[], [], []])
  expect(answer).toMatchObject({
    done: true,
    model: 'some',
    choices: [{ reasoning: 'so', toolCalls: [{ id: 'call_1', arguments: '{"a":1}' }], finishReason: 'tool_calls' }],
    usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12, prompt_tokens_details: { cached_tokens: 2 } },
  })
})

test.each<[string, string, string]>([
  ['a line that ends with LF', wire(thought, last).replaceAll('\r\n', '\n'), 'does not end with a blank line'],
  ['a comment', `: hello\r\n\r\n${wire(last)}`, 'not "data: " and one line of JSON'],
  ['[DONE]', `${wire(last)}data: [DONE]\r\n\r\n`, 'not "data: " and one line of JSON'],
  ['a reason before the last response', wire(last, said([{ text: 'a' }])), 'finishReason before the last response'],
  ['no reason', wire(thought), 'no finishReason'],
  ['a reason that nobody knows', wire(said([{ text: 'a' }], { finishReason: 'DONE' })), 'finishReason is DONE'],
  ['no parts', wire(said([]), last), 'a candidate without parts'],
  ['a part of two kinds', wire(said([{ text: 'a', functionCall: { name: 'f' } }]), last), 'text and functionCall'],
  ['another id', wire({ ...thought, responseId: 'other' }, last), 'responseId changes'],
  ['something after an error', wire(error, last), 'something follows the error'],
])('%s is a problem', (_, stream, problem) => {
  expect(readGeminiAnswerStream(stream).problems.join('; ')).toContain(problem)
})

test('each response counts, and a sum is a sum', () => {
  const { usageMetadata: _, ...uncounted } = thought
  expect(read(uncounted, last).usageProblems).toEqual(['a response without usageMetadata'])
  const wrong = { ...last, ...counts({ totalTokenCount: 99 }) }
  expect(read(wrong).usageProblems).toEqual(['totalTokenCount is not the sum'])
})

test('an error is an error and no end, and keeps what was said before', () => {
  expect(read(said([{ text: 'a' }]), error)).toMatchObject({
    done: false,
    error: { message: 'Oh' },
    choices: [{ text: 'a', finishReason: null }],
    problems: [],
  })
})

test("a provider's own call that comes in pieces is one when it is whole", () => {
  const piece = (functionCall: object) => said([{ functionCall }])
  const begin = piece({
    name: 'f',
    partialArgs: [{ jsonPath: '$.a', stringValue: 'x', willContinue: true }],
    willContinue: true,
  })
  const rest = piece({ partialArgs: [{ jsonPath: '$.a', stringValue: 'y' }], willContinue: false })
  const native = (...events: object[]) =>
    readGeminiAnswerStream(wire(...events), { native: true }).choices[0]?.toolCalls
  expect(native(begin)).toEqual([])
  expect(native(begin, rest)).toMatchObject([{ name: 'f', arguments: '{"a":"xy"}' }])
})

test('a whole answer is read as its stream, and a blocked prompt is an end', () => {
  const body = { ...last, candidates: [{ ...last.candidates[0], content: { parts: [{ text: 'Hi' }], role: 'model' } }] }
  expect(readGeminiAnswerBody(body)).toMatchObject({ done: true, problems: [], choices: [{ text: 'Hi' }] })
  const blocked = { promptFeedback: { blockReason: 'SAFETY' }, ...counts(), ...OWN }
  expect(readGeminiAnswerBody(blocked)).toMatchObject({ done: true, choices: [{ finishReason: 'content_filter' }] })
})
