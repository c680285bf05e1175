import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type RunningWorker, startWorker } from '../harness/worker.ts'
import { drive, type Result } from './drive.ts'
import { readManifest } from './manifest.ts'
import { type Replay, startReplay } from './replay.ts'
import { everyProviderPlayedAt, modelFor } from './slots.ts'

const folder = process.env.RECORDINGS ?? ''

describe.skipIf(folder === '')(
  'every recording, played through the Worker (skipped unless RECORDINGS names their folder)',
  () => {
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

    test.each([
      ['as it was recorded', {}],
      ['one byte at a time, with the usage asked for', { order: 'split:1', includeUsage: true }],
    ])(
      'reads as the second reading does, %s',
      async (_, way) => {
        const recordings = readManifest(folder)
        const { results } = await drive({
          url: worker.url,
          key: 'sk-r9k-demo',
          recordings,
          modelOf: modelFor('chat'),
          ...way,
        })
        expect(results.length).toBeGreaterThan(0)
        expect(results.flatMap(disagreements)).toEqual([])
      },
      120_000,
    )
  },
)

function disagreements({ file, stream, checks }: Result): string[] {
  return checks
    .filter(({ ok }) => !ok)
    .map(({ name, expected, actual }) => `${file} (${stream ? 'stream' : 'body'}) ${name}: ${expected} / ${actual}`)
}
