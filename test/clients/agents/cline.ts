import { agent, jsonLines } from '../agents.ts'
import type { Client } from '../client.ts'

interface Line {
  readonly type: string
  readonly text?: string
}

/** One row for each API that it can speak. */
export const cline: readonly Client[] = ['openai-compatible', 'anthropic'].map((provider) =>
  agent({
    name: `Cline, ${provider}`,
    packages: ['cline'],
    has: [],
    start: async ({ prompt, url, key, model }, sandbox) => {
      const baseUrl = provider === 'anthropic' ? url : `${url}/v1`
      const settings = { provider, apiKey: key, model, baseUrl }
      const stored = { settings, updatedAt: new Date().toISOString(), tokenSource: 'manual' }
      await sandbox.write(
        '.cline/data/settings/providers.json',
        JSON.stringify({ version: 1, lastUsedProvider: provider, modes: {}, providers: { [provider]: stored } }),
      )
      return {
        args: [sandbox.installed('node_modules/.bin/cline'), '--json', '-P', provider, '-m', model, prompt],
        env: { CLINE_TELEMETRY_DISABLED: '1' },
      }
    },
    read: ({ stdout }) => ({
      answer: jsonLines<Line>(stdout).findLast(({ type }) => type === 'run_result')?.text ?? '',
    }),
    readFile: (file) => `call=read_files${JSON.stringify({ files: [{ path: file }] })}`,
    runCommand: (command) => `call=run_commands${JSON.stringify({ commands: [command] })}`,
  }),
)
