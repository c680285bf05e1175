import { Failure } from '../chat/failure.ts'
import type { HttpRequest } from '../dialects/dialect.ts'
import { readUpstreamFailure } from '../dialects/upstream-failure.ts'
import type { ConfiguredProvider } from '../env.ts'

/** As much of an error body as is read: more would only be in the way. */
const ERROR_BODY_BYTES = 64 * 1024
/** A whole answer may be this long; there is nothing to stream it to, so all of it is held. */
const ANSWER_BODY_BYTES = 32 * 1024 * 1024

/**
 * Sends a prepared request to its provider. Resolves with a 2xx response.
 * @throws Failure for everything else that a provider can answer, and where it cannot be reached. A redirect is not
 *   followed: our key would travel with it.
 */
export async function askProvider(
  { baseUrl, headers, secret }: ConfiguredProvider,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Response> {
  const response = await fetch(baseUrl + request.path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...request.headers, ...headers },
    body: request.body,
    redirect: 'manual',
    signal,
  })
  if (response.status >= 200 && response.status < 300) return response
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel()
    throw new Failure('provider-failed', 'The provider answered with a redirect, which is not followed.', {
      upstreamStatus: response.status,
    })
  }
  throw readUpstreamFailure({
    status: response.status,
    header: (name) => response.headers.get(name),
    // Before anything is cut out of it: half a key is still half a key.
    body: parsed(withoutSecret(await readText(response, ERROR_BODY_BYTES, 'cut'), secret)),
    now: Date.now(),
  })
}

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

/**
 * The JSON of a whole answer.
 * @throws Failure where the body is not JSON, empty or over 32 MiB.
 */
export async function readAnswerBody(response: Response, { secret }: ConfiguredProvider): Promise<unknown> {
  const text = await readText(response, ANSWER_BODY_BYTES, 'refuse')
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure('provider-failed', 'The provider answered with something that is not JSON.', {
      upstreamStatus: response.status,
      detail: withoutSecret(text, secret).slice(0, 200),
    })
  }
}

async function readText(response: Response, most: number, beyond: 'cut' | 'refuse'): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  const reader = response.body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) return text + decoder.decode()
    size += value.byteLength
    text += decoder.decode(value, { stream: true })
    if (size <= most) continue
    await reader?.cancel()
    if (beyond === 'refuse') throw new Failure('provider-failed', "The provider's answer is too long.")
    return text
  }
}
