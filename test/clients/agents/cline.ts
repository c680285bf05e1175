import { agent, jsonLines } from '../agents.ts'
import type { Client } from '../client.ts'

interface Line {
  readonly type: string
  readonly text?: string
  readonly event?: { readonly type?: string; readonly text?: string; readonly message?: string }
  readonly message?: string
}

export const cline: readonly Client[] = ['openai-compatible', 'anthropic'].map((provider) =>
  agent({
    name: `Cline, ${provider}`,
    packages: ['cline'],
    has: [],
    start: async ({ prompt, model }, sandbox) => ({
      args: [sandbox.installed('node_modules/.bin/cline'), '--json', '-P', provider, '-m', model, prompt],
      env: { CLINE_TELEMETRY_DISABLED: '1' },
    }),
    read: ({ stdout }) => {
      const lines = jsonLines<Line>(stdout)
      return { answer: lines.flatMap(({ text }) => text ?? []).at(-1) ?? '' }
    },
    readFile: (file) => `call=read_file${JSON.stringify({ path: file })}`,
    runCommand: (command) => `call=execute_command${JSON.stringify({ command, requires_approval: false })}`,
  }),
)
