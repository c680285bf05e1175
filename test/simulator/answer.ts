import type { Trouble } from './dialect.ts'
import type { Exchange } from './exchange.ts'
import type { Fault } from './faults.ts'
import { useCache } from './prompt-cache.ts'
import { sendStream } from './stream.ts'
import { think } from './think.ts'

const REDIRECTED = 'redirected'
const JSON_TYPE = { 'content-type': 'application/json' }
const HTML_PAGE =
  '<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>\n'

/** Answers a request, as well or as badly as the fault wants. */
export async function answer(exchange: Exchange): Promise<void> {
  const { incoming, dialect, fault, rendering, sender } = exchange
  if (fault.refuse) return sender.hangUp('at-once')
  if (fault.latencyMs) await sender.pause(fault.latencyMs)
  if (fault.hangBeforeHeaders) return sender.hang()
  if (fault.redirect && incoming.slot !== REDIRECTED) {
    return send(exchange, 307, { location: `/${REDIRECTED}/${incoming.slot}${incoming.path}` }, '')
  }
  if (fault.status !== undefined) return sendStatus(exchange, fault.status)
  const stream = dialect.isStream(incoming)
  if (fault.emptyOk) return send(exchange, 200, stream ? { 'content-type': 'text/event-stream' } : JSON_TYPE, '')
  if (fault.okHtml) return send(exchange, 200, { 'content-type': 'text/html; charset=utf-8' }, HTML_PAGE)
  if (fault.okJsonError || (!stream && endsInError(fault))) return sendFailure(exchange, { status: 500 }, 200)
  const insists = exchange.prompt.script?.insists === true && exchange.prompt.reasoning !== 'off'
  const trouble = dialect.check(incoming) ?? (insists ? dialect.insists?.(incoming) : undefined)
  if (trouble !== undefined) return sendFailure(exchange, trouble)
  const cache = dialect.caches?.(incoming) === false ? undefined : useCache(incoming, exchange.prompt)
  const thought = think(exchange.prompt, fault.giantEvent ?? 0, cache)
  if (stream) return sendStream(exchange, thought)
  const body = dialect.body(incoming, thought, rendering)
  return sendBody(exchange, dialect.written?.(body, rendering) ?? JSON.stringify(body, null, 2))
}

function endsInError(fault: Fault): boolean {
  return fault.errorFirst === true || fault.roleThenError === true || fault.errorAfter !== undefined
}

async function send(
  { sender, onWhole }: Exchange,
  status: number,
  headers: Record<string, string>,
  body: string,
): Promise<void> {
  sender.head(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) })
  if (body !== '') await sender.write(body)
  sender.end()
  onWhole()
}

function sendStatus(exchange: Exchange, status: number): Promise<void> {
  const { fault } = exchange
  const retry: Record<string, string> =
    fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
  switch (fault.body ?? 'native') {
    case 'native':
      return sendFailure(exchange, {
        status,
        ...(fault.message === undefined ? {} : { message: fault.message }),
        ...(fault.reason === undefined ? {} : { reason: fault.reason }),
        ...(fault.retryAfter === undefined ? {} : { retryAfter: fault.retryAfter }),
      })
    case 'html':
      return send(exchange, status, { 'content-type': 'text/html; charset=utf-8', ...retry }, HTML_PAGE)
    case 'empty':
      return send(exchange, status, retry, '')
    case 'text':
      return send(exchange, status, { 'content-type': 'text/plain', ...retry }, 'upstream connect error')
    default:
      return send(exchange, status, { ...JSON_TYPE, ...retry }, fault.body ?? '')
  }
}

function sendFailure(exchange: Exchange, trouble: Trouble, status?: number): Promise<void> {
  const { incoming, dialect, rendering } = exchange
  const failure = dialect.failure(incoming, trouble)
  const headers = { ...JSON_TYPE, ...dialect.headers(incoming, rendering), ...failure.headers }
  return send(exchange, status ?? failure.status, headers, JSON.stringify(failure.body))
}

async function sendBody(exchange: Exchange, body: string): Promise<void> {
  const { incoming, dialect, fault, rendering, sender, onWhole } = exchange
  const headers = { 'content-type': 'application/json; charset=utf-8', ...dialect.headers(incoming, rendering) }
  const half = body.slice(0, Math.floor(body.length / 2))
  if (fault.garbageAfter !== undefined) return send(exchange, 200, headers, half)
  const endless = fault.neverClose === true || fault.neverCloseNoDone === true
  // With its length told, a body would be whole for the client though the connection stays open.
  sender.head(200, endless ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) })
  if (fault.hangAfterHeaders) return sender.hang()
  const cut = fault.cut !== undefined || fault.noFinish === true
  if (cut || fault.reset !== undefined || fault.stallAfter !== undefined) {
    await sender.write(half)
    return fault.stallAfter === undefined ? sender.hangUp(cut ? 'fin' : 'rst') : sender.hang()
  }
  await sender.write(body)
  onWhole()
  if (endless) return sender.hang()
  sender.end()
}
