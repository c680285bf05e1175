import type { AnswerInput } from '../format.ts'
import { createKeptBound } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, toText } from '../shared/fields.ts'
import { sizeOf } from '../shared/kept-reasoning.ts'
import { namesOf } from './write-answer.ts'

/** A stream of Google's own messages, which pass as they are, but for our names. */
export interface NativeStream {
  /** @returns the messages that the client gets now. */
  readonly push: (message: JsonObject) => readonly JsonObject[]
  /** @returns those that end the answer. */
  readonly end: () => readonly JsonObject[]
  /** @returns what those say besides, for a stream that broke and has no end. */
  readonly rest: () => readonly JsonObject[]
}

/** About the memory of a message, beside its text. */
const MESSAGE_CHARACTERS = 500

function isBlocked({ promptFeedback }: JsonObject): boolean {
  return isJsonObject(promptFeedback) && toText(promptFeedback.blockReason) !== undefined
}

export function createNativeStream({ envelope }: AnswerInput): NativeStream {
  const names = namesOf(envelope)
  let held: JsonObject[] = []
  /** The candidates that have a reason to finish. */
  let finished = new Set<unknown>()
  let keep = createKeptBound()

  const release = () => {
    const released = held
    held = []
    finished = new Set()
    keep = createKeptBound()
    return released
  }

  return {
    push: (message) => {
      // What it tells comes as an error of ours.
      if (isJsonObject(message.error)) return []
      const own = { ...message, ...names }
      const candidates = jsonObjectsIn(message.candidates)
      // Some servers give a reason in every message: it is the end only in the last of them.
      const released = candidates.some(({ index }) => finished.has(index)) ? release().map(withoutEnd) : []
      const ended = candidates.filter(({ finishReason }) => toText(finishReason) !== undefined)
      // A blocked prompt is an answer without candidates.
      const isHeld = ended.length > 0 || (candidates.length === 0 && (held.length > 0 || isBlocked(message)))
      if (!isHeld) return [...released, own]
      keep(MESSAGE_CHARACTERS + sizeOf(own))
      held.push(own)
      for (const { index } of ended) finished.add(index)
      return released
    },
    end: release,
    rest: () =>
      release()
        .filter(({ candidates }) => jsonObjectsIn(candidates).length > 0)
        .map(withoutEnd),
  }
}

function withoutEnd(message: JsonObject): JsonObject {
  if (message.candidates === undefined) return message
  const open = jsonObjectsIn(message.candidates).map(
    ({ finishReason: _, finishMessage: __, ...candidate }) => candidate,
  )
  return { ...message, candidates: open }
}
