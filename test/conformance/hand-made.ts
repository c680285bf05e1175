import type { Recording } from './manifest.ts'

/** A recording written by hand, for the tests of the reading itself. */
export function handMade(provider: string, text: string, given: Partial<Recording> = {}): Recording {
  return {
    file: `${provider}/hand-made`,
    provider,
    kind: 'stream',
    exercises: '',
    status: 200,
    contentType: 'text/event-stream; charset=utf-8',
    headers: {},
    wire: new TextEncoder().encode(text),
    ...given,
  }
}

/** A body written by hand. */
export function handMadeBody(provider: string, body: unknown, given: Partial<Recording> = {}): Recording {
  return handMade(provider, JSON.stringify(body), { kind: 'json', contentType: 'application/json', ...given })
}

/** Events as SSE, one `data:` line each; text goes out as it is, such as [DONE]. */
export function sse(...events: unknown[]): string {
  return events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join('')
}

/** Events with their type as the event's name. */
export function namedSse(...events: { type: string }[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}
