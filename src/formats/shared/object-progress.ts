/** How far a JSON object has come that arrives in pieces. `other` is a text that cannot be one. */
export interface ObjectProgress {
  readonly state: () => 'empty' | 'open' | 'complete' | 'other'
  readonly add: (piece: string) => void
}

/** Of a piece that is longer nobody needs to know whether it is one object: to look would make others wait. */
const MAX_CHARACTERS = 256 * 1024

/** Looks at each character once, and keeps none. */
export function createObjectProgress(): ObjectProgress {
  let state: ReturnType<ObjectProgress['state']> = 'empty'
  let depth = 0
  let quoted = false
  let escaped = false

  /** Goes on within the object, to its end at most; says where it has stopped. Local variables are what makes it quick. */
  const goOn = (piece: string, from: number): number => {
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
          at = goOn(piece, at)
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
