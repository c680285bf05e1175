import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { PROVIDERS } from '../../../src/catalog/providers.ts'
import { DOCS, PARTS, partsOf, withGeneratedParts } from '../../../src/cli/docs/main.ts'
import { NOTES } from '../../../src/cli/docs/parameters.ts'
import { allParameters } from '../../../src/formats/shared/parameters.ts'

const DOCUMENTS = readdirSync(DOCS).map((name) => ({ name, text: readFileSync(path.join(DOCS, name), 'utf8') }))

test.each(DOCUMENTS)('$name says what the code does (npm run docs makes its tables again)', ({ text }) => {
  expect(withGeneratedParts(text)).toBe(text)
})

test('every generated part stands in one document', () => {
  expect(DOCUMENTS.flatMap(({ text }) => partsOf(text)).toSorted()).toEqual(Object.keys(PARTS).toSorted())
})

test('a part without its end, and a part that nobody makes, are errors', () => {
  const begin = (name: string) => `<!-- begin ${name}: made by \`npm run docs\`, do not edit -->`
  expect(() => withGeneratedParts(`${begin('parameters')}\n\nold\n`)).toThrow('lost one of its marks')
  expect(() => withGeneratedParts(`${begin('nothing')}\n\nold\n\n<!-- end nothing -->\n`)).toThrow("'nothing'")
})

test('every note is of a parameter that there is', () => {
  for (const name of NOTES.keys()) expect([...allParameters()]).toContain(name)
})

test('every provider and its setting stand in providers.md', () => {
  const text = DOCUMENTS.find(({ name }) => name === 'providers.md')?.text
  for (const { id, settingPrefix, keyOptional } of PROVIDERS) {
    expect(text).toContain(`\`${settingPrefix}_${keyOptional ? 'BASE_URL' : 'API_KEY'}\``)
    expect(text).toContain(`\`${id}/\``)
  }
})

test('every setting that is read stands in settings.md or providers.md', () => {
  const env = readFileSync(path.join(DOCS, '../env.ts'), 'utf8')
  const named = [...env.matchAll(/\(env, '([A-Z_]+)'/g)].map(([, name = '']) => name)
  expect(named.length).toBeGreaterThan(10)
  const text = DOCUMENTS.filter(({ name }) => /^(settings|providers)\.md$/.test(name)).map(({ text }) => text)
  for (const name of named) expect(text.join()).toContain(`\`${name}`)
})

test('every error code stands in errors.md', () => {
  const failures = readFileSync(path.join(DOCS, '../chat/failure.ts'), 'utf8')
  const codes = [...failures.matchAll(/code: '(\w+)'/g)].map(([, code = '']) => code)
  expect(codes.length).toBeGreaterThan(20)
  const text = DOCUMENTS.find(({ name }) => name === 'errors.md')?.text
  // Nobody reads this one: the client is gone.
  for (const code of codes) if (code !== 'client_closed_request') expect(text).toContain(`\`${code}\``)
})

test.each(DOCUMENTS)('$name begins with a title and one sentence', ({ text }) => {
  expect(text).toMatch(/^# \S.*\n\n(?!```)[^\n#|-][^\n]*\.\n/)
})
