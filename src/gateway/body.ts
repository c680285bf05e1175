import { parseJson } from '../chat/exact-json.ts'
import { Failure } from '../chat/failure.ts'
import { keepsDigits } from '../chat/request.ts'

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** The largest request body (contract 5). */
export const BODY_MAX_BYTES = 20 * 1024 * 1024

/**
 * Reads a request body as a JSON object, each of its faults told apart (contract 5).
 * @throws Failure 413, 415, or 400 `invalid_json`.
 */
export async function readJsonBody(request: Request): Promise<Record<string, unknown>> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN)
  if (length > BODY_MAX_BYTES) throw tooLarge()
  const bytes = Number.isNaN(length) ? await readBounded(request) : new Uint8Array(await request.arrayBuffer())
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new Failure('unsupported-media-type', "Send the body as JSON, with 'content-type: application/json'.")
  }
  let value: unknown
  try {
    value = parseJson(STRICT_UTF8.decode(bytes), keepsDigits)
  } catch (error) {
    const reason = error instanceof SyntaxError ? position(error) : ' It is not UTF-8.'
    throw new Failure('invalid-json', `The request body is not valid JSON.${reason}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure('invalid-json', 'The request body must be a JSON object.')
  }
  return value as Record<string, unknown>
}

/** The parser's own words quote the body; only where it stopped is told. */
function position(error: SyntaxError): string {
  const at = /at position (\d+)/.exec(error.message)?.[1]
  if (at !== undefined) return ` It is broken at position ${at}.`
  return /unexpected end/i.test(error.message) ? ' It ends too early.' : ''
}

function tooLarge(): Failure {
  return new Failure('body-too-large', 'The request body is larger than 20 MiB. Send large files by URL.')
}

async function readBounded(request: Request): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of request.body ?? []) {
    size += piece.byteLength
    if (size > BODY_MAX_BYTES) throw tooLarge()
    pieces.push(piece)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.byteLength
  }
  return whole
}
