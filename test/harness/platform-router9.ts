import { type PlatformWorker, startPlatformWorker } from './platform-worker.ts'
import { type Router9, startRouter9On } from './router9.ts'
import { useStarted } from './use-started.ts'

/** Like `useRouter9`, with the platform's own KV: for what depends on KV and Durable Objects. Such a Worker starts more slowly. */
export function usePlatformRouter9(
  vars: Readonly<Record<string, string>> = {},
  wrapper?: string,
): Router9<PlatformWorker> {
  return useStarted(() => startRouter9On(startPlatformWorker, vars, wrapper))
}
