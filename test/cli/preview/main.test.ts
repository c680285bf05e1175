import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { UsageError } from '../../../src/cli/arguments.ts'
import { preview } from '../../../src/cli/preview/main.ts'
import { type Cloud, startCloud } from '../cloud.ts'
import { migrationsIn, TOKEN } from '../cloudflare-stand-in.ts'
import { GITHUB_TOKEN } from '../github-stand-in.ts'

// The programs and the wrangler here are the real ones; Cloudflare and GitHub are played on this machine.

const ROOT = path.resolve(import.meta.dirname, '../../..')
const PROVIDER_KEY = 'sk-provider-key-of-the-previews'
const PREVIEW_SECRETS = `# what previews may spend\nOPENAI_API_KEY=${PROVIDER_KEY}\nMISTRAL_API_KEY=\n`
const CREATE = ['create', '--pr', '7', '--settle', '0']

let cloud: Cloud

beforeAll(async () => {
  cloud = await startCloud()
}, 60_000)

afterAll(() => cloud.stop())

beforeEach(() => {
  cloud.cloudflare.calls.length = 0
  cloud.github.calls.length = 0
  cloud.cloudflare.refuse('nothing')
})

const program = (args: readonly string[], env: Record<string, string> = {}) =>
  cloud.run('preview', args, { PREVIEW_SECRETS, ...env })

const githubCalls = () => cloud.github.calls.map(({ method, path }) => `${method} ${path}`)

describe('a pull request’s preview, from its first push to its end', { timeout: 240_000 }, () => {
  let namespaceId = ''

  test('is made with Durable Objects and a KV namespace of its own, tested, and told of in a comment', async () => {
    const { status, output } = await program(CREATE, { PREVIEW_COMMIT: 'abc1234' })
    expect(output).toMatch(/12 passed, 0 failed/)
    expect(status).toBe(0)

    const changes = cloud.cloudflare.changes()
    namespaceId = /namespaces\/(\w+)/.exec(changes.at(-1) ?? '')?.[1] ?? ''
    const [name, database] = [...cloud.cloudflare.databases][0] ?? []
    expect(name).toBe('router9-pr-7')
    expect(migrationsIn(database)).toEqual(await readdir(path.join(ROOT, 'src/usage/migrations')))
    expect(changes.filter((change) => !change.endsWith('/query'))).toEqual([
      'POST /storage/kv/namespaces',
      'POST /d1/database',
      'POST /workers/workers/router9/previews',
      'POST /workers/scripts/router9/assets-upload-session',
      'POST /workers/assets/upload',
      'POST /workers/workers/router9/previews/pr-7/deployments',
      `PUT /storage/kv/namespaces/${namespaceId}/bulk`,
      `DELETE /storage/kv/namespaces/${namespaceId}/bulk`,
    ])
    const { bindings, metadata } = cloud.cloudflare.previews.get('pr-7') ?? {}
    expect(bindings).toEqual({
      KEYS: { type: 'kv_namespace', namespace_id: namespaceId },
      USAGE: expect.objectContaining({ type: 'd1' }),
      OPENAI_API_KEY: { type: 'secret_text', text: PROVIDER_KEY },
    })
    expect(metadata).toMatchObject({
      exports: {
        Conversations: { type: 'durable-object' },
        Health: { type: 'durable-object' },
        Ledger: { type: 'durable-object' },
      },
      compatibility_flags: expect.arrayContaining(['enable_request_signal']),
    })

    expect(githubCalls()).toEqual(['GET /issues/7/comments', 'POST /issues/7/comments'])
    const comment = cloud.github.comments.get(2)
    expect(comment).toContain('https://pr-7-router9.example.workers.dev/v1')
    expect(comment).toContain('commit abc1234 as a preview of the Worker')
    expect(comment).toContain(`--remote --namespace-id ${namespaceId}`)
    expect(comment).toMatch(/demo key +ok .*refused: 401/)
    for (const secret of [PROVIDER_KEY, TOKEN, GITHUB_TOKEN]) expect(output + comment).not.toContain(secret)

    // The smoke test's keys: limited, good for an hour at most, and gone by now.
    const put = cloud.cloudflare.calls.find(({ method }) => method === 'PUT')
    const entries = put?.json as readonly { value: string; expiration_ttl: number }[]
    expect(entries.map((entry) => entry.expiration_ttl)).toEqual([3600, 3600])
    const [record, manager] = entries.map(({ value }) => JSON.parse(value))
    expect(Date.parse(record.expires) - Date.parse(record.created)).toBe(3_600_000)
    expect(record.limits).toEqual({ rpm: 60, budget: 1 })
    expect(manager).toMatchObject({ role: 'management', expires: expect.any(String) })
    expect([...(cloud.cloudflare.namespaces.get('router9-pr-7') ?? [['', 'no namespace']])]).toEqual([])
  })

  test('is a Worker of its own where Cloudflare refuses previews, without production’s addresses; a broken one is called so', async () => {
    cloud.cloudflare.refuse('previews')
    cloud.router9.simulator.setFault('*', { status: 500 })
    const { status, output } = await program(CREATE, { GITHUB_ACTIONS: 'true' })
    cloud.router9.simulator.clearFaults()
    expect(output).toMatch(/an answer +FAILED/)
    expect(status).toBe(1)
    // GitHub is told what to hide before anything else is printed.
    const [first, ...rest] = output.split('\n')
    expect(first).toBe(`::add-mask::${PROVIDER_KEY}`)
    expect(rest.join('\n')).not.toContain(PROVIDER_KEY)

    expect(cloud.cloudflare.changes()).toEqual(
      expect.arrayContaining(['PUT /workers/scripts/router9-pr-7', 'POST /workers/scripts/router9-pr-7/subdomain']),
    )
    expect(cloud.cloudflare.changes().filter((change) => /domains|routes/.test(change))).toEqual([])
    expect(cloud.cloudflare.workers.has('router9')).toBe(false)
    // The namespace of the first push is used again, and so is the comment.
    expect(cloud.cloudflare.changes()).not.toContain('POST /storage/kv/namespaces')
    expect(cloud.cloudflare.changes()).not.toContain('POST /d1/database')
    expect(githubCalls()).toEqual(['GET /issues/7/comments', 'PATCH /issues/comments/2'])
    expect(cloud.cloudflare.workers.get('router9-pr-7')?.bindings).toMatchObject({
      KEYS: { type: 'kv_namespace', namespace_id: namespaceId },
      OPENAI_API_KEY: { type: 'secret_text', text: PROVIDER_KEY },
    })
    const comment = cloud.github.comments.get(2)
    expect(comment).toContain('### Preview, broken')
    expect(comment).toContain('https://router9-pr-7.example.workers.dev/v1')
    expect(comment).toMatch(/previews were refused: .*\[code: 10403\]/)
  })

  test('is deleted as far as Cloudflare lets it: the Worker and its keys go even where the preview may not', async () => {
    cloud.cloudflare.refuse('previews')
    const { status, output } = await program(['delete', '--pr', '7'])
    expect(output).toContain(
      'gone: the Worker router9-pr-7, the KV namespace router9-pr-7, the D1 database router9-pr-7.',
    )
    expect(output).toContain('[code: 10403]')
    expect(output).not.toMatch(/\bat \S+ \(/)
    expect(status).toBe(1)
    const { workers, namespaces, databases } = cloud.cloudflare
    expect(workers.size + namespaces.size + databases.size).toBe(0)
    expect([...cloud.cloudflare.previews.keys()]).toEqual(['pr-7'])
  })

  test('is deleted with what is left of it, and what is gone already is no failure', async () => {
    const { status, output } = await program(['delete', '--pr', '7'])
    expect(output).toContain('The preview is gone: the preview pr-7.')
    expect(status).toBe(0)
    expect(cloud.cloudflare.previews.size + cloud.cloudflare.workers.size + cloud.cloudflare.namespaces.size).toBe(0)
    expect(cloud.github.comments.get(2)).toContain('The preview is gone')
    expect([...cloud.github.comments.keys()]).toEqual([1, 2])
    expect(cloud.github.comments.get(1)).toBe('Looks good to me.')
  })
})

describe('nothing is made', { timeout: 120_000 }, () => {
  test('for a fork, which has no secrets: that is no failure', async () => {
    const { status, output } = await program(CREATE, {
      CLOUDFLARE_API_TOKEN: '',
      CLOUDFLARE_ACCOUNT_ID: '',
      PREVIEW_SECRETS: '',
      GITHUB_ACTIONS: 'true',
    })
    expect(status).toBe(0)
    expect(output).toMatch(
      /^::notice::No preview: CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID, PREVIEW_SECRETS not set/,
    )
    expect([...cloud.cloudflare.calls, ...cloud.github.calls]).toEqual([])
  })

  test('with a token that Cloudflare refuses: it is said in a sentence, and no other form is tried', async () => {
    cloud.cloudflare.refuse('token')
    const { status, output } = await program(CREATE)
    expect(status).toBe(1)
    expect(output).toContain('Authentication error [code: 10000]')
    expect(output).toMatch(/\nCLOUDFLARE_API_TOKEN must be a token of the account CLOUDFLARE_ACCOUNT_ID/)
    expect(output).not.toMatch(/\bat \S+ \(/)
    expect(cloud.cloudflare.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /storage/kv/namespaces',
    ])
    expect(cloud.github.calls).toEqual([])
  })

  const environment = { CLOUDFLARE_API_TOKEN: TOKEN, CLOUDFLARE_ACCOUNT_ID: 'account' }

  test.each([
    ['no provider has a key', '# none', /PREVIEW_SECRETS has no provider/],
    ['a setting makes no sense', 'OPENAI_API_KEY=k\nAUTO_MODELS=nonsense', /AUTO_MODELS/],
  ])('where %s', async (_, secrets, complaint) => {
    const CLOUDFLARE_API_BASE_URL = cloud.cloudflare.url
    const all = { ...environment, CLOUDFLARE_API_BASE_URL, PREVIEW_SECRETS: secrets }
    await expect(preview(CREATE, all)).rejects.toThrow(complaint)
    expect(cloud.cloudflare.calls).toEqual([])
  })

  test.each([
    [[]],
    [['create']],
    [['create', '--pr', '7; rm -rf .']],
    [['make', '--pr', '7']],
    [['create', '--pr', '0']],
    [['create', '--pr', '7', '--nonsense']],
  ])('for a call that makes no sense: %j', async (args) => {
    await expect(preview(args, environment)).rejects.toThrow(UsageError)
  })
})
