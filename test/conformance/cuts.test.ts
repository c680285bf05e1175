import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { DEMO_KEY, type RunningWorker, startWorker } from '../harness/worker.ts'
import { playOne, type Result, readCut } from './drive.ts'
import type { Expected } from './expected.ts'
import { type Recording, readManifest } from './manifest.ts'
import { readRecording } from './reading.ts'
import { type Replay, startReplay } from './replay.ts'
import { everyProviderPlayedAt, slotOf, slots } from './slots.ts'
import { type Cut, eventEnds } from './wire.ts'

const folder = process.env.RECORDINGS ?? ''
const AT_ONCE = 8
const OFFSETS = 3
const SEED = 9
const MAX_MS = 60_000

/** One recording, in one way. */
interface Turn {
  readonly recording: Recording
  readonly model: string
  readonly expected: Expected
  readonly order: string
}

describe.skipIf(folder === '')('every recorded stream (skipped unless RECORDINGS names their folder)', () => {
  let replay: Replay
  let worker: RunningWorker

  beforeAll(async () => {
    replay = await startReplay(readManifest(folder))
    worker = await startWorker({ file: inject('bundle'), vars: everyProviderPlayedAt(replay.url) })
  })
  afterAll(async () => {
    await worker?.stop()
    await replay?.close()
  })

  async function playAll(turns: readonly Turn[]): Promise<string[]> {
    const wrong: string[] = []
    const queue = turns.values()
    const work = async () => {
      for (const { recording, model, expected, order } of queue) {
        const result = await playOne({ url: worker.url, key: DEMO_KEY, order }, recording, model, expected, true)
        wrong.push(...disagreements(result, order))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return wrong
  }

  const streams = folder === '' ? [] : streamsOf(readManifest(folder))

  test('there are some', () => {
    expect(streams.length).toBeGreaterThan(0)
  })

  test(
    'cut after each of its events is broken in the open, unless it was whole already',
    async () => {
      const turns = streams.flatMap(({ recording, model }) =>
        eventEnds(recording.wire, recording.contentType)
          .slice(0, -1)
          .map((_, at) => turn(recording, model, { events: at + 1 }, `cut:${at + 1}`)),
      )
      expect(turns.filter(({ expected }) => expected.outcome === 'error-after-content').length).toBeGreaterThan(0)
      expect(turns.filter(({ expected }) => expected.outcome === 'answer').length).toBeGreaterThan(0)
      expect(await playAll(turns)).toEqual([])
    },
    MAX_MS,
  )

  test(
    `cut at ${OFFSETS} random bytes is broken in the open, unless it was whole already`,
    async () => {
      const chance = seeded(SEED)
      const turns = streams.flatMap(({ recording, model }) =>
        Array.from({ length: OFFSETS }, () => {
          const bytes = Math.floor(chance() * recording.wire.length)
          return turn(recording, model, { bytes }, `cutbytes:${bytes}`)
        }),
      )
      expect(await playAll(turns)).toEqual([])
    },
    MAX_MS,
  )

  test.each([
    ['with LF', 'lines:lf'],
    ['with CR', 'lines:cr'],
    ['with CRLF, in random pieces', 'lines:crlf split:random:7'],
    ['with comment lines between its events', 'with:comments'],
    ['with all of these', 'with:bom with:comments lines:cr split:random:3'],
  ])(
    'reads the same %s',
    async (_, order) => {
      const turns = streams.map(({ recording, model }) => ({
        recording,
        model,
        order,
        expected: readRecording(recording),
      }))
      expect(await playAll(turns)).toEqual([])
    },
    MAX_MS,
  )
})

function streamsOf(recordings: readonly Recording[]): { recording: Recording; model: string }[] {
  return recordings.flatMap((recording) => {
    const model = slotOf(slots, recording.provider)
    return recording.kind === 'stream' && model !== null ? [{ recording, model }] : []
  })
}

function turn(recording: Recording, model: string, cut: Cut, order: string): Turn {
  return { recording, model, order, expected: readCut(recording, model, cut) }
}

function disagreements({ file, checks }: Result, order: string): string[] {
  return checks
    .filter(({ ok }) => !ok)
    .map(({ name, expected, actual }) => `${file} ${order} ${name}: ${expected} / ${actual}`)
}

/** The same numbers in 0..1 on every machine. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
