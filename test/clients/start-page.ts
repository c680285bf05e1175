import path from 'node:path'
import { snippetsFor } from '../../src/console/pages/start/snippets.ts'
import type { Task } from './agents.ts'
import type { Command, Sandbox } from './sandbox.ts'

/** What a trial adds to what the start page says. */
interface Additions {
  /** Of the program, so that it does the work without a person. */
  readonly args: readonly string[]
  /** Without telemetry and updates. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** What the file that the snippet has written needs besides. */
  readonly file?: (text: string) => string
}

/**
 * Does what the start page says for a client, but for installing it, in a shell: the last line starts the client, with more
 * arguments. Where another model than `auto` is tried, it stands in its place.
 */
export async function asTheStartPageSays(
  id: string,
  { url, key, model }: Task,
  sandbox: Sandbox,
  { args, env = {}, input, file = (text) => text }: Additions,
): Promise<Pick<Command, 'args' | 'env' | 'input'>> {
  const snippet = snippetsFor(url, key).find((one) => one.id === id)
  if (snippet === undefined) throw new Error(`the start page has no snippet ${id}`)
  const commands: string[] = []
  for (const step of snippet.steps) {
    const text = step.text.replace(/(?<![\w-])auto(?!\w)/g, model)
    if (step.does === 'write') await sandbox.write(step.file.replace(/^~\//, ''), file(text))
    if (step.does === 'run') commands.push(text)
  }
  return {
    args: ['sh', '-c', `${commands.join('\n')} "$@"`, 'sh', ...args],
    env: {
      ...env,
      PATH: [sandbox.installed('node_modules/.bin'), path.dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
    },
    ...(input === undefined ? {} : { input }),
  }
}
