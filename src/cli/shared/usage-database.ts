import { cp, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { withPrivateFolder } from './private-folder.ts'
import { ROOT } from './root.ts'
import { runWrangler } from './wrangler.ts'
import { readWranglerConfig } from './wrangler-config.ts'

/** The binding of the D1 database that usage is written to. */
const BINDING = 'USAGE'
const MIGRATIONS = path.join(ROOT, 'src/usage/migrations')

/** Brings the tables of a database up to date, by wrangler's migrations: those that were applied are left out. @throws WranglerError */
export async function migrateDatabase(id: string): Promise<void> {
  await withPrivateFolder(async (folder) => {
    // wrangler.toml does not know the id, and migrations are looked for beside the configuration.
    await cp(MIGRATIONS, path.join(folder, 'migrations'), { recursive: true })
    const config = path.join(folder, 'wrangler.json')
    const database = { binding: BINDING, database_id: id, migrations_dir: 'migrations' }
    const { compatibility_date } = await readWranglerConfig()
    await writeFile(config, JSON.stringify({ name: 'router9-usage', compatibility_date, d1_databases: [database] }))
    await runWrangler(['d1', 'migrations', 'apply', BINDING, '--remote', '--config', config])
  })
}

/** The same for the database of this machine, where `wrangler dev` keeps its state. */
export async function migrateLocalDatabase(persistTo: string | undefined): Promise<void> {
  const { d1_databases }: { readonly d1_databases: readonly { readonly binding: string }[] } =
    await readWranglerConfig()
  if (!d1_databases.some(({ binding }) => binding === BINDING)) return
  const where = persistTo === undefined ? [] : ['--persist-to', persistTo]
  await runWrangler(['d1', 'migrations', 'apply', BINDING, '--local', ...where])
}
