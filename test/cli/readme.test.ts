import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { withAppendix } from '../../src/cli/readme.ts'

test('the README says of parameters what the code does (npm run readme makes it anew)', () => {
  const readme = readFileSync(path.resolve(import.meta.dirname, '../../README.md'), 'utf8')
  expect(withAppendix(readme)).toBe(readme)
})
