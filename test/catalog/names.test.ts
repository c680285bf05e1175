import { expect, test } from 'vitest'
import {
  contestedNames,
  findRow,
  indexMakers,
  indexNames,
  indexProviderIds,
  lastSegment,
  normalizeName,
  withoutDate,
} from '../../src/catalog/names.ts'

const TAIL = '10 5 t>t - - -'

test('folding levels case and the dots of versions, and no other dots', () => {
  expect(normalizeName('Claude-Opus-4.6')).toBe('claude-opus-4-6')
  expect(normalizeName('v1.2.3')).toBe('v1-2-3')
  expect(normalizeName('a.b-7.x')).toBe('a.b-7.x')
})

test('all usual forms of a date fall off, and nothing else does', () => {
  const dated = [
    'm-2024-08-06',
    'm-20250929',
    'm@20250929',
    'm-0613',
    'm-2512',
    'm-08-2024',
    'm-2025-04',
    'm-05-06',
    'm-001',
  ]
  for (const name of [...dated, 'm-latest', 'm-preview-05-20', 'm-0711-preview'])
    expect(withoutDate(name), name).toBe('m')
  for (const name of ['m-4', 'm-4-5', 'm-72b', 'm-9999', 'm-1300', 'm-preview', 'm-32768'])
    expect(withoutDate(name), name).toBe(name)
})

test('an id wins over an alias, an alias over a direct provider, a direct provider over a reseller', () => {
  const rows = [
    `a|x|2025|b,c|groq other/d ${TAIL}|openrouter x/e ${TAIL}`,
    `b|x|2025||groq other/c ${TAIL}`,
    `z|x|2025||openrouter y/d ${TAIL}|groq q/e ${TAIL}`,
  ]
  const names = indexNames(rows)
  expect([findRow(names, 'b'), findRow(names, 'c'), findRow(names, 'd'), findRow(names, 'e')]).toEqual([1, 0, 0, 2])
  expect(contestedNames(names)).toEqual([])
})

test('a name that two models claim by the same right leads nowhere', () => {
  const rows = [
    `a|x|2025|n|groq one/m ${TAIL}`,
    `b|x|2025|n|together two/m ${TAIL}`,
    `c|x|2025||openrouter x/m ${TAIL}`,
  ]
  const names = indexNames(rows)
  expect(contestedNames(names)).toEqual(['n', 'm'])
  expect(findRow(names, 'm')).toBeUndefined()
  expect(findRow(names, 'one/m')).toBe(0)
})

test('a model called maker/name leaves the bare name to others', () => {
  const names = indexNames([`openrouter/auto|openrouter|2025||openrouter = ${TAIL}`])
  expect(findRow(names, 'openrouter/auto')).toBe(0)
  expect(findRow(names, 'auto')).toBeUndefined()
})

test("a provider's own ids are found whatever their case, and only its own", () => {
  const rows = [`a|x|2025||groq = ${TAIL}|together X/Big-A ${TAIL}`, `b|x|2025||groq maker/= ${TAIL}`]
  expect([...indexProviderIds(rows, 'groq')]).toEqual([
    ['a', 0],
    ['maker/b', 1],
  ])
  expect([...indexProviderIds(rows, 'together')]).toEqual([['x/big-a', 0]])
  expect(indexProviderIds(rows, '').size).toBe(0)
})

test('makers are known by the prefixes that providers use', () => {
  const makers = indexMakers([`llama|meta|2025||workers-ai @cf/meta/= ${TAIL}|openrouter meta-llama/= ${TAIL}`])
  expect([...makers]).toEqual(['meta/meta', '@cf/meta/meta', 'meta-llama/meta'])
})

test('the last segment names the model', () => {
  expect(lastSegment('@cf/meta/llama-3')).toBe('llama-3')
  expect(lastSegment('gpt-4o')).toBe('gpt-4o')
})
