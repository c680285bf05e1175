import { setImmediate } from 'node:timers/promises'
import type { WireEvent } from './dialect.ts'
import type { Exchange } from './exchange.ts'
import type { Fault } from './faults.ts'
import type { Thought } from './prompt.ts'

const LINE_ENDINGS = { lf: '\n', crlf: '\r\n', cr: '\r' }
// Without delays a stream would hold the only thread until it is written.
const EVENTS_PER_TURN = 64

/** Streams a thought event by event, until its end or until the fault strikes. */
export async function sendStream(exchange: Exchange, thought: Thought): Promise<void> {
  const { incoming, dialect, fault, rendering, sender, onWhole } = exchange
  const lineEnding = fault.lineEnding === undefined ? dialect.lineEnding(incoming) : LINE_ENDINGS[fault.lineEnding]
  sender.head(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...dialect.headers(incoming, rendering),
  })
  if (fault.hangAfterHeaders) return sender.hang()

  const eventsPerWrite = fault.pieces?.eventsPerWrite ?? fault.eventsPerWrite ?? 1
  let pending = ''
  let pendingEvents = 0
  const flush = async (): Promise<void> => {
    if (pending !== '') await sender.write(pending)
    pending = ''
    pendingEvents = 0
  }
  const put = async (event: WireEvent): Promise<void> => {
    if (fault.comments) pending += `: keep-alive${lineEnding}${lineEnding}`
    pending += framed(event, lineEnding)
    pendingEvents += 1
    if (pendingEvents >= eventsPerWrite) await flush()
  }

  if (fault.errorFirst || fault.roleThenError) {
    const preamble = fault.roleThenError ? preambleOf(exchange, thought) : []
    for (const event of [...preamble, ...dialect.failureEvents(incoming)]) await put(event)
    await flush()
    return sender.end()
  }

  const strike = strikeOf(fault)
  let said = 0
  let sent = 0
  for (const event of dialect.events(incoming, thought, rendering)) {
    const closing = event.kind === 'finish' || event.kind === 'usage' || event.kind === 'end'
    if (strike !== undefined && (said >= strike.after || closing)) {
      // What an ending event says besides still belongs to the content.
      if (said < strike.after && event.unfinished !== undefined) await put({ ...event, data: event.unfinished })
      await flush()
      return struck(exchange, strike.how, put, flush)
    }
    if (fault.garbageAfter !== undefined && (said === fault.garbageAfter || (closing && said < fault.garbageAfter))) {
      await put({ kind: 'frame', data: '{"choices": [{"index": 0, "del' })
      said = Math.max(said, fault.garbageAfter) + 1
    }
    if (fault.neverCloseNoDone && event.kind === 'end') break
    if (event.kind === 'content') {
      if (fault.tokenDelayMs && said > 0) {
        await flush()
        await sender.pause(fault.tokenDelayMs)
      }
      said += 1
    }
    await put(event)
    sent += 1
    if (sent % EVENTS_PER_TURN === 0) await setImmediate()
  }
  await flush()
  onWhole()
  if (fault.neverClose || fault.neverCloseNoDone) return sender.hang()
  sender.end()
}

type Blow = 'cut' | 'reset' | 'stall' | 'error' | 'end'

function strikeOf(fault: Fault): { how: Blow; after: number } | undefined {
  if (fault.cut !== undefined) return { how: 'cut', after: fault.cut }
  if (fault.reset !== undefined) return { how: 'reset', after: fault.reset }
  if (fault.stallAfter !== undefined) return { how: 'stall', after: fault.stallAfter }
  if (fault.errorAfter !== undefined) return { how: 'error', after: fault.errorAfter }
  return fault.noFinish ? { how: 'end', after: Number.POSITIVE_INFINITY } : undefined
}

async function struck(
  { incoming, dialect, sender }: Exchange,
  how: Blow,
  put: (event: WireEvent) => Promise<void>,
  flush: () => Promise<void>,
): Promise<void> {
  switch (how) {
    case 'cut':
      return sender.hangUp('fin')
    case 'reset':
      // What was written must leave before the reset throws it away.
      await sender.pause(5)
      return sender.hangUp('rst')
    case 'stall':
      return sender.hang()
    case 'error':
      for (const event of dialect.failureEvents(incoming)) await put(event)
      await flush()
      return sender.end()
    case 'end':
      return sender.end()
  }
}

function preambleOf({ incoming, dialect, rendering }: Exchange, thought: Thought): WireEvent[] {
  const preamble: WireEvent[] = []
  for (const event of dialect.events(incoming, thought, rendering)) {
    if (event.kind !== 'preamble') break
    preamble.push(event)
  }
  return preamble.some(({ form }) => form !== 'comment') ? preamble : [...preamble, dialect.hollow(incoming, rendering)]
}

function framed({ name, data, form }: WireEvent, lineEnding: string): string {
  if (form === 'raw') return data
  if (form === 'comment') return `: ${data}${lineEnding}${lineEnding}`
  return `${name === undefined ? '' : `event: ${name}${lineEnding}`}data: ${data}${lineEnding}${lineEnding}`
}
