import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { PROVIDERS } from '../src/catalog/providers.ts'
import { VERSION } from '../src/version.ts'

const ROOT = path.resolve(import.meta.dirname, '..')

/** What would be committed: tracked files and new ones that are not ignored. */
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: ROOT })
  .toString()
  .split('\0')
  .filter((file) => file !== '')
const TEXTS = new Map(FILES.flatMap((file) => textOf(file)))
// What wrangler writes of the bindings is not ours to style.
const SOURCES = [...TEXTS].filter(([file]) => /^src\/.*(?<!\.d)\.ts$/.test(file))

function textOf(file: string): [string, string][] {
  let bytes: Buffer
  try {
    bytes = readFileSync(path.join(ROOT, file))
  } catch {
    // Deleted, and the index does not know it yet.
    return []
  }
  return bytes.includes(0) ? [] : [[file, bytes.toString()]]
}

/** The code without its comments; words in strings stay. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')
}

interface Import {
  readonly target: string
  /** Only for types: nothing of it is in the bundle. */
  readonly typeOnly: boolean
}

function importsOf(text: string): Import[] {
  const pattern =
    /\b(import|export)\s+(type\s+)?(?:[\w*{][^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g
  return [...codeOf(text).matchAll(pattern)].map(([, , type, target, dynamic]) => ({
    target: target ?? dynamic ?? '',
    typeOnly: type !== undefined,
  }))
}

function linesWith(pattern: RegExp, files: readonly (readonly [string, string])[] = SOURCES): string[] {
  return files.flatMap(([file, text]) =>
    codeOf(text)
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  )
}

// A room may look into itself, and into the rooms that are named here.
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'index.ts': ['app.ts', 'gateway'],
  'app.ts': ['gateway', 'env.ts', 'routing', 'catalog', 'dialects', 'stream', 'chat', 'version.ts'],
  gateway: ['env.ts', 'routing', 'catalog', 'dialects', 'stream', 'chat', 'version.ts'],
  'env.ts': ['routing', 'catalog', 'dialects', 'stream', 'chat', 'version.ts'],
  routing: ['catalog', 'dialects', 'stream', 'chat'],
  catalog: ['dialects', 'chat'],
  dialects: ['chat'],
  stream: ['chat'],
  chat: [],
  'version.ts': [],
  // Programs make keys as the Worker reads them, judge its settings, tell what its data points hold: no more of its shell.
  cli: [
    'env.ts',
    'catalog',
    'chat',
    'dialects/foreign-fields.ts',
    'dialects/parameters.ts',
    'gateway/analytics.ts',
    'gateway/keys.ts',
    'gateway/random.ts',
    'version.ts',
  ],
}
// Only types, of which nothing is there at run time: a binding is typed by the class that stands behind it.
const TYPES_TOO: Readonly<Record<string, readonly string[]>> = {
  'env.ts': ['gateway/health-object.ts'],
  cli: ['dialects/dialect.ts', 'dialects/openai.ts'],
}
const PACKAGES: Readonly<Record<string, RegExp>> = {
  'app.ts': /^hono(\/|$)/,
  chat: /^zod\/mini$/,
  gateway: /^(zod\/mini|cloudflare:workers)$/,
  cli: /^(node:|zod(\/mini)?$|esbuild$|wrangler$)/,
}
// Below here, time, chance and environment come in by the door.
const PURE = ['routing', 'catalog', 'dialects', 'stream', 'chat']

function roomOf(file: string): string {
  const [first = ''] = file.split('/')
  return first
}

function inSource(file: string): string {
  return file.slice('src/'.length)
}

function isAllowed(from: string, to: string, typeOnly: boolean): boolean {
  const room = roomOf(from)
  if (roomOf(to) === room) return true
  const below = ROOMS[room]?.some((other) => other === to || other === roomOf(to)) === true
  return below || (typeOnly && TYPES_TOO[room]?.includes(to) === true)
}

/** Every import of a file that breaks a rule, in words. */
function brokenImports(file: string, text: string): string[] {
  const from = inSource(file)
  return importsOf(text).flatMap(({ target, typeOnly }) => {
    if (!target.startsWith('.')) {
      return PACKAGES[roomOf(from)]?.test(target) === true ? [] : [`${from} imports the package ${target}`]
    }
    const to = path.posix.join(path.posix.dirname(from), target)
    if (!/\.(ts|json)$/.test(to)) return [`${from} imports ${target} without its ending`]
    if (to.startsWith('..')) return [`${from} leaves src for ${target}`]
    return isAllowed(from, to, typeOnly) ? [] : [`${from} imports ${to}`]
  })
}

describe('arrows point down only', () => {
  test.each(SOURCES)('%s', (file, text) => {
    expect(ROOMS).toHaveProperty([roomOf(inSource(file))])
    expect(brokenImports(file, text)).toEqual([])
  })

  test.each([
    ['src/chat/a.ts', "import { plan } from '../routing/plan.ts'"],
    ['src/dialects/a.ts', "import { parse } from '../stream/sse.ts'"],
    ['src/routing/a.ts', "import type { Env } from '../env.ts'"],
    ['src/gateway/a.ts', "import {\n  app,\n} from '../app.ts'"],
    ['src/catalog/a.ts', "export { plan } from '../routing/plan.ts'"],
    ['src/env.ts', "import { Health } from './gateway/health-object.ts'"],
    ['src/cli/a.ts', "import { complete } from '../gateway/complete.ts'"],
    ['src/stream/a.ts', "const late = await import('../gateway/log.ts')"],
    ['src/gateway/a.ts', "import fs from 'node:fs'"],
    ['src/dialects/a.ts', "import 'left-pad'"],
    ['src/app.ts', "import { x } from '../test/x.ts'"],
    ['src/app.ts', "import { complete } from './gateway/complete'"],
  ])('an arrow that points elsewhere is seen: %s, %s', (file, text) => {
    expect(brokenImports(file, text)).toHaveLength(1)
  })

  test('no two files import each other in a circle', () => {
    const graph = new Map(
      SOURCES.map(([file, text]) => [
        file,
        importsOf(text)
          .filter(({ target, typeOnly }) => target.startsWith('.') && !typeOnly)
          .map(({ target }) => path.posix.join(path.posix.dirname(file), target)),
      ]),
    )
    const circles: string[] = []
    const visit = (file: string, trail: readonly string[]) => {
      if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' → '))
      else for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
    }
    for (const file of graph.keys()) visit(file, [])
    expect(circles).toEqual([])
  })
})

describe('time, chance and the world come in by the door', () => {
  const WORLD =
    /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bcrypto\b|\bperformance\b|\bfetch\(|\bset(Timeout|Interval)\b|\bprocess\.|\bconsole\.|\benv\b/

  test.each(PURE)('nothing in %s reaches out', (room) => {
    const files = SOURCES.filter(([file]) => roomOf(inSource(file)) === room)
    expect(files.length).toBeGreaterThan(0)
    expect(linesWith(WORLD, files)).toEqual([])
  })

  test.each([
    'Date.now()',
    'new Date()',
    'Math.random()',
    'crypto.randomUUID()',
    'await fetch(url)',
    'setTimeout(f, 1)',
    'env.KEY',
  ])('reaching out is seen: %s', (code) => {
    expect(linesWith(WORLD, [['src/chat/a.ts', `const x = 1 // why\n${code}\n`]])).toHaveLength(1)
  })
})

describe('generic code names no particular', () => {
  // `custom` is also a kind of tool in OpenAI's API: it is told from the provider by what is compared with it.
  const names = PROVIDERS.flatMap(({ id, aliases = [] }) => [id, ...aliases]).filter((name) => name !== 'custom')
  const name = `['"\`](${names.join('|')})['"\`:/]`
  const comparison = new RegExp(
    `([!=]==?|case|includes\\(|startsWith\\(|endsWith\\()\\s*${name}|${name}\\s*[!=]==?|\\b(provider|id)\\s*[!=]==?\\s*['"\`]custom['"\`]`,
  )
  const isGeneric = (file: string) => !/^src\/(catalog|cli)\//.test(file)

  test('no provider is compared with outside the catalogue', () => {
    const found = linesWith(
      comparison,
      SOURCES.filter(([file]) => isGeneric(file)),
    )
    // There the word is a value of the contract's own header, not a provider.
    expect(found.filter((line) => !line.includes("'x-router9-object'"))).toEqual([])
  })

  test.each([
    "if (target.provider === 'azure') {",
    "case 'groq':",
    "return id.startsWith('anthropic/')",
    "'openai' !== id",
    "if (provider.id === 'custom') {",
  ])('a comparison is seen: %s', (line) => {
    expect(linesWith(comparison, [['src/gateway/a.ts', line]])).toHaveLength(1)
  })
})

describe('the house style', () => {
  test('nothing is exported by default but the Worker', () => {
    const defaults = linesWith(/\bexport default\b|\bas default\b/)
    expect(defaults).toEqual([expect.stringMatching(/^src\/index\.ts: export \{ app as default \}/)])
  })

  test('no file only hands on what others export', () => {
    expect(linesWith(/\bexport \*/)).toEqual([])
    const handsOn = linesWith(/\bexport (type )?\{[^}]*\} from\b/).filter((line) => !line.startsWith('src/index.ts:'))
    expect(handsOn).toEqual([])
  })

  test('the type any is nowhere', () => {
    const typescript = [...TEXTS].filter(([file]) => file.endsWith('.ts') && file !== 'test/floors.test.ts')
    expect(linesWith(/(:|<|\bas|\||,)\s*any\b(\[\])?\s*([;,)>=|\]{]|$)|@ts-(ignore|nocheck)/, typescript)).toEqual([])
  })

  test('there are no enums, namespaces or parameter properties, which Node cannot strip', () => {
    expect(
      linesWith(/^\s*(export )?(const )?enum \w|^\s*(export )?namespace \w|constructor\((private|public|readonly) /),
    ).toEqual([])
  })

  test('no file is called utils, helpers or the like', () => {
    expect(FILES.filter((file) => /(^|\/)(utils?|helpers?|common|misc)\.\w+$/.test(file))).toEqual([])
  })

  test('what is left to do is not written into the source', () => {
    const marks = new RegExp(
      `\\b(${['TO', 'FIX', 'X'].map((start) => `${start}${start === 'TO' ? 'DO' : start === 'FIX' ? 'ME' : 'XX'}`).join('|')})\\b`,
    )
    expect([...TEXTS].filter(([file, text]) => /\.ts$/.test(file) && marks.test(text)).map(([file]) => file)).toEqual(
      [],
    )
  })

  test('the version is the one of the package', () => {
    expect(VERSION).toBe(packageJson.version)
  })
})

describe('the repository stands on its own', () => {
  // In two pieces each, or this file would be the first to be found.
  const FORBIDDEN = [
    ['/wo', 'rk/'],
    ['../sh', 'ared'],
    ['registry.', 'npmjs.org'],
    ['/tmp/', 'briefs'],
  ].map((pieces) => pieces.join(''))
  // The lock file says where packages come from; that is its work.
  // And CI looks for recordings beside the clone.
  const searched = [...TEXTS].filter(([file]) => file !== 'package-lock.json' && !file.startsWith('.ci/'))

  test.each(FORBIDDEN)('%s is written nowhere', (word) => {
    expect(searched.length).toBeGreaterThan(50)
    expect(searched.filter(([, text]) => text.includes(word)).map(([file]) => file)).toEqual([])
  })
})
