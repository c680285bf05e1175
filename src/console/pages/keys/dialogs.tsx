import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { ask } from '../../api/request.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { Failed } from '../../parts/states.tsx'
import type { MadeKey } from './made-key.tsx'
import type { Entry, KeyEntry } from './record.ts'
import { RecordForm } from './record-form.tsx'

/** What a dialog is open for. */
export interface Opened {
  readonly action: 'create' | 'edit' | 'rotate' | 'revoke'
  /** Undefined for a new one. */
  readonly entry?: Entry
}

export interface DialogProps {
  readonly opened: Opened
  /** `keys` or `teams`. */
  readonly kind: 'keys' | 'teams'
  /** What the list says of the entry now. */
  readonly listed: Entry | undefined
  readonly teams: ReadonlyMap<string, string>
  /** Gets a record after its change, and a new key. */
  readonly changed: (entry: Entry, made?: MadeKey) => void
  readonly closed: () => void
}

export function OpenDialog(props: DialogProps) {
  const { opened, kind, closed } = props
  const noun = kind === 'keys' ? 'key' : 'team'
  const verb = { create: 'New', edit: 'Change', rotate: 'Rotate', revoke: kind === 'keys' ? 'Revoke' : 'Delete' }
  const title =
    opened.entry === undefined ? (
      `New ${noun}`
    ) : (
      <>
        {verb[opened.action]} “<bdi>{opened.entry.name}</bdi>”{opened.action === 'revoke' && '?'}
      </>
    )
  return (
    <Dialog title={title} closed={closed}>
      {(dismiss) => {
        const { entry } = opened
        if (opened.action === 'create' || entry === undefined) return <Create {...props} dismiss={dismiss} />
        if (opened.action === 'edit') return <Edit {...props} entry={entry} dismiss={dismiss} />
        if (opened.action === 'rotate') return <Rotate {...props} entry={entry} dismiss={dismiss} />
        return <Revoke {...props} entry={entry} dismiss={dismiss} />
      }}
    </Dialog>
  )
}

interface Made {
  readonly data: KeyEntry
  readonly key?: string
}

function Create({ kind, teams, changed, dismiss }: DialogProps & { dismiss: () => void }) {
  const makeOnce = useMakeOnce()
  async function save(body: Readonly<Record<string, unknown>>): Promise<void> {
    const { data, key } = await makeOnce(`/v1/${kind}`, body)
    changed(data, madeOf(data, key))
  }
  return (
    <>
      {kind === 'keys' && (
        <p class="muted">
          It calls models. Management keys are made by <code>npm run keys</code> alone.
        </p>
      )}
      <RecordForm isKey={kind === 'keys'} teams={teams} save={save} dismiss={dismiss} />
    </>
  )
}

/** Sent again after a lost answer, the same body makes no second record, and its key is shown; another body is another one. */
function useMakeOnce(): (path: string, body: Readonly<Record<string, unknown>>) => Promise<Made> {
  const [sent] = useState(() => new Map<string, string>())
  return (path, body) => {
    const text = JSON.stringify(body)
    const id = sent.get(text) ?? randomId()
    sent.set(text, id)
    return ask<Made>(path, { method: 'POST', body, header: { 'idempotency-key': id } })
  }
}

function madeOf({ name, role }: KeyEntry, key: string | undefined): MadeKey | undefined {
  return key === undefined ? undefined : { name, key, isManagement: role === 'management' }
}

/** `randomUUID` is there on secure pages only. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

type EntryProps = DialogProps & { entry: Entry; dismiss: () => void }

function Edit({ kind, entry, listed, teams, changed, dismiss }: EntryProps) {
  async function save(body: Readonly<Record<string, unknown>>): Promise<void> {
    const { data } = await ask<{ data: Entry }>(pathOf(kind, entry), { method: 'PATCH', body })
    changed(data)
  }
  return (
    <>
      <p class="muted">
        <code>{entry.id}</code> {entry.label && <code>{entry.label}</code>}
      </p>
      <RecordForm
        entry={entry}
        isKey={kind === 'keys'}
        teams={teams}
        save={save}
        dismiss={dismiss}
        isChangedElsewhere={listed !== undefined && listed.updated_at !== entry.updated_at}
      />
    </>
  )
}

function pathOf(kind: string, { id }: Entry): string {
  return `/v1/${kind}/${encodeURIComponent(id)}`
}

function Rotate({ kind, entry, changed, dismiss }: EntryProps) {
  const [grace, setGrace] = useState('0')
  const makeOnce = useMakeOnce()
  const act = async () => {
    const { data, key } = await makeOnce(`${pathOf(kind, entry)}/rotate`, { grace_seconds: Number(grace) })
    changed(data, madeOf(data, key))
    // The old one has changed too: it has a successor, and perhaps an end. The next refresh shows it as well. Nobody waits for it:
    // while the dialog is open, the new key cannot have the focus.
    void ask<{ data: KeyEntry }>(pathOf(kind, entry)).then(
      (old) => changed(old.data),
      () => {},
    )
  }
  return (
    <Confirm label="Rotate" act={act} dismiss={dismiss}>
      <p>
        A new key takes its place, with the same rights, and the same limits and what is left of them. What was
        encrypted with the old one cannot be read with the new one.
      </p>
      <label>
        The old key ends
        <select value={grace} onChange={(event) => setGrace(event.currentTarget.value)}>
          <option value="0">at once</option>
          <option value="3600">in an hour</option>
          <option value="86400">in a day</option>
          <option value="604800">in a week</option>
        </select>
      </label>
    </Confirm>
  )
}

function Revoke({ kind, entry, changed, dismiss }: EntryProps) {
  const isKey = kind === 'keys'
  const act = async () => {
    await ask(pathOf(kind, entry), { method: 'DELETE' })
    const now = new Date().toISOString()
    changed({ ...entry, disabled: true, revoked_at: now, updated_at: now })
  }
  return (
    <Confirm label={`${isKey ? 'Revoke' : 'Delete'} ${entry.name}`} act={act} dismiss={dismiss} isDangerous>
      <p>
        {isKey
          ? 'Whoever uses this key is refused within seconds. This cannot be taken back; to stop a key for a while, disable it.'
          : 'None of its keys works any more, and this cannot be taken back. To stop a team for a while, disable it.'}
      </p>
      <p>
        <strong class="keys-name">{entry.name}</strong> <code>{entry.id}</code>
      </p>
    </Confirm>
  )
}

function Confirm({
  label,
  act,
  dismiss,
  isDangerous = false,
  children,
}: {
  label: string
  act: () => Promise<void>
  dismiss: () => void
  isDangerous?: boolean
  children: ComponentChildren
}) {
  const [error, setError] = useState<Error>()
  const [isActing, setActing] = useState(false)
  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    setActing(true)
    setError(undefined)
    try {
      await act()
      dismiss()
    } catch (failed) {
      setError(failed as Error)
    } finally {
      setActing(false)
    }
  }
  return (
    <form class="keys-form" onSubmit={submit}>
      {children}
      {error && <Failed error={error} />}
      <div class="keys-buttons">
        <button type="submit" class={`button ${isDangerous ? 'danger' : 'primary'}`} disabled={isActing}>
          <span class="keys-name">{label}</span>
        </button>
        <button type="button" class="button" onClick={dismiss}>
          Cancel
        </button>
      </div>
    </form>
  )
}
