import type * as z from 'zod/mini'
import { findProvider } from '../catalog/providers.ts'
import { Failure, quoted } from '../chat/failure.ts'
import { randomText } from '../platform/random.ts'
import {
  KEY_RECORDS,
  type KeyRecord,
  keyIdOf,
  keyName,
  keyRecord,
  labelOf,
  looksLikeKey,
  namePrefixOf,
  newKey,
  PROVIDER_RECORD,
  type ProvidersRecord,
  providersRecord,
  type RecordLimits,
  TEAM_RECORDS,
  type TeamRecord,
  teamRecord,
} from './keys.ts'
import { isKeyRecordName, type ListedRecord, type RecordStore } from './record-store.ts'
import { changedKey, changedProvider, changedTeam, type Fields } from './records-input.ts'

/** A record, and its name in KV. */
export interface Stored<T> {
  readonly name: string
  readonly record: T
}
type Read<T> = Stored<T> & { readonly text: string }

/** What a change has made of a record; `before` is undefined for a new one. */
export interface Change<T> extends Stored<T> {
  readonly before?: T
}

export interface MadeKey extends Change<KeyRecord> {
  /** The key itself, which is shown once. */
  readonly key: string
}

/** Records that cannot be read are left out. */
export interface Page<T> {
  readonly records: readonly Stored<T>[]
  /** Where the next page begins; null after the last one. A page that is not full may have one. */
  readonly cursor: string | null
}

export interface PageQuery<T> {
  readonly accepts: (record: T) => boolean
  /** So many records that fit are left out first. */
  readonly offset: number
  readonly cursor: string | undefined
  /** How many records a page has at most; 100 if absent. */
  readonly limit?: number
}

interface Kind<T> {
  readonly word: string
  readonly prefix: string
  readonly schema: z.ZodMiniType<T>
}
const KEY: Kind<KeyRecord> = { word: 'key', prefix: KEY_RECORDS, schema: keyRecord }
const TEAM: Kind<TeamRecord> = { word: 'team', prefix: TEAM_RECORDS, schema: teamRecord }

const PAGE_RECORDS = 100
/** KV lists 1,000 names at a time. */
const MAX_LISTS = 10
/** Records that are too large for their list. */
const MAX_READS = 100
const MAX_TRIES = 5

/** Whether a key is accepted now, and why not. */
export function keyState(
  { disabled, expires }: Pick<KeyRecord, 'disabled' | 'expires'>,
  now: number,
): 'active' | 'revoked' | 'expired' {
  if (disabled === true) return 'revoked'
  return expires !== undefined && Date.parse(expires) <= now ? 'expired' : 'active'
}

/**
 * A key that is not in the store yet, and its record. @param body as `POST /keys` takes it. @throws Failure 400, also where
 * its team does not exist.
 */
export async function prepareKey(
  store: RecordStore,
  body: Fields,
  now: number,
  role?: KeyRecord['role'],
): Promise<MadeKey> {
  if (body.name === undefined) throw missing('name')
  const key = newKey()
  const name = await keyName(key)
  const empty = { id: keyIdOf(name), name: '', created: iso(now), label: labelOf(key), ...(role ? { role } : {}) }
  const record = changedKey(empty, body, now)
  await checkTeam(store, record, undefined)
  return { key, name, record }
}

/** Puts a new record where nothing is. @throws Failure 409 */
export async function putNew<T extends Stored<KeyRecord | TeamRecord>>(store: RecordStore, made: T): Promise<T> {
  const written = await store.write([{ name: made.name, text: JSON.stringify(made.record), was: null }], made)
  if (!written) throw conflict()
  return made
}

export async function createTeam(store: RecordStore, body: Fields, now: number): Promise<Change<TeamRecord>> {
  if (body.name === undefined) throw missing('name')
  const id = `team_${randomText(12)}`
  const record = changedTeam({ id, name: '', created: iso(now) }, body)
  return putNew(store, { name: TEAM_RECORDS + id, record })
}

export function listKeys(store: RecordStore, query: PageQuery<KeyRecord>): Promise<Page<KeyRecord>> {
  return listRecordsOf(KEY, store, query)
}

export function listTeams(store: RecordStore, query: PageQuery<TeamRecord>): Promise<Page<TeamRecord>> {
  return listRecordsOf(TEAM, store, query)
}

/** Finds a key by its id, by its hash, or by itself. @throws Failure 404 */
export async function findKey(store: RecordStore, subject: string): Promise<Read<KeyRecord>> {
  const name = looksLikeKey(subject) ? await keyName(subject) : await nameOf(store, subject)
  return readRecordOf(KEY, store, name, looksLikeKey(subject) ? 'like that' : `'${quoted(subject)}'`)
}

/** @throws Failure 404 */
export function findTeam(store: RecordStore, id: string): Promise<Read<TeamRecord>> {
  const name = /^team_[A-Za-z0-9]{1,64}$/.test(id) ? TEAM_RECORDS + id : undefined
  return readRecordOf(TEAM, store, name, `'${quoted(id)}'`)
}

/** @param body as `PATCH /keys/{id}` takes it. @throws Failure 400, 404, 409 */
export function changeKey(store: RecordStore, id: string, body: Fields, now: number): Promise<Change<KeyRecord>> {
  return update(
    store,
    () => findKey(store, id),
    now,
    async (before) => {
      if (body.disabled === false) refuseRevoked(before)
      const after = changedKey(before, body, now)
      await checkTeam(store, after, before.team)
      return after
    },
  )
}

/** @param body as `PATCH /teams/{id}` takes it. @throws Failure 400, 404, 409 */
export function changeTeam(store: RecordStore, id: string, body: Fields, now: number): Promise<Change<TeamRecord>> {
  return update(
    store,
    () => findTeam(store, id),
    now,
    async (before) => {
      if (body.disabled === false) refuseRevoked(before)
      return changedTeam(before, body)
    },
  )
}

/** Ends a key for ever. The record stays, so that lists and usage show whose it was. @throws Failure 404, 409 */
export function revokeKey(store: RecordStore, id: string, now: number): Promise<Change<KeyRecord>> {
  return update(
    store,
    () => findKey(store, id),
    now,
    async (before) => revoked(before, now),
  )
}

/** Ends a team for ever, and with it all calls of its keys. @throws Failure 404, 409 */
export function revokeTeam(store: RecordStore, id: string, now: number): Promise<Change<TeamRecord>> {
  return update(
    store,
    () => findTeam(store, id),
    now,
    async (before) => revoked(before, now),
  )
}

/**
 * Makes a key with the rights of an old one, which ends now, or after `graceMs`. Both share limits: they are one account.
 * @throws Failure 404, 409 for a key that is not good any more or was rotated before.
 */
export async function rotateKey(
  store: RecordStore,
  subject: string,
  { graceMs = 0, now }: { readonly graceMs?: number | undefined; readonly now: number },
): Promise<MadeKey & { readonly before: KeyRecord }> {
  const key = newKey()
  const name = await keyName(key)
  const next = { id: keyIdOf(name), label: labelOf(key), created: iso(now) }
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const old = await findKey(store, subject)
    const { updated: _, successor, ...rights } = old.record
    const { id, account = id, expires } = rights
    const state = keyState(rights, now)
    if (state !== 'active') throw new Failure('conflict', `${id} is ${state}: create a new key instead.`)
    if (successor !== undefined) throw new Failure('conflict', `${id} was rotated before: rotate ${successor}.`)
    const endsAt = Math.min(now + graceMs, expires === undefined ? Infinity : Date.parse(expires))
    const end = graceMs > 0 ? { expires: iso(endsAt) } : { disabled: true, revoked: iso(now) }
    const record = { ...rights, account, ...next }
    const ended = { ...old.record, ...end, successor: next.id, updated: nextTime(old.record, now) }
    const made = { key, name, record, before: old.record }
    const writes = [
      { name, text: JSON.stringify(record), was: null },
      { name: old.name, text: JSON.stringify(ended), was: old.text },
    ]
    if (await store.write(writes, made)) return made
  }
  throw conflict()
}

/** A provider and the operator's own limits for it; `id` is its canonical name. */
export interface ProviderRecord {
  readonly id: string
  readonly limits?: RecordLimits | undefined
}

/** @param name any name of the provider. @throws Failure 404 */
export async function findProviderLimits(store: RecordStore, name: string): Promise<ProviderRecord> {
  const id = providerIdOf(name)
  return { id, limits: (await readProviders(store)).record.providers[id] }
}

/** @param body as `PATCH /providers/{id}` takes it. @throws Failure 400, 404, 409 */
export async function changeProvider(
  store: RecordStore,
  name: string,
  body: Fields,
  now: number,
): Promise<{ readonly before: ProviderRecord; readonly record: ProviderRecord }> {
  const id = providerIdOf(name)
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { text, record } = await readProviders(store)
    const { [id]: before, ...others } = record.providers
    const limits = changedProvider(before, body)
    const providers = limits === undefined ? others : { ...others, [id]: limits }
    const after = JSON.stringify({ ...record, providers, updated: nextTime(record, now) })
    if (await store.write([{ name: PROVIDER_RECORD, text: after, was: text }])) {
      return { before: { id, limits: before }, record: { id, limits } }
    }
  }
  throw conflict()
}

/** The limits of all providers: one record. */
export async function readProviders(store: RecordStore): Promise<{ text: string | null; record: ProvidersRecord }> {
  const text = await store.read(PROVIDER_RECORD)
  const { data: record } = providersRecord.safeParse(text === null ? { providers: {} } : parsed(text))
  if (record !== undefined) return { text, record }
  throw new Failure('not-found', `The limits of providers cannot be read: delete ${PROVIDER_RECORD} from KV.`)
}

function providerIdOf(name: string): string {
  const id = findProvider(name)?.id
  if (id === undefined) throw new Failure('not-found', `There is no provider '${quoted(name)}'.`)
  return id
}

async function update<T extends KeyRecord | TeamRecord>(
  store: RecordStore,
  find: () => Promise<Read<T>>,
  now: number,
  change: (before: T) => Promise<T>,
): Promise<Change<T>> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { name, text, record: before } = await find()
    const record = { ...(await change(before)), updated: nextTime(before, now) }
    if (await store.write([{ name, text: JSON.stringify(record), was: text }])) return { name, record, before }
  }
  throw conflict()
}

/** Later than the change before, also where clocks differ: the later text of a record counts. */
function nextTime({ updated }: Pick<KeyRecord, 'updated'>, now: number): string {
  return iso(Math.max(now, updated === undefined ? 0 : Date.parse(updated) + 1))
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function revoked<T extends KeyRecord | TeamRecord>(before: T, now: number): T {
  return { ...before, disabled: true, revoked: before.revoked ?? iso(now) }
}

function refuseRevoked({ id, revoked }: KeyRecord | TeamRecord): void {
  if (revoked !== undefined) throw new Failure('conflict', `${id} is revoked, which is for ever. Make a new one.`)
}

async function checkTeam(store: RecordStore, { team }: KeyRecord, before: string | undefined): Promise<void> {
  if (team === undefined || team === before) return
  const found = await findTeam(store, team).catch((error: unknown) => {
    if (error instanceof Failure && error.kind === 'not-found') return undefined
    throw error
  })
  if (found !== undefined && found.record.disabled !== true) return
  throw new Failure('invalid-value', "'team' must be the id of a team that is not revoked.", { param: 'team' })
}

/** The name of a key's record, by its id or hash. */
async function nameOf(store: RecordStore, subject: string): Promise<string | undefined> {
  if (isKeyRecordName(KEY_RECORDS + subject)) return KEY_RECORDS + subject
  const prefix = namePrefixOf(subject)
  if (prefix !== undefined) return (await store.list(prefix)).records[0]?.name
  if (!/^[\w-]{1,100}$/.test(subject)) return undefined
  // Ids of keys that were made before say nothing about their names.
  let cursor: string | undefined
  let reads = 0
  for (let lists = 0; lists < MAX_LISTS; lists++) {
    const page = await store.list(KEY_RECORDS, cursor)
    for (const listed of page.records) {
      const record = listed.metadata ?? (reads++ < MAX_READS ? await readListed(store, listed) : undefined)
      if ((Object(record) as { id?: unknown }).id === subject) return listed.name
    }
    cursor = page.cursor
    if (cursor === undefined) break
  }
  return undefined
}

async function readRecordOf<T>(
  { word, schema }: Kind<T>,
  store: RecordStore,
  name: string | undefined,
  subject: string,
): Promise<Read<T>> {
  const text = name === undefined ? null : await store.read(name)
  if (name === undefined || text === null) throw new Failure('not-found', `There is no ${word} ${subject}.`)
  const { data: record } = schema.safeParse(parsed(text))
  if (record === undefined) {
    throw new Failure('not-found', `The record of that ${word} cannot be read: delete ${name} from KV.`)
  }
  return { name, text, record }
}

async function listRecordsOf<T>(
  { prefix, schema }: Kind<T>,
  store: RecordStore,
  { accepts, offset, cursor, limit = PAGE_RECORDS }: PageQuery<T>,
): Promise<Page<T>> {
  let [at, last] = readCursor(cursor)
  const records: Stored<T>[] = []
  let skipped = 0
  let reads = 0
  for (let lists = 0; lists < MAX_LISTS; lists++) {
    const page = await store.list(prefix, at)
    for (const listed of page.records) {
      const { name } = listed
      if (name <= last) continue
      if (listed.metadata === undefined) reads++
      if (records.length === limit || reads > MAX_READS) return { records, cursor: writeCursor(at, last) }
      last = name
      const { data: record } = schema.safeParse(listed.metadata ?? (await readListed(store, listed)))
      if (record === undefined || !accepts(record)) continue
      if (skipped < offset) skipped++
      else records.push({ name, record })
    }
    if (page.cursor === undefined) return { records, cursor: null }
    at = page.cursor
  }
  return { records, cursor: writeCursor(at, last) }
}

async function readListed(store: RecordStore, { name }: ListedRecord): Promise<unknown> {
  return parsed(await store.read(name))
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

/** KV's own cursor stands before a thousand names; the last name that was shown is among them. */
function writeCursor(at: string | undefined, last: string): string {
  return btoa(JSON.stringify([at ?? '', last]))
}

function readCursor(cursor: string | undefined): [string | undefined, string] {
  if (cursor === undefined) return [undefined, '']
  try {
    const [at, last] = JSON.parse(atob(cursor)) as unknown[]
    if (typeof at === 'string' && typeof last === 'string' && /^(key|team):\w*$/.test(last)) {
      return [at === '' ? undefined : at, last]
    }
  } catch {
    // It is no cursor of ours.
  }
  throw wrongCursor()
}

export function wrongCursor(): Failure {
  return new Failure('invalid-value', "'cursor' must be one that a list has answered.", { param: 'cursor' })
}

function missing(param: string): Failure {
  return new Failure('missing-parameter', `The required parameter '${param}' is missing.`, { param })
}

function conflict(): Failure {
  return new Failure('conflict', 'Somebody else is changing the same record. Try again.')
}
