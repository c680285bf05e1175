import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Script, type Scripted, startScripted } from '../cases/scripted.ts'
import { ATTACKS, type Attack } from './attack-list.ts'
import { API_ATTACKS } from './attack-list-apis.ts'
import { GEMINI_EMBEDDING_ATTACKS } from './attack-list-gemini-embeddings.ts'
import { type Cores, pinned } from './cores.ts'
import { createClient, shotAt } from './load.ts'
import { ask, askStream } from './requests.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY, type Stage } from './stage.ts'
import { evaluate, type Target } from './targets.ts'

/** A hostile caller or provider may cost this much memory and may make others wait for so long (in MB and milliseconds). */
const MAX_GROWTH_MB = 64
const MAX_WAIT_MS = 50
/** The stream of another tenant that goes on beside each attack. */
const PACE = { events: 20_000, pauseMs: 5 }
/** After an attack its effects may still come, and V8 gives memory back. */
const SETTLE_MS = 500
const POLL_MS = 2
/** An attack that is not answered by then is over: what it holds is its own. */
const GIVE_UP_MS = 20_000
/** Before an attack: V8 compiles, and the process grows to what usual requests and long streams need. */
const WARM_CALLS = 200
const WARM_STREAMS = 4
const WARM_EVENTS = 10_000

/**
 * The largest bodies, depths, lists and lies, one after the other, beside a paced stream of somebody else: by how much the
 * process grows at most, and how long that stream waits at most.
 */
export async function measureAttacks(
  stage: Stage,
  cores: Cores | undefined,
  only: string,
  say: (...lines: string[]) => void,
): Promise<Target[]> {
  const hostile = await startScripted()
  const targets: Target[] = []
  say('', 'attacks: growth of the process, and the longest wait of another stream with a word each 5 ms')
  try {
    for (const attack of [...ATTACKS, ...API_ATTACKS, ...GEMINI_EMBEDDING_ATTACKS].filter(({ name }) =>
      name.includes(only),
    )) {
      const { growthMb, waitMs, answer, ms } = await attackOnce(attack, stage, hostile, cores)
      say(
        `  ${attack.name.padEnd(66)} ${growthMb.toFixed(0).padStart(5)} MB ${waitMs.toFixed(0).padStart(6)} ms  ` +
          `${answer} in ${ms.toFixed(0)} ms`,
      )
      targets.push(
        evaluate({ name: `growth: ${attack.name}`, unit: 'MB', must: MAX_GROWTH_MB }, [growthMb]),
        evaluate({ name: `others wait: ${attack.name}`, unit: 'ms', must: MAX_WAIT_MS }, [waitMs]),
      )
    }
  } finally {
    await hostile.close()
  }
  return targets
}

/** An isolate of its own for each: what one attack leaves behind would hide what the next one takes. */
async function attackOnce(attack: Attack, stage: Stage, hostile: Scripted, cores: Cores | undefined): Promise<Round> {
  const served = await stage.startRouter9({
    vars: {
      HEALTH: 'off',
      OPENAI_BASE_URL: `${hostile.url}/v1`,
      ANTHROPIC_BASE_URL: hostile.url,
      COHERE_BASE_URL: hostile.url,
      MISTRAL_BASE_URL: `${hostile.url}/v1`,
      GEMINI_BASE_URL: `${hostile.url}/v1beta`,
    },
  })
  const reader = startReader(served, cores)
  try {
    const url = new URL('/v1/chat/completions', served.url)
    const headers = { authorization: `Bearer ${BENCH_KEY}` }
    const usual = shotAt(url, ask('groq/llama-3.3-70b-versatile'), headers)
    const client = createClient()
    for (let calls = 0; calls < WARM_CALLS; calls++) await client.fire(usual)
    const long = shotAt(url, askStream('groq/llama-3.3-70b-versatile', { events: WARM_EVENTS }), headers)
    for (let streams = 0; streams < WARM_STREAMS; streams++) await client.fire(long)
    client.close()
    return await measure(attack, served, hostile, reader)
  } finally {
    reader.stop()
    await served.stop()
  }
}

interface Round {
  readonly growthMb: number
  readonly waitMs: number
  readonly answer: string
  readonly ms: number
}

async function measure(attack: Attack, served: Served, hostile: Scripted, reader: Reader): Promise<Round> {
  const { bodies: given, before: kept, answer, path: asked = '/v1/chat/completions', headers = {} } = attack.make()
  const post = (body: BodyInit) =>
    fetch(new URL(asked, served.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${BENCH_KEY}`, 'content-type': 'application/json', ...headers },
      body,
      // A body that is still being made.
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
      signal: AbortSignal.timeout(GIVE_UP_MS),
    })
  hostile.play(OK)
  const { id = '' } = kept === undefined ? {} : ((await (await post(kept)).json()) as { id?: string })
  const bodies = typeof given === 'function' ? given(id) : given
  if (answer !== undefined) hostile.play(answer)
  const before = residentMb(served.pid)
  let most = before
  const poll = setInterval(() => {
    most = Math.max(most, residentMb(served.pid))
  }, POLL_MS)
  await reader.reset()
  const began = performance.now()
  const statuses = await Promise.all(
    bodies.map(async (body) => {
      try {
        const response = await post(body as BodyInit)
        const text = await response.text()
        const code = /"code":"?(\w+)/.exec(text.slice(-2000))?.[1]
        return `${response.status}${code === undefined ? '' : ` ${code}`}`
      } catch (error) {
        return error instanceof Error ? error.name : String(error)
      }
    }),
  )
  const ms = performance.now() - began
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const { longestMs, faults } = await reader.report()
  clearInterval(poll)
  const answers = [...new Set(statuses)].join(', ')
  return {
    growthMb: most - before,
    waitMs: faults > 0 ? Number.POSITIVE_INFINITY : longestMs,
    answer: faults > 0 ? `${answers}; the other stream broke` : answers,
    ms,
  }
}

const OK: Script = {
  headers: { 'content-type': 'application/json' },
  pieces: [JSON.stringify({ choices: [{ index: 0, message: { content: 'Hello' }, finish_reason: 'stop' }] })],
}

interface Reader {
  readonly reset: () => Promise<void>
  readonly report: () => Promise<{ longestMs: number; faults: number }>
  readonly stop: () => void
}

function startReader(served: Served, cores: Cores | undefined): Reader {
  const file = path.join(import.meta.dirname, 'paced-reader.ts')
  const url = new URL('/v1/chat/completions', served.url).href
  const [command, args] = pinned(cores?.upstream, process.execPath, [file, url, BENCH_KEY, JSON.stringify(PACE)])
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return {
    reset: async () => {
      child.send('reset')
      // A few words first: the wait for a reset is no wait for a word.
      await new Promise((resolve) => setTimeout(resolve, 50))
    },
    report: () =>
      new Promise((resolve) => {
        child.once('message', (message) => resolve(message as { longestMs: number; faults: number }))
        child.send('report')
      }),
    stop: () => child.kill(),
  }
}

const PAGE_BYTES = 4096

/** NaN where memory cannot be read so. */
function residentMb(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
  return (Number(pages) * PAGE_BYTES) / 2 ** 20
}
