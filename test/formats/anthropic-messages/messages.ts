import Anthropic from '@anthropic-ai/sdk'
import { type OutputEvent, toUsage } from '../../../src/chat/event.ts'
import { anthropicMessages } from '../../../src/formats/anthropic-messages/client.ts'
import type { AnswerInput, ClientRequest } from '../../../src/formats/format.ts'
import { answerInput } from '../answer-input.ts'
import { PLAIN_SEALER } from '../plain-sealer.ts'

type Fields = Readonly<Record<string, unknown>>

const ASKED = { model: 'some/model', max_tokens: 1000, messages: [{ role: 'user', content: 'Hi' }] }

/** A request as the format reads it, with the given fields beside a greeting. */
export function read(fields: Fields = {}, sealer = PLAIN_SEALER): ClientRequest {
  return anthropicMessages.readRequest({ ...ASKED, ...fields }, { header: () => null, sealer })
}

/** What an answer to such a request is written from. */
export function inputFor(fields: Fields = {}): AnswerInput {
  const { chat, source } = read(fields)
  return answerInput({
    chat,
    source,
    sealer: PLAIN_SEALER,
    envelope: { id: 'msg_1', created: 0, model: 'some/model' },
  })
}

export const END: OutputEvent = { type: 'end', finishes: [{ choice: 0, reason: 'stop' }], usage: toUsage(11, 7) }

/** The text of the stream. */
export function streamed(events: readonly OutputEvent[], answer: AnswerInput = inputFor()): string {
  const write = anthropicMessages.streamWriter(answer)
  return events.map((event) => write(event)).join('')
}

export interface StreamEvent extends Fields {
  readonly type: string
}

/** The events of a stream, whose names must be their types. */
export function eventsOf(text: string): StreamEvent[] {
  return text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => {
      const [, name, data] = /^event: (\S+)\ndata: (.*)$/s.exec(event) ?? []
      const json = JSON.parse(data ?? '')
      if (json.type !== name) throw new Error(`the event ${name} is a ${json.type}`)
      return json
    })
}

/** The message that Anthropic's own client adds up from a stream. */
export function foldedBySdk(text: string): Promise<Anthropic.Message> {
  const fetch = async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } })
  const client = new Anthropic({ apiKey: 'none', baseURL: 'http://127.0.0.1:9', fetch, maxRetries: 0 })
  return client.messages.stream({ ...ASKED, messages: [{ role: 'user', content: 'Hi' }] }).finalMessage()
}
