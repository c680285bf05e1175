import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { CliError } from '../arguments.ts'
import { withPrivateFolder } from '../shared/private-folder.ts'
import { ROOT } from '../shared/root.ts'
import { runWrangler, secretsFileOptions, WORKER_NOT_FOUND, WranglerError } from '../shared/wrangler.ts'
import { WRANGLER_TOML } from '../shared/wrangler-config.ts'
import { deleteDatabase } from './database.ts'
import { deleteNamespace } from './namespace.ts'

/** A Router9 for one pull request, with Durable Objects of its own. */
export interface Preview {
  readonly url: string
  /** How it was made: as a preview of the Worker, or as a Worker where Cloudflare refuses previews. */
  readonly form: 'preview' | 'worker'
  /** Why it is not a preview. */
  readonly refusal?: string
}

export interface PreviewNames {
  readonly preview: string
  readonly worker: string
  readonly namespace: string
  readonly database: string
}

/** The ids of what the pull request has for itself. */
interface PreviewStorage {
  readonly namespaceId: string
  readonly databaseId: string
}

/** Cloudflare's error codes for a Worker, a preview or a secret that does not exist. */
const NOT_FOUND: ReadonlySet<number> = new Set([WORKER_NOT_FOUND, 10025, 10090])

/** The names of all that a pull request gets. */
export function namesFor(pullRequest: number): PreviewNames {
  const worker = `router9-pr-${pullRequest}`
  return { preview: `pr-${pullRequest}`, worker, namespace: worker, database: worker }
}

/** Makes the preview, or updates it. Where Cloudflare refuses previews, a Worker takes its place. */
export async function makePreview(
  names: PreviewNames,
  storage: PreviewStorage,
  secrets: Readonly<Record<string, string>>,
): Promise<Preview> {
  return withPrivateFolder(async (folder) => {
    const config = path.join(folder, 'wrangler.json')
    await writeFile(config, JSON.stringify(await previewConfig(storage)))
    const common = ['--config', config, ...(await secretsFileOptions(secrets, folder))]
    try {
      const result = await runWrangler(['preview', '--name', names.preview, '--json', ...common])
      return { url: firstUrl(result.entry('preview')?.preview_urls), form: 'preview' }
    } catch (error) {
      // Without a code of Cloudflare's the reason is another one, and would stop a Worker too.
      if (!(error instanceof WranglerError) || error.code === undefined) throw error
      const result = await runWrangler(['deploy', '--name', names.worker, ...common])
      return { url: firstUrl(result.entry('deploy')?.targets), form: 'worker', refusal: firstSentence(error.message) }
    }
  })
}

/** The Worker's configuration, with the pull request's own storage and without the addresses of production. */
async function previewConfig({ namespaceId, databaseId }: PreviewStorage): Promise<object> {
  const { experimental_readRawConfig } = await import('wrangler')
  const { rawConfig } = experimental_readRawConfig({ config: WRANGLER_TOML })
  const { routes: _routes, route: _route, main = 'src/index.ts', build, assets, ...rest } = rawConfig
  const kv_namespaces = [{ binding: 'KEYS', id: namespaceId }]
  const d1_databases = [{ binding: 'USAGE', database_id: databaseId }]
  return {
    ...rest,
    // This configuration is in a folder of its own; what it names is in the repository.
    main: path.join(ROOT, main),
    build: { ...build, cwd: ROOT },
    assets: { ...assets, directory: path.join(ROOT, assets?.directory ?? '.console') },
    workers_dev: true,
    kv_namespaces,
    d1_databases,
    // A preview has only the bindings in this list, and Durable Objects of its own for the classes in `exports`.
    previews: { ...rest.previews, vars: { ...rest.vars, ...rest.previews?.vars }, kv_namespaces, d1_databases },
  }
}

function firstUrl(urls: unknown): string {
  const first: unknown = Array.isArray(urls) ? urls[0] : undefined
  if (typeof first !== 'string') throw new CliError('wrangler made the preview, but named no address')
  return first
}

function firstSentence(text: string): string {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.find((line) => line.includes('[code:')) ?? lines[0] ?? text
}

interface Deletion {
  readonly deleted: readonly string[]
  /** Why the rest could not be deleted. */
  readonly errors: readonly unknown[]
}

/** Deletes the preview in both of its forms, and its storage. Where Cloudflare refuses one, the others are deleted all the same. */
export async function deletePreview(names: PreviewNames): Promise<Deletion> {
  const forms = await Promise.all([
    attempt(`the preview ${names.preview}`, () =>
      deleteIfThere(['preview', 'delete', '--name', names.preview, '--skip-confirmation']),
    ),
    attempt(`the Worker ${names.worker}`, () => deleteIfThere(['delete', names.worker, '--force'])),
  ])
  // After the Worker, which is bound to them.
  const storage = await Promise.all([
    attempt(`the KV namespace ${names.namespace}`, () => deleteNamespace(names.namespace)),
    attempt(`the D1 database ${names.database}`, () => deleteDatabase(names.database)),
  ])
  const all = [...forms, ...storage]
  return { deleted: all.flatMap(({ deleted }) => deleted), errors: all.flatMap(({ errors }) => errors) }
}

async function attempt(what: string, remove: () => Promise<boolean>): Promise<Deletion> {
  try {
    return { deleted: (await remove()) ? [what] : [], errors: [] }
  } catch (error) {
    return { deleted: [], errors: [error] }
  }
}

/** Runs a command of wrangler that deletes something. Returns whether it was there. */
async function deleteIfThere(args: readonly string[]): Promise<boolean> {
  try {
    await runWrangler(args)
    return true
  } catch (error) {
    if (error instanceof WranglerError && NOT_FOUND.has(error.code ?? 0)) return false
    throw error
  }
}
