import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { bundleWorker } from './bundle.ts'
import type { Searched } from './whole-run.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The bundled Worker, as it would be deployed. */
    bundle: string
  }
}

/** Bundles the Worker once for all test files. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const bundle = await bundleWorker()
  project.provide('bundle', bundle.file)
  return async () => {
    const report = path.join(bundle.directory, 'searched.jsonl')
    if (existsSync(report)) console.log(summary(readFileSync(report, 'utf8')))
    await bundle.remove()
  }
}

/** What the test files have searched; one that found something has failed. */
function summary(report: string): string {
  const files = report.trim().split('\n')
  const searched: Searched[] = files.map((line) => JSON.parse(line))
  const sum = (name: keyof Searched) => searched.reduce((total, file) => total + file[name], 0).toLocaleString('en')
  return `Searched for ${sum('secrets')} secrets in ${files.length} test files: ${sum('answers')} answers and ${sum('logCharacters')} characters of log by ${sum('workers')} Workers.`
}
