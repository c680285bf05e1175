import { readArguments, runProgram } from '../../src/cli/arguments.ts'
import { bundleWorker } from '../harness/bundle.ts'
import { DEMO_KEY, startWorker } from '../harness/worker.ts'
import { drive } from './drive.ts'
import { readManifest } from './manifest.ts'
import { startReplay } from './replay.ts'
import { failuresOf, tableOf } from './report.ts'
import { everyProviderPlayedAt, slots } from './slots.ts'

const USAGE = `npm run conformance -- [options]
Plays the recorded answers of providers in the folder RECORDINGS through the Worker, and compares what clients get.
  --only TEXT       the recordings whose names contain TEXT
  --order ORDER     how the answers are sent, for example cut:0, split:1 or with:bom
  --include-usage   with stream_options.include_usage
  --json            the results as JSON
The exit status is 1 where an answer differs.`

const OPTIONS = {
  only: { type: 'string', default: '' },
  order: { type: 'string', default: '' },
  'include-usage': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const

/** The program behind `npm run conformance`: plays all recordings through the Worker under workerd, and tells. */
async function main(args: readonly string[]): Promise<boolean> {
  const { values } = readArguments(args, OPTIONS)
  const folder = process.env.RECORDINGS
  if (folder === undefined || folder === '') {
    console.log('conformance: skipped, RECORDINGS does not name a folder of recordings')
    return true
  }
  const replay = await startReplay(readManifest(folder))
  const bundle = await bundleWorker()
  const worker = await startWorker({ file: bundle.file, vars: everyProviderPlayedAt(replay.url) })
  const { results, skipped } = await drive({
    url: worker.url,
    key: DEMO_KEY,
    recordings: readManifest(folder),
    slots,
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

await runProgram(USAGE, main)
