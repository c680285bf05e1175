const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')

/** What a reader of messages tells as it goes. */
export interface HttpListener {
  readonly head: (head: string) => void
  readonly body: (piece: Buffer) => void
  readonly end: () => void
}

/** Reads HTTP/1.1 messages, one after the other, from the bytes of one connection, cut anywhere. */
export interface HttpReader {
  readonly feed: (bytes: Buffer) => void
}

/**
 * As little as a load generator and a mock upstream need, for they must be cheaper than what they measure: bodies by
 * content-length or chunked, no trailers; a message without either has no body.
 */
export function createHttpReader({ head, body, end }: HttpListener): HttpReader {
  let held: Buffer | undefined
  let state: 'head' | 'length' | 'size' | 'chunk' | 'last' = 'head'
  // Bytes that still belong to the body or to the chunk with its line end.
  let left = 0

  const begin = (text: string): void => {
    head(text)
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
    left = Number(length ?? 0)
    if (/\r\ntransfer-encoding: *chunked/i.test(text)) state = 'size'
    else if (left > 0) state = 'length'
    else finish()
  }
  const finish = () => {
    state = 'head'
    end()
  }
  /** @returns how many bytes were used; 0 where more are needed first. */
  const step = (bytes: Buffer, from: number): number => {
    switch (state) {
      case 'head': {
        const at = bytes.indexOf(HEAD_END, from)
        if (at < 0) return 0
        begin(bytes.toString('latin1', from, at))
        return at + 4 - from
      }
      case 'length': {
        const piece = bytes.subarray(from, from + left)
        body(piece)
        left -= piece.length
        if (left === 0) finish()
        return piece.length
      }
      case 'size': {
        const at = bytes.indexOf(LINE_END, from)
        if (at < 0) return 0
        left = Number.parseInt(bytes.toString('latin1', from, at), 16) + 2
        state = left === 2 ? 'last' : 'chunk'
        return at + 2 - from
      }
      case 'chunk': {
        const size = Math.min(left, bytes.length - from)
        const content = Math.min(size, left - 2)
        if (content > 0) body(bytes.subarray(from, from + content))
        left -= size
        if (left === 0) state = 'size'
        return size
      }
      case 'last':
        if (bytes.length - from < 2) return 0
        finish()
        return 2
    }
  }
  return {
    feed: (bytes) => {
      const whole = held === undefined ? bytes : Buffer.concat([held, bytes])
      held = undefined
      let at = 0
      while (at < whole.length) {
        const used = step(whole, at)
        if (used === 0) {
          held = whole.subarray(at)
          return
        }
        at += used
      }
    },
  }
}
