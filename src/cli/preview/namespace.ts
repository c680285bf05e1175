import { CliError } from '../arguments.ts'
import { runWrangler, WranglerError } from '../shared/wrangler.ts'

/** Cloudflare does not know the token, or the token may not do this. `kv namespace list` tells the code in its text alone. */
const REFUSED_TOKEN = /\[code: (10000|9109)\]/

/** Returns the id of the KV namespace with that title, and makes it where there is none. @throws CliError */
export async function ensureNamespace(title: string): Promise<string> {
  const { text } = await runWrangler(['kv', 'namespace', 'list']).catch(throwWithAdvice)
  const namespaces: readonly { id: string; title: string }[] = JSON.parse(text)
  const found = namespaces.find((one) => one.title === title)
  if (found !== undefined) return found.id
  const created = await runWrangler(['kv', 'namespace', 'create', title])
  // Wrangler prints the id only as a part of lines for a configuration file.
  const [, id] = /\bid"?\s*[=:]\s*"(\w+)"/.exec(created.text) ?? []
  if (id === undefined) throw new CliError(`wrangler made the KV namespace ${title}, but printed no id`)
  return id
}

function throwWithAdvice(error: unknown): never {
  if (!(error instanceof WranglerError && REFUSED_TOKEN.test(error.message))) throw error
  throw new CliError(
    `${error.message}\n\nCLOUDFLARE_API_TOKEN must be a token of the account CLOUDFLARE_ACCOUNT_ID that may edit Workers Scripts, Workers KV Storage and D1.`,
  )
}

/** Deletes the KV namespace with that title. Returns whether there was one. */
export async function deleteNamespace(title: string): Promise<boolean> {
  try {
    await runWrangler(['kv', 'namespace', 'delete', title, '--skip-confirmation'])
    return true
  } catch (error) {
    if (error instanceof WranglerError && /No KV namespace named/.test(error.message)) return false
    throw error
  }
}
