import { Failure } from '../chat/failure.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { BODY_MAX_BYTES, type BodyShare } from './body-memory.ts'

/** A body up to this size is read at once. The parts of a larger one are counted, and each has its own timeout. */
const PART_BYTES = 256 * 1024
/**
 * A body up to this size mostly comes together with its headers. It gets no timeout, because a timer would cost more than all
 * the rest here. If it does not come, it holds no more than any open connection, and claims no memory.
 */
const NO_TIMEOUT_BYTES = 16 * 1024
const COMPRESSED_PART_BYTES = 16 * 1024

export interface UploadInput {
  readonly request: Request
  readonly share: BodyShare
  /** How long each part of the body may take. */
  readonly timeoutMs: number
  /** As so much of a value counts a number in a list (`createExcessFinder`). */
  readonly numberShare?: number | undefined
}

/**
 * Reads a request body as it was sent, with bounds for bytes, memory and time.
 * @throws Failure 413, 408, 503, or 499 if the client disconnects.
 */
export async function readUpload({ request, share, timeoutMs }: UploadInput): Promise<Uint8Array<ArrayBuffer>> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN)
  if (length > BODY_MAX_BYTES) throw tooLarge()
  if (!(length <= NO_TIMEOUT_BYTES)) return readLarge(request, length, share, timeoutMs)
  let bytes: ArrayBuffer
  try {
    bytes = await request.arrayBuffer()
  } catch {
    throw clientLeft()
  }
  const memory = share.claim(length)
  if (memory !== undefined) await memory
  return new Uint8Array(bytes)
}

/** @param length of the body; NaN where that is not known. */
async function readLarge(
  request: Request,
  length: number,
  share: BodyShare,
  timeoutMs: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const withPartTimeout = async <T>(part: Promise<T>): Promise<T> => {
    const result = await withTimeout(part, timeoutMs).catch(() => {
      throw clientLeft()
    })
    if (result === TIMED_OUT) throw tooSlow()
    return result
  }
  const isLengthKnown = !Number.isNaN(length)
  await share.claim(isLengthKnown ? Math.min(length, PART_BYTES) : PART_BYTES)
  if (length <= PART_BYTES) return new Uint8Array(await withPartTimeout(request.arrayBuffer()))
  if (request.body === null) return new Uint8Array()
  const buffer = createGrowingBuffer(share, isLengthKnown ? length + 1 : BODY_MAX_BYTES + 1)
  const reader = request.body.getReader({ mode: 'byob' })
  const readPart = async () => {
    const part = buffer.freePart()
    return buffer.add(await withPartTimeout(reader.readAtLeast(part.byteLength, part)))
  }
  try {
    let done = await readPart()
    // Memory for the declared length is claimed only after the client has sent something.
    if (isLengthKnown && !done) {
      await share.claim(length)
      buffer.reserve(length + 1)
    }
    while (!done) done = await readPart()
    return buffer.bytes()
  } catch (error) {
    reader.cancel().catch(ignore)
    throw error
  } finally {
    // workerd keeps a locked reader whose last read has failed, and keeps the call alive with it.
    reader.releaseLock()
  }
}

/** A buffer that grows with the body, up to one byte more than the body may have. */
function createGrowingBuffer(share: BodyShare, maxBytes: number) {
  let memory = new ArrayBuffer(0)
  let size = 0
  return {
    bytes: () => new Uint8Array(memory, 0, size),
    /** Grows to the final size at once. */
    reserve: (bytes: number) => {
      memory = memory.transfer(bytes)
    },
    /** The place for the next bytes. */
    freePart: (): Uint8Array<ArrayBuffer> => {
      if (size === memory.byteLength) {
        const capacity = Math.min(Math.max(4 * size, PART_BYTES), maxBytes)
        share.grow(Math.min(capacity, maxBytes - 1))
        memory = memory.transfer(capacity)
      }
      return new Uint8Array(memory, size, Math.min(memory.byteLength - size, PART_BYTES))
    },
    /** Takes over what was read, in the memory that the reader gives back. Returns whether the body has ended. */
    add: ({ value, done }: ReadableStreamReadResult<Uint8Array>): boolean => {
      if (value !== undefined) {
        memory = value.buffer as ArrayBuffer
        size += value.byteLength
      }
      if (size > BODY_MAX_BYTES) throw tooLarge()
      return done
    },
  }
}

export type ContentEncoding = 'gzip' | 'deflate'

/** The content encodings that are decompressed, by their names in HTTP. */
const ENCODINGS: ReadonlyMap<string, ContentEncoding> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
])

/**
 * The content encoding of a request; undefined if it has none.
 * @throws Failure 415 for any other one.
 */
export function encodingOf(request: Request): ContentEncoding | undefined {
  const name = request.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return undefined
  const encoding = ENCODINGS.get(name)
  if (encoding === undefined) {
    const text = "Send the body as it is, or with 'content-encoding: gzip' or 'content-encoding: deflate'."
    throw new Failure('unsupported-media-type', text)
  }
  return encoding
}

/**
 * Decompresses a body, up to the size that a body may have.
 * @throws Failure 413, 503, or 400 if the body is not compressed like that.
 */
export async function decompress(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: ContentEncoding,
  share: BodyShare,
): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new DecompressionStream(encoding)
  const [reader, writer] = [readable.getReader({ mode: 'byob' }), writable.getWriter()]
  const buffer = createGrowingBuffer(share, BODY_MAX_BYTES + 1)
  const read = () => {
    const next = reader.readAtLeast(1, buffer.freePart())
    next.catch(ignore)
    return next
  }
  try {
    let next = read()
    let done = false
    // The platform decompresses all that it is given, and one byte may become a thousand. So it gets small parts, and the
    // output of each is taken away before the next one.
    for (let at = 0; at < bytes.byteLength && !done; at += COMPRESSED_PART_BYTES) {
      await writer.write(bytes.subarray(at, at + COMPRESSED_PART_BYTES))
      for (let result = await withTimeout(next, 0); result !== TIMED_OUT; result = await withTimeout(next, 0)) {
        done = buffer.add(result)
        if (done) break
        next = read()
      }
    }
    const closed = writer.close()
    closed.catch(ignore)
    while (!done) {
      done = buffer.add(await next)
      if (!done) next = read()
    }
    await closed
    return buffer.bytes()
  } catch (error) {
    reader.cancel().catch(ignore)
    writer.abort().catch(ignore)
    if (error instanceof Failure) throw error
    throw new Failure('invalid-json', 'The request body is not whole, or not packed as its content-encoding says.')
  }
}

function ignore(): void {}

/** A body cannot be read if its client has disconnected or does not send HTTP. Both are the client's fault. */
function clientLeft(): Failure {
  return new Failure('client-left', 'The client broke off its upload.')
}

function tooSlow(): Failure {
  return new Failure('upload-timeout', 'The request body did not come in time. Send it again.')
}

function tooLarge(): Failure {
  return new Failure('body-too-large', 'The request body is larger than 20 MiB. Send large files by URL.')
}
