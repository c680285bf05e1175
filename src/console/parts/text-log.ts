/** After so many characters the next line begins a new block: the browser lays out only the one that grows. */
const BLOCK_LENGTH = 4000
/** What of a response is kept and shown; all of it is read. */
const MAX_LENGTH = 4_000_000
const CUT = '\n\n… More came than this page keeps: 4 million characters. The request as curl brings all of it.'

/** Text that grows, in memory and in an element of the page, without anything being drawn anew. */
export interface TextLog {
  append(text: string): void
  /** Shows it in this element from now on; `null` ends that. */
  attach(element: HTMLElement | null): void
  /** What is kept, without a word that it is not all. */
  text(): string
}

export function createTextLog(): TextLog {
  const pieces: string[] = []
  let length = 0
  let element: HTMLElement | null = null
  let pending = ''
  let isWaiting = false
  let block: HTMLElement | undefined
  let blockLength = 0
  function show(): void {
    isWaiting = false
    const [text, target] = [pending, element]
    pending = ''
    if (target === null || text === '') return
    for (let from = 0; from < text.length; ) {
      if (block === undefined) {
        block = document.createElement('div')
        blockLength = 0
        target.append(block)
      }
      // A block ends with a line: the break between two blocks is the one that is in the text.
      const line = text.indexOf('\n', from + Math.max(0, BLOCK_LENGTH - blockLength))
      const end = line === -1 ? text.length : line + 1
      block.append(text.slice(from, end))
      blockLength += end - from
      from = end
      if (line !== -1) block = undefined
    }
  }
  return {
    append(text) {
      if (length > MAX_LENGTH) return
      const kept = text.slice(0, MAX_LENGTH - length)
      length += text.length
      pieces.push(kept)
      if (element === null) return
      pending += length > MAX_LENGTH ? kept + CUT : kept
      // Once for each picture that the browser draws, however many pieces come between.
      if (!isWaiting) requestAnimationFrame(show)
      isWaiting = true
    },
    attach(next) {
      if (next === element) return
      element = next
      block = undefined
      next?.replaceChildren()
      pending = pieces.join('') + (length > MAX_LENGTH ? CUT : '')
      show()
    },
    text: () => pieces.join(''),
  }
}
