import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createClientWriter } from '../../src/gateway/client-writer.ts'

const TIMES = { keepAliveMs: 100, stallMs: 1000 }

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A writer to a client that reads when it is told to. */
function writerTo() {
  const left = vi.fn()
  // Nothing lies between the two sides: a write is over when it has been read.
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    {},
    { highWaterMark: 0 },
    { highWaterMark: 0 },
  )
  return {
    writer: createClientWriter(writable, { ...TIMES, keepAlive: ': router9\n\n', onDisconnect: left }),
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
