import { agent, jsonLines } from '../agents.ts'
import { AUTO, type Client, MODELS } from '../client.ts'
import { asTheStartPageSays } from '../start-page.ts'

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
    ...(provider === 'openai-compatible' ? { models: [...MODELS, AUTO] } : {}),
    start: async (task, sandbox) => {
      const { prompt, url, key, model } = task
      const env = { CLINE_TELEMETRY_DISABLED: '1' }
      if (provider === 'openai-compatible') {
        return asTheStartPageSays('cline', task, sandbox, { args: ['--json', prompt], env })
      }
      const stored = {
        settings: { provider, apiKey: key, model, baseUrl: url },
        updatedAt: new Date().toISOString(),
        tokenSource: 'manual',
      }
      await sandbox.write(
        '.cline/data/settings/providers.json',
        JSON.stringify({ version: 1, lastUsedProvider: provider, modes: {}, providers: { [provider]: stored } }),
      )
      return {
        args: [sandbox.installed('node_modules/.bin/cline'), '--json', '-P', provider, '-m', model, prompt],
        env,
      }
    },
    read: ({ stdout }) => ({
      answer: jsonLines<Line>(stdout).findLast(({ type }) => type === 'run_result')?.text ?? '',
    }),
    readFile: (file) => `call=read_files${JSON.stringify({ files: [{ path: file }] })}`,
    runCommand: (command) => `call=run_commands${JSON.stringify({ commands: [command] })}`,
  }),
)
