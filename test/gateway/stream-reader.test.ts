import { expect, test } from 'vitest'
import { AttemptTimer } from '../../src/gateway/attempt-timer.ts'
import { watchClientDisconnect } from '../../src/gateway/client-disconnect.ts'
import { createStreamReader } from '../../src/gateway/stream-reader.ts'
import { createStreamDecoder } from '../../src/stream/decode.ts'
import { createStreamFinalizer } from '../../src/stream/finalize.ts'

/** A reader of a stream of text events, each the words of one; `last` is what the stream does when they are over. */
function readerOf(words: readonly string[], last: 'ends' | 'breaks' | 'stays open') {
  const left = [...words]
  const body = new ReadableStream({
    type: 'bytes',
    pull: (controller: ReadableByteStreamController) => {
      const word = left.shift()
      if (word !== undefined) return controller.enqueue(new TextEncoder().encode(`data: ${word}\n\n`))
      if (last === 'ends') {
        controller.close()
        controller.byobRequest?.respond(0)
      }
      if (last === 'breaks') controller.error(new Error('Network connection lost.'))
      return last === 'stays open' ? new Promise(() => {}) : undefined
    },
  })
  const response = new Response(body)
  const timer = new AttemptTimer(watchClientDisconnect(new AbortController().signal), 10_000)
  // As fetch does it: the body breaks when its signal is aborted.
  const reader = createStreamReader({
    response,
    decoder: createStreamDecoder('sse', (message) => [{ type: 'text', choice: 0, text: String(message) }], undefined),
    finalizer: createStreamFinalizer(() => 1),
    timer,
    idleMs: 10_000,
    secret: undefined,
  })
  return { reader, response, timer }
}

async function endOf(next: () => Promise<readonly { type: string }[]>): Promise<string | undefined> {
  for (let reads = 0; reads < 100; reads++) {
    const last = (await next()).at(-1)
    if (last?.type === 'end' || last?.type === 'error') return last.type
  }
  return undefined
}

test('a body that broke is let go: workerd would keep its reader, and the whole call with it', async () => {
  const { reader, response } = readerOf(['"Hello"'], 'breaks')
  expect(await endOf(reader.next)).toBe('error')
  expect(response.body?.locked).toBe(false)
})

test('a body that was read to its end is let go', async () => {
  const { reader, response } = readerOf(['"Hello"', '[DONE]'], 'ends')
  expect(await endOf(reader.next)).toBe('end')
  await reader.drained()
  expect(response.body?.locked).toBe(false)
})
