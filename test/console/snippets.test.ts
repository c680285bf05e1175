import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Snippet, snippetsFor } from '../../src/console/pages/start/snippets.ts'
import { useRouter9 } from '../harness/router9.ts'

const router9 = useRouter9()

const ROOT = path.resolve(import.meta.dirname, '../..')
const HAS_SHELL = process.platform !== 'win32'
const HAS_CURL = HAS_SHELL && spawnSync('curl', ['--version']).status === 0
const HAS_PYTHON_CLIENT = HAS_SHELL && spawnSync('python3', ['-c', 'import openai']).status === 0

/** Those of libraries that are installed here; `npm run clients` does what the others say. */
const RUN_HERE = new Map([
  ['curl', HAS_CURL],
  ['openai-python', HAS_PYTHON_CLIENT],
  ['openai-ts', HAS_SHELL],
  ['ai-sdk', HAS_SHELL],
  ['langchain', HAS_SHELL],
])

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'router9-snippets-'))
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'junction')
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Does the steps but the installations. @returns what the last one printed */
async function follow({ steps }: Snippet): Promise<string> {
  const env = { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` }
  let printed = ''
  for (const step of steps) {
    if (step.does === 'write') await writeFile(path.join(folder, step.file), `${step.text}\n`)
    if (step.does !== 'run') continue
    printed = (await promisify(execFile)('sh', ['-c', step.text], { cwd: folder, env })).stdout
  }
  return printed
}

for (const [id, isThere] of RUN_HERE) {
  test.skipIf(!isThere)(
    `the start page’s ${id}, done as it says, prints an answer`,
    async () => {
      const snippet = snippetsFor(router9.url, 'sk-r9k-demo').find((one) => one.id === id)
      expect(await follow(snippet as Snippet)).toMatch(id === 'curl' ? /"content":"\S/ : /^\S.{10,}/)
    },
    60_000,
  )
}

test('what the start page has installed for these is what this repository has', () => {
  const installs = snippetsFor('', '').flatMap(({ id, steps }) =>
    RUN_HERE.has(id) ? steps.flatMap(({ does, text }) => (does === 'install' ? [text] : [])) : [],
  )
  const packages = installs.flatMap((text) => /^npm install (.*)/.exec(text)?.[1]?.split(' ') ?? [])
  expect(packages).toHaveLength(5)
  expect(packages.filter((name) => !existsSync(path.join(ROOT, 'node_modules', name)))).toEqual([])
})

test('the start page has a snippet for each client, with the address and the key in each', () => {
  const snippets = snippetsFor('https://llm.example', 'sk-r9k-mine')
  expect(snippets.map(({ id }) => id).toSorted()).toEqual([
    ...['ai-sdk', 'claude-code', 'cline', 'codex', 'continue', 'curl'],
    ...['langchain', 'openai-python', 'openai-ts', 'opencode'],
  ])
  for (const { steps, id } of snippets) {
    const text = steps.map((step) => step.text).join('\n')
    expect(text, id).toContain('https://llm.example')
    expect(text, id).toContain('sk-r9k-mine')
  }
})
