import { parseArgs } from 'node:util'
import { drive } from './drive.ts'
import { readManifest } from './manifest.ts'
import { startReplay } from './replay.ts'
import { failuresOf, tableOf } from './report.ts'
import { slots } from './slots.ts'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8787' },
    key: { type: 'string', default: 'sk-r9k-demo' },
    only: { type: 'string', default: '' },
    order: { type: 'string', default: '' },
    'include-usage': { type: 'boolean', default: false },
    'replay-port': { type: 'string' },
    'replay-only': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

/** The program behind `npm run conformance`: plays all recordings through a running Worker, and tells. */
async function main(): Promise<number> {
  const folder = process.env.RECORDINGS
  if (folder === undefined || folder === '') {
    console.log('conformance: skipped, RECORDINGS does not name a folder of recordings')
    return 0
  }
  const port = values['replay-port'] ?? (values['replay-only'] ? '0' : undefined)
  const replay = port === undefined ? undefined : await startReplay(folder, { port: Number(port) })
  if (values['replay-only']) {
    console.log(`conformance: replaying ${folder} on ${replay?.url} until interrupted`)
    // A listening server keeps the process alive; this promise only keeps it from going on.
    await new Promise(() => {})
  }
  const { results, skipped } = await drive({
    url: values.url,
    key: values.key,
    recordings: readManifest(folder),
    slots,
    only: values.only,
    order: values.order,
    includeUsage: values['include-usage'],
  })
  await replay?.close()
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
