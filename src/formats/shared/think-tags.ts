import type { ChatEvent } from '../../chat/event.ts'

type Piece = { readonly type: 'text' | 'reasoning'; readonly text: string }

/** Tells reasoning from text in a stream that marks it with `<think>…</think>`, cut anywhere (translation 3). */
export interface ThinkTagSplitter {
  readonly feed: (text: string) => readonly Piece[]
  /** The provider told the reasoning apart itself, so that no tag is taken for open before it comes. */
  readonly markReasoningSeparate: () => void
  /** The stream has ended: what might have become a tag is text after all. */
  readonly end: () => readonly Piece[]
}

const OPEN = '<think>'
const CLOSE = '</think>'
/** White space before a tag that is still to come; more of it is text. */
const MAX_HELD = 1000

/**
 * The opening tag counts at the beginning of the answer only: later it is something that the model writes about. White
 * space before it, and after the closing one, is dropped on purpose (Groq, Fireworks, …): it only sets off the tags, and
 * where the provider tells reasoning apart itself the text does not begin with it either. Within the tags all is kept.
 * @param opened the template has opened the tag, which may come once more all the same.
 */
export function createThinkTagSplitter(opened = false): ThinkTagSplitter {
  let untagged: 'thinking' | 'text' = opened ? 'thinking' : 'text'
  let mode: 'start' | 'thinking' | 'gap' | 'text' = 'start'
  let held = ''

  const step = (pieces: Piece[]): boolean => {
    switch (mode) {
      case 'start': {
        const begun = held.trimStart()
        if (begun.startsWith(OPEN)) {
          held = begun.slice(OPEN.length)
          mode = 'thinking'
          return true
        }
        if (OPEN.startsWith(begun) && held.length < MAX_HELD) return false
        mode = untagged
        return true
      }
      case 'thinking': {
        const end = held.indexOf(CLOSE)
        if (end >= 0) {
          if (end > 0) pieces.push({ type: 'reasoning', text: held.slice(0, end) })
          held = held.slice(end + CLOSE.length)
          mode = 'gap'
          return true
        }
        const safe = held.length - tailThatMayBecome(CLOSE, held)
        if (safe > 0) pieces.push({ type: 'reasoning', text: held.slice(0, safe) })
        held = held.slice(safe)
        return false
      }
      case 'gap': {
        held = held.trimStart()
        if (held === '') return false
        mode = 'text'
        return true
      }
      case 'text': {
        if (held !== '') pieces.push({ type: 'text', text: held })
        held = ''
        return false
      }
      default:
        return mode satisfies never
    }
  }

  const run = (text: string): readonly Piece[] => {
    const pieces: Piece[] = []
    held += text
    while (step(pieces));
    return pieces
  }

  return {
    feed: run,
    markReasoningSeparate: () => {
      untagged = 'text'
    },
    end: () => {
      const rest = held
      held = ''
      if (rest === '') return []
      const thinking = mode === 'thinking' || (mode === 'start' && untagged === 'thinking')
      return [{ type: thinking ? 'reasoning' : 'text', text: rest }] satisfies Partial<ChatEvent>[]
    },
  }
}

/** Some templates open the tag themselves, so that the model only closes it. Of a stream that must be known before. */
export function withOpenTag(text: string): string {
  return text.includes(CLOSE) && !text.includes(OPEN) ? OPEN + text : text
}

function tailThatMayBecome(tag: string, text: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length
  }
  return 0
}
