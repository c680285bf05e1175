/** After so many characters the next line begins a new block: the browser lays out only the one that grows. */
const BLOCK_LENGTH = 4000
/** What of a response is shown; all of it is read. */
const MAX_LENGTH = 4_000_000

/** Text that grows, in memory and in an element of the page, without anything being drawn anew. */
export interface TextLog {
  append(text: string): void
  /** Shows it in this element from now on; `null` ends that. */
  attach(element: HTMLElement | null): void
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
      length += text.length
      const kept = length > MAX_LENGTH ? `${text}\n… (longer than what is shown here)` : text
      pieces.push(kept)
      if (element === null) return
      pending += kept
      // Once for each picture that the browser draws, however many pieces come between.
      if (!isWaiting) requestAnimationFrame(show)
      isWaiting = true
    },
    attach(next) {
      if (next === element) return
      element = next
      block = undefined
      next?.replaceChildren()
      pending = pieces.join('')
      show()
    },
    text: () => pieces.join(''),
  }
}
