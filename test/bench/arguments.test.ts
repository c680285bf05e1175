import { expect, test } from 'vitest'
import { readBenchArguments } from './arguments.ts'

test('without arguments five rounds of everything are run', () => {
  expect(readBenchArguments([])).toMatchObject({ quick: false, only: '', rounds: 5, peer: undefined, soak: false })
})

test('a quick run has three rounds, unless told otherwise', () => {
  expect(readBenchArguments(['--quick']).rounds).toBe(3)
  expect(readBenchArguments(['--quick', '--rounds', '7']).rounds).toBe(7)
})

test('a peer comes with its processes and headers', () => {
  const { peer } = readBenchArguments([
    '--peer',
    'http://127.0.0.1:9000/v1',
    '--peer-pid',
    '12,13',
    '--peer-header',
    'Authorization: Bearer a:b',
    '--peer-header',
    'x-provider: openai',
  ])
  expect(peer?.url.port).toBe('9000')
  expect(peer?.pids).toEqual([12, 13])
  expect(peer?.headers).toEqual({ authorization: 'Bearer a:b', 'x-provider': 'openai' })
})

test('arguments that make no sense are refused', () => {
  expect(() => readBenchArguments(['--rounds', '0'])).toThrow('--rounds')
  expect(() => readBenchArguments(['--peer', 'ftp://x'])).toThrow('--peer')
  expect(() => readBenchArguments(['--peer', 'http://x', '--peer-header', 'none'])).toThrow('--peer-header')
  expect(() => readBenchArguments(['--allocations'])).toThrow('--profile')
  expect(() => readBenchArguments(['--fast'])).toThrow('--fast')
})
