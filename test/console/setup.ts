import http from 'node:http'
import type { TestProject } from 'vitest/node'
import { listen } from '../harness/listen.ts'
import { startConsole } from './started-console.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Whoever asks here gets the StartedConsole of this run. The first one who asks starts it. */
    consoleStarter: string
  }
}

/** One console and one browser for all test files, in whichever process they run, and none where no test needs it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let console: ReturnType<typeof startConsole> | undefined
  const server = http.createServer(async (_, response) => {
    console ??= startConsole()
    await console.started.then(
      (started) => response.end(JSON.stringify(started)),
      (error: Error) => response.writeHead(500).end(error.message),
    )
  })
  project.provide('consoleStarter', `http://127.0.0.1:${await listen(server)}`)
  return async () => {
    server.closeAllConnections()
    server.close()
    await console?.stop()
  }
}
