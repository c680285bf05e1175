import { Failure } from '../../chat/failure.ts'
import type { Opened, Sealer } from '../format.ts'
import { isJsonObject, type JsonObject } from '../shared/fields.ts'

/** In place of a signature that was lost: Google then accepts the call without one. */
export const NO_SIGNATURE = 'skip_thought_signature_validator'

/**
 * Seals what a provider wants back into a `thoughtSignature`. In this API those are bytes: some clients decode their base64,
 * and write it again with the letters of URLs.
 */
export function sealSignature(sealer: Sealer, value: unknown): string {
  return btoa(sealer.seal(value))
}

/** Opens a `thoughtSignature` that a client sent back. One of Google's own is foreign. */
export function openSignature(sealer: Sealer, signature: string): Opened {
  const opened = sealer.open(signature)
  if (opened.kind !== 'foreign') return opened
  try {
    return sealer.open(atob(toStandardBase64(signature)))
  } catch (error) {
    if (error instanceof Failure) throw error
    // It is no base64.
    return opened
  }
}

/** Base64 with the letters that all take, from one with the letters of URLs. */
export function toStandardBase64(data: string): string {
  const plus = data.includes('-') ? data.replaceAll('-', '+') : data
  return plus.includes('_') ? plus.replaceAll('_', '/') : plus
}

/**
 * A request in which the first call of each turn has a signature, as Gemini 3 and later require: calls of other makers' models
 * may have none.
 */
export function withSignatures(body: JsonObject): JsonObject {
  const { contents } = body
  if (!Array.isArray(contents)) return body
  let isLacking = true
  let isChanged = false
  const signed = contents.map((content: unknown) => {
    if (!isJsonObject(content)) return content
    if (content.role !== 'model') {
      isLacking = true
      return content
    }
    if (!isLacking) return content
    const parts = listOf(content.parts)
    const at = parts.findIndex((part) => isJsonObject(part) && (part.functionCall ?? part.function_call))
    const part = parts[at]
    if (!isJsonObject(part)) return content
    isLacking = false
    if (part.thoughtSignature || part.thought_signature) return content
    isChanged = true
    return { ...content, parts: parts.with(at, { ...part, thoughtSignature: NO_SIGNATURE }) }
  })
  return isChanged ? { ...body, contents: signed } : body
}

/** Google takes the only element of a list in its place. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

/** A part whose signature Router9 made. */
export interface SealedPart {
  readonly content: number
  readonly part: number
  /** Google's own signature, where another provider handed it on. */
  readonly signature?: string | undefined
}

/** The contents without what is sealed for other providers. @param contents as they came: lists, or their only element. */
export function withoutSealed(contents: unknown, sealed: readonly SealedPart[]): unknown {
  const byContent = new Map<number, Map<number, SealedPart>>()
  for (const one of sealed) {
    const parts = byContent.get(one.content) ?? new Map<number, SealedPart>()
    byContent.set(one.content, parts.set(one.part, one))
  }
  return listOf(contents).flatMap((content, at) => {
    const parts = byContent.get(at)
    if (parts === undefined || !isJsonObject(content)) return [content]
    const own = listOf(content.parts).flatMap((part, index) => withoutSignature(part, parts.get(index)))
    return own.length === 0 ? [] : [{ ...content, parts: own }]
  })
}

/** Nothing is left of a part that had nothing but the signature. */
function withoutSignature(part: unknown, sealed: SealedPart | undefined): unknown[] {
  if (sealed === undefined || !isJsonObject(part)) return [part]
  const { thoughtSignature, thought_signature, ...rest } = part
  const isEmpty = Object.entries(rest).every(([name, value]) => name === 'thought' || value === '' || value === null)
  if (sealed.signature !== undefined) return [{ ...rest, thoughtSignature: sealed.signature }]
  return isEmpty ? [] : [rest]
}
