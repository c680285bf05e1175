import { expect, test } from 'vitest'
import { chooseCores, pinned, readCoreList } from './cores.ts'

test('a list of cores is read with its ranges', () => {
  expect(readCoreList('0-2,5\n')).toEqual([0, 1, 2, 5])
  expect(readCoreList('3')).toEqual([3])
})

test('the gateway never shares its core', () => {
  expect(chooseCores([0, 1])).toEqual({ load: 0, gateway: 1, upstream: 0 })
  expect(chooseCores([2, 3, 6, 7])).toEqual({ load: 2, gateway: 3, upstream: 6 })
})

test('one core is left alone', () => {
  expect(chooseCores([0])).toBeUndefined()
  expect(pinned(undefined, 'workerd', ['serve'])).toEqual(['workerd', ['serve']])
})
