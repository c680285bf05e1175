import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { watchWorker } from '../../harness/whole-run.ts'
import { DEMO_KEY, everyProviderAt } from '../../harness/worker.ts'
import { type Simulator, startSimulator } from '../../simulator/server.ts'
import {
  cachedShare,
  conversationsOf,
  EQUALS,
  goOn,
  movesOf,
  OPEN_MODEL,
  placesOf,
  stayingShare,
} from './conversations.ts'
import { type Isolates, startIsolates } from './isolates.ts'
import { type ProviderEntry, say } from './setting.ts'

const ISOLATES = 8
const TURNS = 20
const FAULT_FROM = 8
const FAULT_TO = 14
const HEADERS = { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' }

let simulator: Simulator
let isolates: Isolates

beforeAll(async () => {
  simulator = await startSimulator()
  const all = Object.entries(everyProviderAt(simulator.url))
  isolates = await startIsolates(
    inject('bundle'),
    ISOLATES,
    Object.fromEntries(all.filter(([name]) => EQUALS.test(name))),
  )
  const secrets = all.flatMap(([name, value]) => (name.endsWith('_API_KEY') ? value : []))
  for (const url of isolates.urls) watchWorker({ url, secrets: () => secrets, log: isolates.log })
})
afterAll(async () => {
  await isolates.stop()
  await simulator.close()
})

/** Whether all isolates hold a provider for well; a short request without a session probes it where that is due. */
async function isWell(provider: string): Promise<boolean> {
  const states = await Promise.all(
    isolates.urls.map(async (url) => {
      const body = JSON.stringify({ model: OPEN_MODEL, messages: say('well') })
      await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: HEADERS, body })).text()
      const { data } = (await (await fetch(`${url}/v1/providers`, { headers: HEADERS })).json()) as {
        data: ProviderEntry[]
      }
      return data.find(({ id }) => id === provider)?.state
    }),
  )
  return states.every((state) => state === 'closed')
}

test('a conversation stays at one of three equals, moves once when that one fails, and does not come back by itself', async () => {
  const conversations = conversationsOf('kept', ['chat', 'chat', 'chat', 'chat', 'claude-code', 'codex'])
  await goOn(isolates.urls, conversations, FAULT_FROM)
  expect(stayingShare(conversations)).toBe(1)
  expect(cachedShare(conversations)).toBeGreaterThan(0.75)
  const homes = conversations.map((conversation) => placesOf(conversation)[0])
  const [failing = ''] = homes
  simulator.setFault(failing, { status: 500 })
  await goOn(isolates.urls, conversations, FAULT_TO)
  simulator.clearFaults()
  await until(() => isWell(failing))
  await goOn(isolates.urls, conversations, TURNS)

  for (const { turns } of conversations) expect(turns.map(({ status }) => status)).toEqual(Array(TURNS).fill(200))
  for (const [at, conversation] of conversations.entries()) {
    const wasStruck = homes[at] === failing
    expect(movesOf(conversation), placesOf(conversation).join()).toBe(wasStruck ? 1 : 0)
  }
  expect(cachedShare(conversations)).toBeGreaterThan(0.75)
})

test('turns that nothing connects go from one to the other, and find less of their prompts in a cache', async () => {
  const [named, unnamed] = ['named', 'unnamed'].map((kind) => conversationsOf(kind, ['chat', 'chat', 'chat']))
  expect.assert(named !== undefined && unnamed !== undefined)
  await goOn(isolates.urls, named, FAULT_FROM)
  await goOn(isolates.urls, unnamed, FAULT_FROM, false)
  expect(stayingShare(named)).toBe(1)
  expect(stayingShare(unnamed)).toBeLessThan(0.7)
  expect(cachedShare(unnamed)).toBeLessThan(cachedShare(named) - 0.1)
})
