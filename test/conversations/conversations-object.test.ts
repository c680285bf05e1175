import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import type { Found, Part, SealedRecord, Wanted } from '../../src/conversations/records.ts'
import { startPlatformWorker } from '../harness/platform-worker.ts'
import { until } from '../harness/until.ts'
import { useStarted } from '../harness/use-started.ts'

/** The object with bounds that a test reaches, and a clock that does not make it wait. */
const SMALL = `import { Conversations as Inner } from './router9.js'
export * from './router9.js'
export { default } from './router9.js'
export class Conversations extends Inner {
  bounds = this.ctx.id.name === 'small' ? { records: 4, bytes: 1000 } : { records: 20000, bytes: 1e9 }
  alarmIntervalMs = this.ctx.id.name === 'sleeping' ? 1e9 : 50
  rows() {
    const { sql } = this.ctx.storage
    const count = (table) => sql.exec('SELECT count(*) AS n FROM ' + table).one().n
    return [count('records'), count('pieces'), count('aliases')]
  }
}
`
const start = (state?: string) =>
  startPlatformWorker({ file: inject('bundle'), vars: {}, wrapper: SMALL, ...(state === undefined ? {} : { state }) })
const worker = useStarted(start)
const objectOf = async (name: string, { conversations } = worker) => {
  const object = (await conversations(name)) as Awaited<ReturnType<typeof conversations>> & {
    rows: () => Promise<number[]>
  }
  return {
    put: (records: readonly SealedRecord[]) => object.put(records),
    find: (all: readonly Wanted[], maxBytes = 20_000_000) => object.find(all, maxBytes),
    remove: (id: string) => object.remove(id),
    rows: () => object.rows(),
  }
}

const HOUR_MS = 3_600_000
const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer
const text = (sealed: ArrayBuffer | undefined) => sealed && new TextDecoder().decode(sealed)

function record(id: string, more: Partial<SealedRecord> = {}): SealedRecord {
  const parts = { input: bytes(`in ${id}`), output: bytes(`out ${id}`), response: bytes(`rest ${id}`) }
  return { id, expires: Date.now() + HOUR_MS, parts, ...more }
}

const wanted = (id: string, parts: readonly Part[] = ['output']): Wanted => ({ id, parts })

test('a record is found by its id and by its aliases, with the parts that are wanted of it', async () => {
  const object = await objectOf('found')
  expect(await object.put([record('a', { aliases: ['x', 'y'] }), record('b')])).toEqual([true, true])
  const { ids, records } = await object.find([
    wanted('x', ['output']),
    wanted('a', ['input']),
    wanted('z'),
    wanted('y'),
  ])
  expect(ids).toEqual(['a', 'a', null, 'a'])
  expect(records).toHaveLength(1)
  expect(Object.keys(records[0]?.parts ?? {}).sort()).toEqual(['input', 'output'])
  expect(text(records[0]?.parts.output)).toBe('out a')
})

test('a conversation of a thousand turns is found in one call, and each turn is kept once', async () => {
  const object = await objectOf('long')
  const turns = Array.from({ length: 1000 }, (_, at) => record(`t${at}`, at === 0 ? {} : { parent: `t${at - 1}` }))
  await object.put(turns)
  const { records } = await object.find([{ id: 't999', parts: ['input', 'output', 'response'], isContinued: true }])
  expect(records).toHaveLength(1000)
  expect(records.filter(({ parts }) => parts.response !== undefined)).toHaveLength(1)
  expect(await object.rows()).toEqual([1000, 0, 0])
})

test('a large part comes back as it was; a record that is too large is not kept', async () => {
  const object = await objectOf('large')
  const large = crypto.getRandomValues(new Uint8Array(65_536))
  const whole = new Uint8Array(5_000_000).map((_, at) => large[at % 65_521] ?? 0)
  const parts = { input: whole.buffer, output: bytes('out') }
  expect(
    await object.put([record('a', { parts }), record('b', { parts: { input: new ArrayBuffer(9_000_000) } })]),
  ).toEqual([true, false])
  const found = await object.find([wanted('a', ['input', 'output']), wanted('b')])
  expect(found.ids).toEqual(['a', null])
  expect(Buffer.compare(Buffer.from(found.records[0]?.parts.input ?? []), Buffer.from(whole))).toBe(0)
  expect(await object.rows()).toEqual([1, 4, 0])
  expect(await object.remove('a')).toBe(true)
  expect(await object.rows()).toEqual([0, 0, 0])
})

test('more than a request may bring in is not read', async () => {
  const object = await objectOf('too-much')
  const parts = { input: new ArrayBuffer(7_000_000) }
  await object.put([record('a', { parts }), record('b', { parts, parent: 'a' })])
  await object.put([record('c', { parts, parent: 'b' })])
  const all: Wanted[] = [{ id: 'c', parts: ['input'], isContinued: true }, wanted('a', ['input'])]
  const found = async (maxBytes: number) => (await object.find(all, maxBytes)) as Found
  expect(await found(20_999_999)).toEqual({ ids: [], records: [], excess: 21_000_000 })
  expect((await found(21_000_000)).records).toHaveLength(3)
  expect(await found(0)).toMatchObject({ excess: 21_000_000 })
})

test('the oldest records go where there are too many, and where there are too many bytes', async () => {
  const object = await objectOf('small')
  const put = async (id: string, size: number) => {
    await object.put([record(id, { aliases: [`alias ${id}`], parts: { output: new ArrayBuffer(size) } })])
    // The next one is younger.
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  for (const id of ['a', 'b', 'c', 'd', 'e']) await put(id, 10)
  expect((await object.find(['a', 'b', 'c', 'd', 'e', 'alias a'].map((id) => wanted(id)))).ids).toEqual([
    null,
    null,
    'c',
    'd',
    'e',
    null,
  ])
  await put('f', 500)
  await put('g', 480)
  expect((await object.find(['e', 'f', 'g'].map((id) => wanted(id)))).ids).toEqual([null, null, 'g'])
  expect(await object.rows()).toEqual([1, 0, 1])
})

test('what has expired is not found, and an alarm deletes it', async () => {
  const object = await objectOf('expiring')
  await object.put([record('a', { expires: Date.now() + 400, aliases: ['x'] }), record('b')])
  await object.put([record('c', { expires: Date.now() + 1000 })])
  expect((await object.find([wanted('x'), wanted('b')])).ids).toEqual(['a', 'b'])
  await until(
    async () => (await object.find([wanted('x'), wanted('a'), wanted('b')])).ids,
    (ids) => ids.every((id) => id !== 'a'),
  )
  await until(object.rows, ([records]) => records === 1)
  expect(await object.rows()).toEqual([1, 0, 0])
})

test('what is put again replaces what was there, and a name belongs to who had it last', async () => {
  const object = await objectOf('again')
  await object.put([record('a', { aliases: ['x', 'y'] }), record('b', { aliases: ['y'] })])
  expect(await object.put([record('a', { aliases: ['x'], parts: { output: bytes('anew') } })])).toEqual([true])
  expect(await object.rows()).toEqual([2, 0, 2])
  const { ids, records } = await object.find([wanted('x'), wanted('y')])
  expect(ids).toEqual(['a', 'b'])
  expect(text(records[0]?.parts.output)).toBe('anew')
})

test('what has expired is gone for all, also before it is deleted', async () => {
  const object = await objectOf('sleeping')
  await object.put([record('a', { expires: Date.now() - 1, aliases: ['x'] })])
  expect(await object.find([wanted('a'), wanted('x')])).toEqual({ ids: [null, null], records: [] })
  expect(await object.rows()).toEqual([1, 0, 1])
  expect(await object.remove('a')).toBe(false)
})

test('what is deleted is gone, once, and its conversation is told apart from one that never was', async () => {
  const object = await objectOf('deleting')
  await object.put([record('a', { aliases: ['x'] }), record('b', { parent: 'a' })])
  expect(await object.remove('a')).toBe(true)
  expect(await object.remove('a')).toBe(false)
  const { ids, records } = await object.find([{ id: 'b', parts: ['output'], isContinued: true }, wanted('x')])
  expect(ids).toEqual(['b', null])
  expect(records.map(({ id, parent }) => [id, parent])).toEqual([['b', 'a']])
})

test('a restart loses nothing', { timeout: 60_000 }, async () => {
  const state = await mkdtemp(path.join(os.tmpdir(), 'router9-conversations-'))
  onTestFinished(() => rm(state, { recursive: true, force: true }))
  const first = await start(state)
  await (await objectOf('kept', first)).put([record('a')])
  await first.stop()
  const second = await start(state)
  onTestFinished(() => second.stop())
  const { records } = await (await objectOf('kept', second)).find([wanted('a')])
  expect(text(records[0]?.parts.output)).toBe('out a')
})

test('names of a record count as what it holds', async () => {
  const object = await objectOf('small')
  const aliases = Array.from({ length: 5 }, (_, at) => `${'n'.repeat(100)}${at}`)
  for (const id of ['n1', 'n2', 'n3']) await object.put([record(id, { aliases: aliases.map((one) => id + one) })])
  expect((await object.rows())[2]).toBeLessThanOrEqual(5)
})

test('a conversation that is longer than any request is not walked through to its beginning', async () => {
  const object = await objectOf('long')
  const id = (at: number) => `long${at}`
  for (let from = 0; from < 5100; from += 300) {
    const turns = Array.from({ length: 300 }, (_, at) => record(id(from + at), { parent: id(from + at - 1) }))
    await object.put(turns)
  }
  expect(await object.find([{ ...wanted(id(4000)), isContinued: true }])).toMatchObject({ ids: [id(4000)] })
  expect(await object.find([{ ...wanted(id(5099)), isContinued: true }])).toMatchObject({ ids: [], excess: Infinity })
})
