import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { Log, LogLevel, Miniflare } from 'miniflare'
import { NOTHING_SPENT } from '../../src/access/budget.ts'
import { keyName } from '../../src/access/keys.ts'
import type { Ledger } from '../../src/access/ledger-object.ts'
import type { Found, SealedRecord, Wanted } from '../../src/conversations/records.ts'
import { type Keys, recordTextOf } from './key-store.ts'
import { watchWorker } from './whole-run.ts'
import { COMPATIBILITY, DEMO_KEY, type RunningWorker, type WorkerOptions } from './worker.ts'

/** The methods of the object, as a caller has them. */
interface ConversationsStub {
  readonly put: (records: readonly SealedRecord[]) => Promise<boolean[]>
  readonly find: (wanted: readonly Wanted[], maxBytes: number) => Promise<Found>
  readonly remove: (id: string) => Promise<boolean>
}

/** Router9 with the platform's own KV and Durable Objects, as miniflare simulates them. */
export interface PlatformWorker extends Pick<RunningWorker, 'url' | 'log' | 'stop'> {
  readonly keys: Keys
  /** The KV namespace, as the Worker has it. */
  readonly namespace: Awaited<ReturnType<Miniflare['getKVNamespace']>>
  /** The object of conversations with this name. */
  readonly conversations: (name: string) => Promise<ConversationsStub>
  /** What the ledger of a key has been told of, in dollars. */
  readonly spentBy: (id: string) => Promise<number>
  /** The database for usage, with its tables. */
  readonly database: () => Promise<Database>
}

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>

const MIGRATIONS = path.resolve(import.meta.dirname, '../../src/usage/migrations')

/** Makes the tables, as Cloudflare's migrations do. */
export async function migrate(database: Pick<Database, 'batch' | 'prepare'>): Promise<void> {
  for (const file of (await readdir(MIGRATIONS)).sort()) {
    const text = await readFile(path.join(MIGRATIONS, file), 'utf8')
    const statements = text.split(';').filter((statement) => statement.trim() !== '')
    await database.batch(statements.map((statement) => database.prepare(statement)))
  }
}

interface PlatformOptions extends Omit<WorkerOptions, 'analyticsPort'> {
  /** So many more copies of the bundle for the wrapper to import, `router9-1.js` and so on: each has a memory of its own, as an isolate has. */
  readonly copies?: number
  /** With a database for usage, `USAGE`. */
  readonly database?: boolean
}

/**
 * Starts the Worker under miniflare. `sk-r9k-demo` is a key of it. `state` keeps also what is in KV.
 */
export async function startPlatformWorker(options: PlatformOptions): Promise<PlatformWorker> {
  const { file, vars, wrapper, state, copies = 0, database = false } = options
  const router9 = { type: 'esm', contents: await readFile(file, 'utf8') } as const
  const texts = Object.entries(vars).map(([name, value]) => [name, { type: 'text', value }] as const)
  let log = ''
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    port: 0,
    cf: false,
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: ({ message }) => {
      log += `${message}\n`
    },
    ...(state === undefined ? {} : { resourcePersistencePath: state }),
    workers: [
      {
        config: {
          name: 'router9',
          compatibilityDate: COMPATIBILITY.date,
          compatibilityFlags: COMPATIBILITY.flags,
          manifest: {
            mainModule: wrapper === undefined ? 'router9.js' : 'index.js',
            modules: {
              'router9.js': router9,
              ...Object.fromEntries(Array.from({ length: copies }, (_, at) => [`router9-${at + 1}.js`, router9])),
              ...(wrapper === undefined ? {} : { 'index.js': { type: 'esm', contents: wrapper } }),
            },
          },
          env: {
            ...Object.fromEntries(texts),
            KEYS: { type: 'kv', id: 'keys' },
            ...(database ? { USAGE: { type: 'd1', id: 'usage' } as const } : {}),
            // For the tests; the Worker itself has its objects by its exports.
            CONVERSATIONS: { type: 'durable-object', exportName: 'Conversations', worker: 'router9' },
            LEDGERS: { type: 'durable-object', exportName: 'Ledger', worker: 'router9' },
          },
          exports: {
            Conversations: { type: 'durable-object', storage: 'sqlite' },
            Health: { type: 'durable-object', storage: 'sqlite' },
            Ledger: { type: 'durable-object', storage: 'sqlite' },
            Registry: { type: 'durable-object', storage: 'sqlite' },
          },
        },
        // Without miniflare's own Worker in front of it, as a client meets it.
        dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] },
      },
    ],
  })
  await miniflare.ready
  const url = (await miniflare.unsafeGetDirectURL()).origin
  const namespace = await miniflare.getKVNamespace('KEYS')
  const keys = keysIn(namespace)
  const spentBy = async (id: string) => {
    const ledgers = await miniflare.getDurableObjectNamespace('LEDGERS')
    const ledger = ledgers.get(ledgers.idFromName(`key:${id}`)) as unknown as Pick<Ledger, 'add'>
    return (await ledger.add(NOTHING_SPENT)).dollars
  }
  const conversations = async (name: string) => {
    const objects = await miniflare.getDurableObjectNamespace('CONVERSATIONS')
    return objects.get(objects.idFromName(name)) as unknown as ConversationsStub
  }
  const openDatabase = () => miniflare.getD1Database('USAGE')
  if (database) await migrate(await openDatabase())
  await keys.put(DEMO_KEY, { id: 'key_demo', name: 'demo' })
  const given = Object.entries(vars).flatMap(([name, value]) => (name.endsWith('_API_KEY') ? value : []))
  watchWorker({ url, secrets: () => [...given, ...keys.secrets], log: () => log })
  return {
    url,
    keys,
    namespace,
    conversations,
    spentBy,
    database: openDatabase,
    log: () => log,
    stop: () => miniflare.dispose(),
  }
}

function keysIn(namespace: PlatformWorker['namespace']): Keys {
  const secrets = new Set<string>()
  const putText = async (key: string, text: string) => {
    secrets.add(key)
    await namespace.put(await keyName(key), text)
  }
  return {
    secrets,
    putText,
    put: (key, record) => putText(key, recordTextOf(key, record)),
    remove: async (key) => namespace.delete(await keyName(key)),
  }
}
