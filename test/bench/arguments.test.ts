import { expect, test } from 'vitest'
import { readArguments } from './arguments.ts'

test('without arguments five rounds of everything are run', () => {
  expect(readArguments([])).toMatchObject({ quick: false, only: '', rounds: 5, peer: undefined, soak: false })
})

test('a quick run has three rounds, unless told otherwise', () => {
  expect(readArguments(['--quick']).rounds).toBe(3)
  expect(readArguments(['--quick', '--rounds', '7']).rounds).toBe(7)
})

test('a peer comes with its processes and headers', () => {
  const { peer } = readArguments([
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
  expect(() => readArguments(['--rounds', '0'])).toThrow('--rounds')
  expect(() => readArguments(['--peer', 'ftp://x'])).toThrow('--peer')
  expect(() => readArguments(['--peer', 'http://x', '--peer-header', 'none'])).toThrow('--peer-header')
  expect(() => readArguments(['--fast'])).toThrow('--fast')
})
