import type { OutputEvent } from '../../chat/event.ts'
import type { StreamWriter } from '../format.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn } from '../shared/fields.ts'
import { toOpenRouterUsage } from '../shared/openrouter.ts'
import type { Completion } from './write-answer.ts'

/**
 * A whole answer in OpenRouter's words. Its clients check what they get against schemas: `system_fingerprint` must be there, log
 * probabilities must be whole, and numbers must not be null.
 */
export function toOpenRouterCompletion({ choices, usage, ...body }: Completion, provider: string | undefined): object {
  return {
    ...body,
    ...(provider === undefined ? {} : { provider }),
    system_fingerprint: typeof body.system_fingerprint === 'string' ? body.system_fingerprint : null,
    choices: choices.map(({ message, ...choice }) => ({ ...choiceFields(choice), message: toMessage(message) })),
    usage: toOpenRouterUsage(usage),
  }
}

/** The same for the events of a stream, whose chunks are written with OpenRouter's names. */
export function withOpenRouterFields(write: StreamWriter): StreamWriter {
  return (event) => {
    const spoken = toEvent(event)
    // Nothing that is left of it needs a chunk.
    return spoken.type === 'extra' && Object.keys(spoken.fields).length === 0 ? '' : write(spoken)
  }
}

function toEvent(event: OutputEvent): OutputEvent {
  if (event.type === 'end') return { ...event, usage: toOpenRouterUsage(event.usage) }
  if (event.type !== 'extra') return event
  const { place, fields } = event
  if (place === 'choice') return { ...event, fields: choiceFields(fields) }
  return place === 'body' ? { ...event, fields: bodyFields(fields) } : event
}

/** Every chunk says who answers. */
function bodyFields({ provider: _, system_fingerprint, ...others }: JsonObject): JsonObject {
  return typeof system_fingerprint === 'string' ? { ...others, system_fingerprint } : others
}

function choiceFields(fields: JsonObject): JsonObject {
  return isJsonObject(fields.logprobs) ? { ...fields, logprobs: toLogprobs(fields.logprobs) } : fields
}

function toMessage(message: unknown): JsonObject {
  const { reasoning_content, ...others } = message as JsonObject
  return reasoning_content === undefined ? others : { ...others, reasoning: reasoning_content }
}

function toLogprobs({ content, refusal, ...others }: JsonObject): JsonObject {
  const list = (tokens: unknown) => (Array.isArray(tokens) ? jsonObjectsIn(tokens).map(toToken) : null)
  return { ...others, content: list(content), refusal: list(refusal) }
}

/** The probability of what is as good as impossible, where JSON has no number for it; OpenAI's servers say it like this. */
const IMPOSSIBLE = -9999

function toToken(given: JsonObject): JsonObject {
  return { ...toCandidate(given), top_logprobs: jsonObjectsIn(given.top_logprobs).map(toCandidate) }
}

function toCandidate({ token, logprob, bytes, ...others }: JsonObject): JsonObject {
  return {
    ...others,
    token: String(token ?? ''),
    logprob: typeof logprob === 'number' ? logprob : IMPOSSIBLE,
    bytes: Array.isArray(bytes) ? bytes : null,
  }
}
