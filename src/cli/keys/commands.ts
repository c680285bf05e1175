import { KEY_RECORDS, type KeyRecord, keyRecord, TEAM_RECORDS, teamRecord } from '../../access/keys.ts'
import {
  changeKey,
  changeProvider,
  changeTeam,
  createTeam,
  findKey,
  findProviderLimits,
  findTeam,
  prepareKey,
  putNew,
  readProviders,
  revokeKey,
  revokeTeam,
  rotateKey,
} from '../../access/manage-records.ts'
import type { RecordStore } from '../../access/record-store.ts'
import { changedKey, changedProvider, changedTeam, type Fields } from '../../access/records-input.ts'
import { keyTable, type Listed, newKeyText, providerTable, revokedText, teamTable } from './print.ts'

/** What a command has to know beside its words. */
export interface CommandInput {
  /** Members of a record, in the words of the HTTP API. */
  readonly body: Fields
  readonly role: KeyRecord['role']
  /** How long the old key stays good; undefined where it ends at once. */
  readonly graceMs: number | undefined
  readonly now: number
  readonly json: boolean
}

/** Does its work on the records and returns what to print. `subject` is what the command is about, where it is about one. */
export interface Command {
  readonly needsSubject: boolean
  /** Finds what is wrong with the options, before a store is opened. @throws Failure */
  readonly check?: (input: CommandInput) => void
  readonly run: (store: RecordStore, input: CommandInput, subject: string) => Promise<string>
}

const NO_KEY = { id: '', name: '', created: '' }

export const KEY_COMMANDS: Readonly<Record<string, Command>> = {
  // The key is in the store before anybody sees it: KV remembers for a minute that a name was missing, so a key that is tried
  // too early would be refused for that time.
  create: {
    needsSubject: false,
    check: ({ body, now }) => void changedKey(NO_KEY, body, now),
    run: async (store, { body, role, now, json }) =>
      newKeyText(await putNew(store, await prepareKey(store, body, now, role)), json),
  },
  list: {
    needsSubject: false,
    run: async (store, { now, json }) => keyTable(await all(store, KEY_RECORDS, keyRecord), now, json),
  },
  show: {
    needsSubject: true,
    run: async (store, { now, json }, subject) => keyTable([await findKey(store, subject)], now, json),
  },
  change: {
    needsSubject: true,
    check: ({ body, now }) => void changedKey(NO_KEY, body, now),
    run: async (store, { body, now, json }, subject) =>
      keyTable([await changeKey(store, subject, body, now)], now, json),
  },
  revoke: {
    needsSubject: true,
    run: async (store, { now, json }, subject) => revokedText((await revokeKey(store, subject, now)).record, json),
  },
  rotate: {
    needsSubject: true,
    run: async (store, { graceMs, now, json }, subject) =>
      newKeyText(await rotateKey(store, subject, { graceMs, now }), json),
  },
}

export const TEAM_COMMANDS: Readonly<Record<string, Command>> = {
  create: {
    needsSubject: false,
    check: ({ body }) => void changedTeam(NO_KEY, body),
    run: async (store, { body, now, json }) => teamTable([await createTeam(store, body, now)], json),
  },
  list: {
    needsSubject: false,
    run: async (store, { json }) => teamTable(await all(store, TEAM_RECORDS, teamRecord), json),
  },
  show: {
    needsSubject: true,
    run: async (store, { json }, subject) => teamTable([await findTeam(store, subject)], json),
  },
  change: {
    needsSubject: true,
    check: ({ body }) => void changedTeam(NO_KEY, body),
    run: async (store, { body, now, json }, subject) => teamTable([await changeTeam(store, subject, body, now)], json),
  },
  revoke: {
    needsSubject: true,
    run: async (store, { now, json }, subject) => revokedText((await revokeTeam(store, subject, now)).record, json),
  },
}

export const PROVIDER_COMMANDS: Readonly<Record<string, Command>> = {
  list: {
    needsSubject: false,
    run: async (store, { json }) => {
      const { providers } = (await readProviders(store)).record
      return providerTable(
        Object.entries(providers).map(([id, limits]) => ({ id, limits })),
        json,
      )
    },
  },
  show: {
    needsSubject: true,
    run: async (store, { json }, subject) => providerTable([await findProviderLimits(store, subject)], json),
  },
  change: {
    needsSubject: true,
    check: ({ body }) => void changedProvider(undefined, body),
    run: async (store, { body, now, json }, subject) =>
      providerTable([(await changeProvider(store, subject, body, now)).record], json),
  },
}

interface Schema<T> {
  readonly safeParse: (value: unknown) => { readonly data?: T | undefined }
}

/** All records of a kind. One that cannot be read must not hide the others. */
async function all<T>(store: RecordStore, prefix: string, schema: Schema<T>): Promise<readonly Listed<T>[]> {
  const found: Listed<T>[] = []
  let cursor: string | undefined
  do {
    const page = await store.list(prefix, cursor)
    const listed = page.records.map(async ({ name, metadata }) => ({
      name,
      record: schema.safeParse(metadata ?? parsed(await store.read(name))).data,
    }))
    found.push(...(await Promise.all(listed)))
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}
