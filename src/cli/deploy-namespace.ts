import path from 'node:path'
import { unstable_readConfig } from 'wrangler'
import { ROOT, runWrangler } from './deploy-wrangler.ts'

interface Config {
  readonly kv_namespaces: readonly { readonly binding: string; readonly id?: string }[]
}

interface Version {
  readonly resources?: {
    readonly bindings?: readonly { readonly name?: string; readonly type?: string; readonly namespace_id?: string }[]
  }
}

/** The KV namespace that a version of the deployed Worker has its keys in: wrangler.toml need not know it. */
export async function namespaceOfVersion(versionId: string, worker: readonly string[] = []): Promise<string> {
  const { text } = await runWrangler(['versions', 'view', versionId, '--json', ...worker])
  const version: Version = JSON.parse(text)
  const id = version.resources?.bindings?.find(
    ({ name, type }) => name === 'KEYS' && type === 'kv_namespace',
  )?.namespace_id
  if (id === undefined) throw new Error('the deployed Worker has no KV namespace bound as KEYS')
  return id
}

/** The KV namespace of what is deployed now; undefined where wrangler.toml names one, which wrangler finds by itself. */
export async function remoteNamespace(): Promise<string | undefined> {
  const config: Config = unstable_readConfig({ config: path.join(ROOT, 'wrangler.toml') })
  if (config.kv_namespaces.some(({ binding, id }) => binding === 'KEYS' && id)) return undefined
  const { text } = await runWrangler(['deployments', 'status', '--json'])
  const { versions }: { versions?: readonly { version_id: string }[] } = JSON.parse(text)
  const version = versions?.[0]?.version_id
  if (version === undefined) throw new Error('nothing is deployed yet')
  return namespaceOfVersion(version)
}
