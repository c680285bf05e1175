import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const ROOT = path.resolve(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)

/** What would be deployed, as files: made by the command that deploys. */
export interface Bundle {
  readonly directory: string
  readonly file: string
  readonly remove: () => Promise<void>
}

/**
 * Bundles the Worker with `wrangler deploy --dry-run` into a folder of its own.
 * @param root where `wrangler.toml` and what it names are.
 * @param environment for wrangler, beside what there is.
 */
export async function bundleWorker(root = ROOT, environment: NodeJS.ProcessEnv = {}): Promise<Bundle> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'router9-bundle-'))
  const wrangler = path.join(path.dirname(require.resolve('wrangler/package.json')), 'bin/wrangler.js')
  await promisify(execFile)(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', directory], {
    cwd: root,
    env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1', ...environment },
  })
  return {
    directory,
    file: path.join(directory, 'index.js'),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}
