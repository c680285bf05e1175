import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '../..')

interface File {
  readonly name: string
  readonly text: string
}

const FILES: readonly File[] = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((name) => /\.(ts|js|md|yml|toml)$/.test(name) && existsSync(path.join(ROOT, name)))
  .map((name) => ({ name, text: readFileSync(path.join(ROOT, name), 'utf8') }))

const MARKDOWN = FILES.filter(({ name }) => name.endsWith('.md'))
/** What may cite a rule; this file speaks of citations. */
const CITING = FILES.filter(({ name }) => name !== 'test/docs/links.test.ts')

/** The documents that comments cite by a word and a number: `(contract 4.5)`. */
const DOCUMENTS: ReadonlyMap<string, string> = new Map([
  ['contract', 'src/README.md'],
  ['translation', 'src/formats/README.md'],
  ['routing', 'src/routing/README.md'],
  ['health', 'src/health/README.md'],
  ['accounts', 'src/access/README.md'],
])
const NUMBERS = String.raw`\d+(?:\.\d+)*(?:(?:, | and )\d+(?:\.\d+)*)*`
const CITATION = new RegExp(String.raw`\b(${[...DOCUMENTS.keys()].join('|')}) (${NUMBERS})(?![\w%])`, 'gi')
/** A citation of a numbered case, or of a document by its name alone: neither can be looked up. A `case 4:` of a switch is none. */
const UNKNOWN =
  /(?<!^[ \t]*)\bcases? (?:\d|[A-Z]\d|, section)|\bcases, section|\([A-Z]\d\d(?:, |\))|(?<![\w/])spec\/|(?<![\w/])(?:contract|translation|cases|platform|performance|clients|accounts)\.md\b/gm

/** The headings of a Markdown text, without what only looks like one in a block of code. */
function headingsOf(text: string): string[] {
  return [...text.replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
}

/** The numbers of a document's headings: `4.5` of `#### 4.5 The end`. */
function numbersOf(text: string): Set<string> {
  return new Set(headingsOf(text).flatMap((heading) => /^(\d+(?:\.\d+)*)\.? /.exec(heading)?.[1] ?? []))
}

/** The citations of a text that lead nowhere. */
function brokenCitations(text: string, numbers: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const broken = [...text.matchAll(CITATION)].flatMap(([, document = '', list = '']) =>
    list
      .split(/, | and /)
      .filter((number) => numbers.get(document.toLowerCase())?.has(number) === false)
      .map((number) => `${document} ${number}`),
  )
  return [...broken, ...[...text.matchAll(UNKNOWN)].map(([found]) => found)]
}

/** As GitHub makes an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replace(/ /g, '-')
}

function isThere(name: string): boolean {
  return existsSync(path.join(ROOT, name))
}

/** The links of a Markdown file that lead to nothing in the repository. */
function brokenLinks({ name, text }: File): string[] {
  const prose = text.replace(/^```.*?^```$/gms, '')
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [file = '', anchor] = target.split('#')
    const found = file === '' ? name : path.join(path.dirname(name), file)
    if (!isThere(found)) return true
    if (anchor === undefined) return false
    return !headingsOf(readFileSync(path.join(ROOT, found), 'utf8'))
      .map(anchorOf)
      .includes(anchor)
  })
}

/**
 * The files that a Markdown file names in backticks and that are not there: a path from the root, from `src` or from its own
 * folder; a name alone anywhere in its folder.
 */
function brokenPaths({ name, text }: File): string[] {
  const folder = path.dirname(name)
  const named = [...text.matchAll(/`((?:[\w.-]+\/)*(?:[\w.-]+\.(?:ts|md|json|toml|yml))?)`/g)]
  return named
    .map(([, found = '']) => found)
    .filter((found) => /^(?:src|test|\.github)\/|\.(?:ts|md)$/.test(found))
    .filter((found) => !['', 'src', folder].some((from) => isThere(path.join(from, found))))
    .filter((found) => !FILES.some((file) => file.name.startsWith(`${folder}/`) && file.name.endsWith(`/${found}`)))
}

describe('every rule that is cited stands in the repository', () => {
  const numbers = new Map(
    [...DOCUMENTS].map(([document, name]) => [document, numbersOf(readFileSync(path.join(ROOT, name), 'utf8'))]),
  )

  test('in every file', () => {
    const broken = CITING.flatMap(({ name, text }) => brokenCitations(text, numbers).map((one) => `${name}: ${one}`))
    expect(broken).toEqual([])
  })

  test('and a wrong number, or a document that is not here, is found', () => {
    expect(brokenCitations('(contract 4.5)', numbers)).toEqual([])
    expect(brokenCitations('(contract 4.5, 4.99 and 77; reference)', numbers)).toEqual(['contract 4.99', 'contract 77'])
    expect(brokenCitations('As contract 4.50 says.', numbers)).toEqual(['contract 4.50'])
    expect(brokenCitations('from translation.md, section 3', numbers)).toEqual(['translation.md'])
    expect(brokenCitations('(cases, section 11; case 40)', numbers)).toEqual(['cases, section', 'case 4'])
  })
})

describe('every link leads somewhere', () => {
  test.each(MARKDOWN)('in $name', (file) => {
    expect(brokenLinks(file)).toEqual([])
    expect(brokenPaths(file)).toEqual([])
  })

  test('and one that does not is found', () => {
    const text =
      '[a](LICENSE) [b](nothing.md) [c](src/README.md#the-contract) [d](src/README.md#the-treaty) [e](#f)\n# G\n'
    const file = { name: 'README.md', text: `${text}\`src/app.ts\` \`src/none.ts\`` }
    expect(brokenLinks(file)).toEqual(['nothing.md', 'src/README.md#the-treaty', '#f'])
    expect(brokenPaths(file)).toEqual(['src/none.ts'])
  })

  test('and every document is linked from the README, or from one that is', () => {
    const linked = new Set(['README.md'])
    for (const name of linked) {
      const text = MARKDOWN.find((file) => file.name === name)?.text ?? ''
      for (const [, target = ''] of text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        const found = path.join(path.dirname(name), target)
        if (found.endsWith('.md') && isThere(found)) linked.add(found)
      }
    }
    expect(MARKDOWN.map(({ name }) => name).filter((name) => !linked.has(name))).toEqual([])
  })
})

test('the README has at most 8 KB', () => {
  expect(statSync(path.join(ROOT, 'README.md')).size).toBeLessThanOrEqual(8192)
})
