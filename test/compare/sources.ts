import type { Asked } from './arguments.ts'
import { recordings } from './recordings.ts'
import type { Source } from './source.ts'

/** All that is compared. */
export function allSources({ quick }: Asked): Source[] {
  const folder = process.env.RECORDINGS ?? ''
  return [...(folder === '' ? [] : [recordings(folder, quick)])]
}
