import { agent, cityBy, jsonLines } from '../agents.ts'
import type { Client } from '../client.ts'

interface Line {
  readonly type: string
  readonly result?: string
  readonly error?: { readonly message?: string }
  readonly event?: { readonly delta?: { readonly text?: string } }
}

/** One row for each API that it can speak. */
export const qwenCode: readonly Client[] = ['openai', 'openai-responses', 'anthropic'].map((type) =>
  agent({
    name: `Qwen Code, ${type}`,
    packages: ['@qwen-code/qwen-code'],
    has: ['stream', 'structured', 'image'],
    start: async ({ prompt, url, key, model, schema, image }, sandbox) => {
      await sandbox.write(
        '.qwen/settings.json',
        JSON.stringify({
          general: { enableAutoUpdate: false },
          telemetry: { enabled: false },
          privacy: { usageStatisticsEnabled: false },
        }),
      )
      const base = type === 'anthropic' ? url : `${url}/v1`
      const prefix = type === 'anthropic' ? 'ANTHROPIC' : 'OPENAI'
      return {
        args: [
          sandbox.installed('node_modules/.bin/qwen'),
          ...['--auth-type', type, '-m', model, '--yolo', '-o', 'stream-json', '--include-partial-messages'],
          ...(schema === undefined ? [] : ['--json-schema', `@${schema}`]),
          ...['-p', image === undefined ? prompt : `${prompt} @${image}`],
        ],
        env: { [`${prefix}_BASE_URL`]: base, [`${prefix}_API_KEY`]: key, [`${prefix}_MODEL`]: model },
      }
    },
    read: ({ stdout }) => {
      const lines = jsonLines<Line>(stdout)
      const { result, error } = lines.find(({ type }) => type === 'result') ?? {}
      return { answer: result ?? error?.message ?? '', pieces: lines.flatMap(({ event }) => event?.delta?.text ?? []) }
    },
    answerWith: cityBy('structured_output'),
    readFile: (file) => `call=read_file${JSON.stringify({ file_path: file })}`,
    runCommand: (command) => `call=run_shell_command${JSON.stringify({ command, is_background: false })}`,
  }),
)
