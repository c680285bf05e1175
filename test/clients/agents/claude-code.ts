import { agent, jsonLines } from '../agents.ts'
import { CLAUDE, GEMINI, GPT } from '../client.ts'

interface Line {
  readonly type: string
  readonly result?: string
  readonly structured_output?: unknown
  readonly event?: { readonly type: string; readonly delta?: { readonly text?: string } }
}

export const claudeCode = agent({
  name: 'Claude Code',
  packages: ['@anthropic-ai/claude-code'],
  models: [GEMINI, GPT, CLAUDE],
  quick: { models: [GEMINI], cells: ['tools'] },
  has: ['stream', 'structured'],
  start: async ({ prompt, url, key, model, schema }, sandbox) => ({
    args: [
      sandbox.installed('node_modules/.bin/claude'),
      ...['-p', prompt, '--output-format', 'stream-json', '--verbose', '--include-partial-messages'],
      '--dangerously-skip-permissions',
      ...(schema === undefined ? [] : ['--json-schema', await sandbox.read('schema.json')]),
    ],
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: key,
      ANTHROPIC_MODEL: model,
      ANTHROPIC_SMALL_FAST_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
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
  readFile: (file) => `call=Read${JSON.stringify({ file_path: file })}`,
  runCommand: (command) => `call=Bash${JSON.stringify({ command, description: 'Copies' })}`,
})
