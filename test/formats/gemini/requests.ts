import type { ClientRequest, Sealer } from '../../../src/formats/format.ts'
import { readGeminiPrompt, readGeminiRequest } from '../../../src/formats/gemini/read-request.ts'

/** Seals so that a test can read it. */
export const PLAIN_SEALER: Sealer = {
  seal: (value) => `ours:${JSON.stringify(value)}`,
  open: (text) => (text.startsWith('ours:') ? openPlain(text.slice(5)) : { kind: 'foreign' }),
}

function openPlain(text: string): ReturnType<Sealer['open']> {
  try {
    return { kind: 'ours', value: JSON.parse(text) }
  } catch {
    return { kind: 'forged' }
  }
}

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
