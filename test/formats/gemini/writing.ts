import { type Finish, type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import type { AnswerInput } from '../../../src/formats/format.ts'
import { writeGenerateContent } from '../../../src/formats/gemini/write-answer.ts'
import { createGeminiWriter, EVENTS, LIST, type StreamFraming } from '../../../src/formats/gemini/write-stream.ts'
import { answerInput } from '../answer-input.ts'
import { PLAIN_SEALER } from '../plain-sealer.ts'

export type Fields = Readonly<Record<string, unknown>>

export interface Candidate {
  readonly content: { readonly role: string; readonly parts: readonly Fields[] }
  readonly index: number
  readonly finishReason?: string
  readonly groundingMetadata?: Fields
  readonly logprobsResult?: Fields
}

/** A response, or an error that stands in its place. */
export interface Response {
  readonly candidates: readonly Candidate[]
  readonly usageMetadata: Fields
  readonly modelVersion: string
  readonly responseId: string
  readonly error?: Fields
}

const choice = 0
export const text = (piece: string, at = choice): OutputEvent => ({ type: 'text', choice: at, text: piece })
export const reasoning = (piece: string): OutputEvent => ({ type: 'reasoning', choice, text: piece })
export const call = (index: number, name = `tool_${index}`, extra_content?: Fields): OutputEvent => {
  const extra = extra_content === undefined ? {} : { extra: { extra_content } }
  return { type: 'tool-start', choice, index, id: `call_${index}`, name, kind: 'function', ...extra }
}
export const input = (index: number, piece: string): OutputEvent => ({ type: 'tool-delta', choice, index, text: piece })
export const extra = (fields: Fields, place: 'message' | 'choice' = 'message'): OutputEvent => ({
  type: 'extra',
  choice,
  place,
  fields,
})
export const native = (message: Fields): OutputEvent => ({ type: 'native', message })
export const ended = (reason: Finish['reason'] = 'stop', usage = toUsage(11, 7)): OutputEvent => ({
  type: 'end',
  finishes: [{ choice, reason }],
  usage,
})

/** What an answer is written from, with the request's body as given. */
export function inputFor(body: Fields = {}): AnswerInput {
  return answerInput({
    source: { format: 'gemini', body },
    sealer: PLAIN_SEALER,
    envelope: { id: 'answer-1', created: 0, model: 'some/model' },
  })
}

/** The text of the stream. */
export function streamed(events: readonly OutputEvent[], answer = inputFor(), framing: StreamFraming = EVENTS): string {
  const write = createGeminiWriter(answer, framing)
  return events.map((event) => write(event)).join('')
}

/** The responses of a stream, which must be framed as Google frames them. */
export function responsesIn(stream: string): Response[] {
  if (stream === '') return []
  if (!stream.endsWith('\r\n\r\n')) throw new Error('the stream ends within an event')
  return stream
    .slice(0, -4)
    .split('\r\n\r\n')
    .map((event) => JSON.parse(/^data: (.*)$/.exec(event)?.[1] ?? ''))
}

/** The responses of a stream as events, which must be those of the stream as a list. */
export function responses(events: readonly OutputEvent[], answer = inputFor()): Response[] {
  const all = responsesIn(streamed(events, answer))
  const list: unknown = JSON.parse(streamed(events, answer, LIST))
  if (JSON.stringify(list) !== JSON.stringify(all)) throw new Error('the list is another stream')
  return all
}

/** The parts of one candidate, in their order. */
export function partsOf(all: readonly Response[], index = choice): Fields[] {
  return all.flatMap(({ candidates }) =>
    candidates.filter((candidate) => candidate.index === index).flatMap(({ content }) => content.parts),
  )
}

export function whole(events: readonly OutputEvent[], answer = inputFor()): Response {
  return writeGenerateContent(events, answer) as Response
}
