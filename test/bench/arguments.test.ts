import { expect, test } from 'vitest'
import { readBenchArguments } from './arguments.ts'

test('without arguments five rounds of everything are run', () => {
  expect(readBenchArguments([])).toMatchObject({ quick: false, only: '', rounds: 5, peers: [], soak: false })
})

test('a quick run has three rounds, unless told otherwise', () => {
  expect(readBenchArguments(['--quick']).rounds).toBe(3)
  expect(readBenchArguments(['--quick', '--rounds', '7']).rounds).toBe(7)
})

test('a peer that runs comes with its processes and headers, others with their folders', () => {
  const { peers } = readBenchArguments([
    '--peer',
    'http://127.0.0.1:9000/v1',
    '--peer=one=/somewhere/else',
    '--peer=/somewhere/two/',
    '--peer-pid',
    '12,13',
    '--peer-header',
    'Authorization: Bearer a:b',
    '--peer-header',
    'x-provider: openai',
  ])
  expect(peers[0]).toMatchObject({
    name: 'peer',
    url: { port: '9000' },
    pids: [12, 13],
    headers: { authorization: 'Bearer a:b', 'x-provider': 'openai' },
  })
  expect(peers.slice(1)).toEqual([
    { name: 'one', folder: '/somewhere/else' },
    { name: 'two', folder: '/somewhere/two' },
  ])
})

test('arguments that make no sense are refused', () => {
  expect(() => readBenchArguments(['--rounds', '0'])).toThrow('--rounds')
  expect(() => readBenchArguments(['--peer', 'ftp://x'])).toThrow('--peer')
  expect(() => readBenchArguments(['--peer', 'router9=/x'])).toThrow('--peer')
  expect(() => readBenchArguments(['--peer', 'http://x', '--peer', 'y=http://y'])).toThrow('one address')
  expect(() => readBenchArguments(['--peer', 'http://x', '--peer-header', 'none'])).toThrow('--peer-header')
  expect(() => readBenchArguments(['--allocations'])).toThrow('--profile')
  expect(() => readBenchArguments(['--fast'])).toThrow('--fast')
})
