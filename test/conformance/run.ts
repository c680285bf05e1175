import { readArguments, runProgram } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import { DEMO_KEY, startWorker } from '../harness/worker.ts'
import { drive } from './drive.ts'
import { readClientManifests, readManifest } from './manifest.ts'
import { readOpenAiSpec } from './openai-spec.ts'
import { OPENAI_WIRE } from './openai-wire.ts'
import { playPairs } from './pair-run.ts'
import { startReplay } from './replay.ts'
import { failuresOf, tableOf } from './report.ts'
import { everyProviderPlayedAt, modelFor } from './slots.ts'

const USAGE = `npm run conformance -- [options]
Plays the recorded answers of providers in the folders RECORDINGS and CLIENT_RECORDINGS through the Worker, and compares what
clients get; with OPENAI_SPEC, OpenAI's document, against its schemas too.
  --only TEXT       the recordings whose names contain TEXT
  --order ORDER     how the answers are sent, for example cut:0, split:1 or with:bom
  --include-usage   with stream_options.include_usage
  --api API         what the client speaks: chat, responses, messages or gemini
  --pairs           instead, what clients sent in the folder CLIENT_RECORDINGS, with what they got
  --json            the results as JSON
The exit status is 1 where an answer differs.`

const OPTIONS = {
  only: { type: 'string', default: '' },
  order: { type: 'string', default: '' },
  'include-usage': { type: 'boolean', default: false },
  api: { type: 'string', default: 'chat' },
  pairs: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

/** The program behind `npm run conformance`: plays all recordings through the Worker under workerd, and tells. */
async function main(args: readonly string[]): Promise<boolean> {
  const { values } = readArguments(args, OPTIONS)
  const { RECORDINGS = '', CLIENT_RECORDINGS = '', OPENAI_SPEC } = process.env
  const { api } = values
  if (api !== 'chat' && api !== 'responses' && api !== 'messages' && api !== 'gemini')
    throw new Error(`--api is not "${api}"`)
  if (values.pairs) return tellPairs(CLIENT_RECORDINGS, values.only)
  const recordings = [
    ...(RECORDINGS === '' ? [] : readManifest(RECORDINGS)),
    ...(CLIENT_RECORDINGS === '' ? [] : readClientManifests(CLIENT_RECORDINGS)),
  ]
  if (recordings.length === 0) {
    console.log('conformance: skipped, neither RECORDINGS nor CLIENT_RECORDINGS names a folder of recordings')
    return true
  }
  const replay = await startReplay(recordings)
  const bundle = await bundleWorker()
  const worker = await startWorker({ file: bundle.file, vars: everyProviderPlayedAt(replay.url) })
  const { results, skipped } = await drive({
    url: worker.url,
    key: DEMO_KEY,
    recordings,
    atOnce: 4,
    modelOf: modelFor(api),
    api,
    spec: readOpenAiSpec(OPENAI_SPEC, OPENAI_WIRE),
    only: values.only,
    order: values.order,
    includeUsage: values['include-usage'],
  })
  await worker.stop()
  await bundle.remove()
  await replay.close()
  const failed = results.filter(({ checks }) => checks.some(({ ok }) => !ok)).length
  if (values.json) console.log(JSON.stringify({ results, skipped, failed }, null, 2))
  else {
    for (const line of [...failuresOf(results), '', ...tableOf(results)]) console.log(line)
    if (skipped.length > 0) console.log(`left out: ${skipped.join(', ')}`)
    console.log(`conformance: ${results.length - failed} of ${results.length} answers as the recordings say`)
  }
  return failed === 0
}

/** Plays the pairs of requests and answers, and tells what differs and what may. */
async function tellPairs(folder: string, only: string): Promise<boolean> {
  const results = folder === '' ? [] : await playPairs(folder, only)
  const excused = new Map<string, number>()
  for (const result of results) {
    for (const difference of result.differences) console.log(difference)
    for (const { why } of result.excused) excused.set(why, (excused.get(why) ?? 0) + 1)
  }
  for (const [why, count] of excused) console.log(`meant, ${count} times: ${why}`)
  const equal = results.filter(({ differences }) => differences.length === 0).length
  const events = results.reduce((sum, result) => sum + result.events, 0)
  console.log(`conformance: ${equal} of ${results.length} pairs with ${events} events are equal`)
  return equal === results.length
}

await runProgram(USAGE, main)
