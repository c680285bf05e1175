import { CliError, readArguments, readSecondsAsMs, runProgram, UsageError } from '../arguments.ts'
import { checkSettings, readSecrets } from '../shared/settings.ts'
import { migrateDatabase } from '../shared/usage-database.ts'
import { readWranglerConfig } from '../shared/wrangler-config.ts'
import { runSmoke } from '../smoke/checks.ts'
import { withSmokeKeys } from '../smoke/key.ts'
import { noneFailed } from '../smoke/table.ts'
import { type PullRequest, writeComment } from './comment.ts'
import { ensureDatabase } from './database.ts'
import { ensureNamespace } from './namespace.ts'
import { deletionSummary, previewReport } from './report.ts'
import { deletePreview, makePreview, namesFor, type PreviewNames } from './worker.ts'

const USAGE = `npm run preview -- create|delete --pr NUMBER [--settle SECONDS]

Gives a pull request a Router9 of its own: Durable Objects, KV namespace, D1 database, and throw-away keys for a
smoke test.

  CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID   without them nothing happens: a fork's pull request has no secrets
  PREVIEW_SECRETS      the providers' keys of previews, as lines of .dev.vars or JSON; without them nothing happens either
  GITHUB_TOKEN, GITHUB_REPOSITORY   where the comment goes; without them it is only printed
  PREVIEW_MODEL        the model of the smoke test (auto)`

const OPTIONS = {
  pr: { type: 'string' },
  // It takes a while until a fresh workers.dev address has its certificate.
  settle: { type: 'string', default: '120' },
} as const
const SMOKE_TIMEOUT_MS = 60_000

type Environment = Readonly<Record<string, string | undefined>>

/** Makes or deletes a pull request's preview. Returns whether all went well. */
export async function preview(args: readonly string[], environment: Environment): Promise<boolean> {
  const { command, number, settleMs } = readPreviewArguments(args)
  const names = namesFor(number)
  const needed = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ACCOUNT_ID', ...(command === 'create' ? ['PREVIEW_SECRETS'] : [])]
  const missing = needed.filter((name) => !environment[name])
  if (missing.length > 0) {
    const text = `No preview: ${missing.join(', ')} not set. Pull requests from forks have no secrets.`
    console.log(environment.GITHUB_ACTIONS ? `::notice::${text}` : text)
    return true
  }
  const pullRequest = readPullRequest(environment, number)
  return command === 'create'
    ? createPreview(names, pullRequest, environment, settleMs)
    : removePreview(names, pullRequest)
}

function readPreviewArguments(args: readonly string[]) {
  const { values, positionals } = readArguments(args, OPTIONS, { words: true })
  const [command, ...more] = positionals
  if ((command !== 'create' && command !== 'delete') || more.length > 0) {
    throw new UsageError('say what to do: create or delete')
  }
  if (!/^[1-9]\d{0,9}$/.test(values.pr ?? '')) throw new UsageError('--pr must be the number of a pull request')
  return { command, number: Number(values.pr), settleMs: readSecondsAsMs('settle', values.settle) }
}

/** Undefined where there is nobody to write a comment for. */
function readPullRequest(environment: Environment, number: number): PullRequest | undefined {
  const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: repository } = environment
  if (!token || !repository) return undefined
  return { apiUrl: environment.GITHUB_API_URL || 'https://api.github.com', token, repository, number }
}

async function createPreview(
  names: PreviewNames,
  pullRequest: PullRequest | undefined,
  environment: Environment,
  settleMs: number,
): Promise<boolean> {
  const secrets = readSecrets(environment.PREVIEW_SECRETS ?? '')
  if (environment.GITHUB_ACTIONS) maskValues(Object.values(secrets))
  const { vars } = await readWranglerConfig()
  const check = checkSettings({ vars, secrets, stored: [] })
  if (check.kind === 'invalid') throw new CliError(check.reason)
  if (check.kind === 'no-provider') {
    throw new CliError('PREVIEW_SECRETS has no provider’s key, so nothing could answer.')
  }
  // First of all, since it finds a token that may do too little, and says so.
  const namespaceId = await ensureNamespace(names.namespace)
  const databaseId = await ensureDatabase(names.database)
  // Its code must find its tables.
  await migrateDatabase(databaseId)
  const made = await makePreview(names, { namespaceId, databaseId }, secrets)
  const model = environment.PREVIEW_MODEL || 'auto'
  const results = await withSmokeKeys(namespaceId, (keys) =>
    runSmoke({ ...keys, url: made.url, model, timeoutMs: SMOKE_TIMEOUT_MS, settleMs }),
  )
  const text = previewReport(made, namespaceId, results, environment.PREVIEW_COMMIT)
  console.log(text)
  if (pullRequest !== undefined) await writeComment(pullRequest, text)
  return noneFailed(results)
}

/** GitHub hides the whole variable in its logs, but not the values in it: it has to be told each of them. */
function maskValues(values: readonly string[]): void {
  for (const value of values) {
    console.log(`::add-mask::${value.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`)
  }
}

async function removePreview(names: PreviewNames, pullRequest: PullRequest | undefined): Promise<boolean> {
  const { deleted, errors } = await deletePreview(names)
  const text = deletionSummary(deleted, errors.length === 0)
  console.log(text)
  if (pullRequest !== undefined) await writeComment(pullRequest, text, { onlyReplace: true })
  if (errors.length > 0) throw errors[0]
  return true
}

if (import.meta.main) await runProgram(USAGE, (args) => preview(args, process.env))
