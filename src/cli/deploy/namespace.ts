import path from 'node:path'
import { unstable_readConfig } from 'wrangler'
import { CliError } from './settings.ts'
import { ROOT, runWrangler, WORKER_NOT_FOUND, WranglerError } from './wrangler.ts'

interface Config {
  readonly kv_namespaces: readonly { readonly binding: string; readonly id?: string }[]
}

interface Version {
  readonly resources?: {
    readonly bindings?: readonly { readonly name?: string; readonly type?: string; readonly namespace_id?: string }[]
  }
}

const NOTHING = 'nothing is deployed yet: npm run deploy'

/** The KV namespace that a version of the deployed Worker has its keys in: wrangler.toml need not know it. */
export async function namespaceOfVersion(versionId: string, worker: readonly string[] = []): Promise<string> {
  const { text } = await runWrangler(['versions', 'view', versionId, '--json', ...worker])
  const version: Version = JSON.parse(text)
  const id = version.resources?.bindings?.find(
    ({ name, type }) => name === 'KEYS' && type === 'kv_namespace',
  )?.namespace_id
  if (id === undefined) throw new CliError('the deployed Worker has no KV namespace bound as KEYS')
  return id
}

/** The KV namespace of what is deployed now; undefined where wrangler.toml names one, which wrangler finds by itself. */
export async function remoteNamespace(): Promise<string | undefined> {
  const config: Config = unstable_readConfig({ config: path.join(ROOT, 'wrangler.toml') })
  if (config.kv_namespaces.some(({ binding, id }) => binding === 'KEYS' && id)) return undefined
  const { text } = await runWrangler(['deployments', 'status', '--json']).catch((error: unknown) => {
    if (!(error instanceof WranglerError)) throw error
    // Of a Worker that has but secrets wrangler says so in words.
    const isNothing = error.code === WORKER_NOT_FOUND || /has no deployments/.test(error.message)
    throw isNothing ? new CliError(NOTHING) : error
  })
  const { versions }: { versions?: readonly { version_id: string }[] } = JSON.parse(text)
  const version = versions?.[0]?.version_id
  if (version === undefined) throw new CliError(NOTHING)
  return namespaceOfVersion(version)
}
