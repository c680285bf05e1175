import type { Loaded } from '../api/load.ts'
import { Empty } from './states.tsx'

/** Whether the Worker keeps no usage, so that trying again cannot help. */
export function isUsageOff({ error }: Pick<Loaded<unknown>, 'error'>): boolean {
  return error?.code === 'usage_off'
}

/** What to set so that there is usage to show. */
export function UsageOff() {
  return (
    <Empty title="Usage is not kept here: the Worker has no database">
      <p>
        Bind a D1 database as <code>USAGE</code> in <code>wrangler.toml</code>, and run <code>npm start</code> or{' '}
        <code>npm run deploy</code>: they make the database and its tables. Keys and limits work without it.
      </p>
      <a href="/docs/usage">More about usage</a>
    </Empty>
  )
}
