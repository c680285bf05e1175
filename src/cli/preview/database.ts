import { CliError } from '../arguments.ts'
import { runWrangler, WranglerError } from '../shared/wrangler.ts'

interface Listed {
  readonly uuid: string
  readonly name: string
}

/** Returns the id of the D1 database with that name, and makes it where there is none. @throws CliError */
export async function ensureDatabase(name: string): Promise<string> {
  const { text } = await runWrangler(['d1', 'list', '--json'])
  const databases: readonly Listed[] = JSON.parse(text)
  const found = databases.find((one) => one.name === name)
  if (found !== undefined) return found.uuid
  const created = await runWrangler(['d1', 'create', name])
  // Wrangler prints the id only as a part of lines for a configuration file.
  const [, id] = /\bdatabase_id"?\s*[=:]\s*"([\w-]+)"/.exec(created.text) ?? []
  if (id === undefined) throw new CliError(`wrangler made the D1 database ${name}, but printed no id`)
  return id
}

/** Deletes the D1 database with that name. Returns whether there was one. */
export async function deleteDatabase(name: string): Promise<boolean> {
  try {
    await runWrangler(['d1', 'delete', name, '--skip-confirmation'])
    return true
  } catch (error) {
    if (error instanceof WranglerError && /Couldn't find a D1 DB/.test(error.message)) return false
    throw error
  }
}
