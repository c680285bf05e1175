import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type KeyRecord, keyName, looksLikeKey } from '../../access/keys.ts'
import type { Fields } from '../../access/records-input.ts'
import { CliError, UsageError } from '../arguments.ts'
import { stateFolder } from '../shared/local-store.ts'
import type { CommandInput } from './commands.ts'
import { keyTable, newKeyText, revokedText, teamTable } from './print.ts'

/** Where the Worker is, and with which key it is asked. */
export interface Remote {
  readonly url: string
  readonly key: string
}

const TIMEOUT_MS = 30_000
const MAX_PAGES = 1000
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/**
 * The Worker at this address. Its key is in `ROUTER9_MANAGEMENT_KEY`; that of this machine's `npm start` is in its file.
 * @throws UsageError
 */
export async function remoteOf(address: string, keyInEnv: string | undefined, persistTo?: string): Promise<Remote> {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isLocal = url !== undefined && LOOPBACK.includes(url.hostname)
  if (url === undefined || !(url.protocol === 'https:' || (isLocal && url.protocol === 'http:'))) {
    throw new UsageError('--url must be an address with https://, or one of this machine')
  }
  const file = path.join(stateFolder(persistTo), 'router9-management-key')
  const key = (keyInEnv ?? (isLocal ? await readFile(file, 'utf8').catch(() => '') : '')).trim()
  if (!looksLikeKey(key)) throw new UsageError('set ROUTER9_MANAGEMENT_KEY to a management key of the Worker at --url')
  return { url: url.href.replace(/\/(v1\/?)?$/, ''), key }
}

/** Runs a command of `teams`, or of keys, by the HTTP API: with a line of audit, and heard everywhere within seconds. @throws CliError */
export async function runByHttp(
  remote: Remote,
  { name, of }: { readonly name: string; readonly of: string },
  { body, role, graceMs, now, json }: CommandInput,
  subject: string,
): Promise<string> {
  if (role !== undefined) throw new UsageError('management keys are made with --local or --remote')
  if (of === 'providers')
    throw new UsageError("--url is for keys and teams: for providers there is 'PATCH /v1/providers/{id}'")
  const isTeam = of === 'teams'
  const all = isTeam ? 'teams' : 'keys'
  // A key does not stand in an address.
  const id = looksLikeKey(subject) ? (await keyName(subject)).replace(/^key:/, '') : subject
  const one = `${all}/${encodeURIComponent(id)}`
  const tableOf = (entries: readonly Fields[]) => {
    const listed = entries.map((entry) => ({ name: String(entry.id), record: recordOf(entry) }))
    return isTeam ? teamTable(listed, json) : keyTable(listed, now, json)
  }
  if (name === 'list') return tableOf(await listAll(remote, all))
  if (name === 'show') return tableOf([(await ask(remote, 'GET', one)).data])
  if (name === 'change') return tableOf([(await ask(remote, 'PATCH', one, body)).data])
  if (name === 'revoke') {
    const { data } = await ask(remote, 'GET', one)
    await ask(remote, 'DELETE', one)
    return revokedText(recordOf(data), json)
  }
  const grace = graceMs === undefined ? {} : { grace_seconds: Math.floor(graceMs / 1000) }
  const made = await (name === 'rotate' ? ask(remote, 'POST', `${one}/rotate`, grace) : ask(remote, 'POST', all, body))
  return made.key === undefined
    ? tableOf([made.data])
    : newKeyText({ key: made.key, record: recordOf(made.data) }, json)
}

interface Answer {
  readonly data: Fields
  readonly key?: string
}

async function listAll(remote: Remote, all: string): Promise<readonly Fields[]> {
  const found: Fields[] = []
  let cursor: string | null = null
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const at: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page = (await ask(remote, 'GET', `${all}?include_disabled=true${at}`)) as unknown as {
      data: readonly Fields[]
      cursor: string | null
    }
    found.push(...page.data)
    cursor = page.cursor
    if (cursor === null) return found
  }
  throw new CliError(`there are more than ${found.length} ${all}: ask for them by HTTP`)
}

async function ask({ url, key }: Remote, method: string, where: string, body?: Fields): Promise<Answer> {
  const response = await fetch(`${url}/v1/${where}`, {
    method,
    // A redirection would take the key elsewhere.
    redirect: 'error',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new CliError(`${url} does not answer: ${String(error instanceof Error ? (error.cause ?? error) : error)}`)
  })
  const read: unknown = await response.json().catch(() => ({}))
  const answer = read as Partial<Answer> & { error?: { message?: string }; deleted?: boolean }
  if (response.ok && (answer.data !== undefined || answer.deleted === true)) return { data: {}, ...answer }
  throw new CliError(answer.error?.message ?? `${url} answered ${response.status}, and not as Router9 does`)
}

const WINDOWS: Readonly<Record<string, string>> = { daily: 'day', weekly: 'week', monthly: 'month' }

/** What the HTTP API shows of a record, as a record. */
function recordOf(entry: Fields): KeyRecord {
  const { id, name, created_at, expires_at, disabled, role, team, models, providers, rpm, tpm, concurrent } = entry
  const { limit: budget, limit_reset: reset, metadata, policy, object, revoked_at } = entry
  const window = WINDOWS[String(reset)]
  const given = (all: Fields) => Object.fromEntries(Object.entries(all).filter(([, value]) => value != null))
  const limits = given({ rpm, tpm, concurrent, budget, window })
  const isDisabled = disabled === true ? true : undefined
  const special = role === 'management' ? role : undefined
  const others = { expires: expires_at, revoked: revoked_at, team, models, providers, policy, object, metadata }
  const record = given({ id, name, created: created_at, disabled: isDisabled, role: special, ...others })
  return { ...record, ...(Object.keys(limits).length === 0 ? {} : { limits }) } as unknown as KeyRecord
}
