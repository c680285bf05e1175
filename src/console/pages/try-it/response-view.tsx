import { useMemo } from 'preact/hooks'
import { ApiError, errorIn } from '../../api/request.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { count, milliseconds } from '../../parts/format.ts'
import { Scrolling } from '../../parts/scrolling.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import type { Exchange, ShownEvent, ShownEvents } from './exchange.ts'

/** What a status means here, where its own words do not say it, or the connection has none. */
const MEANINGS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No content',
  400: 'Bad request',
  401: 'The key is missing, or not known',
  403: 'The key may not do this',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'The body is too large',
  415: 'The body is no JSON',
  429: 'A limit is reached',
  500: 'Internal error',
  501: 'Not switched on',
  502: 'A provider failed',
  503: 'Nobody can answer now',
  504: 'A provider took too long',
}

/** What is shown of a body; all of it can be copied. */
const SHOWN_CHARACTERS = 100_000

/** The response as it comes. */
export function ResponseView({ exchange }: { exchange: Exchange }) {
  const { request, status, isRunning, isStopped, headersMs, endMs, events, bytes, headers, error, raw } = exchange
  const code = status.value?.code
  const text = isRunning.value ? '' : raw.text()
  const numbers = [
    headersMs.value !== undefined && `first byte ${milliseconds(headersMs.value)}`,
    endMs.value !== undefined && `total ${milliseconds(endMs.value)}`,
    events.value && `${count(events.value.count)} events`,
    bytes.value > 0 && `${count(bytes.value)} bytes`,
  ]
  return (
    <section class="try-response" aria-label="Response">
      <div class="try-status">
        <span role="status">
          {code !== undefined && (
            <span class={`badge ${code < 300 ? 'good' : 'bad'}`}>
              {code} {MEANINGS[code] ?? status.value?.text}
            </span>
          )}{' '}
          {isStopped.value && <span class="badge warn">stopped by you</span>}
          {isRunning.value && <span class="badge">{code === undefined ? 'waiting' : 'coming'}</span>}
        </span>
        <code>
          {request.method} {request.path}
        </code>
        {text !== '' && <CopyButton text={text} label="Copy body" />}
      </div>
      <p class="try-numbers muted">{numbers.filter(Boolean).join(' · ')}</p>
      {code !== undefined && code >= 400 && !isRunning.value && (
        <Trouble
          error={errorOf(text, code)}
          retryAfter={headerIn(exchange, 'retry-after')}
          namesModel={/"model"|models\//.test(request.path + request.text)}
        />
      )}
      {events.value ? <Events events={events.value} /> : text !== '' && <Body text={text} />}
      {error.value && <Trouble error={error.value} retryAfter={undefined} isBroken={code !== undefined} namesModel />}
      {headers.value.length > 0 && <Headers headers={headers.value} />}
    </section>
  )
}

function headerIn({ headers }: Exchange, name: string): string | undefined {
  return headers.value.find(([one]) => one === name)?.[1]
}

function errorOf(text: string, status: number): ApiError {
  return new ApiError(status, errorIn(parsed(text), status))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function Body({ text }: { text: string }) {
  const shown = useMemo(() => pretty(text), [text])
  const more = shown.length - SHOWN_CHARACTERS
  return (
    <Scrolling label="Body of the response">
      <pre>{more > 0 ? `${shown.slice(0, SHOWN_CHARACTERS)}\n… ${count(more)} characters are left out` : shown}</pre>
    </Scrolling>
  )
}

/** JSON with a line for each member, but lists of numbers in one. */
function pretty(text: string): string {
  const value = parsed(text)
  if (value === undefined) return text
  return JSON.stringify(value, null, 2).replace(/\[\n[\s\d.,eE+-]+\]/g, (list) => list.replace(/\s+/g, ' '))
}

function Events({ events: { first, last, count: all } }: { events: ShownEvents }) {
  const leftOut = all - first.length - last.length
  return (
    <Scrolling label="Events of the stream">
      <ol class="try-events">
        {first.map((event) => (
          <EventLine key={event.number} event={event} />
        ))}
        {leftOut > 0 && (
          <li key="left-out" class="muted">
            {count(leftOut)} events are left out here
          </li>
        )}
        {last.map((event) => (
          <EventLine key={event.number} event={event} />
        ))}
      </ol>
    </Scrolling>
  )
}

function EventLine({ event: { number, atMs, name, data } }: { event: ShownEvent }) {
  return (
    <li>
      <span class="muted">
        {number} · {milliseconds(atMs)} {name}
      </span>
      <code>{data}</code>
    </li>
  )
}

/** Router9's own first, those for browsers last. */
const HEADER_ORDER = [/^x-router9-/, /^(x-r|retry|server|content-t)/, /^(?!access|strict)/]

function rankOf(name: string): number {
  const rank = HEADER_ORDER.findIndex((pattern) => pattern.test(name))
  return rank === -1 ? HEADER_ORDER.length : rank
}

function Headers({ headers }: { headers: readonly (readonly [string, string])[] }) {
  const sorted = headers.toSorted(([one], [other]) => rankOf(one) - rankOf(other))
  const isCall = sorted[0]?.[0].startsWith('x-router9-')
  const id = headers.find(([name]) => name === 'x-request-id')?.[1]
  return (
    <>
      <p class="try-status">
        Headers
        {isCall && id && <a href={`/console/calls?id=${encodeURIComponent(id)}`}>This call in Calls</a>}
      </p>
      <Scrolling label="Headers of the response">
        <dl class="try-headers">
          {sorted.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </Scrolling>
    </>
  )
}
