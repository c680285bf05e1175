import { afterAll, beforeAll, inject } from 'vitest'
import { type Simulator, startSimulator } from '../simulator/server.ts'
import { DEMO_KEY, everyProviderAt, type RunningWorker, startWorker } from './worker.ts'

/** The whole of Router9: the bundled Worker under workerd, every provider played by the simulator. */
export interface Router9 {
  readonly url: string
  readonly worker: RunningWorker
  readonly simulator: Simulator
  /** Posts to chat completions with the demo key; headers given here win. */
  readonly chat: (body: unknown, headers?: Record<string, string>, signal?: AbortSignal) => Promise<Response>
  readonly stop: () => Promise<void>
}

/**
 * Router9 for a test file: started before the first test, stopped after the last one.
 * @example const router9 = useRouter9()
 */
export function useRouter9(...given: Parameters<typeof startRouter9>): Router9 {
  const started = {} as Router9
  beforeAll(async () => {
    Object.assign(started, await startRouter9(...given))
  })
  afterAll(() => started.stop?.())
  return started
}

/**
 * Starts Router9 for a test file. `vars` are settings on top of every provider's; an empty one takes a setting away; a wrapper stands in the
 * Worker's place (`WorkerOptions`). Health is
 * off: what one test does to a provider must not decide what the next one gets. Tests of health turn it on.
 */
export async function startRouter9(vars: Readonly<Record<string, string>> = {}, wrapper?: string): Promise<Router9> {
  const simulator = await startSimulator()
  const all = { ...everyProviderAt(simulator.url), HEALTH: 'off', ...vars }
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  const worker = await startWorker({
    file: inject('bundle'),
    vars: kept,
    ...(wrapper === undefined ? {} : { wrapper }),
  })
  return {
    url: worker.url,
    worker,
    simulator,
    chat: (body, headers = {}, signal) =>
      fetch(`${worker.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
    stop: async () => {
      await worker.stop()
      await simulator.close()
    },
  }
}
