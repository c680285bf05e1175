import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { DEFAULT_AUTO_MODELS } from '../../../src/catalog/auto.ts'
import { findModel } from '../../../src/catalog/models.ts'
import { DOCS } from '../../../src/cli/docs/main.ts'
import { useRouter9 } from '../../harness/router9.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const ADDRESS = 'http://localhost:8787'

interface Sample {
  readonly document: string
  readonly language: string
  readonly code: string
}

const DOCUMENTS = ['README.md', ...readdirSync(DOCS).map((name) => path.join('src/docs', name))]

/** The documents' blocks of code that talk to Router9. */
const SAMPLES: readonly Sample[] = DOCUMENTS.flatMap((document) => {
  const text = readFileSync(path.join(ROOT, document), 'utf8')
  return [...text.matchAll(/^```(sh|ts|js|python)\n(.*?)^```$/gms)].flatMap(([, language = '', code = '']) =>
    code.includes(ADDRESS) && isInstalled(code) ? { document, language, code } : [],
  )
})

/** Whether what a block imports is here, and whether it is a call: agents are tried by `npm run clients`. */
function isInstalled(code: string): boolean {
  if (code.includes('export ')) return false
  return [...code.matchAll(/ from '([^']+)'/g)].every(([, name = '']) =>
    existsSync(path.join(ROOT, 'node_modules', name)),
  )
}

const HAS_PYTHON_CLIENT = spawnSync('python3', ['-c', 'import openai']).status === 0
const HAS_CURL = process.platform !== 'win32' && spawnSync('curl', ['--version']).status === 0

const router9 = useRouter9()

/** Runs a sample as it stands, but for the address, and gives what it prints. */
async function run({ language, code }: Sample): Promise<string> {
  const text = code.replaceAll(ADDRESS, router9.url)
  const [program, ...args] =
    language === 'ts' || language === 'js'
      ? [process.execPath, '--no-warnings', '--input-type=module-typescript', '-e', text]
      : language === 'python'
        ? ['python3', '-c', text]
        : ['sh', '-c', text]
  const { stdout } = await promisify(execFile)(program ?? '', args, { cwd: ROOT })
  return stdout
}

const skipped = ({ language }: Sample) =>
  (language === 'python' && !HAS_PYTHON_CLIENT) || (language === 'sh' && !HAS_CURL)

test('the README shows a call, and the quick start one with each client', () => {
  const languagesOf = (document: string) =>
    SAMPLES.flatMap((sample) => (sample.document === document ? sample.language : []))
  expect(languagesOf('README.md')).toEqual(['sh'])
  expect(languagesOf('src/docs/quick-start.md')).toEqual(['sh', 'ts', 'python', 'ts', 'ts', 'ts'])
})

/** What a sample prints: a program its answer's text, curl the body or the whole stream. */
function answerOf({ language, code }: Sample): RegExp {
  if (language !== 'sh') return /^Hello! How can I help you today\?\n?$/
  return code.includes('"stream": true')
    ? /"content":"\S.*data: \[DONE\]\n+$/s
    : /"(content|text)":"\S|"embedding":\[-?\d/
}

SAMPLES.forEach((sample, at) => {
  const { document, language, code } = sample
  test.skipIf(skipped(sample))(
    `sample ${at + 1}, ${language} in ${document}, runs as it stands and prints the answer`,
    async () => {
      expect(await run(sample), code).toMatch(answerOf(sample))
    },
    60_000,
  )
})

test('samples ask for models that are kept up to date: `auto`, one that it prefers, or one that makes vectors', () => {
  for (const { code, document } of SAMPLES) {
    const [, model = ''] =
      /(?:\bmodel"?: ?|model=|router9\()['"]([^'"]+)['"]/.exec(code) ?? /models\/([\w.-]+):/.exec(code) ?? []
    if (code.includes('/embeddings')) expect(findModel(model)?.deployments[0]?.traits.embedding, document).toBeDefined()
    else expect(['auto', ...DEFAULT_AUTO_MODELS], document).toContain(model)
  }
})
