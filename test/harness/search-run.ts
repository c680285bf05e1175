import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, inject } from 'vitest'
import { findLeaks, forgetRun, searched, watchAnswers } from './whole-run.ts'

// In every test file: first in, so last out, when all Workers have said what they had to say. The files that ran before it in
// this process have searched their own.
forgetRun()
const unwatch = watchAnswers()
afterAll(async () => {
  unwatch()
  const report = searched()
  if (report.workers === 0) return
  const leaks = findLeaks()
  await appendFile(path.join(path.dirname(inject('bundle')), 'searched.jsonl'), `${JSON.stringify(report)}\n`)
  if (leaks.length > 0) throw new Error(`A secret got out of Router9:\n${leaks.slice(0, 10).join('\n')}`)
})
