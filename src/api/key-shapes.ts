import type { KeyRecord, TeamRecord } from '../access/keys.ts'
import { KEY_RECORDS } from '../access/keys.ts'
import type { ProviderRecord, Stored } from '../access/manage-records.ts'
import { resetOf } from '../access/records-input.ts'
import type { AccountUsage } from '../access/usage-of.ts'

type Fields = Readonly<Record<string, unknown>>

/** The account that a key's usage is counted in: one for a key and for those that it was rotated to. */
export function accountOf({ id, account }: KeyRecord): string {
  return `key:${account ?? id}`
}

export function teamAccountOf({ id }: TeamRecord): string {
  return `team:${id}`
}

/** A key as `GET /keys` shows it: OpenRouter's members, and Router9's own after them. */
export function keyEntry({ name, record }: Stored<KeyRecord>, usage: AccountUsage): Fields {
  const { id, role, team, models, providers, policy, object, account, successor } = record
  return {
    id,
    hash: name.slice(KEY_RECORDS.length),
    label: labelOf(record),
    ...commonEntry(record, usage),
    expires_at: record.expires ?? null,
    creator_user_id: null,
    external_user: null,
    workspace_id: 'default',
    role: role ?? 'inference',
    team: team ?? null,
    models: models ?? null,
    providers: providers ?? null,
    policy: policyEntry(policy),
    object: object ?? null,
    account: account ?? id,
    successor: successor ?? null,
  }
}

/** A team as `GET /teams` shows it. */
export function teamEntry({ record }: Stored<TeamRecord>, usage: AccountUsage): Fields {
  return { id: record.id, ...commonEntry(record, usage) }
}

/** A provider with the operator's own limits. */
export function providerEntry({ id, limits }: ProviderRecord, usage: AccountUsage): Fields {
  return { id, ...usageEntry({ limits }, usage), ...limitsEntry({ limits }) }
}

/** A key as it is shown to itself (`GET /key`): without what the operator has noted about it. */
export function ownEntry(record: KeyRecord, usage: AccountUsage): Fields {
  const { role, limits, models, providers } = record
  const isManagement = role === 'management'
  return {
    id: record.id,
    name: record.name,
    label: labelOf(record),
    role: role ?? 'inference',
    ...usageEntry(record, usage),
    ...limitsEntry(record),
    expires_at: record.expires ?? null,
    models: models ?? null,
    providers: providers ?? null,
    team: record.team ?? null,
    is_management_key: isManagement,
    is_provisioning_key: isManagement,
    is_free_tier: false,
    free_model_daily_requests: { limit: 0, remaining: 0, used: 0 },
    rate_limit: {
      requests: Number.isInteger(limits?.rpm) ? limits?.rpm : -1,
      interval: '1m',
      note: 'Requests in a minute of the clock; -1 where there is no such limit.',
    },
    allowed_data_regions: [],
    creator_user_id: null,
    organization_id: null,
    workspace_id: null,
  }
}

function commonEntry(record: KeyRecord | TeamRecord, usage: AccountUsage): Fields {
  const { name, disabled, revoked, created, updated, metadata } = record
  return {
    name,
    disabled: disabled === true,
    revoked_at: revoked ?? null,
    created_at: created,
    updated_at: updated ?? null,
    ...usageEntry(record, usage),
    ...limitsEntry(record),
    metadata: metadata ?? null,
  }
}

function limitsEntry({ limits }: Pick<KeyRecord, 'limits'>): Fields {
  return { rpm: limits?.rpm ?? null, tpm: limits?.tpm ?? null, concurrent: limits?.concurrent ?? null }
}

function usageEntry({ limits }: Pick<KeyRecord, 'limits'>, usage: AccountUsage): Fields {
  const limit = limits?.budget ?? null
  return {
    limit,
    limit_reset: limit === null ? null : resetOf(limits),
    limit_remaining: remainingOf(limits, usage),
    usage: usage.total,
    usage_daily: usage.daily,
    usage_weekly: usage.weekly,
    usage_monthly: usage.monthly,
    // All provider keys are the operator's.
    include_byok_in_limit: false,
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
  }
}

/** What is left of a budget, in US dollars; null where there is none, or usage is not known. */
export function remainingOf(limits: KeyRecord['limits'], usage: AccountUsage): number | null {
  const reset = resetOf(limits)
  const used = reset === null ? usage.total : usage[reset]
  return limits?.budget === undefined || used === null ? null : Math.max(limits.budget - used, 0)
}

function labelOf({ label }: KeyRecord): string {
  return label ?? 'sk-r9k-...'
}

function policyEntry(policy: KeyRecord['policy']): Fields | null {
  if (policy === undefined) return null
  const { builtinTools, accountFields, dataCollection, regions } = policy
  return {
    builtin_tools: builtinTools ?? null,
    account_fields: accountFields ?? null,
    data_collection: dataCollection ?? null,
    regions: regions ?? null,
  }
}
