import { expect, test } from 'vitest'
import { type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import { Failure } from '../../../src/chat/failure.ts'
import { writeCompletionAnswer } from '../../../src/formats/openai-completions/write-answer.ts'
import { createCompletionWriter } from '../../../src/formats/openai-completions/write-stream.ts'
import { chunksOf, type Json } from '../../stream/fold.ts'
import { answerInput } from '../answer-input.ts'

const usage = toUsage(15, 28)
const INPUT = answerInput({ envelope: { id: 'cmpl-1', created: 1_714_000_000, model: 'base' } })

function chunks(events: readonly OutputEvent[]): Json[] {
  return chunksOf(events.map(createCompletionWriter(INPUT)).join('')).chunks
}

function choicesOf(events: readonly OutputEvent[]): Json[] {
  return chunks(events).flatMap(({ choices }) => choices as Json[])
}

const say = (text: string, choice = 0): OutputEvent => ({ type: 'text', choice, text })
const extra = (fields: Json, place: 'choice' | 'body' | 'message' = 'choice', choice = 0): OutputEvent => ({
  type: 'extra',
  choice,
  place,
  fields,
})
const end: OutputEvent = { type: 'end', finishes: [{ choice: 0, reason: 'stop' }], usage }
const logprobsOf = (...tokens: readonly unknown[]) => ({
  logprobs: { content: tokens.map((token) => ({ token, logprob: -1, top_logprobs: [{ token, logprob: -1 }] })) },
})

test('fields travel in the next chunk of their choice, those of the body in the next chunk of any', () => {
  const [first, second, last] = chunks([
    extra({ system_fingerprint: 'fp' }, 'body'),
    extra({ stop_reason: 'x' }, 'choice', 1),
    extra({ annotations: [1] }, 'message'),
    say('a'),
    say('b', 1),
    end,
  ])
  expect(first).toMatchObject({ system_fingerprint: 'fp', choices: [{ index: 0, text: 'a' }] })
  expect(second).toMatchObject({ choices: [{ index: 1, text: 'b', stop_reason: 'x' }] })
  expect(last).toMatchObject({ usage, choices: [{ index: 0, text: '', finish_reason: 'stop' }] })
  expect(JSON.stringify([first, second, last])).not.toContain('annotations')
})

test('log probabilities that come without text go out by themselves when there are many', () => {
  const write = createCompletionWriter(INPUT)
  let text = ''
  for (let at = 0; at < 100; at++) text += write(extra(logprobsOf('a')))
  expect(chunksOf(text).chunks.length).toBeGreaterThan(1)
  text += write(end)
  const all = chunksOf(text).chunks.flatMap(({ choices }) => choices as { logprobs?: { tokens: string[] } }[])
  expect(all.flatMap(({ logprobs }) => logprobs?.tokens ?? [])).toHaveLength(100)
})

test('fields of the body that come without text go out by themselves when they are large', () => {
  const large = (name: string) => extra({ [name]: 'x'.repeat(40_000) }, 'body')
  const [first] = chunks([large('a'), large('b')])
  expect(first).toMatchObject({ a: expect.any(String), b: expect.any(String), choices: [{ index: 0, text: '' }] })
})

test('positions of tokens count from the beginning of the choice', () => {
  const seen = choicesOf([say('abc'), say('x', 1), extra(logprobsOf('de', 'f')), say('def'), end])
  expect(seen[2]).toMatchObject({ logprobs: { tokens: ['de', 'f'], text_offset: [3, 5] } })
})

test.each([
  ['an object', { toString: 1, valueOf: 1 }],
  ['a list', [[['a']]]],
  ['missing', undefined],
])('a token that is %s is an empty one', (_, token) => {
  const events = [extra(logprobsOf(token, 'b')), say('b'), end]
  const logprobs = { tokens: ['', 'b'], text_offset: [0, 0], top_logprobs: [{ '': -1 }, { b: -1 }] }
  expect(choicesOf(events)[0]).toMatchObject({ logprobs })
  expect(writeCompletionAnswer(events, INPUT)).toMatchObject({ choices: [{ text: 'b', logprobs }] })
})

test('a refusal is text, and has log probabilities of its own', () => {
  const logprobs = { content: null, refusal: [{ token: 'No', logprob: -1, top_logprobs: [] }] }
  const events: OutputEvent[] = [extra({ logprobs }), { type: 'refusal', choice: 0, text: 'No' }, end]
  expect(choicesOf(events)[0]).toMatchObject({ text: 'No', logprobs: { tokens: ['No'], text_offset: [0] } })
})

test('what cannot be written does not stand in the way of the error that says so', () => {
  const write = createCompletionWriter(INPUT)
  let nested: unknown = 1
  for (let depth = 0; depth < 100_000; depth++) nested = [nested]
  write(say('a'))
  write(extra({ nested }))
  const failure = new Failure('provider-failed', 'No.')
  expect(chunksOf(write({ type: 'error', failure })).chunks).toMatchObject([
    { choices: [{ index: 0, text: '', finish_reason: 'error' }], error: { message: 'No.' } },
  ])
})
