import { Failure } from '../../src/chat/failure.ts'
import { parseChat } from '../../src/chat/request.ts'
import type { PreparedCall, ProviderFormat, Traits } from '../../src/formats/format.ts'

export type Json = Record<string, unknown>

/** A model that can do everything but reason. */
export const ABLE: Traits = {
  contextTokens: 200_000,
  outputTokens: 64_000,
  input: new Set(['text', 'image', 'audio', 'video', 'pdf']),
  output: new Set(['text']),
  tools: true,
  jsonSchema: true,
  temperature: true,
  reasoning: false,
  toggle: false,
}

export interface Asked {
  readonly body: Json
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly dropped: readonly string[]
  readonly prepared: PreparedCall
}

/** Has a format write a request, given as its fields beside `model`. */
export function createAsker<Quirks>(format: ProviderFormat<Quirks>, quirks: Quirks) {
  return (fields: Json, traits: Partial<Traits> = {}, { stream = false, quirk = quirks } = {}): Asked => {
    const chat = parseChat({ model: 'public', messages: [{ role: 'user', content: 'Hello!' }], ...fields })
    let made = 0
    const newId = () => `made_${++made}`
    const prepared = format.prepare({
      chat,
      model: 'theirs',
      stream,
      traits: { ...ABLE, ...traits },
      quirks: quirk,
      newId,
    })
    const { path, headers, body } = prepared.request
    return { body: JSON.parse(body) as Json, path, headers, dropped: prepared.dropped, prepared }
  }
}

/** The failure that asking gives, as its code and the field at fault. */
export function refusal(ask: () => unknown): { code: string | null; param: string | null } {
  try {
    ask()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { code, param } = error.toError()
    return { code, param }
  }
  throw new Error('nothing was refused')
}
