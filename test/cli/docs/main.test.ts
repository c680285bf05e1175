import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { NOTES, withTables } from '../../../src/cli/docs/main.ts'
import { PARAMETERS } from '../../../src/formats/shared/parameters.ts'

test('the README says of parameters and data points what the code does (npm run readme makes it anew)', () => {
  const readme = readFileSync(path.resolve(import.meta.dirname, '../../../README.md'), 'utf8')
  expect(withTables(readme)).toBe(readme)
})

test('every note is of a parameter that there is', () => {
  for (const name of NOTES.keys()) expect([...PARAMETERS.keys()]).toContain(name)
})
