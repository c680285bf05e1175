import { inject } from 'vitest'
import { type Simulator, startSimulator } from '../simulator/server.ts'
import { useStarted } from './use-started.ts'
import { ALLOW_ALL, DEMO_KEY, everyProviderAt, type RunningWorker, startWorker, type WorkerOptions } from './worker.ts'

type Vars = Readonly<Record<string, string>>
type AnyWorker = Pick<RunningWorker, 'url' | 'stop'>

/** The whole of Router9: the bundled Worker, every provider played by the simulator. */
export interface Router9<W extends AnyWorker = RunningWorker> {
  readonly url: string
  readonly worker: W
  readonly simulator: Simulator
  /** Posts to chat completions with the demo key; headers given here win. */
  readonly chat: (body: unknown, headers?: Record<string, string>, signal?: AbortSignal) => Promise<Response>
  readonly stop: () => Promise<void>
}

/**
 * Router9 for a test file: started before the first test, stopped after the last one.
 * @example const router9 = useRouter9()
 */
export function useRouter9(vars: Vars = {}, wrapper?: string): Router9 {
  return useStarted(() => startRouter9(vars, wrapper))
}

/**
 * Starts Router9 under plain workerd. `vars` are settings on top of every provider's; an empty one takes a setting away. A
 * wrapper stands in the Worker's place (`WorkerOptions`). Health is off: what one test does to a provider must not decide what
 * the next one gets. Tests of health turn it on.
 */
export function startRouter9(vars: Vars = {}, wrapper?: string): Promise<Router9> {
  return startRouter9On(startWorker, vars, wrapper)
}

/** The same with another way to start the Worker. */
export async function startRouter9On<W extends AnyWorker>(
  start: (options: WorkerOptions) => Promise<W>,
  vars: Vars,
  wrapper?: string,
): Promise<Router9<W>> {
  const simulator = await startSimulator()
  const all = { ...everyProviderAt(simulator.url), ...ALLOW_ALL, HEALTH: 'off', ...vars }
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  const worker = await start({
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
