import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_RULES } from '../../../src/formats/shared/error-rules.ts'

const RULES = readFileSync(path.resolve(import.meta.dirname, '../../../src/formats/README.md'), 'utf8')

test.each([...new Set(ERROR_RULES.map(({ source }) => source))])(
  'the source of a rule, section %s, is there',
  (source) => {
    expect(RULES).toMatch(new RegExp(`^## ${source.replace('.', String.raw`\.`)} `, 'm'))
  },
)

test('no rule stands behind one that fits whatever it fits', () => {
  const always = new Set<number>()
  for (const { status, pattern } of ERROR_RULES) {
    expect(status.some((code) => !always.has(code))).toBe(true)
    if (pattern === undefined) for (const code of status) always.add(code)
  }
})
