import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createThinkTagSplitter } from '../../../src/formats/shared/think-tags.ts'

function split(...pieces: string[]): { text: string; reasoning: string } {
  const splitter = createThinkTagSplitter()
  const joined = { text: '', reasoning: '' }
  for (const { type, text } of [...pieces.flatMap((piece) => [...splitter.feed(piece)]), ...splitter.end()])
    joined[type] += text
  return joined
}

const FIXTURES: [string, string, { text: string; reasoning: string }][] = [
  ['a thought and an answer', '<think>Hm.</think>So.', { reasoning: 'Hm.', text: 'So.' }],
  ['white space around the tags', '\n <think>Hm.</think>\n\nSo.', { reasoning: 'Hm.', text: 'So.' }],
  ['no tags', 'So.', { reasoning: '', text: 'So.' }],
  ['no tags, and white space to begin with', '  So.', { reasoning: '', text: '  So.' }],
  ['a tag that is never closed', '<think>Hm.', { reasoning: 'Hm.', text: '' }],
  ['an empty thought', '<think></think>So.', { reasoning: '', text: 'So.' }],
  [
    'a tag later on, which is written about',
    'Use <think> and </think>.',
    { reasoning: '', text: 'Use <think> and </think>.' },
  ],
  [
    'a second thought, which is text',
    '<think>a</think>b<think>c</think>',
    { reasoning: 'a', text: 'b<think>c</think>' },
  ],
  [
    'less-than signs within a thought',
    '<think>1 < 2 </thin </ </think>So.',
    { reasoning: '1 < 2 </thin </ ', text: 'So.' },
  ],
  ['half a tag and no more', '<thi', { reasoning: '', text: '<thi' }],
  ['half a closing tag and no more', '<think>a</thi', { reasoning: 'a</thi', text: '' }],
  ['another tag', '<thinking>a', { reasoning: '', text: '<thinking>a' }],
  ['nothing', '', { reasoning: '', text: '' }],
]

describe('a text is told apart from reasoning, whole or cut anywhere:', () => {
  test.each(FIXTURES)('%s', (_, given, expected) => {
    expect(split(given)).toEqual(expected)
    expect(split(...given), 'character by character').toEqual(expected)
    for (let at = 1; at < given.length; at++)
      expect(split(given.slice(0, at), given.slice(at)), `cut at ${at}`).toEqual(expected)
  })
})

describe('where the template has opened the tag', () => {
  const splitOpened = (...pieces: string[]) => {
    const splitter = createThinkTagSplitter(true)
    const joined = { text: '', reasoning: '' }
    for (const { type, text } of [...pieces.flatMap((piece) => [...splitter.feed(piece)]), ...splitter.end()])
      joined[type] += text
    return joined
  }

  test.each([
    ['what comes before its end is reasoning', 'Hm.</think>\n\nSo.', { reasoning: 'Hm.', text: 'So.' }],
    ['it may be opened once more', '<think>\nHm.</think>So.', { reasoning: '\nHm.', text: 'So.' }],
    ['an answer cut before its end is all reasoning', 'Hm.', { reasoning: 'Hm.', text: '' }],
    ['half a tag is reasoning too', '<thi', { reasoning: '<thi', text: '' }],
    ['nothing is nothing', '', { reasoning: '', text: '' }],
  ])('%s', (_, given, expected) => {
    expect(splitOpened(given)).toEqual(expected)
    expect(splitOpened(...given), 'character by character').toEqual(expected)
  })

  test('but reasoning has come apart from the text, all text is text', () => {
    const splitter = createThinkTagSplitter(true)
    splitter.markReasoningSeparate()
    expect(splitter.feed('So.')).toEqual([{ type: 'text', text: 'So.' }])
  })
})

test('text without tags comes out as it went in', () => {
  fc.assert(
    fc.property(fc.array(fc.string().map((text) => text.replaceAll('<', ''))), (pieces) => {
      expect(split(...pieces)).toEqual({ reasoning: '', text: pieces.join('') })
    }),
  )
})

test('what cannot become a tag any more is let go at once', () => {
  const splitter = createThinkTagSplitter()
  expect(splitter.feed('<think>one</thx')).toEqual([{ type: 'reasoning', text: 'one</thx' }])
  expect(splitter.feed('two</')).toEqual([{ type: 'reasoning', text: 'two' }])
})

test('white space waits for a tag no longer than a while', () => {
  const splitter = createThinkTagSplitter()
  let said = 0
  for (let at = 0; at < 2000; at++) for (const { text } of splitter.feed('\n')) said += text.length
  expect(said).toBeGreaterThan(0)
  for (const { text } of splitter.end()) said += text.length
  expect(said).toBe(2000)
})
