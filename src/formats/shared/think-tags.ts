import type { ChatEvent } from '../../chat/event.ts'

type Piece = { readonly type: 'text' | 'reasoning'; readonly text: string }

/** Separates reasoning from text in a stream that marks it with `<think>…</think>`, cut anywhere (translation 3.1). */
export interface ThinkTagSplitter {
  readonly feed: (text: string) => readonly Piece[]
  /** The provider sends reasoning in a field of its own, so the answer does not begin within a tag. */
  readonly markReasoningSeparate: () => void
  /** The end of the stream: what might have become a tag is text. */
  readonly end: () => readonly Piece[]
}

const OPEN = '<think>'
const CLOSE = '</think>'
/** How much white space may be held back before a tag; more is text. */
const MAX_HELD = 1000

/**
 * An opening tag counts only at the beginning of the answer: later it is something that the model writes about. White space
 * before it and after the closing tag is dropped on purpose. It only sets off the tags, and providers that send reasoning in a
 * field of its own have none there. Within the tags everything is kept.
 * @param opened the model's template has opened the tag already; it may come again nevertheless.
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

/** Adds an opening tag that the model's template held, so that the answer has only the closing one. In a stream this must be known before. */
export function withOpenTag(text: string): string {
  return text.includes(CLOSE) && !text.includes(OPEN) ? OPEN + text : text
}

function tailThatMayBecome(tag: string, text: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length
  }
  return 0
}
