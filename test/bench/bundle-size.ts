import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { Goal } from './targets.ts'

/** The size of what is deployed, in KB of 1,024 bytes as wrangler counts them. */
export interface BundleSize {
  readonly rawKb: number
  readonly gzipKb: number
}

export const SIZE_GOAL: Goal = {
  name: 'bundle, minified, gzip',
  unit: 'KB',
  must: 115,
  aim: 90,
  usual: 205,
  exact: true,
}

export async function bundleSize(file: string): Promise<BundleSize> {
  const code = await readFile(file)
  return { rawKb: code.length / 1024, gzipKb: gzipSync(code).length / 1024 }
}
