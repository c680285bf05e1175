import type { KeyRecord, TeamRecord } from '../access/keys.ts'
import { looksLikeKey } from '../access/keys.ts'
import {
  type Change,
  changeKey,
  changeProvider,
  changeTeam,
  createTeam,
  findKey,
  findProviderLimits,
  findTeam,
  keyState,
  listKeys,
  listTeams,
  type MadeKey,
  type ProviderRecord,
  prepareKey,
  putNew,
  revokeKey,
  revokeTeam,
  rotateKey,
  type Stored,
} from '../access/manage-records.ts'
import { providerAccountId } from '../access/provider-limits.ts'
import type { RecordStore, RecordWrite } from '../access/record-store.ts'
import type { Fields } from '../access/records-input.ts'
import { UNKNOWN_USAGE, type UsageOf } from '../access/usage-of.ts'
import { windowStart } from '../access/window.ts'
import { Failure } from '../chat/failure.ts'
import { createCipher } from '../conversations/cipher.ts'
import type { HeaderReader } from '../formats/format.ts'
import { sha256 } from '../platform/hex.ts'
import { type BudgetSince, sumCredits } from '../usage/database.ts'
import { accountOf, keyEntry, ownEntry, providerEntry, remainingOf, teamAccountOf, teamEntry } from './key-shapes.ts'
import { available, describeGeneration, describeUsage, listCalls, readFlag, type UsageRequest } from './usage-routes.ts'

/** A change of a record, for the log. It holds no key. */
export interface Audit {
  readonly action: string
  /** The id of the record. */
  readonly target: string
  /** The members that changed, as they were and as they are. */
  readonly before: Fields
  readonly after: Fields
}

/** A request about keys or teams. */
export interface ManageRequest extends UsageRequest {
  readonly method: string
  /** The steps of the path, decoded: `keys`, and what stands behind it. */
  readonly steps: readonly string[]
  readonly header: HeaderReader
  readonly body: () => Promise<Fields>
  /** The caller's key, by which what must not be read by others is sealed. */
  readonly key: string
  readonly usageOf: UsageOf
  readonly audit: (change: Audit) => void
}

export interface ManageAnswer {
  readonly status: 200 | 201
  readonly body: object
}

type Handler = (request: ManageRequest, id: string) => Promise<ManageAnswer>
type Resource = Readonly<Record<string, Handler>>

/** What there is at each path, by method. `*` is an id. */
const RESOURCES: ReadonlyMap<string, Resource> = new Map<string, Resource>([
  ['key', { GET: describeOwn }],
  ['credits', { GET: credits }],
  ['usage', { GET: describeUsage }],
  ['calls', { GET: listCalls }],
  ['generation', { GET: describeGeneration }],
  ['keys', { GET: answerKeys, POST: postKey }],
  ['keys/*', { GET: getKey, PATCH: patchKey, DELETE: deleteKey }],
  ['keys/*/rotate', { POST: postRotate }],
  ['teams', { GET: answerTeams, POST: postTeam }],
  ['teams/*', { GET: getTeam, PATCH: patchTeam, DELETE: deleteTeam }],
  ['providers/*', { GET: getProvider, PATCH: patchProvider }],
])

/** All paths and their methods, for messages. */
export const MANAGED_PATHS = [...RESOURCES].map(([path, resource]) => ({
  path: `/v1/${path.replace('*', ':id')}`,
  methods: Object.keys(resource),
}))

/** The methods of a path about keys; undefined where there is nothing at it. */
export function methodsAt(steps: readonly string[]): readonly string[] | undefined {
  const resource = resourceAt(steps)
  return resource && Object.keys(resource)
}

function resourceAt([first = '', id, ...others]: readonly string[]): Resource | undefined {
  return RESOURCES.get([first, ...(id === undefined ? [] : ['*']), ...others].join('/'))
}

const OWN: readonly unknown[] = ['key', 'usage', 'calls', 'generation']

/** Whether a path is for management keys alone: all are but what a key asks about itself. */
export function needsManagement(steps: readonly string[]): boolean {
  return !OWN.includes(steps[0])
}

/** Answers a request about keys or teams. @throws Failure 400, 404, 409, 503 */
export function manage(request: ManageRequest): Promise<ManageAnswer> {
  const { method, steps } = request
  const handler = resourceAt(steps)?.[method]
  if (handler === undefined) throw new Failure('unknown-url', 'There is nothing at this path.')
  const [, id = ''] = steps
  // Addresses are logged on their way.
  if (looksLikeKey(id)) {
    const text =
      'A key must not stand in the address. Name it by its id or its hash, and rotate the one that was in the address.'
    throw new Failure('invalid-value', text)
  }
  return handler(request, id)
}

async function describeOwn({ caller, usageOf }: ManageRequest): Promise<ManageAnswer> {
  const [usage] = await usageOf([accountOf(caller)])
  return { status: 200, body: { data: ownEntry(caller, usage ?? UNKNOWN_USAGE) } }
}

/** Without a database, so many ledgers are asked. */
const MAX_LEDGERS = 500
/** Of up to 10,000 keys each. */
const MAX_LISTS = 20
const DAY_CHARACTERS = 10

/** What all keys have used, also those that are revoked; with what is left of budgets, that is the total of credits. */
async function credits(request: ManageRequest): Promise<ManageAnswer> {
  const { database, now } = request
  const accounts = await allAccounts(request, database === undefined ? MAX_LEDGERS : Number.POSITIVE_INFINITY)
  const { spent, left } =
    database === undefined
      ? await creditsOf(accounts, request.usageOf)
      : await available(sumCredits(database, budgetsOf(accounts, now)))
  return { status: 200, body: { data: { total_credits: spent + left, total_usage: spent } } }
}

/** The limits of each account; none where its key does not work any more, of whose budget nothing is left. */
type Accounts = ReadonlyMap<string, KeyRecord['limits']>

/** A rotated key shares an account with the one before it, so it counts once: as the newest of them. */
async function allAccounts({ registry, now }: ManageRequest, most: number): Promise<Accounts> {
  const newest = new Map<string, KeyRecord['limits']>()
  let cursor: string | undefined
  for (let lists = 0; lists < MAX_LISTS; lists++) {
    const query = { accepts: () => true, offset: 0, cursor, limit: Number.POSITIVE_INFINITY }
    const page = await listKeys(registry, query)
    for (const { record } of page.records) {
      const account = accountOf(record)
      const limits = keyState(record, now) === 'active' ? record.limits : undefined
      if (record.successor === undefined || !newest.has(account)) newest.set(account, limits)
    }
    if (newest.size > most) throw cannotAdd(`There are more than ${most} keys, and no database to ask for all of them.`)
    if (page.cursor === null) return newest
    cursor = page.cursor
  }
  throw cannotAdd('There are too many keys.')
}

async function creditsOf(accounts: Accounts, usageOf: UsageOf): Promise<{ spent: number; left: number }> {
  const usages = await usageOf([...accounts.keys()])
  let spent = 0
  let left = 0
  for (const [at, limits] of [...accounts.values()].entries()) {
    const usage = usages[at] ?? UNKNOWN_USAGE
    if (usage.total === null) throw cannotAdd('A ledger did not answer.')
    spent += usage.total
    left += remainingOf(limits, usage) ?? 0
  }
  return { spent, left }
}

function budgetsOf(accounts: Accounts, now: number): readonly BudgetSince[] {
  return [...accounts].flatMap(([account, limits]): readonly BudgetSince[] => {
    if (limits?.budget === undefined) return []
    const since = new Date(windowStart(limits.window ?? 'total', now)).toISOString()
    return [[account, limits.budget, since.slice(0, DAY_CHARACTERS)]]
  })
}

function cannotAdd(reason: string): Failure {
  return new Failure('usage-unavailable', `The usage of all keys cannot be added up now. ${reason}`)
}

async function answerKeys(request: ManageRequest): Promise<ManageAnswer> {
  const { registry, query } = request
  const team = query('team')
  const accepts = filterOf(query)
  const page = await listKeys(registry, {
    ...pageOf(request),
    accepts: (record) => accepts(record) && (team === undefined || record.team === team),
  })
  const usages = await usagesIn(
    request,
    page.records.map(({ record }) => accountOf(record)),
  )
  const data = page.records.map((stored, at) => keyEntry(stored, usages[at] ?? UNKNOWN_USAGE))
  return { status: 200, body: { data, cursor: page.cursor } }
}

async function answerTeams(request: ManageRequest): Promise<ManageAnswer> {
  const { registry, query } = request
  const page = await listTeams(registry, { ...pageOf(request), accepts: filterOf(query) })
  const usages = await usagesIn(
    request,
    page.records.map(({ record }) => teamAccountOf(record)),
  )
  const data = page.records.map((stored, at) => teamEntry(stored, usages[at] ?? UNKNOWN_USAGE))
  return { status: 200, body: { data, cursor: page.cursor } }
}

/** What lists of keys and of teams are asked for in common. */
function filterOf(query: ManageRequest['query']): (record: Pick<KeyRecord, 'disabled' | 'name'>) => boolean {
  const all = readFlag(query, 'include_disabled')
  const part = query('name')?.toLowerCase() ?? ''
  return ({ disabled, name }) => (all || disabled !== true) && name.toLowerCase().includes(part)
}

/** Each account has a ledger to ask: who wants names alone can do without. */
async function usagesIn({ query, usageOf }: ManageRequest, accounts: readonly string[]): ReturnType<UsageOf> {
  return readFlag(query, 'without_usage') ? [] : usageOf(accounts)
}

const MAX_OFFSET = 5000

function pageOf({ query }: ManageRequest): { offset: number; cursor: string | undefined } {
  const text = query('offset') ?? '0'
  if (!/^\d{1,6}$/.test(text) || Number(text) > MAX_OFFSET) {
    const message = `'offset' must be a whole number up to ${MAX_OFFSET}. Further pages are reached by 'cursor'.`
    throw new Failure('invalid-value', message, { param: 'offset' })
  }
  return { offset: Number(text), cursor: query('cursor') }
}

function postKey(request: ManageRequest): Promise<ManageAnswer> {
  const make: Make<MadeKey> = async (store, body) => putNew(store, await prepareKey(store, body, request.now))
  return once(request, { make, action: 'key.create', answerOf: newAnswer })
}

type Make<Made> = (store: RecordStore, body: Fields) => Promise<Made>

interface Making<Made> {
  /** Makes a record, and writes it to the store. */
  readonly make: Make<Made>
  /** What the log calls it. */
  readonly action: string
  readonly answerOf: (request: ManageRequest, made: Made) => Promise<ManageAnswer>
}

/** Makes something new. With an `Idempotency-Key`, the same request again gets the same answer, for a day (accounts 6). */
async function once<Made extends Change<KeyRecord> | Change<TeamRecord>>(
  request: ManageRequest,
  { make, action, answerOf }: Making<Made>,
): Promise<ManageAnswer> {
  const { registry, caller, key, header, steps } = request
  const body = await request.body()
  const finish = async (store: RecordStore, answer: (made: Made) => Promise<ManageAnswer>): Promise<ManageAnswer> => {
    const made = await make(store, body)
    tell<KeyRecord | TeamRecord>(request, action, made)
    return answer(made)
  }
  const idempotencyKey = header('idempotency-key')
  if (idempotencyKey === null) return finish(registry, (made) => answerOf(request, made))
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw new Failure('invalid-value', "The header 'Idempotency-Key' must have 1 to 255 characters, without spaces.")
  }
  const [id, digest] = await Promise.all([
    sha256(JSON.stringify([caller.account ?? caller.id, idempotencyKey])),
    sha256(JSON.stringify([steps, sorted(body)])),
  ])
  const cipher = await createCipher(key, 'idempotent answers')
  const earlier = async (): Promise<ManageAnswer | undefined> => {
    const before = await registry.answer(id)
    if (before === null) return undefined
    if (before.digest !== digest) {
      throw new Failure('conflict', "This 'Idempotency-Key' was sent with another request before. Send a new one.")
    }
    const text = await cipher.decrypt(before.sealed, id).catch(() => {
      throw new Failure(
        'conflict',
        "This 'Idempotency-Key' was sent with another management key before. Send a new one.",
      )
    })
    return { status: 201, body: JSON.parse(text) }
  }
  const before = await earlier()
  if (before !== undefined) return before
  let answer: ManageAnswer | undefined
  const write = async (writes: readonly RecordWrite[], made?: object): Promise<boolean> => {
    answer = await answerOf(request, made as Made)
    const sealed = await cipher.encrypt(JSON.stringify(answer.body), id)
    return (await registry.writeWithAnswer(writes, { id, digest, sealed })).kind === 'written'
  }
  try {
    return await finish({ ...registry, write }, async (made) => answer ?? answerOf(request, made))
  } catch (error) {
    // The same request, at the same time, has been faster.
    const faster = await earlier()
    if (faster !== undefined) return faster
    throw error
  }
}

/** Clients may write the members of the same body in another order. */
function sorted(body: Fields): unknown {
  return Object.entries(body).sort(([one], [other]) => (one < other ? -1 : 1))
}

const NOTHING_USED = { total: 0, daily: 0, weekly: 0, monthly: 0 }

async function newAnswer({ usageOf }: ManageRequest, made: MadeKey): Promise<ManageAnswer> {
  const { account } = made.record
  const [usage] = account === undefined ? [NOTHING_USED] : await usageOf([accountOf(made.record)])
  return { status: 201, body: { data: keyEntry(made, usage ?? UNKNOWN_USAGE), key: made.key } }
}

async function getKey({ registry, usageOf }: ManageRequest, id: string): Promise<ManageAnswer> {
  return keyAnswer(await findKey(registry, id), usageOf)
}

async function patchKey(request: ManageRequest, id: string): Promise<ManageAnswer> {
  const change = await changeKey(request.registry, id, await request.body(), request.now)
  tell(request, 'key.change', change)
  return keyAnswer(change, request.usageOf)
}

async function deleteKey(request: ManageRequest, id: string): Promise<ManageAnswer> {
  tell(request, 'key.revoke', await revokeKey(request.registry, id, request.now))
  return { status: 200, body: { deleted: true } }
}

const MAX_GRACE_SECONDS = 30 * 86_400

function postRotate(request: ManageRequest, id: string): Promise<ManageAnswer> {
  const make: Make<MadeKey> = (store, body) => rotateKey(store, id, { graceMs: readGrace(body), now: request.now })
  return once(request, { make, action: 'key.rotate', answerOf: newAnswer })
}

function readGrace({ grace_seconds: grace = 0, ...others }: Fields): number {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined || !(Number.isInteger(grace) && Number(grace) >= 0 && Number(grace) <= MAX_GRACE_SECONDS)) {
    const text = `The body may have 'grace_seconds', a whole number up to ${MAX_GRACE_SECONDS}, and nothing else.`
    throw new Failure('invalid-value', text, { param: 'grace_seconds' })
  }
  return Number(grace) * 1000
}

function postTeam(request: ManageRequest): Promise<ManageAnswer> {
  const make: Make<Change<TeamRecord>> = (store, body) => createTeam(store, body, request.now)
  return once(request, { make, action: 'team.create', answerOf: newTeamAnswer })
}

async function newTeamAnswer(_: ManageRequest, made: Stored<TeamRecord>): Promise<ManageAnswer> {
  return { status: 201, body: { data: teamEntry(made, NOTHING_USED) } }
}

async function getTeam({ registry, usageOf }: ManageRequest, id: string): Promise<ManageAnswer> {
  return teamAnswer(await findTeam(registry, id), usageOf)
}

async function patchTeam(request: ManageRequest, id: string): Promise<ManageAnswer> {
  const change = await changeTeam(request.registry, id, await request.body(), request.now)
  tell(request, 'team.change', change)
  return teamAnswer(change, request.usageOf)
}

async function deleteTeam(request: ManageRequest, id: string): Promise<ManageAnswer> {
  tell(request, 'team.revoke', await revokeTeam(request.registry, id, request.now))
  return { status: 200, body: { deleted: true } }
}

async function getProvider({ registry, usageOf }: ManageRequest, id: string): Promise<ManageAnswer> {
  return providerAnswer(await findProviderLimits(registry, id), usageOf)
}

async function patchProvider(request: ManageRequest, id: string): Promise<ManageAnswer> {
  const change = await changeProvider(request.registry, id, await request.body(), request.now)
  tell(request, 'provider.change', change)
  return providerAnswer(change.record, request.usageOf)
}

async function providerAnswer(record: ProviderRecord, usageOf: UsageOf): Promise<ManageAnswer> {
  const [usage] = await usageOf([providerAccountId(record.id)])
  return { status: 200, body: { data: providerEntry(record, usage ?? UNKNOWN_USAGE) } }
}

async function keyAnswer(stored: Stored<KeyRecord>, usageOf: UsageOf): Promise<ManageAnswer> {
  const [usage] = await usageOf([accountOf(stored.record)])
  return { status: 200, body: { data: keyEntry(stored, usage ?? UNKNOWN_USAGE) } }
}

async function teamAnswer(stored: Stored<TeamRecord>, usageOf: UsageOf): Promise<ManageAnswer> {
  const [usage] = await usageOf([teamAccountOf(stored.record)])
  return { status: 200, body: { data: teamEntry(stored, usage ?? UNKNOWN_USAGE) } }
}

function tell<T extends { readonly id: string }>(
  request: ManageRequest,
  action: string,
  change: { readonly before?: T; readonly record: T },
): void {
  const { before = {}, record } = change
  const changed = [...new Set([...Object.keys(before), ...Object.keys(record)])].filter(
    (member) => JSON.stringify((before as Fields)[member]) !== JSON.stringify((record as Fields)[member]),
  )
  const of = (all: Fields) => Object.fromEntries(changed.flatMap((one) => (one in all ? [[one, all[one]]] : [])))
  request.audit({ action, target: record.id, before: of(before as Fields), after: of(record) })
}
