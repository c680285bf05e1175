/** A block of lines after which the next one begins: the browser lays out only the one that grows. */
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
    for (const part of blocksOf(text)) {
      if (block === undefined || blockLength > BLOCK_LENGTH) {
        block = document.createElement('span')
        blockLength = 0
        target.append(block)
      }
      block.append(part)
      blockLength += part.length
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

function* blocksOf(text: string): Iterable<string> {
  for (let at = 0; at < text.length; at += BLOCK_LENGTH) yield text.slice(at, at + BLOCK_LENGTH)
}
