import { Failure } from '../../chat/failure.ts'
import { readArguments, runProgram, UsageError } from '../arguments.ts'
import type { KeyStore } from '../shared/key-store.ts'
import { openLocalStore } from '../shared/local-store.ts'
import { remoteNamespace } from '../shared/remote-namespace.ts'
import { remoteOf, runByHttp } from './by-http.ts'
import { type Command, type CommandInput, KEY_COMMANDS, PROVIDER_COMMANDS, TEAM_COMMANDS } from './commands.ts'
import { readDurationMs, readLimit } from './option-values.ts'
import { openRemoteStore } from './remote-store.ts'

const USAGE = `npm run keys -- COMMAND [options]

  create  --name NAME [--models a,b,auto] [--providers a,b] [--expires 30d] [--team ID]
          [--rpm N] [--tpm N] [--concurrent N] [--budget USD [--reset daily|weekly|monthly]]
          [--policy JSON]               what it may use of your accounts, as in '{"builtin_tools": true}'
          [--object openai]             answers to this key have OpenAI's own 'object', for clients that check it
          [--role management]           the key manages keys and teams by HTTP, and cannot ask models
  list
  show    ID or KEY
  change  ID or KEY, and what is new of the options of create; 'none' takes something away
  revoke  ID or KEY
  rotate  ID or KEY [--grace 1h]    a new key with the same rights; the old one ends at once, or after the grace
  teams   create | list | show ID | change ID | revoke ID    limits that keys share
  providers  list | show ID | change ID [--budget USD ...]   your own limits for a provider, for all keys together

  --local (default) | --remote [--namespace-id ID]   the keys of wrangler dev, or of the deployed Worker
  --url ADDRESS      by the HTTP API of the Worker at this address, with the management key in ROUTER9_MANAGEMENT_KEY;
                     ROUTER9_URL is its default. For this machine's npm start the key may be absent
  --persist-to DIR   as wrangler dev's option of that name
  --json             print JSON

A key is shown once, when it is made. A key that is revoked here may be taken for a minute or two more where it was just
used; one that is revoked by HTTP, for 5 seconds.`

const OPTIONS = {
  name: { type: 'string' },
  models: { type: 'string' },
  providers: { type: 'string' },
  expires: { type: 'string' },
  team: { type: 'string' },
  grace: { type: 'string' },
  rpm: { type: 'string' },
  tpm: { type: 'string' },
  concurrent: { type: 'string' },
  budget: { type: 'string' },
  reset: { type: 'string' },
  policy: { type: 'string' },
  object: { type: 'string' },
  role: { type: 'string' },
  json: { type: 'boolean' },
  local: { type: 'boolean' },
  remote: { type: 'boolean' },
  url: { type: 'string' },
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
  const others = OTHER_COMMANDS.get(positionals[0] ?? '')
  const [name, subject] = others === undefined ? positionals : positionals.slice(1)
  if (name === undefined) return USAGE
  if (values.local && values.remote) throw new UsageError('choose one of --local and --remote')
  const commands = others ?? KEY_COMMANDS
  if (values.url !== undefined && isDirect(values)) throw new UsageError('choose one of --url, --local and --remote')
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new UsageError(`there is no command '${name}'`)
  if (command.needsSubject && subject === undefined) throw new UsageError(SUBJECT)
  const input = readInput(values, now)
  if (name === 'create' && !values.name) throw new UsageError('create needs --name')
  try {
    command.check?.(input)
    const address = values.url ?? (isDirect(values) ? undefined : process.env.ROUTER9_URL)
    if (address !== undefined) {
      const remote = await remoteOf(address, process.env.ROUTER9_MANAGEMENT_KEY, values['persist-to'])
      return await runByHttp(remote, { name, of: positionals[0] ?? '' }, input, subject ?? '')
    }
    const store = await open(values)
    try {
      return await command.run(store, input, subject ?? '')
    } finally {
      await store.close()
    }
  } catch (error) {
    // The same words as in the HTTP API.
    throw error instanceof Failure ? new UsageError(error.message) : error
  }
}

const OTHER_COMMANDS: ReadonlyMap<string, Readonly<Record<string, Command>>> = new Map([
  ['teams', TEAM_COMMANDS],
  ['providers', PROVIDER_COMMANDS],
])
const SUBJECT = 'name a key, a team or a provider by its id, or give the key itself'

/** Whether the options name KV itself. */
function isDirect(values: Values): boolean {
  return values.local === true || values.remote === true || values['namespace-id'] !== undefined
}

async function openStore(values: Values): Promise<KeyStore> {
  return values.remote
    ? openRemoteStore(values['namespace-id'] ?? (await remoteNamespace()))
    : openLocalStore(values['persist-to'])
}

const NONE = 'none'

/** What the options say, in the words of the HTTP API. @throws UsageError */
function readInput(values: Values, now: number): CommandInput {
  const { role, grace } = values
  if (values.object !== undefined && !['openai', NONE].includes(values.object)) {
    throw new UsageError("--object can only be 'openai'")
  }
  if (role !== undefined && role !== 'management') throw new UsageError("--role can only be 'management'")
  const body: Record<string, unknown> = {}
  const read = (member: string, text: string | undefined, value: (text: string) => unknown) => {
    if (text !== undefined) body[member] = text === NONE ? null : value(text)
  }
  if (values.name !== undefined) body.name = values.name
  for (const member of ['models', 'providers'] as const) read(member, values[member], readNames)
  for (const member of ['rpm', 'tpm', 'concurrent'] as const) {
    read(member, values[member], (text) => readLimit(member, text)[member])
  }
  read('limit', values.budget, (text) => readLimit('budget', text).budget)
  read('limit_reset', values.reset, String)
  read('expires_at', values.expires, (text) => new Date(now + readDurationMs('expires', text)).toISOString())
  read('policy', values.policy, readPolicy)
  read('object', values.object, String)
  read('team', values.team, String)
  const graceMs = grace === undefined ? undefined : readDurationMs('grace', grace)
  return { body, role, graceMs, now, json: values.json === true }
}

/** The HTTP API says what may be in it. */
function readPolicy(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`--policy must be JSON, as in '{"builtin_tools": true}'`)
  }
}

function readNames(text: string): readonly string[] {
  return text.split(',').flatMap((name) => name.trim() || [])
}

if (import.meta.main) {
  await runProgram(USAGE, async (args) => {
    console.log(await keys(args, Date.now()))
    return true
  })
}
