import { expect, test } from 'vitest'
import { createTextCheck } from './text-check.ts'

function faultOf(expected: string, words: readonly string[], end = 'data: [DONE]\n\n'): string | undefined {
  const stream = Buffer.from(
    words.map((content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`).join('') + end,
  )
  const check = createTextCheck(expected)
  // Cut inside characters, too.
  for (let at = 0; at < stream.length; at += 3) check.feed(stream.subarray(at, at + 3))
  return check.fault()
}

test('the same text in other pieces is the same text', () => {
  expect(faultOf('wörter und mehr', ['wör', 'ter und', ' mehr'])).toBeUndefined()
})

test('a word that is lost, doubled or changed shows', () => {
  expect(faultOf('a b c', ['a', ' c'])).toContain('at character 1')
  expect(faultOf('a b', ['a', ' b', ' b'])).toContain('at character 3')
  expect(faultOf('a b c', ['a', ' b'])).toBe('only 3 of 5 characters came')
})

test('a stream that does not end, or goes on after its end, shows', () => {
  expect(faultOf('a', ['a'], '')).toBe('it did not end')
  expect(faultOf('a', ['a'], 'data: [DONE]\n\ndata: [DONE]\n\n')).toBe('something came after the end')
})
