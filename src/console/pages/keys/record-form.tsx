import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { ApiError } from '../../api/request.ts'
import { Failed } from '../../parts/states.tsx'
import { bodyOf, type Entry, fieldOf, type Values, valuesOf } from './record.ts'

const YES_NO = { '': 'as the settings say', true: 'allowed', false: 'not allowed' }

/** The fields of a key or a team. What is written stays, whatever is refreshed behind it. */
export function RecordForm({
  entry,
  isKey,
  teams,
  save,
  dismiss,
  isChangedElsewhere = false,
}: {
  /** Undefined for a new one. */
  entry?: Entry | undefined
  isKey: boolean
  teams: ReadonlyMap<string, string>
  /** Sends the body; the form is closed when that has worked. @throws ApiError */
  save: (body: Readonly<Record<string, unknown>>) => Promise<void>
  dismiss: () => void
  isChangedElsewhere?: boolean
}) {
  // As it was when the form was opened: a refresh of the list changes nothing here.
  const [before] = useState(() => valuesOf(entry))
  const [values, setValues] = useState<Values>(before)
  const [error, setError] = useState<ApiError>()
  const [isSaving, setSaving] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const body = bodyOf(values, before)
  const isUnchanged = entry !== undefined && Object.keys(body).length === 0
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [error])
  async function submit(event: Event): Promise<void> {
    event.preventDefault()
    setSaving(true)
    setError(undefined)
    try {
      await save(body)
      dismiss()
    } catch (failed) {
      setError(failed as ApiError)
    } finally {
      setSaving(false)
    }
  }
  const wrong = fieldOf(error?.param)
  const isKnown = wrong !== undefined && wrong in values && (isKey || !KEY_ONLY.includes(wrong))
  const field = (name: string): FieldProps => ({
    name,
    value: values[name] ?? '',
    fault: wrong === name ? error?.message : undefined,
    set: (value) => setValues((all) => ({ ...all, [name]: value })),
  })
  return (
    <form ref={form} class="keys-form" onSubmit={submit} noValidate>
      {error && !isKnown && <Failed error={error} />}
      {isChangedElsewhere && (
        <div class="notice">
          <p>Somebody else has changed this meanwhile. Saving changes only what you have changed here.</p>
        </div>
      )}
      <Text label="Name" {...field('name')} hint="Who or what uses it" />
      {isKey && (
        <Select
          label="Team"
          {...field('team')}
          options={{ '': 'none', ...Object.fromEntries(teams), ...unknownTeam(values, teams) }}
        />
      )}
      <fieldset>
        <legend>Limits</legend>
        <div class="keys-fields">
          <Text label="Budget in US dollars" {...field('limit')} mode="decimal" hint="none" />
          <Select
            label="Begins anew"
            {...field('limit_reset')}
            options={{ '': 'never', daily: 'each day', weekly: 'each week', monthly: 'each month' }}
          />
          <Text label="Requests a minute" {...field('rpm')} mode="numeric" hint="no limit" />
          <Text label="Tokens a minute" {...field('tpm')} mode="numeric" hint="no limit" />
          <Text label="Calls at once" {...field('concurrent')} mode="numeric" hint="no limit" />
          {isKey && <Text label="Expires" {...field('expires_at')} isTime />}
        </div>
      </fieldset>
      {isKey && <Rights field={field} />}
      {entry && (
        <label class="keys-check">
          <input
            type="checkbox"
            checked={values.disabled === 'true'}
            onChange={(event) => field('disabled').set(String(event.currentTarget.checked))}
          />{' '}
          Disabled: {isKey ? 'its calls are' : 'calls of its keys are'} refused until this is taken back
        </label>
      )}
      <div class="keys-buttons">
        <button type="submit" class="button primary" disabled={isSaving || isUnchanged}>
          {entry ? 'Save' : 'Create'}
        </button>
        <button type="button" class="button" onClick={dismiss}>
          Cancel
        </button>
      </div>
    </form>
  )
}

const KEY_ONLY = [
  'team',
  'models',
  'providers',
  'expires_at',
  'builtin_tools',
  'account_fields',
  'data_collection',
  'regions',
]

function Rights({ field }: { field: (name: string) => FieldProps }) {
  return (
    <fieldset>
      <legend>What it may use</legend>
      <div class="keys-fields">
        <Text label="Models, one a line" {...field('models')} rows={3} hint="all models" />
        <Text label="Providers, one a line" {...field('providers')} rows={3} hint="all providers" />
      </div>
      <details>
        <summary>Policy: what it may use of your accounts</summary>
        <div class="keys-fields">
          <Select label="Tools that providers run" {...field('builtin_tools')} options={YES_NO} />
          <Select label="Fields of your account" {...field('account_fields')} options={YES_NO} />
          <Select
            label="Providers that collect data"
            {...field('data_collection')}
            options={{ '': 'as the settings say', allow: 'allowed', deny: 'not allowed' }}
          />
          <Text label="Regions, one a line" {...field('regions')} rows={1} hint="all" />
        </div>
        <p class="muted">
          <a href="/docs/keys" target="_blank" rel="noreferrer">
            What each allows
          </a>
        </p>
      </details>
    </fieldset>
  )
}

/** A team that was deleted, or that is on a further page. */
function unknownTeam({ team = '' }: Values, teams: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return team === '' || teams.has(team) ? {} : { [team]: team }
}

interface FieldProps {
  readonly name: string
  readonly value: string
  /** What the API says about it. */
  readonly fault: string | undefined
  readonly set: (value: string) => void
}

function Text({
  label,
  name,
  value,
  fault,
  set,
  hint,
  rows,
  isTime = false,
  mode,
}: FieldProps & {
  label: string
  hint?: string
  rows?: number
  isTime?: boolean
  mode?: 'numeric' | 'decimal'
}) {
  const id = useId()
  const kind = isTime ? ({ type: 'datetime-local' } as const) : ({ type: 'text', inputMode: mode } as const)
  const common = {
    id,
    name,
    value,
    placeholder: hint,
    'aria-invalid': fault !== undefined,
    'aria-describedby': fault && `fault-${name}`,
    spellcheck: false,
    autocomplete: 'off',
  } as const
  return (
    <Field name={name} fault={fault}>
      <label htmlFor={id}>{label}</label>
      {rows === undefined ? (
        <input {...common} {...kind} onInput={(event) => set(event.currentTarget.value)} />
      ) : (
        <textarea {...common} rows={rows} onInput={(event) => set(event.currentTarget.value)} />
      )}
    </Field>
  )
}

function Select({
  label,
  name,
  value,
  fault,
  set,
  options,
}: FieldProps & { label: string; options: Readonly<Record<string, string>> }) {
  return (
    <Field name={name} fault={fault}>
      <label>
        {label}
        <select
          name={name}
          value={value}
          aria-invalid={fault !== undefined}
          aria-describedby={fault && `fault-${name}`}
          onChange={(event) => set(event.currentTarget.value)}
        >
          {Object.entries(options).map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </Field>
  )
}

function Field({ name, fault, children }: { name: string; fault: string | undefined; children: ComponentChildren }) {
  return (
    <div class="keys-field">
      {children}
      {fault && (
        <p class="bad" id={`fault-${name}`}>
          {fault}
        </p>
      )}
    </div>
  )
}
