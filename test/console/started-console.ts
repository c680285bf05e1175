import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type BrowserServer, chromium } from 'playwright-core'
import { DEMO_KEY } from '../../src/cli/shared/new-key.ts'
import { ROOT } from '../../src/cli/shared/root.ts'
import { freePort } from '../harness/listen.ts'
import { until } from '../harness/until.ts'

/** Where systems keep Chromium; `CHROMIUM` names another place. */
const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const START_WAIT_MS = 90_000

/** Router9 as `npm start` runs it, and a browser that can be connected to from any process. */
export interface StartedConsole {
  readonly address: string
  readonly key: string
  readonly managementKey: string
  /** Where playwright connects to the browser. */
  readonly browser: string
}

/** Why no browser can look at the console here; undefined where one can. */
export function whyNoBrowser(): string | undefined {
  if (chromiumProgram() === undefined) return 'there is no Chromium on this machine: install it, or name it in CHROMIUM'
  // Somebody's real keys would be asked for real.
  const own = ['.dev.vars', '.env'].find((name) => existsSync(path.join(ROOT, name)))
  return own === undefined ? undefined : `${own} has keys of real providers`
}

function chromiumProgram(): string | undefined {
  return PLACES.find((place) => place !== undefined && existsSync(place))
}

/** Starts both. Some calls have been made, so that no list is empty. `stop` ends all of it, also what has begun only. */
export function startConsole(): { started: Promise<StartedConsole>; stop: () => Promise<void> } {
  const stops: (() => Promise<unknown>)[] = []
  async function start(): Promise<StartedConsole> {
    const [router9, browser] = await Promise.all([startRouter9(stops), startBrowser(stops)])
    await makeCalls(router9.address)
    return { ...router9, browser: browser.wsEndpoint() }
  }
  return {
    started: start(),
    stop: async () => {
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}

async function startBrowser(stops: (() => Promise<unknown>)[]): Promise<BrowserServer> {
  // A container without user namespaces has no sandbox; the pages are our own.
  const options = { executablePath: chromiumProgram() ?? '', args: ['--no-sandbox', '--disable-dev-shm-usage'] }
  const server = await chromium.launchServer(options)
  stops.push(() => server.close())
  return server
}

async function startRouter9(stops: (() => Promise<unknown>)[]): Promise<Omit<StartedConsole, 'browser'>> {
  const state = await mkdtemp(path.join(os.tmpdir(), 'router9-console-'))
  const port = await freePort()
  // What a test has spent is in the sums before it gives up.
  const soon = ['--var', 'USAGE_WRITE_SECONDS:1']
  const args = ['src/cli/start/main.ts', '--port', String(port), '--persist-to', state, ...soon]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      // Later on it logs each call, which nobody reads.
      if (printed.length < 10_000) printed += piece
    })
  }
  const exited = new Promise((resolve) => child.once('exit', resolve))
  stops.push(async () => {
    child.kill('SIGTERM')
    await exited
    await rm(state, { recursive: true, force: true, maxRetries: 5 })
  })
  await until(
    () => (child.exitCode === null ? printed : Promise.reject(new Error(`npm start ended: ${printed}`))),
    (text) => text.includes('curl '),
    START_WAIT_MS,
  )
  const managementKey = (await readFile(path.join(state, 'router9-management-key'), 'utf8')).trim()
  return { address: `http://localhost:${port}`, key: DEMO_KEY, managementKey }
}

/** Calls that went well, one that failed over, and one that no provider could answer. */
async function makeCalls(address: string): Promise<void> {
  const ask = (model: string, content: string, stream = false) =>
    fetch(`${address}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, stream, messages: [{ role: 'user', content }] }),
    }).then((response) => response.text())
  await Promise.all([
    ask('auto', 'Explain quantum computing in one sentence.', true),
    ask('claude-sonnet-4-6', 'Hello! [[sim anthropic status=529]]'),
    ask('gpt-5.4', 'Hello!'),
    ask('gemini-3.5-flash', 'Hello!', true),
    ask('no-such-model', 'Hello!'),
  ])
}
