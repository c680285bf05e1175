import { expect, test } from 'vitest'
import type { Result } from './drive.ts'
import { failuresOf, tableOf } from './report.ts'

const result = (file: string, ok: boolean): Result => ({
  file,
  provider: 'openai',
  asked: 'openai/x',
  stream: true,
  notes: ['a note'],
  checks: [{ name: 'text', ok, expected: `${'a'.repeat(900)}b`, actual: `${'a'.repeat(900)}c` }],
})

test('the table counts for each provider and in all', () => {
  const table = tableOf([result('one', true), result('two', false)])
  expect(table[1]).toMatch(/^openai .* 1\/2 .* 1\/2$/)
  expect(table.at(-1)).toMatch(/^all .* 1\/2$/)
})

test('only failures are listed, from where the two texts part', () => {
  const lines = failuresOf([result('one', true), result('two', false)]).join('\n')
  expect(lines).not.toContain('one (')
  expect(lines).toContain('two (openai/x, stream)')
  expect(lines).toContain('ab"')
  expect(lines).toContain('ac"')
  expect(lines).toContain('a note')
  expect(lines.length).toBeLessThan(400)
})
