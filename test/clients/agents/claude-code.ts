import { type Agent, agent, cityBy, jsonLines } from '../agents.ts'
import { AUTO, CLAUDE, GEMINI, GPT } from '../client.ts'
import { asTheStartPageSays } from '../start-page.ts'

interface Line {
  readonly type: string
  readonly result?: string
  readonly structured_output?: unknown
  readonly event?: { readonly type: string; readonly delta?: { readonly text?: string } }
}

const WAYS = {
  packages: ['@anthropic-ai/claude-code'],
  has: ['stream', 'structured'],
  start: async (task, sandbox) =>
    asTheStartPageSays('claude-code', task, sandbox, {
      args: [
        ...['-p', task.prompt, '--output-format', 'stream-json', '--verbose', '--include-partial-messages'],
        '--dangerously-skip-permissions',
        ...(task.schema === undefined ? [] : ['--json-schema', await sandbox.read('schema.json')]),
      ],
      env: {
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_TELEMETRY: '1',
        DISABLE_AUTOUPDATER: '1',
        DISABLE_ERROR_REPORTING: '1',
        CLAUDE_CODE_MAX_RETRIES: '1',
        IS_SANDBOX: '1',
      },
    }),
  read: ({ stdout }) => {
    const lines = jsonLines<Line>(stdout)
    const { result = '', structured_output } = lines.find(({ type }) => type === 'result') ?? {}
    return {
      answer: structured_output === undefined ? result : JSON.stringify(structured_output),
      pieces: lines.flatMap(({ event }) => event?.delta?.text ?? []),
    }
  },
  answerWith: cityBy('StructuredOutput'),
  readFile: (file) => `call=Read${JSON.stringify({ file_path: file })}`,
  runCommand: (command) => `call=Bash${JSON.stringify({ command, description: 'Copies' })}`,
} satisfies Omit<Agent, 'name'>

export const claudeCode = agent({
  ...WAYS,
  name: 'Claude Code',
  models: [GEMINI, GPT, CLAUDE, AUTO],
  quick: { models: [GEMINI], cells: ['tools'] },
})

/** Both providers refuse a turn whose reasoning has not come back as they signed it, so a lost signature ends the loop. */
export const claudeCodeForLong = agent({
  ...WAYS,
  name: 'Claude Code, thirty tool rounds',
  models: [GEMINI, GPT],
  cells: ['tools'],
  rounds: 30,
})
