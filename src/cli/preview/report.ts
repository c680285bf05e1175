import type { CheckResult } from '../smoke/checks.ts'
import { noneFailed, smokeTable } from '../smoke/table.ts'
import type { Preview } from './worker.ts'

/** The comment on a preview that was made: where it is, how it was made, and what the smoke test found. */
export function previewReport(
  { url, form, refusal }: Preview,
  namespaceId: string,
  results: readonly CheckResult[],
  commit: string | undefined,
): string {
  const how =
    form === 'preview' ? 'a preview of the Worker' : `a Worker of its own, since previews were refused: ${refusal}`
  return `### ${noneFailed(results) ? 'Preview' : 'Preview, broken'}

${url}/v1

This is ${commit === undefined ? 'the pull request' : `commit ${commit}`} as ${how}. It has its own Durable Objects, its own keys and its own usage, and goes when the pull request is closed. Make yourself a key:

\`\`\`sh
npm run keys -- create --name me --expires 1d --remote --namespace-id ${namespaceId}
\`\`\`

<details${noneFailed(results) ? '' : ' open'}><summary>Smoke test</summary>

\`\`\`
${smokeTable(results)}
\`\`\`

</details>`
}

/** The comment on a preview that was deleted. `isComplete` is false where something of it is left. */
export function deletionSummary(deleted: readonly string[], isComplete: boolean): string {
  const list = deleted.join(', ')
  if (!isComplete) return `The preview could not be deleted as a whole; gone: ${list || 'nothing'}.`
  return list === '' ? 'There was no preview.' : `The preview is gone: ${list}.`
}
