import { useLoaded } from '../../api/load.ts'
import { ask } from '../../api/request.ts'
import { dollars, moment } from '../../parts/format.ts'
import { Shown } from '../../parts/states.tsx'
import { Budget, limitsText } from './cells.tsx'
import type { KeyEntry } from './record.ts'

type Own = Pick<
  KeyEntry,
  | 'id'
  | 'name'
  | 'label'
  | 'role'
  | 'team'
  | 'limit'
  | 'limit_reset'
  | 'limit_remaining'
  | 'usage'
  | 'usage_daily'
  | 'usage_weekly'
  | 'usage_monthly'
  | 'rpm'
  | 'tpm'
  | 'concurrent'
  | 'expires_at'
  | 'models'
  | 'providers'
>

const EVERY_MS = 15_000

/** What a key for models may know of itself. */
export function OwnKey() {
  const loaded = useLoaded((signal) => ask<{ data: Own }>('/v1/key', { signal }), [], EVERY_MS)
  return (
    <>
      <h1>This key</h1>
      <Shown loaded={loaded}>{({ data }) => <Facts own={data} />}</Shown>
      <p class="muted">
        To see, make and change keys, <a href="/console?add">add a management key</a>.{' '}
        <a href="/docs/keys">More about keys</a>
      </p>
    </>
  )
}

function Facts({ own }: { own: Own }) {
  const facts = [
    ['Name', <span class="keys-name">{own.name}</span>],
    ['Id', <code>{own.id}</code>],
    ['Budget', <Budget entry={own} />],
    ['Used', `${dollars(own.usage)} in all`],
    ['Today', dollars(own.usage_daily)],
    ['This week', dollars(own.usage_weekly)],
    ['This month', dollars(own.usage_monthly)],
    ['Limits', limitsText(own) || 'none'],
    ['Team', own.team],
    ['Models', own.models?.join(', ') ?? 'all'],
    ['Providers', own.providers?.join(', ') ?? 'all'],
    ['Expires', own.expires_at === null ? 'never' : moment(own.expires_at)],
  ] as const
  return (
    <dl class="card keys-facts">
      {facts.map(
        ([name, value]) =>
          value !== null && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}
