import http from 'node:http'
import { listen } from './listen.ts'

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

/** A span as it came, its attributes by name. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status: { readonly code?: number; readonly message?: string }
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[]
}

/** What one POST brought. */
export interface Batch {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  readonly spans: readonly ReceivedSpan[]
}

/** A collector of spans on this machine. */
export interface Collector {
  readonly url: string
  readonly batches: Batch[]
  readonly spans: () => readonly ReceivedSpan[]
  /** Answers like this from now on; a promise is waited for. */
  answer: () => Reply | Promise<Reply>
  readonly close: () => Promise<void>
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export async function startCollector(): Promise<Collector> {
  const batches: Batch[] = []
  const server = http.createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const body = Buffer.concat(pieces).toString()
    batches.push({ path: request.url ?? '', headers: request.headers, body, spans: spansIn(body) })
    const { status, headers = {}, body: text = '{"partialSuccess":{}}' } = await collector.answer()
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  })
  const collector: Collector = {
    url: `http://127.0.0.1:${await listen(server)}`,
    batches,
    spans: () => batches.flatMap(({ spans }) => spans),
    answer: () => ({ status: 200 }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  return collector
}

function spansIn(body: string): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(body)
  const [{ scopeSpans }] = resourceSpans
  const [{ spans }] = scopeSpans
  return spans.map((span: Record<string, unknown> & { events: Record<string, unknown>[] }) => ({
    ...span,
    attributes: byName(span.attributes),
    events: span.events.map((event) => ({ ...event, attributes: byName(event.attributes) })),
  }))
}

function byName(attributes: unknown): Record<string, unknown> {
  return Object.fromEntries((attributes as Attribute[]).map(({ key, value }) => [key, plain(value)]))
}

function plain(value: Readonly<Record<string, unknown>>): unknown {
  const [[type, content]] = Object.entries(value) as [[string, unknown]]
  if (type === 'arrayValue') return (content as { values: Record<string, unknown>[] }).values.map(plain)
  return type === 'intValue' ? Number(content) : content
}
