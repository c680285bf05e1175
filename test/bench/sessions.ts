import { parseArgs } from 'node:util'
import { bundleWorker } from '../harness/bundle.ts'
import { everyProviderAt } from '../harness/worker.ts'
import { startSimulator } from '../simulator/server.ts'
import {
  type Client,
  cachedShare,
  conversationsOf,
  EQUALS,
  goOn,
  movesOf,
  placesOf,
  stayingShare,
} from '../worker/health/conversations.ts'
import { startIsolates } from '../worker/health/isolates.ts'

const ISOLATES = 8
const TURNS = 20
const FAULT_FROM = 10
const AT_ONCE = 15

/**
 * Prints where conversations go that come to eight isolates, with three providers of one model, and how much of their prompts is
 * cached there: `npm run sessions`. `--root` is the folder of another version of Router9.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { root: { type: 'string' } } })
  const bundle = await bundleWorker(values.root)
  try {
    console.log('| conversations | stay | cached tokens | moves of those whose provider failed |\n|---|---|---|---|')
    for (const client of ['chat', 'claude-code', 'codex'] as const) await measure(bundle.file, client, true)
    await measure(bundle.file, 'chat', false)
  } finally {
    await bundle.remove()
  }
}

async function measure(file: string, client: Client, isNamed: boolean): Promise<void> {
  const simulator = await startSimulator()
  const vars = Object.entries(everyProviderAt(simulator.url)).filter(([name]) => EQUALS.test(name))
  const isolates = await startIsolates(file, ISOLATES, Object.fromEntries(vars))
  try {
    const start = (kind: string) => conversationsOf(kind, Array<Client>(AT_ONCE).fill(client))
    const [calm, struck] = [start('calm'), start('struck')]
    await goOn(isolates.urls, calm, TURNS, isNamed)
    await goOn(isolates.urls, struck, FAULT_FROM, isNamed)
    const failing = placesOf(struck[0] ?? { client, title: '', turns: [] }).at(-1) ?? ''
    const ofFailing = struck.filter((conversation) => placesOf(conversation).at(-1) === failing)
    const before = movesIn(ofFailing)
    simulator.setFault(failing, { status: 500 })
    await goOn(isolates.urls, struck, TURNS, isNamed)
    const moves = (movesIn(ofFailing) - before) / ofFailing.length
    const name = isNamed ? client : `${client}, each turn on its own`
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`
    console.log(
      `| ${name} | ${percent(stayingShare(calm))} | ${percent(cachedShare(calm))} | ${moves.toFixed(1)} each |`,
    )
  } finally {
    await isolates.stop()
    await simulator.close()
  }
}

function movesIn(conversations: ReturnType<typeof conversationsOf>): number {
  return conversations.reduce((sum, conversation) => sum + movesOf(conversation), 0)
}

await main()
