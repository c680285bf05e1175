import type { ClientRequest } from '../../../src/formats/format.ts'
import { readGeminiPrompt, readGeminiRequest } from '../../../src/formats/gemini/read-request.ts'
import { PLAIN_SEALER } from '../plain-sealer.ts'

type Fields = Readonly<Record<string, unknown>>

const ASKED = { model: 'some/model', contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] }
const INPUT = { header: () => null, sealer: PLAIN_SEALER }

/** A request as the format reads it, with the given fields beside a greeting. */
export function read(fields: Fields = {}): ClientRequest {
  return readGeminiRequest({ ...ASKED, ...fields }, INPUT)
}

/** A request for a count, with these fields alone. */
export function readPrompt(fields: Fields): ClientRequest {
  return readGeminiPrompt({ model: 'some/model', ...fields }, INPUT)
}
