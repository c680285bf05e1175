import { setTimeout as sleep } from 'node:timers/promises'
import { ALLOW_ALL, DEMO_KEY, everyProviderAt, startWorker } from '../harness/worker.ts'
import type { RecordedRequest } from '../simulator/requests.ts'
import { type Simulator, startSimulator } from '../simulator/server.ts'

const LEAVING_MS = 6000
const ASKING_MS = 60_000
/** Long enough for a few words of an answer. */
const ANSWERING_MS = 1000

/** Router9 with every provider played by the simulator. */
export interface Stage {
  readonly url: string
  readonly key: string
  readonly simulator: Simulator
  /** Whether the provider's answer to the request that holds this word was broken off, and soon. */
  readonly wasLeft: (word: string) => Promise<boolean>
  /** What a provider was sent that holds this word. */
  readonly askedWith: (word: string) => string[]
  /** Comes to pass when the provider answers a request that holds this word. */
  readonly isAsked: (word: string) => Promise<void>
  readonly log: () => string
  readonly stop: () => Promise<void>
}

/** Starts both, in this network namespace. */
export async function startStage(bundle: string): Promise<Stage> {
  const simulator = await startSimulator()
  const worker = await startWorker({
    file: bundle,
    vars: { ...everyProviderAt(simulator.url), ...ALLOW_ALL, HEALTH: 'off' },
  })
  return {
    url: worker.url,
    key: DEMO_KEY,
    simulator,
    log: worker.log,
    askedWith: (word) => askedOf(simulator, word).map(({ body }) => JSON.stringify(body)),
    isAsked: async (word) => {
      for (const until = Date.now() + ASKING_MS; Date.now() < until && askedOf(simulator, word).length === 0; ) {
        await sleep(100)
      }
      await sleep(ANSWERING_MS)
    },
    wasLeft: async (word) => {
      for (const until = Date.now() + LEAVING_MS; Date.now() < until; await sleep(100)) {
        const asked = askedOf(simulator, word)
        if (asked.length > 0 && asked.every(({ aborted, finished }) => aborted && !finished)) return true
      }
      return false
    },
    stop: async () => {
      await worker.stop()
      await simulator.close()
    },
  }
}

function askedOf(simulator: Simulator, word: string): RecordedRequest[] {
  return simulator.requests().filter(({ body }) => JSON.stringify(body).includes(word))
}
