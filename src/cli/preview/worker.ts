import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { experimental_readRawConfig } from 'wrangler'
import { ROOT, runWrangler, secretOptions, WORKER_NOT_FOUND, WranglerError, withFolder } from '../deploy/wrangler.ts'

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
}

/** The Worker, the preview or the secret that was to be deleted is not there: Cloudflare's numbers for it. */
const NOT_FOUND: ReadonlySet<number> = new Set([WORKER_NOT_FOUND, 10025, 10090])

export function namesFor(pullRequest: number): PreviewNames {
  const worker = `router9-pr-${pullRequest}`
  return { preview: `pr-${pullRequest}`, worker, namespace: worker }
}

/** Makes the preview, or brings it up to date. */
export async function makePreview(
  names: PreviewNames,
  namespaceId: string,
  secrets: Readonly<Record<string, string>>,
): Promise<Preview> {
  return withFolder(async (folder) => {
    const config = path.join(folder, 'wrangler.json')
    await writeFile(config, JSON.stringify(previewConfig(namespaceId)))
    const common = ['--config', config, ...(await secretOptions(secrets, folder))]
    try {
      const told = await runWrangler(['preview', '--name', names.preview, '--json', ...common])
      return { url: firstUrl(told.entry('preview')?.preview_urls), form: 'preview' }
    } catch (error) {
      // What Cloudflare did not refuse, a Worker would not mend.
      if (!(error instanceof WranglerError) || error.code === undefined) throw error
      const told = await runWrangler(['deploy', '--name', names.worker, ...common])
      return { url: firstUrl(told.entry('deploy')?.targets), form: 'worker', refusal: firstSentence(error.message) }
    }
  })
}

/** The Worker's own configuration, with the pull request's keys and without the addresses of production. */
function previewConfig(namespaceId: string): object {
  const { rawConfig } = experimental_readRawConfig({ config: path.join(ROOT, 'wrangler.toml') })
  const { routes: _routes, route: _route, main = 'src/index.ts', ...rest } = rawConfig
  const kv_namespaces = [{ binding: 'KEYS', id: namespaceId }]
  return {
    ...rest,
    main: path.join(ROOT, main),
    workers_dev: true,
    kv_namespaces,
    // A preview has nothing but what is listed here, and its own instances of the classes in `exports`.
    previews: { ...rest.previews, vars: { ...rest.vars, ...rest.previews?.vars }, kv_namespaces },
  }
}

function firstUrl(urls: unknown): string {
  const first: unknown = Array.isArray(urls) ? urls[0] : undefined
  if (typeof first !== 'string') throw new Error('wrangler made the preview, but named no address')
  return first
}

function firstSentence(text: string): string {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.find((line) => line.includes('[code:')) ?? lines[0] ?? text
}

/** What was there and is gone, and why the rest is not. */
interface Deletion {
  readonly deleted: string[]
  readonly errors: unknown[]
}

/** Deletes the preview in both of its forms: what is refused for the one must not keep the other. */
export async function deletePreview(names: PreviewNames): Promise<Deletion> {
  const forms: readonly (readonly [string, readonly string[]])[] = [
    [`the preview ${names.preview}`, ['preview', 'delete', '--name', names.preview, '--skip-confirmation']],
    [`the Worker ${names.worker}`, ['delete', names.worker, '--force']],
  ]
  const deletion: Deletion = { deleted: [], errors: [] }
  for (const [what, args] of forms) {
    try {
      await runWrangler(args)
      deletion.deleted.push(what)
    } catch (error) {
      if (!(error instanceof WranglerError && NOT_FOUND.has(error.code ?? 0))) deletion.errors.push(error)
    }
  }
  return deletion
}
