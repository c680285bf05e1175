// What no linter can check; who may import whom and the rest of the style are rules of .biome.jsonc.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { PROVIDERS } from '../src/catalog/providers.ts'
import { VERSION } from '../src/version.ts'

const ROOT = path.resolve(import.meta.dirname, '..')

/** The text files that would be committed: tracked ones, and new ones that are not ignored. */
const TEXTS = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: ROOT })
  .toString()
  .split('\0')
  .filter((file) => file !== '')
  .flatMap((file) => readText(file))

interface TextFile {
  readonly file: string
  readonly text: string
}

function readText(file: string): TextFile[] {
  try {
    const text = readFileSync(path.join(ROOT, file), 'utf8')
    return text.includes('\0') ? [] : [{ file, text }]
  } catch {
    // The file is deleted, but the index does not know it yet.
    return []
  }
}

describe('generic code names no particular provider', () => {
  // 'custom' is also a kind of tool, so it counts only in a comparison with a provider or an id.
  const names = PROVIDERS.flatMap(({ id, aliases = [] }) => [id, ...aliases]).filter((name) => name !== 'custom')
  const literal = `['"\`](${names.join('|')})['"\`:/]`
  const comparison = new RegExp(
    `([!=]==?|case|includes\\(|startsWith\\(|endsWith\\()\\s*${literal}|${literal}\\s*[!=]==?|\\b(provider|id)\\s*[!=]==?\\s*['"\`]custom['"\`]`,
  )

  test('outside the catalogue and the programs, nothing is compared with the name of a provider', () => {
    const lines = TEXTS.filter(({ file }) => /^src\/(?!catalog\/|cli\/).*\.ts$/.test(file)).flatMap(({ file, text }) =>
      text.split('\n').flatMap((line) => (comparison.test(line) ? `${file}: ${line.trim()}` : [])),
    )
    // There the word is a value of our own header, not a provider.
    expect(lines.filter((line) => !line.includes("'x-router9-object'"))).toEqual([])
  })

  test.each([
    "if (target.provider === 'azure') {",
    "case 'groq':",
    "return id.startsWith('anthropic/')",
    "'openai' !== id",
    "if (provider.id === 'custom') {",
  ])('such a comparison is found: %s', (line) => {
    expect(line).toMatch(comparison)
  })
})

describe('the repository', () => {
  // Each word is written in two pieces, so that this file does not contain it. Formats import `formats/shared`.
  test.each([
    ['/wo', 'rk/'],
    ['\\.\\./sh', 'ared\\b(?!/(\\*|[-\\w]+\\.ts\\b|README\\.md))'],
    ['registry', '\\.npmjs'],
    ['/tmp/', 'briefs'],
    ['\\bTO', 'DO\\b'],
    ['\\bFIX', 'ME\\b'],
    ['\\bXX', 'X\\b'],
  ])('does not contain %s%s', (start, end) => {
    const word = new RegExp(start + end)
    expect(TEXTS.length).toBeGreaterThan(50)
    const found = TEXTS.filter(({ text }) => word.test(text)).map(({ file }) => file)
    // CI looks for recordings beside the clone, and nobody writes lock files by hand.
    expect(found.filter((file) => !/^(\.ci\/|package-lock\.json$)/.test(file))).toEqual([])
  })

  test('has no file called utils, helpers or the like', () => {
    const files = TEXTS.map(({ file }) => file)
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|misc)\.\w+$/.test(file))).toEqual([])
  })

  test('has one version', () => {
    expect(VERSION).toBe(packageJson.version)
  })
})

test('no error is made while modules load', () => {
  // V8 looks up the lines of its stack, and for that reads the whole bundle a second time before the first request.
  const files = TEXTS.filter(({ file }) => /^src\/.*\.ts$/.test(file) && !/^src\/(cli|console)\//.test(file))
  const found = files.flatMap(({ file, text }) =>
    [...text.matchAll(/^(?:export )?(?:const|let) .*\bnew (?:Failure|\w*Error)\(.*/gm)].map(
      ([line]) => `${file}: ${line}`,
    ),
  )
  expect(found.filter((line) => !line.includes('=>'))).toEqual([])
})
