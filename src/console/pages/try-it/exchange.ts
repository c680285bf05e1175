import { type Signal, signal } from '@preact/signals'
import { ApiError, type Asking, send } from '../../api/request.ts'
import { createSseReader, readText } from '../../api/sse.ts'
import { createTextLog, type TextLog } from '../../parts/text-log.ts'

/** A request as it goes out. */
export interface TryRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly header: Readonly<Record<string, string>>
  readonly text: string | undefined
}

/** An event of a stream as it is shown. */
export interface ShownEvent {
  /** Which one it is, from 1. */
  readonly number: number
  readonly atMs: number
  readonly name: string
  /** Its beginning, where it is long. */
  readonly data: string
}

/** The first events and the last ones; those between them are counted. */
export interface ShownEvents {
  readonly first: readonly ShownEvent[]
  readonly last: readonly ShownEvent[]
  readonly count: number
}

/** A request and what has come back so far. Times in milliseconds from the moment of sending. */
export interface Exchange {
  readonly request: TryRequest
  readonly isRunning: Signal<boolean>
  readonly isStopped: Signal<boolean>
  readonly status: Signal<{ readonly code: number; readonly text: string } | undefined>
  readonly headers: Signal<readonly (readonly [name: string, value: string])[]>
  readonly headersMs: Signal<number | undefined>
  readonly endMs: Signal<number | undefined>
  /** What came is not the whole response. */
  readonly error: Signal<ApiError | undefined>
  /** Where the response is a stream. */
  readonly events: Signal<ShownEvents | undefined>
  /** The body as it came. */
  readonly raw: TextLog
  readonly bytes: Signal<number>
  readonly stop: () => void
}

/** How many events are in the page, at the beginning and at the end, and how many characters of each. */
const SHOWN_EVENTS = 50
const SHOWN_CHARACTERS = 2000

/** Sends it. The exchange tells the rest. @param key empty for none */
export function startExchange(request: TryRequest, key: string): Exchange {
  const abort = new AbortController()
  const exchange: Exchange = {
    request,
    isRunning: signal(true),
    isStopped: signal(false),
    status: signal(undefined),
    headers: signal([]),
    headersMs: signal(undefined),
    endMs: signal(undefined),
    error: signal(undefined),
    events: signal(undefined),
    raw: createTextLog(),
    bytes: signal(0),
    stop: () => abort.abort(),
  }
  void carryOut(exchange, key, abort.signal)
  return exchange
}

async function carryOut(exchange: Exchange, key: string, signal: AbortSignal): Promise<void> {
  const { method, path, header, text } = exchange.request
  const began = performance.now()
  const at = () => performance.now() - began
  try {
    const response = await send(path, { method: method as NonNullable<Asking['method']>, header, text, signal, key })
    exchange.headersMs.value = at()
    exchange.headers.value = [...response.headers]
    exchange.status.value = { code: response.status, text: response.statusText }
    await readBody(exchange, response, at)
  } catch (error) {
    if (signal.aborted) exchange.isStopped.value = true
    else
      exchange.error.value =
        error instanceof ApiError ? error : new ApiError(0, { message: `The connection broke: ${error}` })
  }
  exchange.endMs.value = at()
  exchange.isRunning.value = false
}

async function readBody({ raw, bytes, events }: Exchange, response: Response, at: () => number): Promise<void> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  if (response.body === null) return
  const [readEvents, list] = [createSseReader(), isStream ? createEventList(events) : undefined]
  try {
    await readText(response.body, (text, length) => {
      raw.append(text)
      bytes.value += length
      if (list === undefined) return
      for (const { name, data } of readEvents(text)) list.add(name, data, at())
    })
  } finally {
    list?.draw()
  }
}

/** Collects events, and shows them once for each picture that the browser draws. */
function createEventList(shown: Signal<ShownEvents | undefined>) {
  const first: ShownEvent[] = []
  let last: ShownEvent[] = []
  let count = 0
  let isWaiting = false
  function draw(): void {
    isWaiting = false
    shown.value = { first: [...first], last: [...last], count }
  }
  draw()
  return {
    draw,
    add(name: string, data: string, atMs: number): void {
      count++
      const more = data.length - SHOWN_CHARACTERS
      const text = more > 0 ? `${data.slice(0, SHOWN_CHARACTERS)}… (${more} characters more)` : data
      const event = { number: count, atMs, name, data: text }
      if (first.length < SHOWN_EVENTS) first.push(event)
      else last = [...last.slice(1 - SHOWN_EVENTS), event]
      if (!isWaiting) requestAnimationFrame(draw)
      isWaiting = true
    },
  }
}
