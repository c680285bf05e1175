import net from 'node:net'
import { endingText, startEndingsUpstream, type UpstreamEnding } from './endings-upstream.ts'
import { connectInspector, type Inspector } from './inspector.ts'
import { createClient, type Shot, shotAt } from './load.ts'
import { costOf } from './process-cost.ts'
import { askStream } from './requests.ts'
import type { Served } from './serve.ts'
import { BENCH_KEY, type Stage } from './stage.ts'
import { evaluate, type Target } from './targets.ts'
import { checkStream } from './text-check.ts'
import { textOf } from './upstream-answers.ts'

/** One way for a call to end, and how it is brought about. */
interface Ending {
  readonly name: string
  readonly stream: boolean
  readonly upstream: UpstreamEnding
  /** A second provider completes what the first one does not. */
  readonly failsOver: boolean
  /** Of another API than chat completions. Its provider speaks chat completions all the same. */
  readonly path?: '/v1/responses' | '/v1/messages'
  /** The client breaks its connection off as soon as it has this many bytes of the body. */
  readonly leavesAfter?: number
}

const whole = { stream: false, failsOver: false }
const stream = { stream: true, failsOver: false }
const ENDINGS: readonly Ending[] = [
  { ...whole, name: 'whole answer', upstream: 'complete' },
  { ...whole, name: 'whole answer, the client leaves', upstream: 'never', leavesAfter: 0 },
  { ...whole, name: 'whole answer, an error body without an end', upstream: 'error-status', failsOver: true },
  { ...stream, name: 'stream, complete', upstream: 'complete' },
  { ...stream, name: 'stream, the client leaves in the middle', upstream: 'never', leavesAfter: 1 },
  { ...stream, name: 'stream, the client leaves while words come', upstream: 'complete', leavesAfter: 1 },
  { ...stream, name: 'stream, cut by the provider', upstream: 'cut' },
  { ...stream, name: 'stream, an error in the middle', upstream: 'error' },
  { ...stream, name: 'stream, failover after the headers', upstream: 'cut-before-word', failsOver: true },
  { ...stream, name: 'stream, connection left open after [DONE]', upstream: 'held-open' },
  ...(['/v1/responses', '/v1/messages'] as const).flatMap((path): Ending[] => [
    { ...stream, path, name: `${path}, complete`, upstream: 'complete' },
    { ...stream, path, name: `${path}, the client leaves in the middle`, upstream: 'never', leavesAfter: 1 },
    { ...stream, path, name: `${path}, cut by the provider`, upstream: 'cut' },
    { ...stream, path, name: `${path}, an error in the middle`, upstream: 'error' },
  ]),
]

/** The heap may keep so much of a call: what wanders from one collection to the next, not a prompt of 20 KB. */
const MAX_BYTES_A_CALL = 2048
const CONCURRENCY = 50
const PROMPT_BYTES = 20_000
/** Before anything is measured: V8 compiles and sizes its heap. */
const WARM_CALLS = 1000
/** A connection left open is drained for a second. */
const SETTLE_MS = 3000

/** How much of each call stays in memory, for each way to end: the heap after a full collection, before and after. */
export async function soakEndings(
  stage: Stage,
  { calls, only = '' }: { readonly calls: number; readonly only?: string },
  say: (...lines: string[]) => void,
): Promise<Target[]> {
  const targets: Target[] = []
  const upstream = await startEndingsUpstream()
  const addresses = {
    OPENAI_BASE_URL: upstream.baseUrl,
    AZURE_OPENAI_BASE_URL: upstream.goodBaseUrl,
    MISTRAL_BASE_URL: upstream.baseUrl,
  }
  say('', `endings: ${calls} calls of each, prompts of ${PROMPT_BYTES / 1000} KB; the heap after a full collection`)
  try {
    for (const vars of [addresses, { ...addresses, HEALTH: 'off' }]) {
      const endings = ENDINGS.filter(({ name, failsOver }) => name.includes(only) && failsOver === 'HEALTH' in vars)
      if (endings.length === 0) continue
      const served = await stage.startRouter9({ inspect: true, watched: true, v8Flags: ['--expose-gc'], vars })
      const inspector = await connectInspector(served.inspector ?? '')
      try {
        for (const ending of endings) targets.push(await measureEnding(ending, calls, served, inspector, say))
      } finally {
        inspector.close()
        await served.stop()
      }
    }
  } finally {
    upstream.close()
  }
  return targets
}

async function measureEnding(
  ending: Ending,
  calls: number,
  served: Served,
  inspector: Inspector,
  say: (...lines: string[]) => void,
): Promise<Target> {
  const shot = shotOf(served, ending)
  await fireAll(shot, ending, Math.min(calls, WARM_CALLS))
  const before = await settled(served, inspector, Number.POSITIVE_INFINITY)
  const began = performance.now()
  await fireAll(shot, ending, calls)
  const ms = (performance.now() - began) / calls
  const after = await settled(served, inspector, before.heapBytes + calls * MAX_BYTES_A_CALL)
  const bytes = (after.heapBytes - before.heapBytes) / calls
  say(
    `  ${ending.name}: ${bytes.toFixed(0)} bytes of heap a call (${mb(before.heapBytes)} -> ${mb(after.heapBytes)} MB), ` +
      `RSS ${before.rssMb.toFixed(0)} -> ${after.rssMb.toFixed(0)} MB, ${ms.toFixed(2)} ms a call`,
  )
  return evaluate({ name: `heap a call: ${ending.name}`, unit: 'KB', must: MAX_BYTES_A_CALL / 1024 }, [bytes / 1024])
}

/** How many streams are broken off by their clients beside good ones, in an isolate that has as much memory as Cloudflare gives. */
const ABORTS = 5000
const ABORTED_PROMPT_BYTES = 100_000
const GOOD_STREAMS = 10
const GOOD = { events: 200, eventsPerWrite: 5, pauseMs: 20 }

/** Streams whose clients leave must not take others with them: of good streams beside them none may be lost. */
export async function measureAborts(stage: Stage, say: (...lines: string[]) => void): Promise<Target> {
  const upstream = await startEndingsUpstream()
  const served = await stage.startRouter9({
    v8Flags: ['--max-old-space-size=128'],
    vars: { OPENAI_BASE_URL: upstream.baseUrl },
  })
  try {
    const leaving: Ending = { ...stream, name: 'aborted', upstream: 'never', leavesAfter: 1 }
    const good = shotAt(new URL('/v1/chat/completions', served.url), askStream('claude-sonnet-4-5', GOOD), {
      authorization: `Bearer ${BENCH_KEY}`,
    })
    let over = false
    let count = 0
    const faults: string[] = []
    const readers = Array.from({ length: GOOD_STREAMS }, async () => {
      while (!over) {
        const fault = await checkStream(good, textOf(GOOD.events))
        count++
        if (fault === undefined) continue
        faults.push(fault)
        await sleep(100)
      }
    })
    const began = performance.now()
    await fireAll(shotOf(served, leaving, ABORTED_PROMPT_BYTES), leaving, ABORTS)
    over = true
    await Promise.all(readers)
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    say(
      '',
      `aborts: ${ABORTS} streams with prompts of ${ABORTED_PROMPT_BYTES / 1000} KB left by their clients in ${seconds} s, ` +
        `heap of 128 MB; of ${count} good streams beside them ${faults.length} lost${faults[0] ? `: ${faults[0]}` : ''}; ` +
        `RSS ${costOf([served.pid]).rssMb.toFixed(0)} MB`,
    )
    return evaluate(
      { name: `good streams lost beside ${ABORTS} that were left`, unit: 'requests', must: 0, exact: true },
      [faults.length],
    )
  } finally {
    await served.stop()
    upstream.close()
  }
}

function shotOf(served: Served, { stream, upstream, failsOver, path }: Ending, promptBytes = PROMPT_BYTES): Shot {
  const messages = [{ role: 'user', content: `${endingText(upstream)} ${'x'.repeat(promptBytes)}` }]
  const asked =
    path === undefined
      ? { model: 'gpt-4o', messages, provider: { only: failsOver ? ['openai', 'azure'] : ['openai'] } }
      : {
          model: 'mistral/mistral-small-latest',
          ...(path === '/v1/responses' ? { input: messages, store: false } : { messages, max_tokens: 100 }),
        }
  const body = JSON.stringify({ ...asked, stream })
  return shotAt(new URL(path ?? '/v1/chat/completions', served.url), body, { authorization: `Bearer ${BENCH_KEY}` })
}

async function fireAll(shot: Shot, { leavesAfter }: Ending, calls: number): Promise<void> {
  let left = calls
  const work = async () => {
    const client = leavesAfter === undefined ? createClient() : undefined
    while (left-- > 0) {
      if (client !== undefined) await client.fire(shot)
      else await fireAndLeave(shot, leavesAfter ?? 0)
    }
    client?.close()
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
}

/** How long a client that leaves before any byte waits until it does. */
const LEAVES_MS = 20

/** Sends a request and resets the connection after so many bytes of the answer. */
function fireAndLeave({ host, port, bytes }: Shot, leavesAfter: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, noDelay: true })
    let head = true
    socket.on('data', (piece) => {
      const body = head ? piece.indexOf('\r\n\r\n') + 4 : 0
      if (body === 3) return
      head = false
      if (piece.length - body >= leavesAfter) socket.resetAndDestroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.write(bytes)
    if (leavesAfter === 0) setTimeout(() => socket.resetAndDestroy(), LEAVES_MS)
  })
}

interface Memory {
  readonly heapBytes: number
  readonly rssMb: number
}

/** The memory once what was under way has ended: as soon as the heap is small enough, or after some seconds. */
async function settled(served: Served, inspector: Inspector, enoughBytes: number): Promise<Memory> {
  const until = Date.now() + SETTLE_MS
  for (;;) {
    const memory = await memoryOf(served, inspector)
    if (Date.now() > until || memory.heapBytes < enoughBytes) return memory
    await sleep(200)
  }
}

async function memoryOf({ pid, url }: Served, inspector: Inspector): Promise<Memory> {
  // What a first collection finalizes is free for the second one only.
  for (let times = 0; times < 3; times++) await (await fetch(new URL('/bench/gc', url))).text()
  const { usedSize } = await inspector.call<{ usedSize: number }>('Runtime.getHeapUsage')
  return { heapBytes: usedSize, rssMb: costOf([pid]).rssMb }
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
