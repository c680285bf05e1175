import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { unstable_readConfig } from 'wrangler'
import { runSmoke } from '../smoke/checks.ts'
import { makeSmokeKey, SMOKE_KEY_SECONDS } from '../smoke/key.ts'
import { isSound, smokeTable } from '../smoke/main.ts'
import { askForProvider } from './ask.ts'
import { namespaceOfVersion } from './namespace.ts'
import { CliError, type Given, judge, readSecrets } from './settings.ts'
import { ROOT, runWrangler, secretOptions, WORKER_NOT_FOUND, WranglerError, withFolder } from './wrangler.ts'

/** A fresh workers.dev address takes a while to get its certificate. */
const SETTLE_SECONDS = '120'

const USAGE = `npm run deploy -- [options]

Checks, deploys and tests Router9: lint, types, tests, settings, a dry run, the deployment, its secrets, a smoke test.
Needs a login: npx wrangler login, or CLOUDFLARE_API_TOKEN (and CLOUDFLARE_ACCOUNT_ID).

  --secrets-file FILE  the providers' keys, as .dev.vars has them, or JSON; what is there already and not in the file stays
  --name NAME          another Worker than the one of wrangler.toml
  --url URL            where to test it, if not at the first address that it gets
  --model MODEL        who is asked in the smoke test (auto)
  --settle SECONDS     how long the deployment may take to be seen everywhere (${SETTLE_SECONDS})
  --skip-checks        without lint, types, tests and dry run
  --no-smoke           without the smoke test
  --without-provider   even where no provider has a key yet; the smoke test then asks for no answer

In Cloudflare's own builds (WORKERS_CI), --skip-checks and --without-provider go without saying.
Ends with status 1 where anything failed.`

const TIMEOUT_MS = 60_000

const options = {
  'secrets-file': { type: 'string' },
  name: { type: 'string' },
  url: { type: 'string' },
  model: { type: 'string', default: 'auto' },
  settle: { type: 'string', default: SETTLE_SECONDS },
  'skip-checks': { type: 'boolean', default: false },
  'no-smoke': { type: 'boolean', default: false },
  'without-provider': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const

type Values = ReturnType<typeof parse>

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({ args: [...args], options })
    if (!/^\d{1,4}$/.test(values.settle)) throw new Error('--settle must be a number of seconds')
    if (values.url !== undefined && !/^https?:$/.test(URL.parse(values.url)?.protocol ?? '')) {
      throw new Error('--url must be an address that begins with https:// or http://')
    }
    const inBuild = Boolean(process.env.WORKERS_CI)
    return {
      ...values,
      'skip-checks': values['skip-checks'] || inBuild,
      'without-provider': values['without-provider'] || inBuild,
    }
  } catch (error) {
    throw new CliError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  }
}

/** Deploys, and says whether what runs now was found to work. */
export async function deploy(args: readonly string[]): Promise<boolean> {
  const values = parse(args)
  if (values.help) {
    console.log(USAGE)
    return true
  }
  const worker = values.name === undefined ? [] : ['--name', values.name]
  const { secrets, answers, isFirst } = await settle(values, worker)
  if (!values['skip-checks']) await check(worker)
  step('deployment')
  const deployed = await withFolder(async (folder) =>
    runWrangler(['deploy', ...worker, ...(await secretOptions(secrets, folder))], { shown: true }),
  )
  const { version_id: versionId, targets } = deployed.entry('deploy') ?? {}
  const url = values.url ?? addressOf(targets)
  if (typeof versionId !== 'string' || url === undefined) {
    throw new CliError('It is deployed, but wrangler named no address: test it with ROUTER9_KEY=… npm run smoke -- URL')
  }
  const tests = !values['no-smoke']
  // Of another Worker than wrangler.toml's, `npm run keys` has to be told the namespace.
  const isOther = values.name !== undefined
  const namespace = isOther || (tests && answers) ? await namespaceOfVersion(versionId, worker) : undefined
  const sound = !tests || (await smoke(url, answers ? namespace : undefined, values))
  console.log(sound ? done(url, answers, isOther ? namespace : undefined) : broken(worker, isFirst))
  return sound
}

interface Settled {
  readonly secrets: Readonly<Record<string, string>>
  /** Whether there is a provider that can. */
  readonly answers: boolean
  /** Whether there was no such Worker before. */
  readonly isFirst: boolean
}

/** Makes sure that the Worker will have a provider and no senseless setting, and gives the secrets to deploy it with. */
async function settle(values: Values, worker: readonly string[]): Promise<Settled> {
  step('settings')
  const { vars } = unstable_readConfig({ config: `${ROOT}/wrangler.toml` })
  const file = values['secrets-file']
  const fromFile = file === undefined ? {} : readSecrets(await readFile(file, 'utf8').catch(noFile))
  const stored = await storedSecrets(worker)
  const isFirst = stored === undefined
  let given: Given = { vars, secrets: fromFile, stored: stored ?? [] }
  if (judge(given).kind === 'no-provider' && process.stdin.isTTY && process.stdout.isTTY) {
    given = { ...given, secrets: { ...fromFile, ...(await askForProvider()) } }
  }
  const sanity = judge(given)
  if (sanity.kind === 'senseless') throw new CliError(sanity.complaint)
  if (sanity.kind === 'no-provider') {
    if (values['without-provider']) return { secrets: given.secrets, answers: false, isFirst }
    throw new CliError(
      'No provider has a key, so nothing could answer. Put one, such as OPENAI_API_KEY=…, into a file and give it by --secrets-file FILE, or set it with npx wrangler secret put OPENAI_API_KEY.',
    )
  }
  console.log(`Providers: ${sanity.providers.join(', ')}`)
  return { secrets: given.secrets, answers: true, isFirst }
}

function noFile(error: Error): never {
  throw new CliError(`The file of --secrets-file cannot be read: ${error.message}`)
}

/** Undefined where there is no Worker yet. */
async function storedSecrets(worker: readonly string[]): Promise<readonly string[] | undefined> {
  try {
    const { text } = await runWrangler(['secret', 'list', '--format', 'json', ...worker])
    const secrets: readonly { name: string }[] = JSON.parse(text)
    return secrets.map(({ name }) => name)
  } catch (error) {
    if (!(error instanceof WranglerError)) throw error
    if (error.code === WORKER_NOT_FOUND || /Worker .* not found/.test(error.message)) return undefined
    throw error
  }
}

/** Lint, types and tests, as `npm run check` has them, and a deployment that uploads nothing. */
async function check(worker: readonly string[]): Promise<void> {
  step('checks')
  const npm = process.env.npm_execpath
  const [program, ...args] = npm === undefined ? ['npm', 'run', 'check'] : [process.execPath, npm, 'run', 'check']
  const status = await new Promise<number>((resolve, reject) => {
    const child = spawn(program ?? 'npm', args, { cwd: ROOT, stdio: 'inherit' })
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  if (status !== 0) throw new CliError('The checks failed, so nothing was deployed.')
  step('dry run')
  await withFolder((folder) => runWrangler(['deploy', '--dry-run', '--outdir', folder, ...worker]))
}

/** The first address of a deployment; wrangler says of custom domains what they are. */
function addressOf(targets: unknown): string | undefined {
  const first: unknown = Array.isArray(targets) ? targets[0] : undefined
  if (typeof first !== 'string') return undefined
  const host = first.replace(/^https?:\/\//, '').replace(/[\s/].*$/, '')
  return `https://${host}`
}

/** Tests what is deployed: with a key of its own, put where that Worker looks for keys, or without any. */
async function smoke(url: string, namespace: string | undefined, { model, settle }: Values): Promise<boolean> {
  step(`smoke test of ${url}`)
  const look = async (key: string | undefined) => {
    const checked = await runSmoke({ url, key, model, timeoutMs: TIMEOUT_MS, settleMs: Number(settle) * 1000 })
    console.log(smokeTable(checked))
    return isSound(checked)
  }
  if (namespace === undefined) return look(undefined)
  const { key, name, record } = await makeSmokeKey(Date.now())
  const where = ['--remote', '--namespace-id', namespace]
  const text = JSON.stringify(record)
  const put = ['kv', 'key', 'put', name, text, '--metadata', text, '--ttl', String(SMOKE_KEY_SECONDS)]
  await runWrangler([...put, ...where])
  try {
    return await look(key)
  } finally {
    await runWrangler(['kv', 'key', 'delete', name, ...where]).catch(() => {
      console.log('The smoke test’s key could not be deleted; it ends by itself within the hour.')
    })
  }
}

function step(name: string): void {
  console.log(`\n— ${name}`)
}

function done(url: string, answers: boolean, namespace: string | undefined): string {
  const provider = answers ? '' : '\nNo provider has a key yet: npx wrangler secret put OPENAI_API_KEY'
  const where = namespace === undefined ? '' : ` --namespace-id ${namespace}`
  return `\nRouter9 runs at ${url}/v1${provider}\nMake a key: npm run keys -- create --name first --remote${where}`
}

/** What to do where what is deployed does not work: the first deployment has no version before it. */
export function broken(worker: readonly string[], isFirst: boolean): string {
  const what = '\nWhat is deployed now does not work.'
  if (isFirst) return `${what} There is no version before it: mend what failed, and deploy again.`
  return `${what} Back to the version before: npx wrangler rollback ${worker.join(' ')}`.trimEnd()
}

if (import.meta.main) {
  try {
    if (!(await deploy(process.argv.slice(2)))) process.exitCode = 1
  } catch (error) {
    if (!(error instanceof CliError || error instanceof WranglerError)) throw error
    console.error(`\n${error.message}`)
    process.exitCode = 1
  }
}
