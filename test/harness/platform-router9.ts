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

/** The same with a database for usage, which is written to every second. */
export function useRouter9WithUsage(
  vars: Readonly<Record<string, string>> = {},
  wrapper?: string,
): Router9<PlatformWorker> {
  const start = (options: Parameters<typeof startPlatformWorker>[0]) =>
    startPlatformWorker({ ...options, database: true })
  return useStarted(() => startRouter9On(start, { USAGE_WRITE_SECONDS: '1', ...vars }, wrapper))
}
