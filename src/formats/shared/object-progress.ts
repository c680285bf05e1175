/** How much has come of a JSON object that arrives in pieces. `other` is a text that cannot be an object. */
export interface ObjectProgress {
  readonly state: () => 'empty' | 'open' | 'complete' | 'other'
  readonly add: (piece: string) => void
}

/** A longer piece is not examined, since that would make other requests wait. It is `other`. */
const MAX_CHARACTERS = 256 * 1024

/** Reads each character once, and keeps none. */
export function createObjectProgress(): ObjectProgress {
  let state: ReturnType<ObjectProgress['state']> = 'empty'
  let depth = 0
  let quoted = false
  let escaped = false

  /** Reads on within the object, to its end at most. Local variables make it quick. @returns where it stopped. */
  const readWithin = (piece: string, from: number): number => {
    let at = from
    let level = depth
    let inString = quoted
    let afterBackslash = escaped
    while (at < piece.length && level > 0) {
      const code = piece.charCodeAt(at++)
      if (inString) {
        if (afterBackslash) afterBackslash = false
        else if (code === 92 /* \ */) afterBackslash = true
        else if (code === 34 /* " */) inString = false
      } else if (code === 34) inString = true
      else if (code === 123 /* { */ || code === 91 /* [ */) level++
      else if (code === 125 /* } */ || code === 93 /* ] */) level--
    }
    depth = level
    quoted = inString
    escaped = afterBackslash
    return at
  }

  return {
    state: () => state,
    add: (piece) => {
      if (piece.length > MAX_CHARACTERS) state = 'other'
      let at = 0
      while (at < piece.length && state !== 'other') {
        if (state === 'open') {
          at = readWithin(piece, at)
          if (depth === 0) state = 'complete'
          continue
        }
        const code = piece.charCodeAt(at++)
        // White space may stand before and after.
        if (code <= 32) continue
        depth = 1
        state = state === 'empty' && code === 123 ? 'open' : 'other'
      }
    },
  }
}
