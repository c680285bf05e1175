import { Failure, quoted } from '../chat/failure.ts'

export type Fields = Readonly<Record<string, unknown>>

/** What a caller may use of the operator's accounts at providers, beside asking models (accounts 8). */
export interface AccountRights {
  /** Tools that a provider runs itself. */
  readonly builtinTools: boolean
  /** Fields that read, keep or reserve something in the account. */
  readonly accountFields: boolean
}

export type Right = keyof AccountRights

const WHAT: Readonly<Record<Right, readonly [string, string, string]>> = {
  builtinTools: ['uses a tool that the provider runs', 'builtin_tools', 'ALLOW_BUILTIN_TOOLS'],
  accountFields: ["uses the operator's account at the provider", 'account_fields', 'ALLOW_ACCOUNT_FIELDS'],
}

/** Why a request is refused, and what would allow it. @param path where it stands in the request. */
export function refused(path: string, right: Right): Failure {
  const [does, policy, setting] = WHAT[right]
  const param = quoted(path)
  const text = `'${param}' ${does}, which this key may not. The operator can allow it by the key's policy (${policy}) or for all keys (${setting}=on).`
  return new Failure('unsupported-parameter', text, { param })
}

/** What is left out of a request, as it is found: of most requests nothing. */
export interface LeftOut {
  /** What stands in the place of the request's own fields; those that are undefined go. */
  changes: Fields | undefined
  /** Where it stood: names of fields, or paths. */
  readonly dropped: string[]
}

/** The fields after some changes; one that is undefined goes. */
export function withChanges(fields: Fields, changes: Fields): Fields {
  const after: Record<string, unknown> = { ...fields, ...changes }
  for (const name in changes) if (changes[name] === undefined) delete after[name]
  return after
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
