import type { Asked } from './arguments.ts'
import { measureAborts, soakEndings } from './endings.ts'
import { measureErrors } from './errors-beside.ts'
import { connectInspector, type Inspector } from './inspector.ts'
import { shotAt } from './load.ts'
import { costOf } from './process-cost.ts'
import { askStream } from './requests.ts'
import type { Served } from './serve.ts'
import { startSilentReader } from './silent-reader.ts'
import { BENCH_KEY, type Stage } from './stage.ts'
import { evaluate, type Target } from './targets.ts'
import { checkStream } from './text-check.ts'
import { textOf } from './upstream-answers.ts'

/** 25 words a second, as a model writes them: 12,500 a second in all. */
const EVENTS_PER_WRITE = 5
const PAUSE_MS = 200
/** Clients that ask for a megabyte and then read none of it. */
const SILENT_READERS = 20
const MEGABYTE_EVENTS = 5000

/**
 * Many streams for a minute, each word compared; then errors beside good requests; then what is left in memory of calls, however
 * they end.
 */
export async function soak(asked: Asked, stage: Stage, say: (...lines: string[]) => void): Promise<Target[]> {
  const targets: Target[] = []
  const served = await stage.startRouter9({ inspect: true })
  try {
    const inspector = await connectInspector(served.inspector ?? '')
    const streams = await soakStreams(asked, served, inspector, say)
    inspector.close()
    targets.push(...streams, ...(await measureErrors(served, say)))
  } finally {
    await served.stop()
  }
  targets.push(...(await soakEndings(stage, { calls: asked.soakCalls }, say)), await measureAborts(stage, say))
  return targets
}

async function soakStreams(
  { soakStreams: count, soakSeconds }: Asked,
  served: Served,
  inspector: Inspector,
  say: (...lines: string[]) => void,
): Promise<Target[]> {
  const events = Math.ceil((soakSeconds * 1000) / PAUSE_MS) * EVENTS_PER_WRITE
  const expected = textOf(events)
  const url = new URL('/v1/chat/completions', served.url)
  const headers = { authorization: `Bearer ${BENCH_KEY}` }
  const shot = shotAt(
    url,
    askStream('gpt-4o-mini', { events, eventsPerWrite: EVENTS_PER_WRITE, pauseMs: PAUSE_MS }),
    headers,
  )
  const silent = shotAt(url, askStream('gpt-4o-mini', { events: MEGABYTE_EVENTS }), headers)

  const before = await memoryOf(served, inspector)
  const began = performance.now()
  const running = Array.from({ length: count }, () => checkStream(shot, expected))
  const readers = Array.from({ length: SILENT_READERS }, () => startSilentReader(silent))
  await sleep(soakSeconds * 250)
  const early = await memoryOf(served, inspector)
  await sleep(soakSeconds * 600)
  const late = await memoryOf(served, inspector)
  const faults = (await Promise.all(running)).flatMap((fault) => fault ?? [])
  const seconds = (performance.now() - began) / 1000
  for (const stop of readers) stop()
  await sleep(2000)
  const after = await memoryOf(served, inspector)

  const cores = (after.cpuUs - before.cpuUs) / 1e6 / seconds
  const table = Object.entries({ before, 'a quarter in': early, 'near the end': late, after })
  say(
    '',
    `soak: ${count} streams of ${events} events in ${seconds.toFixed(1)} s beside ${SILENT_READERS} clients that do not read`,
    `  ${faults.length} at fault${faults.length > 0 ? `, first: ${faults[0]}` : ''}; ${cores.toFixed(2)} of a core`,
    ...table.map(([when, { rssMb, heapMb }]) => `  ${when}: RSS ${rssMb.toFixed(0)} MB, heap ${heapMb.toFixed(1)} MB`),
  )
  return [
    evaluate({ name: `streams of ${count} with an error or a wrong word`, unit: 'requests', must: 0, exact: true }, [
      faults.length,
    ]),
    evaluate({ name: `heap of the isolate with ${count} streams, garbage included`, unit: 'MB', must: 100 }, [
      late.heapMb,
    ]),
    evaluate({ name: `growth of RSS while ${count} streams run`, unit: 'MB', must: 20 }, [late.rssMb - early.rssMb]),
  ]
}

async function memoryOf({ pid }: Served, inspector: Inspector) {
  const { usedSize } = await inspector.call<{ usedSize: number }>('Runtime.getHeapUsage')
  return { ...costOf([pid]), heapMb: usedSize / 2 ** 20 }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
