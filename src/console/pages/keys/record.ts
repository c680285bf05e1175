/** What keys and teams have in common, as `GET /v1/keys` and `GET /v1/teams` have it. */
export interface TeamEntry {
  readonly id: string
  readonly name: string
  readonly disabled: boolean
  readonly revoked_at: string | null
  readonly created_at: string
  readonly updated_at: string | null
  /** US dollars. */
  readonly limit: number | null
  readonly limit_reset: 'daily' | 'weekly' | 'monthly' | null
  readonly limit_remaining: number | null
  readonly usage: number | null
  readonly usage_daily: number | null
  readonly usage_weekly: number | null
  readonly usage_monthly: number | null
  readonly rpm: number | null
  readonly tpm: number | null
  readonly concurrent: number | null
}

export interface KeyEntry extends TeamEntry {
  readonly label: string
  readonly expires_at: string | null
  readonly role: 'inference' | 'management'
  readonly team: string | null
  readonly models: readonly string[] | null
  readonly providers: readonly string[] | null
  readonly policy: Policy | null
  readonly successor: string | null
}

interface Policy {
  readonly builtin_tools: boolean | null
  readonly account_fields: boolean | null
  readonly data_collection: 'allow' | 'deny' | null
  readonly regions: readonly string[] | null
}

export type Entry = TeamEntry & Partial<KeyEntry>

/** What a form holds: texts, as they are written. Empty is none. */
export type Values = Readonly<Record<string, string>>

/** What a record says, as a form shows it; all empty without a record. */
export function valuesOf(entry: Entry | undefined): Values {
  const list = (names: readonly string[] | null | undefined) => names?.join('\n') ?? ''
  const text = (value: unknown) => (value == null ? '' : String(value))
  const { policy } = entry ?? {}
  return {
    name: text(entry?.name),
    disabled: text(entry?.disabled ?? false),
    team: text(entry?.team),
    models: list(entry?.models),
    providers: list(entry?.providers),
    expires_at: localTime(entry?.expires_at),
    limit: text(entry?.limit),
    limit_reset: text(entry?.limit_reset),
    rpm: text(entry?.rpm),
    tpm: text(entry?.tpm),
    concurrent: text(entry?.concurrent),
    builtin_tools: text(policy?.builtin_tools),
    account_fields: text(policy?.account_fields),
    data_collection: text(policy?.data_collection),
    regions: list(policy?.regions),
  }
}

const POLICY = ['builtin_tools', 'account_fields', 'data_collection', 'regions']

/** The body that makes a record what the form says: only what differs from before, so that the changes of others stay. */
export function bodyOf(values: Values, before: Values): Readonly<Record<string, unknown>> {
  const changed = Object.keys(values).filter((name) => values[name] !== before[name])
  const members = changed.filter((name) => !POLICY.includes(name)).map((name) => [name, memberOf(name, values[name])])
  if (changed.some((name) => POLICY.includes(name))) members.push(['policy', policyOf(values)])
  return Object.fromEntries(members)
}

function policyOf(values: Values): unknown {
  const given = POLICY.filter((name) => values[name]).map((name) => [name, memberOf(name, values[name])])
  return given.length === 0 ? null : Object.fromEntries(given)
}

/** What is no number stays a text: the API says what is wrong with it. */
function memberOf(name: string, given = ''): unknown {
  const text = given.trim()
  if (name === 'name') return text
  if (text === '') return null
  if (name === 'models' || name === 'providers' || name === 'regions') return namesIn(text)
  if (name === 'expires_at') return new Date(text).toISOString()
  if (name === 'disabled' || name === 'builtin_tools' || name === 'account_fields') return text === 'true'
  if (name === 'limit' || name === 'rpm' || name === 'tpm' || name === 'concurrent') {
    return Number.isNaN(Number(text)) ? text : Number(text)
  }
  return text
}

function namesIn(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((name) => name !== '')
}

/** As a field for times wants it: in the viewer's time zone, without seconds. */
function localTime(at: string | null | undefined): string {
  if (at == null) return ''
  const date = new Date(at)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** The field of a form that an error is about. @param param as in `policy.regions[0]` */
export function fieldOf(param: string | undefined): string | undefined {
  return /^(?:policy\.)?(\w+)/.exec(param ?? '')?.[1]
}

export type RecordState = 'active' | 'disabled' | 'revoked' | 'expired'

export function stateOf({ revoked_at, disabled, expires_at: expires }: Entry, now: number): RecordState {
  if (revoked_at !== null) return 'revoked'
  if (expires != null && Date.parse(expires) <= now) return 'expired'
  return disabled ? 'disabled' : 'active'
}

/** Entries of a list with those that this tab has just changed: a list may lack what happened in the last minute. */
export function withChanges<One extends Entry>(
  listed: readonly One[],
  changed: ReadonlyMap<string, One>,
  takesNew: (entry: One) => boolean,
): readonly One[] {
  const isNewer = (one: One, other: One) => (one.updated_at ?? one.created_at) > (other.updated_at ?? other.created_at)
  const known = new Set(listed.map(({ id }) => id))
  const made = [...changed.values()].filter((entry) => !known.has(entry.id) && takesNew(entry)).reverse()
  return [
    ...made,
    ...listed.map((entry) => {
      const mine = changed.get(entry.id)
      return mine !== undefined && isNewer(mine, entry) ? { ...mine, usage: entry.usage ?? mine.usage } : entry
    }),
  ]
}
