import { readFile } from 'node:fs/promises'
import { CliError } from '../arguments.ts'
import { checkSettings, type PlannedSettings, readSecrets } from '../shared/settings.ts'
import { runWrangler, WORKER_NOT_FOUND, WranglerError } from '../shared/wrangler.ts'
import { readWranglerConfig } from '../shared/wrangler-config.ts'
import { askForProviderKey } from './ask-for-key.ts'
import { printStep } from './step.ts'

export interface CheckedSecrets {
  /** The secrets that go with this deployment. */
  readonly secrets: Readonly<Record<string, string>>
  readonly hasProvider: boolean
  /** Whether the account has no such Worker yet. */
  readonly isFirst: boolean
}

/**
 * Collects the secrets of a deployment and checks them together with all other settings. On a terminal it asks for a key where
 * no provider has one.
 * @throws CliError for an invalid setting, or where no provider has a key and `withoutProvider` is off.
 */
export async function collectSecrets(
  file: string | undefined,
  withoutProvider: boolean,
  worker: readonly string[],
): Promise<CheckedSecrets> {
  printStep('settings')
  const { vars } = await readWranglerConfig()
  const fromFile = file === undefined ? {} : readSecrets(await readFile(file, 'utf8').catch(throwUnreadable))
  const stored = await storedSecretNames(worker)
  const isFirst = stored === undefined
  let planned: PlannedSettings = { vars, secrets: fromFile, stored: stored ?? [] }
  if (checkSettings(planned).kind === 'no-provider' && process.stdin.isTTY && process.stdout.isTTY) {
    planned = { ...planned, secrets: { ...fromFile, ...(await askForProviderKey()) } }
  }
  const { secrets } = planned
  const check = checkSettings(planned)
  if (check.kind === 'invalid') throw new CliError(check.reason)
  if (check.kind === 'no-provider') {
    if (withoutProvider) return { secrets, hasProvider: false, isFirst }
    throw new CliError(
      'No provider has a key, so nothing could answer. Put one, such as OPENAI_API_KEY=…, into a file and give it by --secrets-file FILE, or set it with npx wrangler secret put OPENAI_API_KEY.',
    )
  }
  console.log(`Providers: ${check.providers.join(', ')}`)
  return { secrets, hasProvider: true, isFirst }
}

function throwUnreadable(error: Error): never {
  throw new CliError(`The file of --secrets-file cannot be read: ${error.message}`)
}

/** The names of the secrets that the Worker has; undefined where there is no such Worker yet. */
async function storedSecretNames(worker: readonly string[]): Promise<readonly string[] | undefined> {
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
