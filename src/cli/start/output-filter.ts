import { stripVTControlCharacters } from 'node:util'

/** Returns what to show of a line that wrangler printed; undefined where it shows nothing. */
type LineFilter = (line: string) => string | undefined

/** Chooses what a person sees of wrangler's output: its errors, and the Worker's own lines once it runs. */
export interface OutputFilter {
  readonly stdout: LineFilter
  readonly stderr: LineFilter
  /** The Worker is ready: from now on, lines on stdout are its own. */
  readonly workerIsReady: () => void
}

/** A line of Router9's log. Wrangler puts its own mark before it where its level is a warning or an error. */
const LOG_LINE = /\{"level":.*\}/
const ERROR = /^(✘ \[ERROR\]|\[wrangler:error\])/
const WARNING = /^(▲ \[WARNING\]|\[wrangler:warn\])/
/** Requests, reloads and the address. Router9's own lines say more. */
const WRANGLER_NEWS = /^(\[wrangler:\w+\]|⎔ )/
/** A part of the message that began on a line before. */
const CONTINUATION = /^(\s|$)/

/** @param showsLog whether a line is shown of each call */
export function createOutputFilter(showsLog = true): OutputFilter {
  let isReady = false
  return {
    stdout: createLineFilter(showsLog, (line) => isReady && !WRANGLER_NEWS.test(line)),
    stderr: createLineFilter(showsLog, () => true),
    workerIsReady: () => {
      isReady = true
    },
  }
}

/** Shows errors as they are, with all their lines, and no warnings. `isShown` decides about all other lines. */
function createLineFilter(showsLog: boolean, isShown: (line: string) => boolean): LineFilter {
  let showsMessage = false
  let isWarning = false
  return (line) => {
    const plain = stripVTControlCharacters(line)
    const [logLine] = LOG_LINE.exec(plain) ?? []
    if (logLine !== undefined) {
      showsMessage = false
      return showsLog ? logLine : undefined
    }
    // After a warning, its reason follows as an error's text and stack.
    const isContinuation = CONTINUATION.test(plain) || (isWarning && /^\w*Error: /.test(plain))
    if (!isContinuation) {
      isWarning = WARNING.test(plain)
      showsMessage = ERROR.test(plain) || (!isWarning && isShown(plain))
    }
    return showsMessage ? line : undefined
  }
}
