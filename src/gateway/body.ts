import { parseJson } from '../chat/exact-json.ts'
import { Failure, quoted } from '../chat/failure.ts'
import { keepsDigits } from '../chat/request.ts'
import { sleep } from '../platform/timeout.ts'
import { findExcess } from '../stream/json-bounds.ts'
import { packingOf, readUpload, type UploadInput, unpack } from './upload.ts'

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** From here on memory is given back as soon as it can be. */
const LARGE_BYTES = 1024 * 1024
/** And each step takes milliseconds: between them other calls have their turn. */
const SLOW_BYTES = 4 * LARGE_BYTES

/**
 * Reads a request body as a JSON object, each of its faults told apart (contract 5).
 * @throws Failure 408, 413, 415, 503, 499, or 400 `invalid_json` and, of what has too much in it, `invalid_value`.
 */
export async function readJsonBody(input: UploadInput): Promise<Record<string, unknown>> {
  const { request, share } = input
  const sent = await readUpload(input)
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new Failure('unsupported-media-type', "Send the body as JSON, with 'content-type: application/json'.")
  }
  const packing = packingOf(request)
  const bytes = packing === undefined ? sent : await unpack(sent, packing, share)
  const value = await parse(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure('invalid-json', 'The request body must be a JSON object.')
  }
  return value as Record<string, unknown>
}

async function parse(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const { byteLength } = bytes
  const pause = async () => {
    if (byteLength > SLOW_BYTES) await sleep(0)
  }
  await pause()
  const text = decode(bytes)
  // Not with the next collection of garbage: the parser needs as much again.
  if (byteLength > LARGE_BYTES) bytes.buffer.transfer(0)
  await pause()
  refuseExcess(text)
  await pause()
  try {
    return parseJson(text, keepsDigits)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('invalid-json', `The request body is not valid JSON.${position(error)}`)
  }
}

function refuseExcess(text: string): void {
  const excess = findExcess(text)
  if (excess === undefined) return
  const { field, complaint } = excess
  if (field === undefined) throw new Failure('invalid-value', `The request body ${complaint}.`)
  throw new Failure('invalid-value', `'${quoted(field)}' ${complaint}.`, { param: field })
}

function decode(bytes: Uint8Array): string {
  try {
    return STRICT_UTF8.decode(bytes)
  } catch {
    throw new Failure('invalid-json', 'The request body is not valid JSON. It is not UTF-8.')
  }
}

/** The parser's own words quote the body; only where it stopped is told. */
function position(error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  const at = /at position (\d+)/.exec(message)?.[1]
  if (at !== undefined) return ` It is broken at position ${at}.`
  return /unexpected end/i.test(message) ? ' It ends too early.' : ''
}
