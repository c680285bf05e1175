import { sizeUpTo } from '../../stream/size.ts'
import type { JsonObject } from './fields.ts'

/** Fields wait for content, but no longer than there are this many: then they go out without any. */
const MAX_WAITING = 32
const MAX_WAITING_CHARACTERS = 64 * 1024

/** Counts the fields that a stream's writer keeps until there is content that they can go out with. */
export interface WaitingFields {
  /** @returns true when too much waits, so that all of it has to go out now. */
  readonly add: (fields: JsonObject) => boolean
  /** Nothing waits any more. */
  readonly clear: () => void
}

export function createWaitingFields(): WaitingFields {
  let count = 0
  let characters = 0
  /** Nearly always one piece waits, for content that comes with it: its size is counted only when there comes another. */
  let unsized: JsonObject | undefined
  return {
    add: (fields) => {
      count++
      if (count === 1) {
        unsized = fields
        return false
      }
      characters += sizeUpTo(unsized, MAX_WAITING_CHARACTERS) + sizeUpTo(fields, MAX_WAITING_CHARACTERS)
      unsized = undefined
      return count > MAX_WAITING || characters > MAX_WAITING_CHARACTERS
    },
    clear: () => {
      count = 0
      characters = 0
      unsized = undefined
    },
  }
}
