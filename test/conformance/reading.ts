import { type Draft, newDraft, settle } from './draft.ts'
import { readEvents } from './events.ts'
import type { Expected } from './expected.ts'
import { parseJson } from './json.ts'
import type { Recording } from './manifest.ts'
import { readAnthropicBody, readAnthropicStream } from './read-anthropic.ts'
import { readCohereBody, readCohereStream } from './read-cohere.ts'
import { errorForHttp } from './read-errors.ts'
import { readGeminiBody, readGeminiStream } from './read-gemini.ts'
import { readOllama } from './read-ollama.ts'
import { readOpenAiBody, readOpenAiStream } from './read-openai.ts'
import { readResponsesBody, readResponsesStream } from './read-responses.ts'

/** Says what Router9 must answer for a recording; it shares no code with Router9's own decoders. */
export function readRecording(recording: Recording): Expected {
  const text = new TextDecoder().decode(recording.wire)
  if (recording.status >= 400) return readHttpError(recording.status, text)
  const draft = recording.kind === 'stream' ? readStream(recording, text) : readBody(recording, text)
  const expected = settle(draft)
  expected.notes = [...new Set(expected.notes)]
  return expected
}

function readStream({ api, provider, contentType }: Recording, text: string): Draft {
  if (contentType.startsWith('application/x-ndjson')) return readOllama(text)
  const { events, strays } = readEvents(text)
  if (api === 'responses') return readResponsesStream(events)
  if (provider === 'anthropic') return readAnthropicStream(events)
  if (provider === 'gemini' || provider === 'vertex') return readGeminiStream(events, strays)
  if (provider === 'cohere') return readCohereStream(events)
  return readOpenAiStream(events, provider)
}

function readBody({ api, provider }: Recording, text: string): Draft {
  if (provider === 'ollama-native') return readOllama(text)
  const body = parseJson(text)
  if (body === undefined) return newDraft()
  if (api === 'responses') return readResponsesBody(body)
  if (provider === 'anthropic') return readAnthropicBody(body)
  if (provider === 'gemini' || provider === 'vertex') return readGeminiBody(body)
  if (provider === 'cohere') return readCohereBody(body)
  return readOpenAiBody(body, provider)
}

function readHttpError(status: number, text: string): Expected {
  return { outcome: 'error-before-content', choices: [], ...errorForHttp(status, text) }
}

/**
 * Where reasoning may begin with <think>, a text that so far is a beginning of that tag may be held back: cut right there,
 * nothing has been said yet.
 */
export function orHeldBack(expected: Expected): Expected {
  if (expected.outcome !== 'error-after-content') return expected
  const silent = expected.choices.every(
    ({ text, reasoning, refusal, toolCalls, functionCall }) =>
      '<think>'.startsWith(text.trimStart()) &&
      `${reasoning}${refusal ?? ''}` === '' &&
      toolCalls.length === 0 &&
      functionCall === undefined,
  )
  if (!silent) return expected
  const error = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
  return { ...expected, orElse: { outcome: 'error-before-content', choices: [], error, notes: expected.notes } }
}
