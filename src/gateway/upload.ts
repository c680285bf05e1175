import { Failure } from '../chat/failure.ts'
import { TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { BODY_MAX_BYTES, type BodyShare } from './body-memory.ts'

/** A body of this size is read in one go; of a larger one each part is counted and timed as it comes. */
const PART_BYTES = 256 * 1024
/**
 * A body of this size is there with its headers, mostly: a timer of its own would cost more than all else here. One that does not
 * come holds no more than any open connection does, and takes no share before it is there.
 */
const UNTIMED_BYTES = 16 * 1024
const PACKED_PART_BYTES = 16 * 1024

export interface UploadInput {
  readonly request: Request
  readonly share: BodyShare
  /** How long each part of a body may take. */
  readonly timeoutMs: number
}

/**
 * Reads a request's body as it was sent, bounded in bytes, memory and time.
 * @throws Failure 413, 408, 503, or 499 where the client breaks off.
 */
export async function readUpload({ request, share, timeoutMs }: UploadInput): Promise<Uint8Array<ArrayBuffer>> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN)
  if (length > BODY_MAX_BYTES) throw tooLarge()
  if (length <= UNTIMED_BYTES) {
    const bytes = new Uint8Array(await request.arrayBuffer().catch(brokenOff))
    await share.claim(length)
    return bytes
  }
  const inTime = async <T>(part: Promise<T>): Promise<T> => {
    const came = await withTimeout(part.catch(brokenOff), timeoutMs)
    if (came === TIMED_OUT) throw tooSlow()
    return came
  }
  const isKnown = !Number.isNaN(length)
  await share.claim(isKnown ? Math.min(length, PART_BYTES) : PART_BYTES)
  if (length <= PART_BYTES) return new Uint8Array(await inTime(request.arrayBuffer()))
  if (request.body === null) return new Uint8Array()
  const whole = createWhole(share, isKnown ? length + 1 : BODY_MAX_BYTES + 1)
  const reader = request.body.getReader({ mode: 'byob' })
  const readPart = async () => {
    const part = whole.room()
    return whole.add(await inTime(reader.readAtLeast(part.byteLength, part)))
  }
  try {
    let done = await readPart()
    // Only who has sent something gets room for all that was told.
    if (isKnown && !done) {
      await share.claim(length)
      whole.reserve(length + 1)
    }
    while (!done) done = await readPart()
    return whole.bytes()
  } catch (error) {
    reader.cancel().catch(ignore)
    throw error
  } finally {
    // workerd keeps a locked reader whose last read failed, and the call with it.
    reader.releaseLock()
  }
}

/** A buffer that grows with what has come, up to one byte more than may come. */
function createWhole(share: BodyShare, mostBytes: number) {
  let buffer = new ArrayBuffer(0)
  let size = 0
  return {
    bytes: () => new Uint8Array(buffer, 0, size),
    /** Makes it as large as it is going to be. */
    reserve: (bytes: number) => {
      buffer = buffer.transfer(bytes)
    },
    /** Where the next bytes are to be read to. */
    room: (): Uint8Array<ArrayBuffer> => {
      if (size === buffer.byteLength) {
        const capacity = Math.min(Math.max(4 * size, PART_BYTES), mostBytes)
        share.grow(Math.min(capacity, mostBytes - 1))
        buffer = buffer.transfer(capacity)
      }
      return new Uint8Array(buffer, size, Math.min(buffer.byteLength - size, PART_BYTES))
    },
    /** Takes what was read, in the buffer that went there and came back; whether that is the end. */
    add: ({ value, done }: ReadableStreamReadResult<Uint8Array>): boolean => {
      if (value !== undefined) {
        buffer = value.buffer as ArrayBuffer
        size += value.byteLength
      }
      if (size > BODY_MAX_BYTES) throw tooLarge()
      return done
    },
  }
}

export type Packing = 'gzip' | 'deflate'

/** The ways of packing that are unpacked, by the names that HTTP has for them. */
const FORMATS: ReadonlyMap<string, Packing> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
])

/** The packing that a request names; undefined where it names none. */
export function packingOf(request: Request): Packing | undefined {
  const name = request.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return undefined
  const format = FORMATS.get(name)
  if (format === undefined) {
    const text = "Send the body as it is, or with 'content-encoding: gzip' or 'content-encoding: deflate'."
    throw new Failure('unsupported-media-type', text)
  }
  return format
}

/**
 * Unpacks a body, and no more of it than a body may have.
 * @throws Failure 413, 503, or 400 where it was not packed like that.
 */
export async function unpack(
  bytes: Uint8Array<ArrayBuffer>,
  format: Packing,
  share: BodyShare,
): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new DecompressionStream(format)
  const [reader, writer] = [readable.getReader({ mode: 'byob' }), writable.getWriter()]
  const whole = createWhole(share, BODY_MAX_BYTES + 1)
  const read = () => {
    const next = reader.readAtLeast(1, whole.room())
    next.catch(ignore)
    return next
  }
  try {
    let next = read()
    let done = false
    // The platform unpacks all of what it is given, and a byte may become a thousand: little by little, and what came of
    // that is taken away before there is more.
    for (let at = 0; at < bytes.byteLength && !done; at += PACKED_PART_BYTES) {
      await writer.write(bytes.subarray(at, at + PACKED_PART_BYTES))
      for (let came = await withTimeout(next, 0); came !== TIMED_OUT; came = await withTimeout(next, 0)) {
        done = whole.add(came)
        if (done) break
        next = read()
      }
    }
    const closed = writer.close()
    closed.catch(ignore)
    while (!done) {
      done = whole.add(await next)
      if (!done) next = read()
    }
    await closed
    return whole.bytes()
  } catch (error) {
    reader.cancel().catch(ignore)
    writer.abort().catch(ignore)
    if (error instanceof Failure) throw error
    throw new Failure('invalid-json', 'The request body is not whole, or not packed as its content-encoding says.')
  }
}

function ignore(): void {}

/** What keeps a body from being read is its client's doing: it has left, or what it sends is no HTTP. */
function brokenOff(): never {
  throw new Failure('client-left', 'The client broke off its upload.')
}

function tooSlow(): Failure {
  return new Failure('upload-timeout', 'The request body did not come in time. Send it again.')
}

function tooLarge(): Failure {
  return new Failure('body-too-large', 'The request body is larger than 20 MiB. Send large files by URL.')
}
