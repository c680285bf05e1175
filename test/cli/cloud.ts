import { spawn } from 'node:child_process'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Router9, startRouter9 } from '../harness/router9.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import { ACCOUNT, type CloudflareStandIn, startCloudflare, TOKEN } from './cloudflare-stand-in.ts'
import { GITHUB_TOKEN, type GithubStandIn, pathWithGh, REPOSITORY, startGithub } from './github-stand-in.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

/** What a deployment needs, on this machine: Cloudflare, GitHub, and one Worker behind every workers.dev address. */
export interface Cloud {
  readonly cloudflare: CloudflareStandIn
  readonly github: GithubStandIn
  readonly router9: Router9
  /** Runs a program of `src/cli` with the real wrangler. `env` overrides the variables of this test; '' unsets one. */
  readonly run: (program: string, args: readonly string[], env?: Record<string, string>) => Promise<Ended>
  readonly stop: () => Promise<void>
}

export interface Ended {
  readonly status: number | null
  /** What it printed on stdout and stderr. */
  readonly output: string
}

export async function startCloud(): Promise<Cloud> {
  const router9 = await startRouter9()
  // A deployed Worker does not accept it.
  await router9.worker.keys.remove(DEMO_KEY)
  const cloudflare = await startCloudflare((name, value) =>
    fetch(`http://127.0.0.1:${router9.worker.keys.port}/${encodeURIComponent(name)}`, { method: 'PUT', body: value }),
  )
  const github = await startGithub()
  const environment = {
    ...process.env,
    CI: 'true',
    PATH: pathWithGh(),
    NO_COLOR: '1',
    GITHUB_ACTIONS: '',
    WORKERS_CI: '',
    CLOUDFLARE_API_BASE_URL: cloudflare.url,
    CLOUDFLARE_API_TOKEN: TOKEN,
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    GITHUB_API_URL: github.url,
    GITHUB_TOKEN,
    GITHUB_REPOSITORY: REPOSITORY,
    WORKERS_DEV_AT: router9.url,
    NODE_OPTIONS: `--import ${pathToFileURL(path.join(import.meta.dirname, 'workers-dev.ts'))}`,
  }
  return {
    cloudflare,
    github,
    router9,
    run: (program, args, env = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [`src/cli/${program}/main.ts`, ...args], {
          cwd: ROOT,
          env: { ...environment, ...env },
          stdio: ['ignore', 'pipe', 'pipe'],
        })
        let output = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (piece) => {
            output += piece
          })
        }
        child.once('error', reject)
        child.once('close', (status) => resolve({ status, output }))
      }),
    stop: async () => {
      await Promise.all([cloudflare.close(), github.close(), router9.stop()])
    },
  }
}
