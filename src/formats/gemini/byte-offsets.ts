/** Converts positions in a growing text from bytes of UTF-8 to characters. */
export interface ByteOffsets {
  readonly add: (text: string) => void
  /** The number of whole characters before a byte; 0 for anything but a positive number. */
  readonly characterAt: (byte: unknown) => number
}

/** A piece of the text, and how many characters and bytes stand before it. */
interface Block {
  readonly text: string
  readonly character: number
  readonly byte: number
}

const BLOCK_CHARACTERS = 256

/**
 * Goes through each character once, and through one block for each position. Positions are converted again and again while
 * the text grows, so a search that starts at the text's beginning would cost its square.
 * @param maxCharacters characters that are counted: every position behind them is their end.
 */
export function createByteOffsets(maxCharacters: number): ByteOffsets {
  const blocks: Block[] = []
  let added: string[] = []
  let length = 0
  let character = 0
  let byte = 0

  const divideAdded = () => {
    const text = added.join('')
    added = []
    for (let from = 0; from < text.length; ) {
      const end = from + BLOCK_CHARACTERS
      // A pair of surrogates is one character of four bytes, so it must not be cut in two.
      const block = text.slice(from, isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end)
      blocks.push({ text: block, character, byte })
      character += block.length
      byte += bytesOf(block)
      from += block.length
    }
  }

  return {
    add: (text) => {
      if (length >= maxCharacters) return
      length += text.length
      added.push(text)
    },
    characterAt: (position) => {
      if (typeof position !== 'number' || !(position > 0)) return 0
      if (added.length > 0) divideAdded()
      if (position >= byte) return character
      const block = blockAt(blocks, position)
      return block === undefined ? 0 : block.character + charactersIn(block.text, position - block.byte)
    },
  }
}

/** The last block that begins at or before a byte. */
function blockAt(blocks: readonly Block[], byte: number): Block | undefined {
  let low = 0
  let high = blocks.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((blocks[middle]?.byte ?? 0) <= byte) low = middle + 1
    else high = middle
  }
  return blocks[low - 1]
}

function charactersIn(text: string, bytes: number): number {
  let left = bytes
  let characters = 0
  for (const character of text) {
    left -= bytesOf(character)
    if (left < 0) break
    characters += character.length
  }
  return characters
}

function bytesOf(text: string): number {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}
