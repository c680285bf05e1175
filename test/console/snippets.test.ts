import { execFile, spawnSync } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { snippetsFor } from '../../src/console/pages/start/snippets.ts'
import { useRouter9 } from '../harness/router9.ts'

const router9 = useRouter9()

const HAS_CURL = process.platform !== 'win32' && spawnSync('curl', ['--version']).status === 0
const HAS_PYTHON_CLIENT = spawnSync('python3', ['-c', 'import openai']).status === 0

const TYPESCRIPT = [process.execPath, '--no-warnings', '--input-type=module-typescript', '-e']
const RUN_BY = [
  { id: 'curl', program: ['sh', '-c'], has: HAS_CURL },
  { id: 'openai-python', program: ['python3', '-c'], has: HAS_PYTHON_CLIENT },
  ...['openai-ts', 'ai-sdk', 'langchain'].map((id) => ({ id, program: TYPESCRIPT, has: true })),
]

for (const { id, program, has } of RUN_BY) {
  test.skipIf(!has)(
    `the start page’s snippet ${id} runs as it is copied, and prints an answer`,
    async () => {
      const { text = '' } = snippetsFor(router9.url, 'sk-r9k-demo').find((snippet) => snippet.id === id) ?? {}
      const [file = '', ...args] = program
      const { stdout } = await promisify(execFile)(file, [...args, text], {
        cwd: path.resolve(import.meta.dirname, '../..'),
      })
      expect(stdout).toMatch(id === 'curl' ? /"content":"\S/ : /^\S.{10,}/)
    },
    60_000,
  )
}

test('the start page has a snippet for each client, with the address and the key in each', () => {
  const snippets = snippetsFor('https://llm.example', 'sk-r9k-mine')
  expect(snippets.map(({ id }) => id).toSorted()).toEqual([
    ...['ai-sdk', 'claude-code', 'cline', 'codex', 'continue', 'curl'],
    ...['langchain', 'openai-python', 'openai-ts', 'opencode'],
  ])
  for (const { text, id } of snippets) {
    expect(text, id).toContain('https://llm.example')
    expect(text, id).toContain('sk-r9k-mine')
  }
})
