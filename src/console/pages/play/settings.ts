import { readJson } from '../../parts/json-fault.ts'
import type { Draft } from './draft.ts'

export type Json = Readonly<Record<string, unknown>>

/** A function that the model may call. */
export interface Tool {
  readonly name: string
  readonly description?: string
  readonly parameters?: unknown
}

/** What the texts of the draft mean, and what is wrong with them, by field. */
export interface Settings {
  readonly tools: readonly Tool[]
  readonly schema: Json | undefined
  readonly extra: Json
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  readonly faults: Partial<Record<'tools' | 'schema' | 'extra' | 'temperature' | 'maxTokens' | 'messages', string>>
}

export function readSettings(draft: Draft): Settings {
  const faults: Record<string, string> = {}
  function reading<Value>(field: string, otherwise: Value, read: () => Value): Value {
    try {
      return read()
    } catch (error) {
      faults[field] = (error as Error).message
      return otherwise
    }
  }
  const hasContent = draft.messages.some(({ text, images }) => text.trim() !== '' || images.length > 0)
  if (!hasContent) faults.messages = 'Write a message first.'
  return {
    tools: reading('tools', [], () => readTools(draft.tools)),
    schema: reading('schema', undefined, () => (draft.schema.trim() === '' ? undefined : readObject(draft.schema))),
    extra: reading('extra', {}, () => (draft.extra.trim() === '' ? {} : readObject(draft.extra))),
    temperature: reading('temperature', undefined, () => readNumber(draft.temperature, 'Temperature', 0, 2)),
    maxTokens: reading('maxTokens', undefined, () => readNumber(draft.maxTokens, 'Max tokens', 1)),
    faults,
  }
}

/** Tools in OpenAI's shape, in Anthropic's, or bare: `[{"name": …, "parameters": …}]`. */
function readTools(text: string): readonly Tool[] {
  if (text.trim() === '') return []
  const value = readJson(text)
  const list = Array.isArray(value) ? value : [value]
  return list.map((entry, at) => {
    const fields = (entry ?? {}) as Json
    const { name, description, parameters, input_schema } = (fields.function ?? fields) as Json
    if (typeof name !== 'string' || name === '') throw new Error(`Tool ${at + 1} needs a "name".`)
    const schema = parameters ?? input_schema
    if (schema !== undefined && !isObject(schema)) throw new Error(`"parameters" of ${name} must be a JSON schema.`)
    return {
      name,
      ...(typeof description === 'string' && { description }),
      ...(schema !== undefined && { parameters: schema }),
    }
  })
}

function readObject(text: string): Json {
  const value = readJson(text)
  if (!isObject(value)) throw new Error('This must be a JSON object.')
  return value
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readNumber(text: string, name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (text.trim() === '') return undefined
  const value = Number(text)
  if (value >= min && value <= max) return value
  throw new Error(max < 100 ? `${name} is a number from ${min} to ${max}.` : `${name} is a number from ${min} on.`)
}
