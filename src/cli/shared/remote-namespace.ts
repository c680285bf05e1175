import { CliError } from '../arguments.ts'
import { runWrangler, WORKER_NOT_FOUND, WranglerError } from './wrangler.ts'
import { readWranglerConfig } from './wrangler-config.ts'

interface Config {
  readonly kv_namespaces: readonly { readonly binding: string; readonly id?: string }[]
}

interface Version {
  readonly resources?: {
    readonly bindings?: readonly {
      readonly name?: string
      readonly type?: string
      readonly namespace_id?: string
      readonly id?: string
      readonly database_id?: string
    }[]
  }
}

const NOT_DEPLOYED = 'nothing is deployed yet: npm run deploy'

/** Where a deployed version has its keys and its usage. */
export interface VersionStorage {
  readonly namespaceId: string
  /** Undefined where the operator has taken the database out of wrangler.toml. */
  readonly databaseId: string | undefined
}

/** The storage of a deployed version. The first deployment makes it, and wrangler.toml does not know it. */
export async function storageOfVersion(versionId: string, worker: readonly string[] = []): Promise<VersionStorage> {
  const { text } = await runWrangler(['versions', 'view', versionId, '--json', ...worker])
  const version: Version = JSON.parse(text)
  const find = (wanted: string, ofType: string) =>
    version.resources?.bindings?.find(({ name, type }) => name === wanted && type === ofType)
  const namespaceId = find('KEYS', 'kv_namespace')?.namespace_id
  if (namespaceId === undefined) throw new CliError('the deployed Worker has no KV namespace bound as KEYS')
  const database = find('USAGE', 'd1')
  return { namespaceId, databaseId: database?.database_id ?? database?.id }
}

/** The id of the KV namespace of what is deployed now; undefined where wrangler.toml names it, since wrangler reads it there. */
export async function remoteNamespace(): Promise<string | undefined> {
  const config: Config = await readWranglerConfig()
  if (config.kv_namespaces.some(({ binding, id }) => binding === 'KEYS' && id)) return undefined
  const { text } = await runWrangler(['deployments', 'status', '--json']).catch((error: unknown) => {
    if (!(error instanceof WranglerError)) throw error
    // For a Worker that has secrets but no code yet, wrangler gives no code, only a sentence.
    const isNotDeployed = error.code === WORKER_NOT_FOUND || /has no deployments/.test(error.message)
    throw isNotDeployed ? new CliError(NOT_DEPLOYED) : error
  })
  const { versions }: { versions?: readonly { version_id: string }[] } = JSON.parse(text)
  const version = versions?.[0]?.version_id
  if (version === undefined) throw new CliError(NOT_DEPLOYED)
  return (await storageOfVersion(version)).namespaceId
}
