import { expect, test } from 'vitest'
import { createSessionMemory } from '../../src/routing/session-memory.ts'

test('an account remembers its latest thousand sessions, whatever others do, and the latest 64 accounts are remembered', () => {
  const { find, remember } = createSessionMemory()
  remember('quiet', 1, 'alfa/a', 5)
  for (let session = 0; session <= 1000; session++) remember('busy', session, 'bravo/b', session)
  expect(find('busy', 0)).toBeUndefined()
  expect(find('busy', 1)).toEqual({ name: 'bravo/b', since: 1, at: 1 })
  expect(find('quiet', 1)).toEqual({ name: 'alfa/a', since: 5, at: 5 })
  for (let account = 0; account < 63; account++) remember(`account ${account}`, 1, 'alfa/a', 5)
  expect(find('quiet', 1)).toBeUndefined()
  expect(find('busy', 1000)).toBeDefined()
})
