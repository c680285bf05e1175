import { parseArgs } from 'node:util'
import { bundleWorker } from '../harness/bundle.ts'
import { DEMO_KEY, startWorker } from '../harness/worker.ts'
import { drive } from './drive.ts'
import { readManifest } from './manifest.ts'
import { startReplay } from './replay.ts'
import { failuresOf, tableOf } from './report.ts'
import { everyProviderPlayedAt, slots } from './slots.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    order: { type: 'string', default: '' },
    'include-usage': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

/** The program behind `npm run conformance`: plays all recordings through the Worker under workerd, and tells. */
async function main(): Promise<number> {
  const folder = process.env.RECORDINGS
  if (folder === undefined || folder === '') {
    console.log('conformance: skipped, RECORDINGS does not name a folder of recordings')
    return 0
  }
  const replay = await startReplay(folder)
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
  return failed > 0 ? 1 : 0
}

process.exitCode = await main()
