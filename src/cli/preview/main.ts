import { parseArgs } from 'node:util'
import { unstable_readConfig } from 'wrangler'
import { CliError, judge, readSecrets } from '../deploy/settings.ts'
import { ROOT, WranglerError } from '../deploy/wrangler.ts'
import { type Checked, runSmoke } from '../smoke/checks.ts'
import { makeSmokeKey, SMOKE_KEY_SECONDS } from '../smoke/key.ts'
import { isSound, smokeTable } from '../smoke/main.ts'
import { type Cloudflare, CloudflareError, cloudflareAt } from './cloudflare.ts'
import { type Conversation, comment } from './comment.ts'
import { deletePreview, makePreview, namesFor, type Preview, type PreviewNames } from './worker.ts'

const USAGE = `npm run preview -- create|delete --pr NUMBER [--settle SECONDS]

Gives a pull request a Router9 of its own: Durable Objects, KV namespace, and a throw-away key for a smoke test.

  CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID   without them nothing happens: a fork's pull request has no secrets
  PREVIEW_SECRETS      the providers' keys of previews, as lines of .dev.vars or JSON; without them nothing happens either
  GITHUB_TOKEN, GITHUB_REPOSITORY   where the comment goes; without them it is only printed
  PREVIEW_MODEL        who is asked in the smoke test (auto)`

/** A fresh workers.dev address takes a while to get its certificate. */
const SETTLE_SECONDS = '120'
const TIMEOUT_MS = 60_000

type Environment = Readonly<Record<string, string | undefined>>

/** Makes or deletes a pull request's preview, and says whether all went well. */
export async function preview(args: readonly string[], environment: Environment): Promise<boolean> {
  const { command, pullRequest, settleMs } = readArguments(args)
  const names = namesFor(pullRequest)
  const needed = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ACCOUNT_ID', ...(command === 'create' ? ['PREVIEW_SECRETS'] : [])]
  const lacking = needed.filter((name) => !environment[name])
  if (lacking.length > 0) {
    const text = `No preview: ${lacking.join(', ')} not set. Pull requests from forks have no secrets.`
    console.log(environment.GITHUB_ACTIONS ? `::notice::${text}` : text)
    return true
  }
  const { CLOUDFLARE_API_TOKEN: token = '', CLOUDFLARE_ACCOUNT_ID: account = '' } = environment
  const base = environment.CLOUDFLARE_API_BASE_URL || 'https://api.cloudflare.com/client/v4'
  const cloudflare = cloudflareAt(base, account, token)
  const where = conversation(environment, pullRequest)
  return command === 'create'
    ? create(names, cloudflare, environment, where, settleMs)
    : remove(names, cloudflare, where)
}

function readArguments(args: readonly string[]) {
  const { values, positionals } = parse(args)
  const [command, ...more] = positionals
  const known = (command === 'create' || command === 'delete') && more.length === 0
  const numbers = /^[1-9]\d{0,9}$/.test(values.pr ?? '') && /^\d{1,4}$/.test(values.settle)
  if (!known || !numbers) throw new CliError(USAGE)
  return { command, pullRequest: Number(values.pr), settleMs: Number(values.settle) * 1000 }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { pr: { type: 'string' }, settle: { type: 'string', default: SETTLE_SECONDS } },
      allowPositionals: true,
    })
  } catch (error) {
    throw new CliError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
  }
}

function conversation(environment: Environment, pullRequest: number): Conversation | undefined {
  const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: repository } = environment
  if (!token || !repository) return undefined
  return { api: environment.GITHUB_API_URL || 'https://api.github.com', token, repository, pullRequest }
}

async function create(
  names: PreviewNames,
  cloudflare: Cloudflare,
  environment: Environment,
  where: Conversation | undefined,
  settleMs: number,
): Promise<boolean> {
  const secrets = readSecrets(environment.PREVIEW_SECRETS ?? '')
  if (environment.GITHUB_ACTIONS) mask(Object.values(secrets))
  const { vars } = unstable_readConfig({ config: `${ROOT}/wrangler.toml` })
  const sanity = judge({ vars, secrets, stored: [] })
  if (sanity.kind === 'senseless') throw new CliError(sanity.complaint)
  if (sanity.kind === 'no-provider')
    throw new CliError('PREVIEW_SECRETS has no provider’s key, so nothing could answer.')
  // Asked first: a token that is not good enough is told here, in one sentence.
  const namespace = await cloudflare.namespace(names.namespace)
  const made = await makePreview(names, namespace, secrets)
  const { key, name, record } = await makeSmokeKey(Date.now())
  await cloudflare.putKey(namespace, name, record, SMOKE_KEY_SECONDS)
  const model = environment.PREVIEW_MODEL || 'auto'
  const smoke = runSmoke({ url: made.url, key, model, timeoutMs: TIMEOUT_MS, settleMs })
  const checked = await smoke.finally(() =>
    cloudflare.deleteKey(namespace, name).catch(() => {
      console.log('The smoke test’s key could not be deleted; it ends by itself within the hour.')
    }),
  )
  const text = report(made, namespace, checked, environment.PREVIEW_COMMIT)
  console.log(text)
  if (where !== undefined) await comment(where, text)
  return isSound(checked)
}

/** GitHub hides the variable as a whole; of the values in it, it has to be told. */
function mask(values: readonly string[]): void {
  for (const value of values) {
    console.log(`::add-mask::${value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`)
  }
}

function report(
  { url, form, refusal }: Preview,
  namespace: string,
  checked: readonly Checked[],
  commit: string | undefined,
): string {
  const how =
    form === 'preview' ? 'a preview of the Worker' : `a Worker of its own, since previews were refused: ${refusal}`
  return `### ${isSound(checked) ? 'Preview' : 'Preview, broken'}

${url}/v1

This is ${commit === undefined ? 'the pull request' : `commit ${commit}`} as ${how}. It has its own Durable Objects and its own keys, and goes when the pull request is closed. Make yourself a key:

\`\`\`sh
npm run keys -- create --name me --expires 1d --remote --namespace-id ${namespace}
\`\`\`

<details${isSound(checked) ? '' : ' open'}><summary>Smoke test</summary>

\`\`\`
${smokeTable(checked)}
\`\`\`

</details>`
}

async function remove(names: PreviewNames, cloudflare: Cloudflare, where: Conversation | undefined): Promise<boolean> {
  const { deleted, errors } = await deletePreview(names)
  try {
    if (await cloudflare.deleteNamespace(names.namespace)) deleted.push(`the KV namespace ${names.namespace}`)
  } catch (error) {
    errors.push(error)
  }
  const text = farewell(deleted, errors.length === 0)
  console.log(text)
  if (where !== undefined) await comment(where, text, { onlyOver: true })
  if (errors.length > 0) throw errors[0]
  return true
}

function farewell(deleted: readonly string[], isAll: boolean): string {
  const list = deleted.join(', ')
  if (!isAll) return `The preview could not be deleted as a whole; gone: ${list || 'nothing'}.`
  return list === '' ? 'There was no preview.' : `The preview is gone: ${list}.`
}

if (import.meta.main) {
  try {
    if (!(await preview(process.argv.slice(2), process.env))) process.exitCode = 1
  } catch (error) {
    if (!(error instanceof CliError || error instanceof WranglerError || error instanceof CloudflareError)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
