import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_AUTO_MODELS } from '../../../src/catalog/auto.ts'
import { type Router9, startRouter9 } from '../../harness/router9.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const README = readFileSync(path.join(ROOT, 'README.md'), 'utf8')
const ADDRESS = 'http://localhost:8787'

interface Sample {
  readonly language: string
  readonly code: string
}

/** The README's blocks of code, in their order. */
const BLOCKS: readonly Sample[] = [...README.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language = '', code = '']) => ({
    language,
    code,
  }),
)
/** Those that talk to Router9. */
const SAMPLES = BLOCKS.filter(({ code }) => code.includes(`${ADDRESS}/v1`))

const HAS_PYTHON_CLIENT = spawnSync('python3', ['-c', 'import openai']).status === 0
const HAS_CURL = process.platform !== 'win32' && spawnSync('curl', ['--version']).status === 0

let router9: Router9
beforeAll(async () => {
  router9 = await startRouter9()
})
afterAll(() => router9.stop())

/** Runs a sample as it stands, but for the address, and gives what it prints. */
async function run({ language, code }: Sample): Promise<string> {
  const text = code.replaceAll(ADDRESS, router9.url)
  const [program, ...args] =
    language === 'ts'
      ? [process.execPath, '--no-warnings', '--input-type=module-typescript', '-e', text]
      : language === 'python'
        ? ['python3', '-c', text]
        : ['sh', '-c', text]
  const { stdout } = await promisify(execFile)(program ?? '', args, { cwd: ROOT })
  return stdout
}

const skipped = ({ language }: Sample) =>
  (language === 'python' && !HAS_PYTHON_CLIENT) || (language === 'sh' && !HAS_CURL)

test('there is a sample for curl, for each client in TypeScript, and for Python', () => {
  expect(SAMPLES.map(({ language }) => language).toSorted()).toEqual(['python', 'sh', 'ts', 'ts'])
})

for (const sample of SAMPLES) {
  const [first = ''] = sample.code.split('\n')
  test.skipIf(skipped(sample))(
    `the sample that begins \`${first}\` runs as it stands and prints the answer`,
    async () => {
      const printed = await run(sample)
      const answer = /Quantum|quantum/.test(sample.code) ? /"content":"\S/ : /^Hello! How can I help you today\?\n?$/
      expect(printed).toMatch(answer)
    },
    60_000,
  )
}

test('samples ask for models that are kept up to date: `auto`, or one that it prefers', () => {
  const named = SAMPLES.flatMap(({ code }) => [
    ...code.matchAll(/(?:\bmodel"?: ?|model=|router9\()['"]([^'"]+)['"]/g),
  ]).map(([, model]) => model ?? '')
  expect(named).toHaveLength(SAMPLES.length)
  expect(named.filter((model) => model !== 'auto' && !DEFAULT_AUTO_MODELS.includes(model))).toEqual([])
})
