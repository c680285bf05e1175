import { expect, test } from 'vitest'
import { networkOf, refuseBusyAddress } from '../../src/access/address-limit.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0db8:0001:0002::', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['2001:db8:0:0:1::', '2001:db8:0:0'],
  ['2001:db8:1::2:3', '2001:db8:1:0'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test('a counter that fails refuses nobody', async () => {
  const limit = { limit: () => Promise.reject(new Error('It cannot be reached.')) }
  await expect(refuseBusyAddress(limit, '192.0.2.1')).resolves.toBeUndefined()
})

test('where no address is told, nobody is refused', async () => {
  const limit = { limit: () => Promise.resolve({ success: false }) }
  await expect(refuseBusyAddress(limit, undefined)).resolves.toBeUndefined()
  await expect(refuseBusyAddress(limit, '192.0.2.1')).rejects.toMatchObject({ kind: 'address-rate' })
})
