import { expect, test } from 'vitest'
import { differencesOf, groupDifferences } from './differences.ts'
import { createNormalizer, normalizeLogLine } from './normalize.ts'
import type { CompareRequest } from './request.ts'

const ID = 'AbCdEfGhIjKlMnOpQrStUvWx'

test('the same id is the same word wherever it stands, and another id is another word', () => {
  const normalize = createNormalizer(['1234'])
  expect(normalize(`call_${ID} req_${ID} call_${ID}`)).toBe('call_#1 req_#2 call_#1')
  expect(normalize(`"call_${ID}"`)).toBe('"call_#1"')
})

test('only a time near now and a port of this run count as chance', () => {
  const normalize = createNormalizer(['1234', '77'])
  const now = Math.floor(Date.now() / 1000)
  expect(normalize(`{"created":${now}} {"created":1735689600}`)).toBe('{"created":now} {"created":1735689600}')
  expect(normalize('http://127.0.0.1:77/ 127.0.0.1:778')).toBe('http://127.0.0.1:port-1/ 127.0.0.1:778')
})

test('a line of a log loses its times and nothing else', () => {
  const line =
    '{"total_ms":12,"attempts":[{"ms":3,"outcome":"200"}],"detail":"TypeError: x\\n    at f (a.js:1:2)\\n    at g"}'
  expect(normalizeLogLine(line)).toBe('{"total_ms":…,"attempts":[{"ms":…,"outcome":"200"}],"detail":"TypeError: x"}')
})

test('what one side lacks is a difference, and differences that look alike are one group', () => {
  const request: CompareRequest = { name: 'a', method: 'GET', path: '/', headers: {} }
  const one = differencesOf(
    request,
    [
      ['status', '200'],
      ['body', 'at 12 s'],
    ],
    [['status', '200']],
  )
  expect(one.map(({ part, after }) => [part, after])).toEqual([['body', '(absent)']])
  const two = differencesOf(request, [['body', 'at 99 s']], [])
  expect(groupDifferences([...one, ...two])).toHaveLength(1)
})
