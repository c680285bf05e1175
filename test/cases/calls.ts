import type { Script } from './scripted.ts'
import { chunk, sse, stream, USAGE_CHUNK } from './wires.ts'

export const PARIS = '{"city":"Paris"}'
export const ROME = '{"city":"Rome"}'
/** Two calls as the client must see them. */
export const TWO = [
  { index: 0, id: 'call_a', name: 'get_weather', arguments: PARIS },
  { index: 1, id: 'call_b', name: 'get_weather', arguments: ROME },
]

/** A call of OpenAI's in one delta. */
export function call(index: number | undefined, id: string | undefined, name: string | undefined, text: string) {
  const at = index === undefined ? {} : { index }
  return { ...at, ...(id && { id, type: 'function' }), function: { ...(name && { name }), arguments: text } }
}

/** A stream of OpenAI's form with these deltas. */
export function openaiStream(finish: string, ...deltas: readonly object[]): Script {
  const chunks = deltas.map((delta) => chunk(delta as Record<string, unknown>))
  return stream(sse(chunk({ role: 'assistant', content: null }), ...chunks, chunk({}, finish), USAGE_CHUNK, '[DONE]'))
}
