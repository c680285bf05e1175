import type { ChatEvent, OutputEvent } from '../../src/chat/event.ts'
import type { Failure } from '../../src/chat/failure.ts'
import { type Completion, writeCompletion } from '../../src/formats/openai-chat/write-answer.ts'
import type { MessageReader } from '../../src/stream/decode.ts'
import { createStreamFinalizer } from '../../src/stream/finalize.ts'
import type { Json } from './asking.ts'

/** The data of an upstream event, or the word that ends a stream in OpenAI's form. */
export type Message = Json | '[DONE]'

/** Reads upstream messages as the gateway does, up to the end of the stream. */
export function readMessages(decode: MessageReader, messages: readonly Message[], event = ''): OutputEvent[] {
  const settler = createStreamFinalizer(() => 0)
  const said = messages.flatMap((message): OutputEvent[] => [
    ...settler.push(message === '[DONE]' ? [{ type: 'done' }] : decode(structuredClone(message), event)),
  ])
  return [...said, ...settler.close()]
}

/** Reads the events of a whole body as the gateway does. */
export function readWhole(events: readonly ChatEvent[]): OutputEvent[] {
  const settler = createStreamFinalizer(() => 0)
  return [...settler.push(events), ...settler.close()]
}

/** The completion that was said; throws where the answer broke. */
export function completion(said: readonly OutputEvent[]): Completion {
  const whole = writeCompletion(said, { id: 'id', created: 1, model: 'm' }, 'text_completion')
  return whole
}

/** The first choice of what was said, its message spread out. */
export function answerOf(said: readonly OutputEvent[]): Json {
  const { choices, usage, ...rest } = completion(said)
  const [{ message, ...choice } = {}] = choices
  const { id, object, created, model, ...body } = rest
  return { ...(message as Json), ...choice, usage, ...body }
}

/** The failure that an answer ended with. */
export function failureOf(said: readonly OutputEvent[]): Failure {
  const last = said.at(-1)
  if (last?.type !== 'error') throw new Error('the answer did not break')
  return last.failure
}

/** Numbers the ids that an answer leaves out. */
export function counting(): () => string {
  let made = 0
  return () => `made_${++made}`
}
