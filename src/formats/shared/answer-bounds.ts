import type { ChatEvent } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'

// No honest answer comes near these bounds. One that exceeds them is malformed; it must not cost other requests time or memory.

/** As many as a message of the next request may hold. */
export const MAX_TOOL_CALLS = 1000
/** As many as a client may ask for (`n`). */
export const MAX_CHOICES = 128
/** Citations of an answer. */
export const MAX_ANNOTATIONS = 1000
/** What a reader may keep from event to event, such as reasoning whose signature comes at the end. */
export const MAX_KEPT_CHARACTERS = 4 * 1024 * 1024

/** A failure that readers throw and `failuresAsEvents` catches. */
export function malformedAnswer(what: string): Failure {
  return new Failure('provider-failed', `The provider's answer is malformed: ${what}.`)
}

/** Counts up from 0. @throws Failure beyond the bound. */
export function createBoundedCounter(max: number, what: string): () => number {
  let count = 0
  return () => {
    if (count >= max) throw malformedAnswer(`it has more than ${max} ${what}`)
    return count++
  }
}

/** Adds up the characters that a reader keeps. @throws Failure beyond the bound. */
export function createKeptBound(): (characters: number) => void {
  let kept = 0
  return (characters) => {
    kept += characters
    if (kept > MAX_KEPT_CHARACTERS) throw malformedAnswer('it begins more than it ends')
  }
}

/**
 * Makes a reader that throws nothing: an answer that it refuses, or that is nested too deeply for the stack, is an error event.
 */
export function failuresAsEvents(
  read: (data: unknown, event: string) => readonly ChatEvent[],
): (data: unknown, event?: string) => readonly ChatEvent[] {
  return (data, event = '') => {
    try {
      return read(data, event)
    } catch (error) {
      if (error instanceof Failure) return [{ type: 'error', failure: error }]
      if (error instanceof RangeError) return [{ type: 'error', failure: malformedAnswer('it is nested too deeply') }]
      throw error
    }
  }
}
