import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { OutputEvent } from '../../src/chat/event.ts'
import type { Answer } from '../../src/gateway/attempt.ts'
import { type ClientWriterOptions, createClientWriter, streamToClient } from '../../src/gateway/client-writer.ts'

const NO_USAGE = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }
const TIMES = { keepAliveMs: 100, stallMs: 1000 }

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A writer to a client that reads when it is told to. */
function writerTo(
  keepAlive: Pick<ClientWriterOptions, 'keepAlive' | 'keepAliveBegins'> = { keepAlive: ': router9\n\n' },
) {
  const left = vi.fn()
  // Nothing lies between the two sides: a write is over when it has been read.
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 0 },
    { highWaterMark: 0 },
  )
  return {
    writer: createClientWriter(writable, { ...TIMES, ...keepAlive, onDisconnect: left }),
    reader: readable.getReader(),
    left,
  }
}

test('a client that does not take what was sent is given up when the stall limit is over, or a look later', async () => {
  const { writer, left } = writerTo()
  writer.keepAlive()
  writer.send('words').catch(() => {})
  await vi.advanceTimersByTimeAsync(TIMES.stallMs - 1)
  expect(left).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(TIMES.keepAliveMs + 1)
  expect(left).toHaveBeenCalled()
})

test('a client that has taken all but the end is waited for no longer than that either', async () => {
  const { writer, left } = writerTo()
  writer.keepAlive()
  writer.send('words').catch(() => {})
  const closed = expect(writer.close()).rejects.toThrow('takes nothing')
  await vi.advanceTimersByTimeAsync(TIMES.stallMs + TIMES.keepAliveMs)
  expect(left).toHaveBeenCalled()
  await closed
})

test('a client that reads in time is not given up, however long it takes in all', async () => {
  const { writer, reader, left } = writerTo()
  writer.keepAlive()
  for (let word = 0; word < 5; word++) {
    const sent = writer.send('words')
    await vi.advanceTimersByTimeAsync(TIMES.stallMs - 1)
    await reader.read()
    await sent
  }
  expect(left).not.toHaveBeenCalled()
})

test('a keep-alive that begins an event is gone on with', async () => {
  const { writer, reader } = writerTo({ keepAlive: 'data: ', keepAliveBegins: true })
  const sent: string[] = []
  const read = reader.read().then(function next({ done, value }): unknown {
    if (done) return undefined
    sent.push(new TextDecoder().decode(value))
    return reader.read().then(next)
  })
  writer.keepAlive('now')
  await vi.advanceTimersByTimeAsync(TIMES.keepAliveMs + 1)
  await writer.send('data: 1\r\n\r\ndata: 2\r\n\r\n')
  await writer.send('data: 3\r\n\r\n')
  await writer.close()
  await read
  expect(sent).toEqual(['data: ', ' ', '1\r\n\r\ndata: 2\r\n\r\n', 'data: 3\r\n\r\n'])
})

test('one comment at most waits for a client that does not read', async () => {
  const { writer, reader } = writerTo()
  writer.keepAlive('now')
  await vi.advanceTimersByTimeAsync(TIMES.stallMs - 1)
  const { value } = await reader.read()
  expect(new TextDecoder().decode(value)).toBe(': router9\n\n')
  const next = reader.read()
  let more = false
  next.then(() => {
    more = true
  })
  await vi.advanceTimersByTimeAsync(1)
  expect(more).toBe(false)
})

test('what comes before the end of an answer does not wait for what is done before its end', async () => {
  const { writer, reader } = writerTo()
  const first: OutputEvent[] = [
    { type: 'text', choice: 0, text: 'words ' },
    { type: 'end', finishes: [], usage: NO_USAGE },
  ]
  const answer = { first, next: vi.fn(), cancel: vi.fn() } as unknown as Answer
  const kept = Promise.withResolvers<void>()
  const write = (event: OutputEvent) => (event.type === 'text' ? event.text : 'end')
  const over = streamToClient(answer, write, writer, async (text) => {
    await kept.promise
    return `${text}, kept`
  })
  const read = async () => new TextDecoder().decode((await reader.read()).value)
  expect(await read()).toBe('words ')
  const last = read()
  expect(await Promise.race([last, vi.advanceTimersByTimeAsync(10)])).not.toContain('end')
  kept.resolve()
  expect(await last).toBe('end, kept')
  expect((await reader.read()).done).toBe(true)
  expect(await over).toBe('ended')
})
