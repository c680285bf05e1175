import { parseJson } from '../chat/exact-json.ts'
import { Failure, quoted } from '../chat/failure.ts'
import { keepsDigits } from '../chat/request.ts'
import { sleep } from '../platform/timeout.ts'
import { findExcess } from '../stream/json-bounds.ts'
import { decompress, encodingOf, readUpload, type UploadInput } from './upload.ts'

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** The bytes of a body above this size are freed as soon as they are decoded. */
const FREE_EARLY_BYTES = 1024 * 1024
/** Each step takes milliseconds for a body above this size, so other calls get their turn between the steps. */
const PAUSE_BYTES = 4 * FREE_EARLY_BYTES

/**
 * Reads a request body as a JSON object, with an error of its own for everything that can be wrong (contract 5).
 * @throws Failure 408, 413, 415, 503, 499; 400 `invalid_json`; 400 `invalid_value` for a body with too many values.
 */
export async function readJsonBody(input: UploadInput): Promise<Record<string, unknown>> {
  const { request, share, numberShare } = input
  const uploaded = await readUpload(input)
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new Failure('unsupported-media-type', "Send the body as JSON, with 'content-type: application/json'.")
  }
  const encoding = encodingOf(request)
  const bytes = encoding === undefined ? uploaded : await decompress(uploaded, encoding, share)
  share.bodyBytes = bytes.byteLength
  const value = bytes.byteLength > PAUSE_BYTES ? await parseLarge(bytes, numberShare) : parse(bytes, numberShare)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure('invalid-json', 'The request body must be a JSON object.')
  }
  return value as Record<string, unknown>
}

function parse(bytes: Uint8Array<ArrayBuffer>, numberShare: number | undefined): unknown {
  const text = decode(bytes)
  refuseExcess(text, numberShare)
  return parseText(text)
}

/** The same with pauses between the steps. */
async function parseLarge(bytes: Uint8Array<ArrayBuffer>, numberShare: number | undefined): Promise<unknown> {
  await sleep(0)
  const text = decode(bytes)
  await sleep(0)
  refuseExcess(text, numberShare)
  await sleep(0)
  return parseText(text)
}

function parseText(text: string): unknown {
  try {
    return parseJson(text, keepsDigits)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('invalid-json', `The request body is not valid JSON.${errorPosition(error)}`)
  }
}

function refuseExcess(text: string, numberShare?: number): void {
  const excess = findExcess(text, undefined, numberShare)
  if (excess === undefined) return
  const { field, complaint } = excess
  if (field === undefined) throw new Failure('invalid-value', `The request body ${complaint}.`)
  throw new Failure('invalid-value', `'${quoted(field)}' ${complaint}.`, { param: field })
}

function decode(bytes: Uint8Array<ArrayBuffer>): string {
  let text: string
  try {
    text = STRICT_UTF8.decode(bytes)
  } catch {
    throw new Failure('invalid-json', 'The request body is not valid JSON. It is not UTF-8.')
  }
  // Frees the bytes now, not at the next garbage collection: the parser needs as much memory again.
  if (bytes.byteLength > FREE_EARLY_BYTES) bytes.buffer.transfer(0)
  return text
}

/** The position of a syntax error. The rest of the parser's message is not shown, because it quotes the body. */
function errorPosition(error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  const at = /at position (\d+)/.exec(message)?.[1]
  if (at !== undefined) return ` It is broken at position ${at}.`
  return /unexpected end/i.test(message) ? ' It ends too early.' : ''
}
