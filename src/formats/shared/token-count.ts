import type { ProviderRequest, TokenCount } from '../format.ts'
import { isJsonObject, type JsonObject } from './fields.ts'

interface CountInput {
  readonly path: string
  readonly body: () => JsonObject
  /** The member of the answer that holds the count. */
  readonly member: string
}

/** How the length of a prompt is asked for, made from the request that would be sent for an answer. */
export function tokenCount(request: ProviderRequest, { path, body, member }: CountInput): TokenCount {
  return {
    request: () => ({ ...request, path, body: JSON.stringify(body()) }),
    read: (answer) => (isJsonObject(answer) && typeof answer[member] === 'number' ? answer[member] : Number.NaN),
  }
}

/** These fields of a body, as far as it has them. */
export function pickFields(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]))
}
