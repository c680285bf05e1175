import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CliError, UsageError } from '../../../src/cli/arguments.ts'
import { deploy, failureText } from '../../../src/cli/deploy/main.ts'
import { checkSettings, readSecrets } from '../../../src/cli/shared/settings.ts'
import { DEMO_KEY } from '../../harness/worker.ts'
import { type Cloud, startCloud } from '../cloud.ts'
import { migrationsIn, TOKEN } from '../cloudflare-stand-in.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const MIGRATIONS = path.join(ROOT, 'src/usage/migrations')

describe('settings are checked before anything is deployed', () => {
  const given = (secrets: Record<string, string>, stored: string[] = [], vars: Record<string, unknown> = {}) =>
    checkSettings({ vars, secrets, stored })

  test('a provider that has a key is enough, in this deployment or from one before', () => {
    expect(given({ OPENAI_API_KEY: 'k', GROQ_API_KEY: 'k' })).toEqual({ kind: 'valid', providers: ['openai', 'groq'] })
    expect(given({}, ['ANTHROPIC_API_KEY'])).toEqual({ kind: 'valid', providers: ['anthropic'] })
    const azure = ['AZURE_OPENAI_API_KEY', 'AZURE_OPENAI_BASE_URL']
    expect(given({}, azure)).toEqual({ kind: 'valid', providers: ['azure'] })
    expect(given({}, ['SOMETHING_ELSE'])).toEqual({ kind: 'no-provider' })
    expect(given({}, ['GROQ_API_KEY', 'OTLP_ENDPOINT', 'OTLP_HEADERS'])).toMatchObject({ kind: 'valid' })
  })

  test.each([
    [
      'a base URL in the clear',
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://example.com/v1' },
      {},
      'OPENAI_BASE_URL',
    ],
    ['a server of one’s own machine', { OLLAMA_BASE_URL: 'http://127.0.0.1:11434/v1' }, {}, 'OLLAMA_BASE_URL'],
    ['a model that nobody has', { OPENAI_API_KEY: 'k', AUTO_MODELS: 'nonsense' }, {}, 'AUTO_MODELS'],
    ['a key beside no address', { AZURE_OPENAI_API_KEY: 'k' }, {}, 'AZURE_OPENAI_BASE_URL'],
    ['a key in wrangler.toml', {}, { OPENAI_API_KEY: 'k' }, 'OPENAI_API_KEY'],
    ['a collector in the clear', { OPENAI_API_KEY: 'k', OTLP_ENDPOINT: 'http://example.com' }, {}, 'OTLP_ENDPOINT'],
    ['a collector’s key in wrangler.toml', { OPENAI_API_KEY: 'k' }, { OTLP_HEADERS: 'a=b' }, 'OTLP_HEADERS'],
    ['the demo key', { OPENAI_API_KEY: 'k', CUSTOM_API_KEY: DEMO_KEY }, {}, 'CUSTOM_API_KEY'],
    ['a time that is none', { OPENAI_API_KEY: 'k' }, { IDLE_TIMEOUT_MS: 'soon' }, 'IDLE_TIMEOUT_MS'],
  ])('%s is refused by name', (_, secrets, vars, name) => {
    expect(given(secrets, [], vars)).toEqual({ kind: 'invalid', reason: expect.stringContaining(name) })
  })

  test('who insists may ask a provider in the clear', () => {
    const insisting = { CUSTOM_API_KEY: 'k', CUSTOM_BASE_URL: 'http://example.com/v1', ALLOW_HTTP_UPSTREAMS: 'on' }
    expect(given(insisting)).toEqual({ kind: 'valid', providers: ['custom'] })
  })

  test('a file of secrets may be JSON, or lines as in .dev.vars; what is empty is none', () => {
    expect(readSecrets('{"OPENAI_API_KEY":"a$b","GROQ_API_KEY":""}')).toEqual({ OPENAI_API_KEY: 'a$b' })
    expect(readSecrets('# mine\nOPENAI_API_KEY="a$b"\nGROQ_API_KEY=\n')).toEqual({ OPENAI_API_KEY: 'a$b' })
  })

  test('JSON with a slip in it is refused without a word of what it holds', () => {
    const slips = ['{"OPENAI_API_KEY": sk-proj-secret}', '{"OPENAI_API_KEY":"sk-proj-secret"', "{'OPENAI_API_KEY':1}"]
    for (const text of slips) {
      expect(() => readSecrets(text)).toThrow(new CliError('the secrets are neither JSON nor lines NAME=value'))
    }
  })

  test('a file of secrets that is not there, and an address that is none, stop the deployment before it begins', async () => {
    await expect(deploy(['--secrets-file', '/nowhere/secrets'])).rejects.toThrow(
      expect.objectContaining({ constructor: CliError, message: expect.stringContaining('/nowhere/secrets') }),
    )
    for (const url of ['api.example.com', 'ftp://api.example.com', '']) {
      await expect(deploy(['--url', url])).rejects.toThrow(UsageError)
    }
  })
})

test('the way back is named where there is a version before', () => {
  expect(failureText(['--name', 'other'], false)).toMatch(/npx wrangler rollback --name other$/)
  expect(failureText([], true)).not.toContain('rollback')
})

test.skipIf(process.platform === 'win32').each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'the folder that secrets are handed over in is gone after %s',
  async (signal, status) => {
    const program = `
    const { withPrivateFolder } = await import('./src/cli/shared/private-folder.ts')
    await withPrivateFolder((folder) => {
      console.log(folder)
      return new Promise((resolve) => setTimeout(resolve, 60_000))
    })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT })
    child.stdout.setEncoding('utf8')
    const [text]: string[] = await once(child.stdout, 'data')
    const folder = text?.trim() ?? ''
    expect(existsSync(folder)).toBe(true)
    child.kill(signal)
    expect(await once(child, 'close')).toEqual([status, null])
    expect(existsSync(folder)).toBe(false)
  },
  60_000,
)

// The programs and the wrangler here are the real ones; Cloudflare is played on this machine.
describe('npm run deploy', { timeout: 240_000 }, () => {
  const PROVIDER_KEY = 'sk-provider-key-of-production-$HOME'
  const DEPLOY = ['--skip-checks', '--settle', '0']
  let cloud: Cloud
  let folder: string
  let secretsFile: string

  beforeAll(async () => {
    cloud = await startCloud()
    folder = await mkdtemp(path.join(os.tmpdir(), 'router9-secrets-'))
    secretsFile = path.join(folder, 'secrets')
    await writeFile(secretsFile, `OPENAI_API_KEY=${PROVIDER_KEY}\n`)
  }, 60_000)

  afterAll(async () => {
    await cloud.stop()
    await rm(folder, { recursive: true, force: true })
  })

  beforeEach(() => {
    cloud.cloudflare.calls.length = 0
    cloud.cloudflare.refuse('nothing')
  })

  test('stops before the deployment where no provider has a key, and asks nobody on a pipe', async () => {
    const { status, output } = await cloud.run('deploy', DEPLOY)
    expect(status).toBe(1)
    expect(output).toContain('--secrets-file')
    expect(cloud.cloudflare.changes()).toEqual([])
  })

  test('keys for what is not deployed yet are refused in one line', async () => {
    const { status, output } = await cloud.run('keys', ['list', '--remote'])
    expect(output).toMatch(/^nothing is deployed yet: npm run deploy\n$/)
    expect(status).toBe(1)
  })

  test('makes all that a fresh account needs, sets the secrets, and tests what it deployed with a key of its own', async () => {
    const { status, output } = await cloud.run('deploy', [...DEPLOY, '--secrets-file', secretsFile])
    expect(output).toMatch(/12 passed, 0 failed/)
    expect(output).toContain('Router9 runs at https://router9.example.workers.dev/v1')
    expect(status).toBe(0)
    for (const secret of [PROVIDER_KEY, TOKEN]) expect(output).not.toContain(secret)

    const { bindings, metadata } = cloud.cloudflare.workers.get('router9') ?? {}
    const namespaceId = bindings?.KEYS?.namespace_id
    expect(namespaceId).toMatch(/^\w{32}$/)
    expect(bindings).toMatchObject({ OPENAI_API_KEY: { type: 'secret_text', text: PROVIDER_KEY } })
    expect(metadata).toMatchObject({
      exports: {
        Conversations: { type: 'durable-object' },
        Health: { type: 'durable-object' },
        Ledger: { type: 'durable-object' },
        Registry: { type: 'durable-object' },
      },
    })
    const put = cloud.cloudflare.calls.find(({ method, path }) => method === 'PUT' && path.endsWith('/bulk'))
    expect(put?.path).toContain(`/namespaces/${namespaceId}/bulk`)
    expect(put?.json).toEqual([
      expect.objectContaining({ key: expect.stringMatching(/^key:[0-9a-f]{64}$/), expiration_ttl: 3600 }),
      expect.objectContaining({ key: expect.stringMatching(/^key:[0-9a-f]{64}$/), expiration_ttl: 3600 }),
    ])
    expect(cloud.cloudflare.pages.get('router9')).toEqual(
      expect.arrayContaining(['/index.html', '/console/calls.html', '/docs/quick-start.html']),
    )
    expect(migrationsIn(cloud.cloudflare.databases.get('router9-usage'))).toEqual(await readdir(MIGRATIONS))
    expect([...(cloud.cloudflare.namespaces.get('router9-keys') ?? [['', 'no namespace']])]).toEqual([])
  })

  test('in a build of Cloudflare’s own, as the button starts it, a provider may come later', async () => {
    const { status, output } = await cloud.run('deploy', ['--name', 'from-the-button', '--settle', '0'], {
      WORKERS_CI: '1',
    })
    expect(output).toContain('No provider has a key yet')
    expect(output).toMatch(/6 passed, 0 failed, 6 skipped/)
    expect(status).toBe(0)
    const bindings = cloud.cloudflare.workers.get('from-the-button')?.bindings ?? {}
    expect(Object.keys(bindings)).toEqual(['KEYS', 'USAGE'])
    expect(migrationsIn(cloud.cloudflare.databases.get('from-the-button-usage'))).toEqual(await readdir(MIGRATIONS))
    expect(output).toContain(`create --name first --remote --namespace-id ${bindings.KEYS?.namespace_id}\n`)
  })

  test('keys for the deployed Worker are made without naming its namespace', async () => {
    const { status, output } = await cloud.run('keys', ['create', '--name', 'first', '--remote', '--json'])
    expect(status, output).toBe(0)
    const { id } = JSON.parse(output)
    const [stored = ''] = cloud.cloudflare.namespaces.get('router9-keys')?.values() ?? []
    expect(JSON.parse(stored)).toMatchObject({ id, name: 'first' })
  })

  test('ends with status 1 and the way back where what is deployed does not work', async () => {
    // A later deployment: its secrets are there already, its namespace too.
    cloud.router9.simulator.setFault('*', { status: 500 })
    const { status, output } = await cloud.run('deploy', DEPLOY)
    cloud.router9.simulator.clearFaults()
    expect(output).toMatch(/an answer +FAILED/)
    expect(output).toContain('npx wrangler rollback')
    expect(status).toBe(1)
    for (const made of ['POST /storage/kv/namespaces', 'POST /d1/database']) {
      expect(cloud.cloudflare.changes()).not.toContain(made)
    }
  })
})
