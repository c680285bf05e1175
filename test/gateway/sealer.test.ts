import { expect, test } from 'vitest'
import { createSealer } from '../../src/gateway/sealer.ts'

const VALUE = { text: 'a thought 💭', signatures: ['s1', 's2'], big: 'x'.repeat(100_000) }

test('what a key has sealed opens for the same key and for no other', async () => {
  const sealer = await createSealer('sk-r9k-one')
  const sealed = sealer.seal(VALUE)
  expect(sealed).not.toContain('thought')
  expect((await createSealer('sk-r9k-one')).open(sealed)).toEqual({ kind: 'ours', value: VALUE })
  expect((await createSealer('sk-r9k-two')).open(sealed)).toEqual({ kind: 'forged' })
})

test('the same value is sealed differently each time', async () => {
  const sealer = await createSealer('sk-r9k-one')
  expect(sealer.seal(VALUE)).not.toBe(sealer.seal(VALUE))
})

test('a sealed text that was changed anywhere is forged', async () => {
  const sealer = await createSealer('sk-r9k-one')
  const sealed = sealer.seal('secret')
  for (let at = 'r9s1.'.length; at < sealed.length; at++) {
    const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`
    // The last letter of base64 may hold bits that mean nothing.
    if (at < sealed.length - 4) expect(sealer.open(changed)).toEqual({ kind: 'forged' })
  }
  expect(sealer.open('r9s1.')).toEqual({ kind: 'forged' })
  expect(sealer.open('r9s1.%%%')).toEqual({ kind: 'forged' })
})

test("a provider's own text is foreign", async () => {
  expect((await createSealer('sk-r9k-one')).open('EqQBCgIYAhIkY2Fj')).toEqual({ kind: 'foreign' })
})

test('a request may bring back as much as a conversation has, and no more', async () => {
  const { seal, open } = await createSealer('sk-r9k-one')
  const sealed = seal('x'.repeat(2_000_000))
  for (let times = 0; times < 3; times++) expect(open(sealed)).toMatchObject({ kind: 'ours' })
  expect(() => open(sealed)).toThrow('8 MiB')
  expect(open('EqQBCgIYAhIkY2Fj')).toEqual({ kind: 'foreign' })
})
