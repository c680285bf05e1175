import { agent } from '../agents.ts'
import { AUTO, type Client, MODELS } from '../client.ts'
import { asTheStartPageSays } from '../start-page.ts'

/** One row for each API that it can speak. */
export const continueCli: readonly Client[] = ['openai', 'anthropic'].map((provider) =>
  agent({
    name: `Continue, ${provider}`,
    packages: ['@continuedev/cli'],
    has: [],
    ...(provider === 'openai' ? { models: [...MODELS, AUTO] } : {}),
    start: async (task, sandbox) => {
      const { prompt, url, key, model } = task
      const args = ['-p', '--silent', '--auto', prompt]
      const env = {
        CONTINUE_TELEMETRY_ENABLED: '0',
        CONTINUE_METRICS_ENABLED: '0',
        CONTINUE_CLI_ENABLE_TELEMETRY: '0',
      }
      if (provider === 'openai') return asTheStartPageSays('continue', task, sandbox, { args, env })
      const config = await sandbox.write(
        'config.yaml',
        `name: router9
version: 1.0.0
schema: v1
models:
  - name: router9
    provider: ${provider}
    model: ${model}
    apiBase: ${url}/v1/
    apiKey: ${key}
    roles: [chat, edit, apply]
    capabilities: [tool_use, image_input]
`,
      )
      return { args: [sandbox.installed('node_modules/.bin/cn'), '--config', config, ...args], env }
    },
    read: ({ stdout, stderr }) => ({ answer: stdout.trim() || stderr.trim() }),
    readFile: (file) => `call=Read${JSON.stringify({ filepath: file })}`,
    runCommand: (command) => `call=Bash${JSON.stringify({ command })}`,
  }),
)
