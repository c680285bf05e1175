import type { ChatEvent, Said } from '../../src/chat/event.ts'
import { Failure } from '../../src/chat/failure.ts'
import type { Decoder } from '../../src/dialects/dialect.ts'
import { type Completion, collect } from '../../src/stream/collect.ts'
import { createSettler } from '../../src/stream/settle.ts'
import type { Json } from './asking.ts'

/** The data of an upstream event, or the word that ends a stream in OpenAI's form. */
export type Message = Json | '[DONE]'

/** Reads upstream messages as the gateway does, up to the end of the stream. */
export function readMessages(decode: Decoder, messages: readonly Message[], event = ''): Said[] {
  const settler = createSettler(() => 0)
  const said = messages.flatMap((message): Said[] => [
    ...settler.take(message === '[DONE]' ? [{ type: 'done' }] : decode(structuredClone(message), event)),
  ])
  return [...said, ...settler.close()]
}

/** Reads the events of a whole body as the gateway does. */
export function readWhole(events: readonly ChatEvent[]): Said[] {
  const settler = createSettler(() => 0)
  return [...settler.take(events), ...settler.close()]
}

/** The completion that was said; throws where the answer broke. */
export function completion(said: readonly Said[]): Completion {
  const whole = collect(said, { id: 'id', created: 1, model: 'm' }, 'text_completion')
  if (whole instanceof Failure) throw whole
  return whole
}

/** The first choice of what was said, its message spread out. */
export function answerOf(said: readonly Said[]): Json {
  const { choices, usage, ...rest } = completion(said)
  const [{ message, ...choice } = {}] = choices
  const { id, object, created, model, ...body } = rest
  return { ...(message as Json), ...choice, usage, ...body }
}

/** The failure that an answer ended with. */
export function failureOf(said: readonly Said[]): Failure {
  const last = said.at(-1)
  if (last?.type !== 'error') throw new Error('the answer did not break')
  return last.failure
}

/** Numbers the ids that an answer leaves out. */
export function counting(): () => string {
  let made = 0
  return () => `made_${++made}`
}
