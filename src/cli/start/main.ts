import type { ChildProcess } from 'node:child_process'
import net from 'node:net'
import { createInterface } from 'node:readline'
import type { Provider } from '../../catalog/providers.ts'
import { runProgram } from '../arguments.ts'
import { makeStateFolder } from '../shared/local-store.ts'
import { ROOT } from '../shared/root.ts'
import { migrateLocalDatabase } from '../shared/usage-database.ts'
import { wranglerProgram } from '../shared/wrangler.ts'
import { isProgramStopping, startChild, stopOnSignals, stopProgram } from './children.ts'
import { startDemo } from './demo.ts'
import { type StartKeys, startKeys } from './key.ts'
import { modelToTry } from './model.ts'
import { createOutputFilter, type OutputFilter } from './output-filter.ts'
import { configuredProviders, DEMO, readStartArguments, VERBOSE } from './settings.ts'
import { startSimulator } from './simulator.ts'

const USAGE = `npm start -- [options]

Starts Router9 on this machine: with the providers whose keys .dev.vars holds, or with simulated ones where it holds none.

  --port PORT          where it listens (8787)
  --var NAME:VALUE     a setting, on top of .dev.vars; may be given more than once
  --persist-to DIR     where keys and other state are kept (.wrangler/state)
  ${DEMO}               sends requests all the time, so that the console has something to show (simulator only)
  ${VERBOSE}            all that wrangler prints

Other options are those of wrangler dev.`

/** Starts the Worker with a key for it. Returns when it is ready, or when it is clear that it will not start. */
async function start(args: readonly string[]): Promise<void> {
  const { port, persistTo, verbose, demo, wranglerArgs, settings } = await readStartArguments(args)
  // Wrangler itself refuses what is no port number.
  if (/^\d{1,5}$/.test(port) && Number(port) < 65_536 && (await isTaken(port))) {
    console.error(`Router9 cannot start: port ${port} is taken. Try npm start -- --port ${Number(port) + 1}`)
    return stopProgram(1)
  }
  const providers = configuredProviders(settings)
  const isSimulated = providers.length === 0
  if (demo && !isSimulated) {
    console.error(`${DEMO} is for the simulator alone: with the keys of providers it would spend money.`)
    return stopProgram(1)
  }
  await makeStateFolder(persistTo)
  const [simulator, keys] = await Promise.all([
    isSimulated ? startSimulator() : undefined,
    startKeys(isSimulated, persistTo),
    migrateLocalDatabase(persistTo),
  ])
  const wrangler = startChild([wranglerProgram(), 'dev', ...wranglerArgs, ...(simulator?.options ?? [])], {
    cwd: ROOT,
    stdio: verbose ? 'inherit' : ['inherit', 'pipe', 'pipe'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  })
  const filter = createOutputFilter(!demo)
  if (!verbose) showFiltered(wrangler, filter)
  let isReady = false
  wrangler.once('exit', (code) => {
    if (isProgramStopping()) return
    if (!isReady && !verbose && code !== 0) console.error(`Router9 did not start. For more: npm start -- ${VERBOSE}`)
    stopProgram(code ?? 1)
  })
  const url = `http://localhost:${port}`
  if (!(await waitUntilReady(url, wrangler))) return
  isReady = true
  const model = await modelToTry(url, keys.key, settings.AUTO_MODELS).catch(() => 'auto')
  console.log(welcomeText(url, keys, providers, model))
  filter.workerIsReady()
  if (!demo || simulator === undefined) return
  console.log(`\nTo break a provider:   curl -X PUT ${simulator.url}/control/faults/openai -d '{"status": 500}'`)
  console.log(`and to have it back:   curl -X DELETE ${simulator.url}/control/faults/openai`)
  if (!verbose) console.log(`Requests go out all the time, so no line of a call's log is shown without ${VERBOSE}.`)
  startDemo({ url, key: keys.key, simulatorUrl: simulator.url })
}

/** Whether another program listens on the port. Its answers would look like those of the Worker that starts here. */
function isTaken(port: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port: Number(port), host: 'localhost' }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function showFiltered({ stdout, stderr }: ChildProcess, filter: OutputFilter): void {
  for (const [stream, filterLine, print] of [
    [stdout, filter.stdout, console.log],
    [stderr, filter.stderr, console.error],
  ] as const) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      const shown = filterLine(line)
      if (shown !== undefined) print(shown)
    })
  }
}

/** Waits until the Worker answers; false where wrangler ended before, or where the Worker says that it cannot run. */
async function waitUntilReady(url: string, wrangler: ChildProcess): Promise<boolean> {
  while (wrangler.exitCode === null && wrangler.signalCode === null) {
    const response = await fetch(`${url}/health`).catch(() => undefined)
    if (response?.ok === true) return true
    if (response !== undefined) {
      const { error } = (await response.json()) as { error?: { message?: string } }
      console.error(`Router9 cannot start: ${error?.message ?? `status ${response.status}`}`)
      await stopProgram(1)
      return false
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

/** What to do next. Together with the four lines that npm prints, it has at most twelve lines. */
function welcomeText(
  url: string,
  { key, managementKey }: StartKeys,
  providers: readonly Provider[],
  model: string | undefined,
): string {
  const source =
    providers.length > 0
      ? `Providers: ${providers.map(({ id }) => id).join(', ')}.`
      : 'No provider key is set, so a simulator plays every provider: answers are made up. Put a key into .dev.vars for real ones.'
  const link = `${url}/console#key=${key}&management_key=${managementKey}`
  const head = `Router9 is ready: ${url}/v1\nConsole: ${link}\nAPI key: ${key}\n${source}`
  if (model === undefined) return `${head}\nThere is no model yet that could answer: GET ${url}/v1/models lists none.`
  return `${head}
curl ${url}/v1/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": ${JSON.stringify(model)}, "messages": [{"role": "user", "content": "Explain quantum computing in one sentence."}]}'`
}

if (import.meta.main) {
  await runProgram(USAGE, async (args) => {
    stopOnSignals()
    await start(args)
    return true
  })
}
