import { expect, onTestFinished, test, vi } from 'vitest'
import type { SealedRecord } from '../../src/conversations/records.ts'
import { createAnswerStorage } from '../../src/gateway/answer-storage.ts'
import type { RequestContext } from '../../src/gateway/context.ts'

const RETENTION_MS = 5_000_000
const ID = `resp_${'a'.repeat(28)}`

/** An object that takes what it is given, or not, and a share of memory that says what it is asked for. */
function setting({ isKept = true, hasMemory = true } = {}) {
  const put = vi.fn(async (records: readonly SealedRecord[]) => records.map(() => isKept))
  const extend = vi.fn((_bytes: number) => {
    if (!hasMemory) throw new Error('no memory')
  })
  const context = {
    requestId: 'req_1',
    key: 'sk-r9k-one',
    caller: { id: 'key_1' },
    objects: () => ({ Conversations: { idFromName: (name: string) => name, get: () => ({ put }) } }),
    settings: { retentionMs: RETENTION_MS },
    format: { idPrefix: 'resp_' },
    share: { extend },
  }
  const conversation = { parent: undefined, ownItems: () => [], notStored: () => 'not kept' }
  const storage = createAnswerStorage(context as unknown as RequestContext, conversation as never, ID)
  const end = (output: readonly object[]) => {
    storage.onComplete({ id: ID, output })
    return storage.beforeEnd('the end')
  }
  return { storage, end, put, extend }
}

const said = (characters: number) => [{ type: 'message', id: 'msg_1', text: 'x'.repeat(characters) }]

test('an answer is kept for as long as the operator says, with the ids that a provider gave to its items', async () => {
  const { storage, end, put, extend } = setting()
  const given = Array.from({ length: 1200 }, (_, at) => ({ id: at === 0 ? 'n'.repeat(300) : `msg_${at}` }))
  expect(await end([{ id: `rs_${storage.newId()}` }, ...given])).toBe('the end')
  const { aliases = [], expires = 0 } = put.mock.calls[0]?.[0][0] ?? {}
  expect(Math.abs(expires - Date.now() - RETENTION_MS)).toBeLessThan(10_000)
  expect(aliases).toEqual(given.slice(1, 999).map(({ id }) => id))
  expect(extend).not.toHaveBeenCalled()
})

test('a large answer takes memory while it is kept', async () => {
  const { end, extend } = setting()
  expect(await end(said(300_000))).toBe('the end')
  expect(extend.mock.calls[0]?.[0]).toBeGreaterThan(300_000)
})

test('an answer that there is no memory for, or no room, ends as one that is not kept', async () => {
  const fault = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => fault.mockRestore())
  const poor = setting({ hasMemory: false })
  expect(await poor.end(said(300_000))).toBe('not kept')
  expect(poor.put).not.toHaveBeenCalled()
  expect(String(fault.mock.calls)).toContain('not stored: no memory')
  expect(await setting({ isKept: false }).end(said(10))).toBe('not kept')
  const huge = setting()
  expect(await huge.end(said(8_500_000))).toBe('not kept')
  expect(huge.put).not.toHaveBeenCalled()
})
