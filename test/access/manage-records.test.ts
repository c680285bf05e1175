import { expect, test } from 'vitest'
import { KEY_RECORDS, type KeyRecord, keyRecord } from '../../src/access/keys.ts'
import { changeKey, findKey, listKeys, prepareKey, putNew, rotateKey } from '../../src/access/manage-records.ts'
import { laterOf, type RecordStore } from '../../src/access/record-store.ts'
import { changedKey } from '../../src/access/records-input.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const ALL = { accepts: () => true, offset: 0, cursor: undefined }

interface Counted extends RecordStore {
  readonly texts: Map<string, string>
  readonly lists: () => number
  /** Is called before each write, as somebody else's change at that moment. */
  onWrite: () => void
}

/** Records of a map; a list of a million keys is made as it is asked for. */
function createStore(millions = 0): Counted {
  const texts = new Map<string, string>()
  let lists = 0
  const store: Counted = {
    texts,
    lists: () => lists,
    onWrite: () => {},
    read: async (name) => texts.get(name) ?? null,
    write: async (writes) => {
      store.onWrite()
      if (writes.some(({ name, was }) => (texts.get(name) ?? null) !== was)) return false
      for (const { name, text } of writes) texts.set(name, text)
      return true
    },
    list: async (prefix, cursor) => {
      lists++
      const own = [...texts.keys()].filter((name) => name.startsWith(prefix)).toSorted()
      if (millions === 0) return { records: own.map((name) => ({ name })), cursor: undefined }
      const from = Number(cursor ?? 0)
      const records = Array.from({ length: 1000 }, (_, at) => {
        const id = `key_old_${from + at}`
        const name = KEY_RECORDS + (from + at).toString(16).padStart(64, '0')
        return { name, metadata: { id, name: id, created: '2026-01-01T00:00:00Z' } }
      })
      return { records, cursor: from + 1000 < millions * 1e6 ? String(from + 1000) : undefined }
    },
  }
  return store
}

test('a page of a million keys costs one list, and one that looks for few of them ten at most', async () => {
  const store = createStore(1)
  const first = await listKeys(store, ALL)
  expect(first.records).toHaveLength(100)
  expect(store.lists()).toBe(1)
  const next = await listKeys(store, { ...ALL, cursor: first.cursor ?? '' })
  expect(next.records[0]?.record.id).toBe('key_old_100')
  const none = await listKeys(store, { ...ALL, accepts: () => false })
  expect(store.lists()).toBe(12)
  expect(none.records).toEqual([])
  const further = await listKeys(store, { ...ALL, cursor: none.cursor ?? '' })
  expect(further.records[0]?.record.id).toBe('key_old_10000')
  const offset = await listKeys(store, { ...ALL, offset: 5000 })
  expect(offset.records.map(({ record }) => record.id)).toContain('key_old_5000')
})

test('an older id is looked for in a part of a million keys only, a new one in one look', async () => {
  const store = createStore(1)
  store.texts.set(
    `${KEY_RECORDS}${(9000).toString(16).padStart(64, '0')}`,
    '{"id":"key_old_9000","name":"","created":""}',
  )
  expect((await findKey(store, 'key_old_9000')).record.id).toBe('key_old_9000')
  await expect(findKey(store, 'key_old_999999')).rejects.toThrow('There is no key')
  expect(store.lists()).toBe(20)
  const small = createStore()
  const made = await putNew(small, await prepareKey(small, { name: 'new' }, NOW))
  expect((await findKey(small, made.record.id)).name).toBe(made.name)
  expect(small.lists()).toBe(1)
})

test('a change that meets another one is made again on what the other has left; a rotation too', async () => {
  const store = createStore()
  const { name, record } = await putNew(store, await prepareKey(store, { name: 'raced' }, NOW))
  let others = 2
  store.onWrite = () => {
    if (others === 0) return
    others--
    store.texts.set(name, JSON.stringify({ ...record, limits: { rpm: others } }))
  }
  const changed = await changeKey(store, record.id, { tpm: 5 }, NOW)
  expect(changed.record).toMatchObject({ limits: { rpm: 0, tpm: 5 }, updated: new Date(NOW).toISOString() })
  others = 1
  const rotated = await rotateKey(store, record.id, { now: NOW + 1 })
  expect(rotated.record).toMatchObject({ account: record.id, limits: { rpm: 0 } })
  expect(JSON.parse(store.texts.get(name) ?? '')).toMatchObject({ disabled: true, successor: rotated.record.id })
})

test('a change that meets another one each time gives up', async () => {
  const store = createStore()
  const { name, record } = await putNew(store, await prepareKey(store, { name: 'busy' }, NOW))
  let turns = 0
  store.onWrite = () => void store.texts.set(name, JSON.stringify({ ...record, turns: turns++ }))
  await expect(changeKey(store, record.id, { rpm: 5 }, NOW)).rejects.toMatchObject({ kind: 'conflict' })
  expect(turns).toBe(5)
})

test('the later text of a record counts, and each change is later than the one before, whatever the clocks say', async () => {
  const store = createStore()
  const { record } = await putNew(store, await prepareKey(store, { name: 'clocks' }, NOW))
  const first = (await changeKey(store, record.id, { rpm: 1 }, NOW)).record
  const second = (await changeKey(store, record.id, { rpm: 2 }, NOW - 60_000)).record
  const [one, two] = [JSON.stringify(first), JSON.stringify(second)]
  expect(laterOf(one, two)).toBe(two)
  expect(laterOf(two, one)).toBe(two)
  expect(laterOf('{', one)).toBe(one)
  expect(laterOf(null, null)).toBeNull()
})

test('records of before and of later versions are read, and keep what is not known through a change', () => {
  const before: KeyRecord = keyRecord.parse({ id: 'key_1', name: 'old', created: '2026-01-01T00:00:00Z' })
  expect(changedKey(before, { limit: 3 }, NOW)).toEqual({ ...before, limits: { budget: 3 } })
  const later = { ...before, limits: { rpm: 1, per_week: 9 }, policy: { builtinTools: true, more: [1] }, news: null }
  const changed = changedKey(keyRecord.parse(later), { rpm: null, limit: 0, limit_reset: 'weekly' }, NOW)
  expect(changed).toEqual({ ...later, limits: { per_week: 9, budget: 0, window: 'week' } })
  expect(changedKey(changed, { limit: null }, NOW).limits).toEqual({ per_week: 9 })
  expect(changedKey(before, { policy: { builtin_tools: true, regions: ['eu'] } }, NOW).policy).toEqual({
    builtinTools: true,
    regions: ['eu'],
  })
})
