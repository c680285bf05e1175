import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { DEMO_KEY, type RunningWorker, startWorker } from '../harness/worker.ts'
import { type DriveOptions, drive, type Result } from './drive.ts'
import type { Api } from './expected.ts'
import { type Recording, readClientManifests, readManifest } from './manifest.ts'
import { readOpenAiSpec } from './openai-spec.ts'
import { OPENAI_WIRE } from './openai-wire.ts'
import { type Replay, startReplay } from './replay.ts'
import { everyProviderPlayedAt, modelFor } from './slots.ts'
import { eventEnds } from './wire.ts'

const { RECORDINGS = '', CLIENT_RECORDINGS = '', OPENAI_SPEC } = process.env
const hasFolders = RECORDINGS !== '' && CLIENT_RECORDINGS !== ''
/** Of so many recordings one is played; `npm run conformance` plays all. */
const SAMPLE = 4
const SPLIT_BYTES = 6000
const MAX_MS = 60_000

describe.skipIf(!hasFolders)(
  'clients of every API, at recordings of every provider (skipped unless RECORDINGS and CLIENT_RECORDINGS name their folders)',
  () => {
    const recordings = hasFolders ? [...readManifest(RECORDINGS), ...readClientManifests(CLIENT_RECORDINGS)] : []
    const streams = recordings.filter(({ kind }) => kind === 'stream')
    const spec = readOpenAiSpec(OPENAI_SPEC, OPENAI_WIRE)
    let replay: Replay
    let worker: RunningWorker

    beforeAll(async () => {
      replay = await startReplay(recordings)
      worker = await startWorker({ file: inject('bundle'), vars: everyProviderPlayedAt(replay.url) })
    })
    afterAll(async () => {
      await worker?.stop()
      await replay?.close()
    })

    async function disagreements(
      api: Api,
      played: readonly Recording[],
      order: DriveOptions['order'] = '',
    ): Promise<string[]> {
      const way = { url: worker.url, key: DEMO_KEY, modelOf: modelFor(api), atOnce: 8 }
      const { results } = await drive({
        ...way,
        recordings: [...played],
        api,
        order,
        spec: order === '' ? spec : undefined,
      })
      expect(results.length).toBeGreaterThan(0)
      return results.flatMap(told)
    }

    test(
      'a chat client reads the recordings of real clients as the second reading does',
      async () => {
        expect(
          await disagreements('chat', CLIENT_RECORDINGS === '' ? [] : readClientManifests(CLIENT_RECORDINGS)),
        ).toEqual([])
      },
      MAX_MS,
    )

    test.each(['responses', 'messages', 'gemini'] as const)(
      'a %s client reads what the second reading reads',
      async (api) => {
        expect(
          await disagreements(
            api,
            recordings.filter((_, at) => at % SAMPLE === 0),
          ),
        ).toEqual([])
      },
      MAX_MS,
    )

    test.each(['chat', 'responses', 'messages', 'gemini'] as const)(
      'a %s client reads the same byte by byte',
      async (api) => {
        // What providers say in chat completions is played to chat clients elsewhere.
        const own = streams.filter(({ api: spoken }) => api !== 'chat' || spoken === 'responses')
        const small = own.filter(({ wire }) => wire.length <= SPLIT_BYTES)
        const sample = small.filter((_, at) => at % (2 * SAMPLE) === 0)
        expect(await disagreements(api, sample, 'split:1')).toEqual([])
      },
      MAX_MS,
    )

    test.each(['chat', 'responses', 'messages', 'gemini'] as const)(
      'a stream that is cut after an event is broken in the open for a %s client, unless it was whole already',
      async (api) => {
        const spoken = streams.filter(
          ({ api: own, provider }) => own !== undefined || /^(anthropic|gemini|vertex)$/.test(provider),
        )
        const long = spoken.filter(({ wire, contentType }) => eventEnds(wire, contentType).length > 1)
        expect(await disagreements(api, long, cutSomewhere)).toEqual([])
      },
      MAX_MS,
    )
  },
)

/** After one of its events, another one for each recording. */
function cutSomewhere({ wire, contentType }: Recording): string {
  return `cut:${1 + (wire.length % (eventEnds(wire, contentType).length - 1))}`
}

function told({ file, stream, checks }: Result): string[] {
  return checks
    .filter(({ ok }) => !ok)
    .map(({ name, expected, actual }) => `${file} (${stream ? 'stream' : 'body'}) ${name}: ${expected} / ${actual}`)
}
