import { readArguments, runProgram, UsageError } from '../arguments.ts'
import type { KeyStore } from '../shared/key-store.ts'
import { openLocalStore } from '../shared/local-store.ts'
import { remoteNamespace } from '../shared/remote-namespace.ts'
import { createKey, findKey, newRecord, revokeKey, rotateKey } from './commands.ts'
import { readDurationMs, readLimit } from './option-values.ts'
import { keyTable } from './print.ts'
import { openRemoteStore } from './remote-store.ts'

const USAGE = `npm run keys -- COMMAND [options]

  create  --name NAME [--models a,b,auto] [--expires 30d] [--rpm N] [--tpm N] [--budget USD]
          [--object openai]             answers to this key have OpenAI's own 'object', for clients that check it
  list
  show    ID or KEY
  revoke  ID or KEY
  rotate  ID or KEY [--grace 1h]    a new key with the same rights; the old one ends at once, or after the grace

  --local (default) | --remote [--namespace-id ID]   the keys of wrangler dev, or of the deployed Worker
  --persist-to DIR   as wrangler dev's option of that name
  --json             print JSON

A key is shown once, when it is made. A revoked key may be taken for a minute or two more where it was just used.`

const OPTIONS = {
  name: { type: 'string' },
  models: { type: 'string' },
  expires: { type: 'string' },
  grace: { type: 'string' },
  rpm: { type: 'string' },
  tpm: { type: 'string' },
  budget: { type: 'string' },
  object: { type: 'string' },
  json: { type: 'boolean' },
  local: { type: 'boolean' },
  remote: { type: 'boolean' },
  'namespace-id': { type: 'string' },
  'persist-to': { type: 'string' },
} as const

type Values = ReturnType<typeof readKeyArguments>['values']

function readKeyArguments(args: readonly string[]) {
  return readArguments(args, OPTIONS, { words: true })
}

/** Runs one command on the keys and returns what it prints. `open` finds the store that the options mean. */
export async function keys(args: readonly string[], now: number, open = openStore): Promise<string> {
  const { values, positionals } = readKeyArguments(args)
  const [command, subject] = positionals
  if (command === undefined) return USAGE
  if (values.local && values.remote) throw new UsageError('choose one of --local and --remote')
  const execute = readCommand(command, subject, values, now)
  const store = await open(values)
  try {
    return await execute(store)
  } finally {
    await store.close()
  }
}

async function openStore(values: Values): Promise<KeyStore> {
  return values.remote
    ? openRemoteStore(values['namespace-id'] ?? (await remoteNamespace()))
    : openLocalStore(values['persist-to'])
}

type Command = (store: KeyStore) => Promise<string>

/** What a command does. All that can be wrong with its arguments is found here, before a store is opened. */
function readCommand(command: string, subject: string | undefined, values: Values, now: number): Command {
  const json = values.json === true
  switch (command) {
    case 'create': {
      const record = readNewRecord(values, now)
      return (store) => createKey(store, record, json)
    }
    case 'list':
      return async (store) => keyTable(await store.list(), now, json)
    case 'show': {
      const wanted = readSubject(subject)
      return async (store) => keyTable([await findKey(store, wanted)], now, json)
    }
    case 'revoke': {
      const wanted = readSubject(subject)
      return async (store) => revokeKey(store, await findKey(store, wanted), json)
    }
    case 'rotate': {
      const wanted = readSubject(subject)
      const graceMs = values.grace === undefined ? undefined : readDurationMs('grace', values.grace)
      return async (store) => rotateKey(store, await findKey(store, wanted), { graceMs, now, json })
    }
    default:
      throw new UsageError(`there is no command '${command}'`)
  }
}

function readSubject(subject: string | undefined): string {
  if (subject === undefined) throw new UsageError('name a key by its id, or give the key itself')
  return subject
}

function readNewRecord(values: Values, now: number) {
  if (!values.name) throw new UsageError('create needs --name')
  if (values.object !== undefined && values.object !== 'openai') throw new UsageError("--object can only be 'openai'")
  const limits = {
    ...readLimit('rpm', values.rpm),
    ...readLimit('tpm', values.tpm),
    ...readLimit('budget', values.budget),
  }
  return newRecord(values.name, now, {
    ...(values.expires === undefined
      ? {}
      : { expires: new Date(now + readDurationMs('expires', values.expires)).toISOString() }),
    ...(values.models === undefined ? {} : { models: values.models.split(',').flatMap((model) => model.trim() || []) }),
    ...(values.object === undefined ? {} : { object: values.object }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  })
}

if (import.meta.main) {
  await runProgram(USAGE, async (args) => {
    console.log(await keys(args, Date.now()))
    return true
  })
}
