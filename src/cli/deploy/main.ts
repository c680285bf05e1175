import { CliError, readArguments, readSecondsAsMs, runProgram, UsageError } from '../arguments.ts'
import { withPrivateFolder } from '../shared/private-folder.ts'
import { storageOfVersion } from '../shared/remote-namespace.ts'
import { runCommand } from '../shared/run-command.ts'
import { migrateDatabase } from '../shared/usage-database.ts'
import { runWrangler, secretsFileOptions } from '../shared/wrangler.ts'
import { runSmoke } from '../smoke/checks.ts'
import { type SmokeKeys, withSmokeKeys } from '../smoke/key.ts'
import { noneFailed, smokeTable } from '../smoke/table.ts'
import { collectSecrets } from './secrets.ts'
import { printStep } from './step.ts'

/** It takes a while until a fresh workers.dev address has its certificate. */
const DEFAULT_SETTLE_SECONDS = '120'
const SMOKE_TIMEOUT_MS = 60_000

const USAGE = `npm run deploy -- [options]

Checks, deploys and tests Router9: lint, types, tests, settings, a dry run, the deployment, its secrets, the tables of
its database, a smoke test.
Needs a login: npx wrangler login, or CLOUDFLARE_API_TOKEN (and CLOUDFLARE_ACCOUNT_ID).

  --secrets-file FILE  the providers' keys, as .dev.vars has them, or JSON; what is there already and not in the file stays
  --name NAME          another Worker than the one of wrangler.toml
  --url URL            where to test it, if not at the first address that it gets
  --model MODEL        the model of the smoke test (auto)
  --settle SECONDS     how long the deployment may take to be seen everywhere (${DEFAULT_SETTLE_SECONDS})
  --skip-checks        without lint, types, tests and dry run
  --no-smoke           without the smoke test
  --without-provider   even where no provider has a key yet; the smoke test then asks for no answer

In Cloudflare's own builds (WORKERS_CI), --skip-checks and --without-provider go without saying.
Ends with status 1 where anything failed, 2 where the call makes no sense.`

const OPTIONS = {
  'secrets-file': { type: 'string' },
  name: { type: 'string' },
  url: { type: 'string' },
  model: { type: 'string', default: 'auto' },
  settle: { type: 'string', default: DEFAULT_SETTLE_SECONDS },
  'skip-checks': { type: 'boolean', default: false },
  'no-smoke': { type: 'boolean', default: false },
  'without-provider': { type: 'boolean', default: false },
} as const

function readDeployArguments(args: readonly string[]) {
  const { values } = readArguments(args, OPTIONS)
  const settleMs = readSecondsAsMs('settle', values.settle)
  if (values.url !== undefined && !/^https?:$/.test(URL.parse(values.url)?.protocol ?? '')) {
    throw new UsageError('--url must be an address that begins with https:// or http://')
  }
  const isCloudflareBuild = Boolean(process.env.WORKERS_CI)
  return {
    secretsFile: values['secrets-file'],
    name: values.name,
    url: values.url,
    model: values.model,
    settleMs,
    runsChecks: !values['skip-checks'] && !isCloudflareBuild,
    runsSmoke: !values['no-smoke'],
    withoutProvider: values['without-provider'] || isCloudflareBuild,
  }
}

/** Deploys Router9 and tests it. Returns whether the test passed. */
export async function deploy(args: readonly string[]): Promise<boolean> {
  const { secretsFile, name, model, settleMs, runsChecks, runsSmoke, withoutProvider, ...given } =
    readDeployArguments(args)
  const worker = name === undefined ? [] : ['--name', name]
  const { secrets, hasProvider, isFirst } = await collectSecrets(secretsFile, withoutProvider, worker)
  if (runsChecks) await runChecks(worker)
  printStep('deployment')
  const deployment = await withPrivateFolder(async (folder) =>
    runWrangler(['deploy', ...worker, ...(await secretsFileOptions(secrets, folder))], { shown: true }),
  )
  const { version_id: versionId, targets } = deployment.entry('deploy') ?? {}
  const url = given.url ?? firstAddress(targets)
  if (typeof versionId !== 'string' || url === undefined) {
    throw new CliError('It is deployed, but wrangler named no address: test it with ROUTER9_KEY=… npm run smoke -- URL')
  }
  const { namespaceId, databaseId } = await storageOfVersion(versionId, worker)
  if (databaseId !== undefined) {
    printStep('tables')
    await migrateDatabase(databaseId)
  }
  // `npm run keys` finds the namespace of wrangler.toml's Worker by itself, but not that of another one.
  const isOtherWorker = name !== undefined
  const passed = !runsSmoke || (await smokeTest(hasProvider ? namespaceId : undefined, { url, model, settleMs }))
  console.log(
    passed ? successText(url, hasProvider, isOtherWorker ? namespaceId : undefined) : failureText(worker, isFirst),
  )
  return passed
}

/** Runs `npm run check` (lint, types, tests), and a deployment that uploads nothing. */
async function runChecks(worker: readonly string[]): Promise<void> {
  printStep('checks')
  // The file of the npm that runs this program. Node can run it on every system.
  const npm = process.env.npm_execpath
  const [program, ...npmArgs] = npm === undefined ? ['npm'] : [process.execPath, npm]
  const { status } = await runCommand(program ?? 'npm', [...npmArgs, 'run', 'check'], { shown: true })
  if (status !== 0) throw new CliError('The checks failed, so nothing was deployed.')
  printStep('dry run')
  await withPrivateFolder((folder) => runWrangler(['deploy', '--dry-run', '--outdir', folder, ...worker]))
}

/** The first address of a deployment. Wrangler writes a note behind that of a custom domain. */
function firstAddress(targets: unknown): string | undefined {
  const first: unknown = Array.isArray(targets) ? targets[0] : undefined
  if (typeof first !== 'string') return undefined
  const host = first.replace(/^https?:\/\//, '').replace(/[\s/].*$/, '')
  return `https://${host}`
}

interface SmokeTest {
  readonly url: string
  readonly model: string
  readonly settleMs: number
}

/** Tests what is deployed: with a key in the given KV namespace, or without a key. */
async function smokeTest(namespaceId: string | undefined, { url, model, settleMs }: SmokeTest): Promise<boolean> {
  printStep(`smoke test of ${url}`)
  const run = async (keys: SmokeKeys | undefined) => {
    const results = await runSmoke({ key: undefined, ...keys, url, model, timeoutMs: SMOKE_TIMEOUT_MS, settleMs })
    console.log(smokeTable(results))
    return noneFailed(results)
  }
  return namespaceId === undefined ? run(undefined) : withSmokeKeys(namespaceId, run)
}

function successText(url: string, hasProvider: boolean, namespaceId: string | undefined): string {
  const provider = hasProvider ? '' : '\nNo provider has a key yet: npx wrangler secret put OPENAI_API_KEY'
  const where = namespaceId === undefined ? '' : ` --namespace-id ${namespaceId}`
  return `\nRouter9 runs at ${url}/v1${provider}\nMake a key: npm run keys -- create --name first --remote${where}`
}

/** What to do where the deployed Worker does not work. The first deployment has no version before it to go back to. */
export function failureText(worker: readonly string[], isFirst: boolean): string {
  const what = '\nWhat is deployed now does not work.'
  if (isFirst) return `${what} There is no version before it: mend what failed, and deploy again.`
  return `${what} Back to the version before: npx wrangler rollback ${worker.join(' ')}`.trimEnd()
}

if (import.meta.main) await runProgram(USAGE, deploy)
