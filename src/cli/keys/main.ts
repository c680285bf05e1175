import { parseArgs } from 'node:util'
import { KEY_PREFIX, type KeyRecord, keyName, looksLikeKey } from '../../access/keys.ts'
import { randomText } from '../../platform/random.ts'
import { openRemoteStore } from '../deploy/keys.ts'
import { remoteNamespace } from '../deploy/namespace.ts'
import { CliError } from '../deploy/settings.ts'
import { WranglerError } from '../deploy/wrangler.ts'
import { type FoundKey, type KeyStore, openLocalStore, type StoredKey } from './store.ts'

const USAGE = `npm run keys -- COMMAND [options]

  create  --name NAME [--models a,b,auto] [--expires 30d] [--rpm N] [--tpm N] [--budget USD]
  list
  show    ID or KEY
  revoke  ID or KEY
  rotate  ID or KEY [--grace 1h]    a new key with the same rights; the old one ends at once, or after the grace

  --local (default) | --remote [--namespace-id ID]   the keys of wrangler dev, or of the deployed Worker
  --persist-to DIR   as wrangler dev's option of that name
  --json             print JSON

A key is shown once, when it is made. A revoked key may be taken for a minute or two more where it was just used.`

const KEY_CHARACTERS = 40

/** A call that makes no sense; its message says what to type instead. */
class UsageError extends Error {}

const options = {
  name: { type: 'string' },
  models: { type: 'string' },
  expires: { type: 'string' },
  grace: { type: 'string' },
  rpm: { type: 'string' },
  tpm: { type: 'string' },
  budget: { type: 'string' },
  json: { type: 'boolean' },
  local: { type: 'boolean' },
  remote: { type: 'boolean' },
  'namespace-id': { type: 'string' },
  'persist-to': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

type Values = ReturnType<typeof parse>['values']

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Runs one command on the keys; what it says is what it returns. `open` finds the store that the options mean. */
export async function keys(args: readonly string[], now: number, open = openStore): Promise<string> {
  const { values, positionals } = parse(args)
  const [command, subject] = positionals
  if (values.help === true || command === undefined) return USAGE
  if (values.local && values.remote) throw new UsageError('choose one of --local and --remote')
  const act = actionOf(command, subject, values, now)
  const store = await open(values)
  try {
    return await act(store)
  } finally {
    await store.close()
  }
}

async function openStore(values: Values): Promise<KeyStore> {
  return values.remote
    ? openRemoteStore(values['namespace-id'] ?? (await remoteNamespace()))
    : openLocalStore(values['persist-to'])
}

type Action = (store: KeyStore) => Promise<string>

/** What a command does, once everything that can be wrong with it is known to be right. */
function actionOf(command: string, subject: string | undefined, values: Values, now: number): Action {
  switch (command) {
    case 'create': {
      const record = recordOf(values, now)
      return (store) => made(store, record, values)
    }
    case 'list':
      return async (store) => print(values, await store.list(), now)
    case 'show': {
      const wanted = wantedKey(subject)
      return async (store) => print(values, [await find(store, wanted)], now)
    }
    case 'revoke': {
      const wanted = wantedKey(subject)
      return async (store) => {
        const { name, record } = await find(store, wanted)
        await store.put(name, { ...record, disabled: true })
        return values.json
          ? JSON.stringify({ id: record.id, disabled: true })
          : `Revoked ${record.id} (${record.name}).`
      }
    }
    case 'rotate': {
      const wanted = wantedKey(subject)
      const graceMs = values.grace === undefined ? undefined : duration('grace', values.grace)
      return async (store) => rotate(store, await find(store, wanted), { values, graceMs, now })
    }
    default:
      throw new UsageError(`there is no command '${command}'`)
  }
}

function wantedKey(subject: string | undefined): string {
  if (subject === undefined) throw new UsageError('name a key by its id, or give the key itself')
  return subject
}

function recordOf(values: Values, now: number): KeyRecord {
  if (!values.name) throw new UsageError('create needs --name')
  const limits = {
    ...amount('rpm', values.rpm),
    ...amount('tpm', values.tpm),
    ...amount('budget', values.budget),
  }
  return {
    id: newId(),
    name: values.name,
    created: new Date(now).toISOString(),
    ...(values.expires === undefined
      ? {}
      : { expires: new Date(now + duration('expires', values.expires)).toISOString() }),
    ...(values.models === undefined ? {} : { models: values.models.split(',').flatMap((model) => model.trim() || []) }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  }
}

interface Rotation {
  readonly values: Values
  readonly graceMs: number | undefined
  readonly now: number
}

async function rotate(store: KeyStore, old: StoredKey, { values, graceMs, now }: Rotation): Promise<string> {
  const state = stateOf(old.record, now)
  if (state !== 'active') throw new UsageError(`${old.record.id} is ${state}: create a new key instead`)
  const { id, account = id, expires } = old.record
  const text = await made(store, { ...old.record, id: newId(), account, created: new Date(now).toISOString() }, values)
  if (graceMs === undefined) await store.put(old.name, { ...old.record, disabled: true })
  else {
    const ends = Math.min(now + graceMs, expires === undefined ? Infinity : Date.parse(expires))
    await store.put(old.name, { ...old.record, expires: new Date(ends).toISOString() })
  }
  return text
}

/** The store has the key before anybody sees it: one that was tried too early would be taken for unknown for a while. */
async function made(store: KeyStore, record: KeyRecord, values: Values): Promise<string> {
  const key = `${KEY_PREFIX}${randomText(KEY_CHARACTERS)}`
  await store.put(await keyName(key), record)
  if (values.json) return JSON.stringify({ key, ...record })
  return `${key}\n\nThis is ${record.id} (${record.name}). The key is not shown again: keep it safe.`
}

function newId(): string {
  return `key_${randomText(12)}`
}

function amount(name: string, text: string | undefined): Record<string, number> {
  if (text === undefined) return {}
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new UsageError(`--${name} must be a number above 0`)
  return { [name]: value }
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

function duration(name: string, text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? []
  const unitMs = UNIT_MS.get(unit ?? '')
  if (count === undefined || unitMs === undefined) throw new UsageError(`--${name} must be like 30d, 12h, 45m or 90s`)
  return Number(count) * unitMs
}

async function find(store: KeyStore, subject: string): Promise<StoredKey> {
  const name = looksLikeKey(subject) ? await keyName(subject) : undefined
  const found = (await store.list()).find((stored) => stored.name === name || stored.record?.id === subject)
  if (found === undefined) throw new UsageError(`there is no key ${name === undefined ? `'${subject}'` : 'like that'}`)
  const { record } = found
  if (record === undefined) throw new UsageError(`the record of that key cannot be read: delete ${found.name} from KV`)
  return { name: found.name, record }
}

function print({ json }: Values, keys: readonly FoundKey[], now: number): string {
  const records = keys.flatMap(({ record }) => record ?? [])
  if (json) return JSON.stringify(records, null, 2)
  if (keys.length === 0) return 'There are no keys.'
  const rows = records.map((record) => [
    record.id,
    record.name,
    stateOf(record, now),
    record.created.slice(0, 10),
    record.expires?.slice(0, 16) ?? '-',
    record.models?.join(',') ?? 'all',
    Object.entries(record.limits ?? {})
      .map(([what, most]) => `${what} ${most}`)
      .join(', ') || '-',
  ])
  const unread = keys.filter(({ record }) => record === undefined).map(({ name }) => `unreadable: ${name}`)
  return [table([['id', 'name', 'state', 'created', 'expires', 'models', 'limits'], ...rows]), ...unread].join('\n')
}

function stateOf({ disabled, expires }: Pick<KeyRecord, 'disabled' | 'expires'>, now: number): string {
  if (disabled === true) return 'revoked'
  return expires !== undefined && Date.parse(expires) <= now ? 'expired' : 'active'
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

if (import.meta.main) {
  try {
    console.log(await keys(process.argv.slice(2), Date.now()))
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`)
      process.exitCode = 2
    } else if (error instanceof CliError || error instanceof WranglerError) {
      console.error(error.message.replace(/\s+/g, ' '))
      process.exitCode = 1
    } else throw error
  }
}
