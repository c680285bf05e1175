import type { TestProject } from 'vitest/node'
import { bundleWorker } from './bundle.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The bundled Worker, as it would be deployed. */
    bundle: string
  }
}

/** Bundles the Worker once for all test files. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const bundle = await bundleWorker()
  project.provide('bundle', bundle.file)
  return bundle.remove
}
