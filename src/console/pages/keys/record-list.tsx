import { signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { addressOf, type Fields, goTo } from '../../api/address.ts'
import { useLoaded } from '../../api/load.ts'
import { type Names, useNames } from '../../api/names.ts'
import { ask } from '../../api/request.ts'
import { PageLink } from '../../parts/page-link.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { Budget, limitsText, StateBadge, UsageCell } from './cells.tsx'
import { OpenDialog, type Opened } from './dialogs.tsx'
import { type MadeKey, MadeKeyPanel } from './made-key.tsx'
import { type Entry, stateOf, withChanges } from './record.ts'

interface Page {
  readonly data: readonly Entry[]
  readonly cursor: string | null
}

type Kind = 'keys' | 'teams'

const EVERY_MS = 60_000
/** What this tab has changed, by id: lists may lack it for a minute. */
const changes = {
  keys: signal<ReadonlyMap<string, Entry>>(new Map()),
  teams: signal<ReadonlyMap<string, Entry>>(new Map()),
}

/** A page of keys or of teams, and the dialogs that change them. */
export function RecordList({ kind, fields }: { kind: Kind; fields: Fields }) {
  const { cursor, team, name, disabled } = fields
  const query = addressOf({ cursor, team, name, include_disabled: disabled }).split('?')[1] ?? ''
  const loaded = useLoaded((aborted) => ask<Page>(`/v1/${kind}?${query}`, { signal: aborted }), [], EVERY_MS)
  const names = withNew(useNames())
  const [opened, setOpened] = useState<Opened>()
  const [made, setMade] = useState<MadeKey>()
  const heading = useRef<HTMLHeadingElement>(null)
  const changed = changes[kind]
  const takesNew = (entry: Entry) =>
    !cursor &&
    (!team || entry.team === team) &&
    entry.name.toLowerCase().includes((name ?? '').toLowerCase()) &&
    (disabled === 'true' || stateOf(entry, Date.now()) === 'active')
  const entries = withChanges(loaded.value?.data ?? [], changed.value, takesNew)
  useEffect(() => {
    // The button that had opened the dialog may be gone.
    if (opened === undefined && document.activeElement === document.body && loaded.at > 0) heading.current?.focus()
  }, [opened])
  function take(entry: Entry, key?: MadeKey): void {
    changed.value = new Map([...changed.value, [entry.id, entry]])
    if (key) setMade(key)
  }
  const noun = kind === 'keys' ? 'key' : 'team'
  return (
    <>
      <div class="keys-head">
        <h1 ref={heading} tabIndex={-1}>
          {kind === 'keys' ? 'Keys' : 'Teams'}
        </h1>
        <button type="button" class="button primary" onClick={() => setOpened({ action: 'create' })}>
          Create {noun}
        </button>
      </div>
      {made && <MadeKeyPanel made={made} done={() => setMade(undefined)} />}
      <ListFilters kind={kind} fields={fields} teams={names.teams} reload={loaded.reload} />
      <Shown loaded={loaded}>
        {(page) => (
          <>
            {entries.length === 0 ? (
              <NoRecords kind={kind} isNarrowed={Boolean(team || name || cursor)} />
            ) : (
              <RecordTable kind={kind} entries={entries} teams={names.teams} open={setOpened} />
            )}
            <p class="keys-pages">
              {cursor && <PageLink fields={{ ...fields, cursor: '' }}>First page</PageLink>}
              {page.cursor && <PageLink fields={{ ...fields, cursor: page.cursor }}>Next page</PageLink>}
            </p>
          </>
        )}
      </Shown>
      {opened && (
        <OpenDialog
          opened={opened}
          kind={kind}
          listed={entries.find(({ id }) => id === opened.entry?.id)}
          teams={names.teams}
          changed={take}
          closed={() => setOpened(undefined)}
        />
      )}
    </>
  )
}

/** Names with those that this tab has just given. */
function withNew(names: Names): Names {
  const named = (kind: Kind) =>
    [...changes[kind].value.values()]
      .filter(({ revoked_at }) => revoked_at === null)
      .map(({ id, name }) => [id, name] as const)
  return {
    keys: new Map([...names.keys, ...named('keys')]),
    teams: new Map([...names.teams, ...named('teams')]),
  }
}

function ListFilters({
  kind,
  fields,
  teams,
  reload,
}: {
  kind: Kind
  fields: Fields
  teams: ReadonlyMap<string, string>
  reload: () => void
}) {
  const set = (name: string, value: string) => goTo({ ...fields, [name]: value, cursor: '' })
  const { team = '', name = '', disabled } = fields
  return (
    <div class="row keys-filters">
      <label>
        Search
        <input
          value={name}
          placeholder="a part of the name"
          spellcheck={false}
          onChange={(event) => set('name', event.currentTarget.value.trim())}
        />
      </label>
      {kind === 'keys' && (teams.size > 0 || team !== '') && (
        <label>
          Team
          <select value={team} onChange={(event) => set('team', event.currentTarget.value)}>
            <option value="">all</option>
            {team !== '' && !teams.has(team) && <option value={team}>{team}</option>}
            {[...teams].map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <label class="keys-check">
        <input
          type="checkbox"
          checked={disabled === 'true'}
          onChange={(event) => set('disabled', event.currentTarget.checked ? 'true' : '')}
        />{' '}
        Also disabled and {kind === 'keys' ? 'revoked' : 'deleted'} ones
      </label>
      <button type="button" class="button small" onClick={reload}>
        Refresh
      </button>
    </div>
  )
}

function NoRecords({ kind, isNarrowed }: { kind: Kind; isNarrowed: boolean }) {
  if (isNarrowed) {
    return (
      <Empty title={`No ${kind} here`}>
        <PageLink fields={{ show: kind === 'teams' ? 'teams' : '' }}>Show all</PageLink>
      </Empty>
    )
  }
  if (kind === 'teams') {
    return (
      <Empty title="No teams yet">
        <p>A team has limits that its keys share, beside their own.</p>
      </Empty>
    )
  }
  return (
    <Empty title="No keys yet">
      <p>Whoever calls models needs a key. Create one, with a budget if it is for somebody else.</p>
    </Empty>
  )
}

function RecordTable({
  kind,
  entries,
  teams,
  open,
}: {
  kind: Kind
  entries: readonly Entry[]
  teams: ReadonlyMap<string, string>
  open: (opened: Opened) => void
}) {
  const isKeys = kind === 'keys'
  const used = entries.map(({ usage }) => usage)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
    <section class="table-box" tabIndex={0} aria-label={isKeys ? 'Keys' : 'Teams'}>
      <table class="keys-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Budget</th>
            <th scope="col" class="number">
              Used
            </th>
            <th scope="col">Limits</th>
            {isKeys && <th scope="col">Team</th>}
            {isKeys && <th scope="col">Models</th>}
            <th scope="col">
              <span class="keys-hidden">Change</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id}>
              <td>
                <div class="keys-name">{entry.name}</div>
                <div class="muted keys-id">{entry.id}</div>
              </td>
              <td>
                <StateBadge entry={entry} />
                {entry.role === 'management' && <div class="muted">management</div>}
              </td>
              <td>
                <Budget entry={entry} />
              </td>
              <td class="number">
                <UsageCell entry={entry} column={used} />
              </td>
              <td class="muted keys-limits">{limitsText(entry) || 'none'}</td>
              {isKeys && (
                <td>
                  <div class="keys-name">{entry.team ? (teams.get(entry.team) ?? entry.team) : '–'}</div>
                </td>
              )}
              {isKeys && <td class="keys-models">{modelsText(entry)}</td>}
              <td>
                <Actions kind={kind} entry={entry} open={open} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function modelsText({ models, providers }: Entry): string {
  const few = (names: readonly string[]) =>
    names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
  return `${models ? few(models) : 'all'}${providers ? ` of ${few(providers)}` : ''}`
}

function Actions({ kind, entry, open }: { kind: Kind; entry: Entry; open: (opened: Opened) => void }) {
  if (entry.revoked_at !== null) return null
  const button = (action: Opened['action'], text: string) => (
    <button
      type="button"
      class="button small"
      aria-label={`${text} ${entry.name}`}
      onClick={() => open({ action, entry })}
    >
      {text}
    </button>
  )
  return (
    <div class="keys-actions">
      {button('edit', 'Edit')}
      {kind === 'keys' && !entry.successor && button('rotate', 'Rotate')}
      {button('revoke', kind === 'keys' ? 'Revoke' : 'Delete')}
      {kind === 'keys' && (
        <a href={`/console/calls?${new URLSearchParams({ key: entry.id })}`} aria-label={`Calls of ${entry.name}`}>
          Calls
        </a>
      )}
    </div>
  )
}
