import { isPathStep } from '../catalog/names.ts'
import { parseAnswer } from '../chat/exact-json.ts'
import { Failure, quoted } from '../chat/failure.ts'
import type { ConfiguredProvider } from '../env.ts'
import type { ProviderRequest } from '../formats/format.ts'
import { readUpstreamFailure } from '../formats/shared/upstream-error.ts'
import { sleep, TIMED_OUT, withTimeout } from '../platform/timeout.ts'
import { createExcessFinder, type Excess, MAX_ANSWER_VALUES, SEARCHED_FROM_BYTES } from '../stream/json-bounds.ts'
import type { Trace } from '../telemetry/otlp-trace.ts'

/** So much of an error body is read; more would not help. */
const ERROR_BODY_BYTES = 64 * 1024
const ERROR_BODY_MS = 1000
/** A whole answer may be this long. All of it is held in memory. */
const ANSWER_BODY_BYTES = 32 * 1024 * 1024
/** Most answers are shorter. */
const FIRST_BYTES = 16 * 1024

/**
 * Sends a prepared request to its provider. Resolves with a 2xx response.
 * @throws Failure for everything else that a provider can answer, and where it cannot be reached. A redirect is not
 *   followed: our key would travel with it.
 */
export async function askProvider(
  provider: ConfiguredProvider,
  request: ProviderRequest,
  /** The provider's own name for the model. */
  model: string,
  signal: AbortSignal,
): Promise<Response> {
  const { baseUrl, headers } = provider
  const address = request.replacesVersion ? withoutVersion(baseUrl) : baseUrl
  let response: Response
  try {
    response = await fetch(urlOf(address, request.path, model), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...request.headers, ...headers },
      body: request.body,
      redirect: 'manual',
      signal,
    })
  } catch (error) {
    // A server that closes the connection without an answer has refused it too; the runtime does not tell the two apart.
    const clause = 'refused connection'
    throw new Failure('provider-failed', 'The provider could not be reached.', { reason: String(error), clause })
  }
  const { status } = response
  if (status >= 200 && status < 300) return response
  if (status >= 300 && status < 400) {
    await response.body?.cancel()
    throw new Failure('provider-failed', 'The provider answered with a redirect, which is not followed.', {
      upstreamStatus: status,
    })
  }
  throw await failureIn(response, request, provider)
}

async function failureIn(
  response: Response,
  request: ProviderRequest,
  { secret }: ConfiguredProvider,
): Promise<Failure> {
  return readUpstreamFailure({
    status: response.status,
    header: (name) => response.headers.get(name),
    // The key is removed before anything is cut out of the text: half a key is still half a key.
    body: parsed(withoutSecret(await readErrorText(response), secret)),
    now: Date.now(),
    callerTexts: [request.body, request.path, ...Object.values(request.headers)],
  })
}

/** The same provider, told which trace the request is a part of. */
export function inTrace(provider: ConfiguredProvider, trace: Trace | undefined): ConfiguredProvider {
  return trace === undefined ? provider : { ...provider, headers: { ...provider.headers, ...trace.headers } }
}

const VERSION = /\/v\d+(alpha|beta)?\d*(?=\/|$)/

/**
 * Joins an address and a path. An address that has a version in it (`…/v1`, or Vertex's `…/v1/projects/…`) keeps its own;
 * one with a query (Azure's `?api-version=…`) keeps it behind the path.
 */
export function urlOf(baseUrl: string, path: string, model: string): string {
  const end = baseUrl.indexOf('?')
  const address = end < 0 ? baseUrl : baseUrl.slice(0, end)
  const query = end < 0 ? '' : baseUrl.slice(end + 1)
  const rest = VERSION.test(address) ? path.replace(VERSION, '') : path
  const url = address.includes(MODEL) ? address.replace(MODEL, () => encodeURIComponent(model)) + rest : address + rest
  if (query === '') return url
  return rest.includes('?') ? url.replace('?', () => `?${query}&`) : `${url}?${query}`
}

const LAST_VERSION = /\/(v\d+((alpha|beta)\d*)?|beta)\/?(?=\?|$)/

/** A base URL without the version at its end, for a path that brings its own (translation 3.4). */
export function withoutVersion(baseUrl: string): string {
  return baseUrl.replace(LAST_VERSION, '')
}

/**
 * Callers name the models of open servers as they like, and such a name must not lead elsewhere on the server.
 * @throws Failure where it would.
 */
export function checkModelInPath({ baseUrl }: Pick<ConfiguredProvider, 'baseUrl'>, model: string): void {
  if (baseUrl.includes(MODEL) && !isPathStep(model)) {
    throw new Failure('unknown-model', `The model '${quoted(model)}' does not exist.`, { param: 'model' })
  }
}

/** Where the model's name goes in an address. */
const MODEL = '{MODEL}'

function withoutSecret(text: string, secret: string | undefined): string {
  return secret === undefined ? text : text.replaceAll(secret, '…')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** How an answer is read that is no answer to a chat. */
export interface BodyReading {
  readonly maxBytes: number
  readonly parse: (text: string) => unknown
  /** Makes what tells, piece by piece, whether it holds too much. */
  readonly createBound: (maxValues: number) => (piece: string) => Excess | undefined
}

const USUAL_READING: BodyReading = {
  maxBytes: ANSWER_BODY_BYTES,
  parse: parseAnswer,
  createBound: createExcessFinder,
}

/**
 * The JSON of a whole answer.
 * @throws Failure where the body is not JSON, empty, too long (32 MiB if nothing else is given), or holds more than an answer
 *   does.
 */
export async function readAnswerBody(
  response: Response,
  { secret }: ConfiguredProvider,
  { maxBytes, parse, createBound } = USUAL_READING,
): Promise<unknown> {
  const text = isShort(response)
    ? await response.text()
    : await readAnswerText(response, Math.min(maxBytes, ANSWER_BODY_BYTES), createBound(MAX_ANSWER_VALUES))
  // Each step takes milliseconds: other calls get their turn between them.
  if (text.length > SEARCHED_FROM_BYTES) await sleep(0)
  try {
    return parse(text)
  } catch {
    throw new Failure('provider-failed', 'The provider answered with something that is not JSON.', {
      upstreamStatus: response.status,
      clause: 'no JSON',
      detail: withoutSecret(text.slice(0, 200 + (secret?.length ?? 0)), secret).slice(0, 200),
    })
  }
}

/** Whether it says that it is. The length of a compressed body says nothing: 200 KB may be 200 MB. */
function isShort({ headers }: Response): boolean {
  const told = headers.get('content-length')
  return told !== null && Number(told) <= SEARCHED_FROM_BYTES && !headers.has('content-encoding')
}

async function readAnswerText(
  response: Response,
  maxBytes: number,
  excessIn: ReturnType<BodyReading['createBound']>,
): Promise<string> {
  const decoder = new TextDecoder()
  const reader = response.body?.getReader({ mode: 'byob' })
  let room = new Uint8Array(FIRST_BYTES)
  let text = ''
  let size = 0
  try {
    while (reader !== undefined) {
      const { value, done } = await reader.read(room)
      if (done) break
      size += value.byteLength
      if (size > maxBytes) throw tooLarge("The provider's answer is too long.")
      const piece = decoder.decode(value, { stream: true })
      const excess = excessIn(piece)
      if (excess !== undefined) throw tooLarge(`The provider's answer ${excess.complaint}.`)
      text += piece
      // The same buffer again, until it shows that there is much to read.
      room =
        size > SEARCHED_FROM_BYTES && room.byteLength < SEARCHED_FROM_BYTES
          ? new Uint8Array(SEARCHED_FROM_BYTES)
          : new Uint8Array(value.buffer)
    }
    return text + decoder.decode()
  } catch (error) {
    reader?.cancel().catch(() => {})
    throw error
  } finally {
    // workerd keeps a locked reader whose last read failed, and the call with it.
    reader?.releaseLock()
  }
}

function tooLarge(message: string): Failure {
  return new Failure('provider-failed', message, { clause: 'answer too large' })
}

/** The part of an error body that comes soon: status and headers say the most, and must not wait for it. */
async function readErrorText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  const until = Date.now() + ERROR_BODY_MS
  let text = ''
  const reader = response.body?.getReader()
  while (reader !== undefined && text.length < ERROR_BODY_BYTES) {
    const piece = await withTimeout(reader.read(), Math.max(until - Date.now(), 1)).catch(
      (): typeof TIMED_OUT => TIMED_OUT,
    )
    if (piece === TIMED_OUT || piece.done) break
    text += decoder.decode(piece.value, { stream: true })
  }
  // workerd keeps a locked reader whose last read failed, and the call with it.
  reader?.cancel().catch(() => {})
  reader?.releaseLock()
  return text + decoder.decode()
}
