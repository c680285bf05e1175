import path from 'node:path'
import { runProgram } from '../arguments.ts'
import { ROOT } from '../shared/root.ts'
import { buildSite, writeSite } from './build.ts'

const USAGE = `npm run console

Builds the pages of the console and of the documentation into .console. Wrangler runs it before it starts or deploys the Worker.`

if (import.meta.main) {
  await runProgram(USAGE, async () => {
    await writeSite(await buildSite(), path.join(ROOT, '.console'))
    return true
  })
}
