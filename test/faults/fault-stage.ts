import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { everyProviderAt } from '../harness/worker.ts'
import type { Fault } from '../simulator/faults.ts'
import { startIsolates } from '../worker/health/isolates.ts'
import { PACE, STRUCK } from './fault-cases.ts'

/** Router9 in two isolates between a load and providers, the one that is struck in a process of its own. */
export interface Stage {
  readonly urls: readonly string[]
  readonly strike: (fault: Fault | 'gone') => Promise<void>
  readonly heal: () => Promise<void>
  readonly stop: () => Promise<void>
}

const MAIN = path.join(import.meta.dirname, '../simulator/main.ts')
/** Two sell the first model, so that there is an equal to go to; the others are second choices. */
const AUTO_MODELS = 'gpt-4o,mistral-large-2512,llama-3.3-70b-instruct'

/** @param isPace the struck provider's pace is set by us, not by prompts. */
export async function setStage(bundle: string, isPace: boolean): Promise<Stage> {
  let stricken = await startSimulator()
  const others = await startSimulator()
  const { port } = stricken
  const usual = isPace ? PACE : undefined
  const set = (fault: Fault | undefined) => setFault(port, fault)
  await set(usual)
  const at = (port: number, names: RegExp) =>
    Object.entries(everyProviderAt(`http://127.0.0.1:${port}`)).filter(([name]) => names.test(name))
  const isolates = await startIsolates(bundle, 2, {
    ...Object.fromEntries([...at(port, /^OPENAI_/), ...at(others.port, /^(AZURE_OPENAI|MISTRAL|GROQ)_/)]),
    AUTO_MODELS,
  })
  return {
    urls: isolates.urls,
    strike: async (fault) => {
      if (fault !== 'gone') return set(fault)
      await end(stricken.child)
    },
    heal: async () => {
      if (stricken.child.signalCode !== null) stricken = await startSimulator(port)
      await set(usual)
    },
    stop: async () => {
      await isolates.stop()
      await Promise.all([end(stricken.child), end(others.child)])
    },
  }
}

interface SimulatorProcess {
  readonly child: ChildProcess
  readonly port: number
}

async function startSimulator(port = 0, tries = 20): Promise<SimulatorProcess> {
  const child = spawn(process.execPath, [MAIN, '--port', String(port)], { stdio: ['ignore', 'pipe', 'ignore'] })
  // It says its address when it listens.
  const said = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => undefined)])
  const found = /:(\d+)\s*$/.exec(String(said?.[0] ?? ''))?.[1]
  if (found !== undefined) return { child, port: Number(found) }
  if (tries === 0) throw new Error('the provider simulator does not start')
  // Somebody's connection has the port for a moment.
  await sleep(100)
  return startSimulator(port, tries - 1)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function setFault(port: number, fault: Fault | undefined): Promise<void> {
  const init = fault === undefined ? { method: 'DELETE' } : { method: 'PUT', body: JSON.stringify(fault) }
  const response = await fetch(`http://127.0.0.1:${port}/control/faults/${STRUCK}`, init)
  if (!response.ok) throw new Error(`the simulator refuses a fault: ${await response.text()}`)
}
