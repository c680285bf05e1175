import * as z from 'zod/mini'
import { findProvider } from '../catalog/providers.ts'
import { Failure, quoted } from '../chat/failure.ts'
import { checkFields } from '../chat/schema-faults.ts'
import { once } from '../chat/schema-parts.ts'
import type { BudgetWindow, KeyRecord, RecordLimits, TeamRecord } from './keys.ts'

/** Members of a request's body, or what the options of a program say in the same words. */
export type Fields = Readonly<Record<string, unknown>>

const MAX_NUMBER = 1e9
const MAX_NAMES = 200
const MAX_NAME_CHARACTERS = 200
const MAX_NOTES = 16

// Most isolates read no such body, and a schema costs as much as what an isolate does for many calls.
const name = once(() =>
  z.string().check(z.minLength(1), z.maxLength(MAX_NAME_CHARACTERS, `must have at most 200 characters`)),
)
const names = once(() => z.nullable(z.array(name()).check(z.maxLength(MAX_NAMES))))
const count = once(() => z.nullable(z.int().check(z.minimum(1), z.maximum(MAX_NUMBER))))
const flag = once(() => z.boolean())

const NOTES = `must hold at most ${MAX_NOTES} members, whose names have at most 64 characters and whose values are texts of at most 512`
const notes = once(() =>
  z.nullable(
    z
      .record(z.string().check(z.maxLength(64)), z.string().check(z.maxLength(512)))
      .check(z.refine((all) => Object.keys(all).length <= MAX_NOTES, NOTES)),
  ),
)

/** The budget's windows, in OpenRouter's words. Without one, the budget is for ever. */
const RESETS = { daily: 'day', weekly: 'week', monthly: 'month' } as const satisfies Record<string, BudgetWindow>
export type Reset = keyof typeof RESETS
const RESET_NAMES = ['daily', 'weekly', 'monthly'] as const satisfies readonly Reset[]

/** When a budget begins anew, in OpenRouter's words; null where it does not. */
export function resetOf(limits: RecordLimits | undefined): Reset | null {
  return RESET_NAMES.find((reset) => RESETS[reset] === limits?.window) ?? null
}

/** Members of a body about a provider's limits, with their schemas. */
export const LIMITS: Readonly<Record<string, () => Schema>> = {
  limit: () => z.nullable(z.number().check(z.minimum(0), z.maximum(MAX_NUMBER))),
  limit_reset: () => z.nullable(z.enum(RESET_NAMES)),
  rpm: count,
  tpm: count,
  concurrent: count,
}
/** The same of one about a team. */
export const COMMON: typeof LIMITS = { name, disabled: flag, ...LIMITS, metadata: notes }
const policy = once(() =>
  z.nullable(
    z.strictObject({
      builtin_tools: z.optional(flag()),
      account_fields: z.optional(flag()),
      data_collection: z.optional(z.enum(['allow', 'deny'])),
      regions: z.optional(z.array(name()).check(z.maxLength(MAX_NAMES))),
    }),
  ),
)
/** The same of one about a key. */
export const KEY: typeof COMMON = {
  ...COMMON,
  team: () => z.nullable(name()),
  expires_at: () => z.nullable(z.iso.datetime({ offset: true, error: 'must be a time as in 2027-01-31T12:00:00Z' })),
  models: names,
  providers: names,
  object: () => z.nullable(z.enum(['openai'])),
  policy,
}
/** What OpenRouter's clients may send and what has no meaning here: there is one workspace, and there are no users. */
export const IGNORED: ReadonlySet<string> = new Set([
  'workspace_id',
  'creator_user_id',
  'external',
  'include_byok_in_limit',
  'include_byok_in_limits',
])

type Schema = Parameters<typeof checkFields>[1][number] extends readonly [string, () => infer S] ? S : never

/**
 * The record of a key after a change. @param body what changes: a member that is `null` is removed.
 * @throws Failure 400, its `param` the path of the first fault.
 */
export function changedKey(record: KeyRecord, body: Fields, now: number): KeyRecord {
  check(body, KEY)
  const { expires_at: expires, policy: asked } = body
  if (typeof expires === 'string' && Date.parse(expires) <= now) {
    throw invalid('expires_at', 'must be later than now')
  }
  const unknown = Array.isArray(body.providers) ? body.providers.findIndex((id) => findProvider(id) === undefined) : -1
  if (unknown >= 0) throw invalid(`providers[${unknown}]`, 'must be the name of a provider')
  return withChanges(record, {
    ...picked(body, ['name', 'disabled', 'team', 'models', 'providers', 'object', 'metadata']),
    ...(expires === undefined ? {} : { expires: expires === null ? null : new Date(String(expires)).toISOString() }),
    ...(asked === undefined ? {} : { policy: asked && toPolicy(asked as Fields) }),
    ...limitsAfter(record, body),
  })
}

/** The record of a team after a change. @throws Failure 400 */
export function changedTeam(record: TeamRecord, body: Fields): TeamRecord {
  check(body, COMMON)
  return withChanges(record, { ...picked(body, ['name', 'disabled', 'metadata']), ...limitsAfter(record, body) })
}

/** The limits of a provider after a change; undefined where none is left. @throws Failure 400 */
export function changedProvider(limits: RecordLimits | undefined, body: Fields): RecordLimits | undefined {
  check(body, LIMITS)
  return (limitsAfter({ limits }, body).limits as RecordLimits | null) ?? undefined
}

/** A mistyped limit must not make a key without one, so what is not known is refused. */
function check(body: Fields, schemas: typeof COMMON): void {
  const unknown = Object.keys(body).find((member) => !Object.hasOwn(schemas, member) && !IGNORED.has(member))
  if (unknown !== undefined) {
    const known = Object.keys(schemas).join(', ')
    const text = `'${quoted(unknown)}' is not known here. There are ${known}.`
    throw new Failure('unsupported-parameter', text, { param: quoted(unknown) })
  }
  checkFields(body, Object.entries(schemas), new Set())
}

function limitsAfter({ limits: before }: Pick<KeyRecord, 'limits'>, body: Fields): { limits?: unknown } {
  const { limit, limit_reset: reset } = body
  const limits = withChanges<Record<string, unknown>>(before ?? {}, {
    ...picked(body, ['rpm', 'tpm', 'concurrent']),
    ...(limit === undefined ? {} : { budget: limit }),
    ...(reset === undefined ? {} : { window: reset === null ? null : RESETS[reset as Reset] }),
  })
  if (limits.budget === undefined) {
    if (typeof reset === 'string') throw invalid('limit_reset', "needs a 'limit'")
    delete limits.window
  }
  return { limits: Object.keys(limits).length === 0 ? null : limits }
}

function toPolicy({ builtin_tools, account_fields, data_collection, regions }: Fields): Fields {
  const all = {
    builtinTools: builtin_tools,
    accountFields: account_fields,
    dataCollection: data_collection,
    regions,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function picked(body: Fields, members: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(members.flatMap((one) => (body[one] === undefined ? [] : [[one, body[one]]])))
}

/** The members that are not `null` take the place of those before; those that are `null` go. */
function withChanges<T extends Fields>(before: T, changes: Fields): T {
  const after: Record<string, unknown> = { ...before, ...changes }
  for (const [member, value] of Object.entries(changes)) if (value === null) delete after[member]
  return after as T
}

function invalid(param: string, complaint: string): Failure {
  return new Failure('invalid-value', `'${param}' ${complaint}.`, { param })
}
