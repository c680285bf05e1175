import { stripVTControlCharacters } from 'node:util'

/** What is shown of a line that wrangler printed; undefined where nothing is. */
type Sift = (line: string) => string | undefined

/** What of wrangler's output is shown to a person: what is wrong, and once Router9 runs what that says of its calls. */
export interface Chatter {
  readonly out: Sift
  readonly err: Sift
  /** From now on what comes on stdout is the Worker's. */
  readonly begin: () => void
}

/** A line of Router9's own log, which wrangler decorates where it warns of something. */
const OWN_LINE = /\{"level":.*\}/
const ERROR = /^(✘ \[ERROR\]|\[wrangler:error\])/
const WARNING = /^(▲ \[WARNING\]|\[wrangler:warn\])/
/** Requests, reloads and where it listens: Router9's lines say more. */
const NEWS = /^(\[wrangler:\w+\]|⎔ )/
/** What belongs to the line before it. */
const CONTINUED = /^(\s|$)/

export function createChatter(): Chatter {
  let begun = false
  return {
    out: siftOf((line) => begun && !NEWS.test(line)),
    err: siftOf(() => true),
    begin: () => {
      begun = true
    },
  }
}

/** Errors are shown as they are, whole; warnings are not; of all other lines `isShown` decides. */
function siftOf(isShown: (line: string) => boolean): Sift {
  let showing = false
  let warned = false
  return (line) => {
    const plain = stripVTControlCharacters(line)
    const [own] = OWN_LINE.exec(plain) ?? []
    if (own !== undefined) {
      showing = false
      return own
    }
    // A warning's reason is an error's text with its stack.
    const isContinued = CONTINUED.test(plain) || (warned && /^\w*Error: /.test(plain))
    if (!isContinued) {
      warned = WARNING.test(plain)
      showing = ERROR.test(plain) || (!warned && isShown(plain))
    }
    return showing ? line : undefined
  }
}
