import { agent } from '../agents.ts'
import type { Client } from '../client.ts'

/** One row for each wire form of its own-key mode. */
export const copilot: readonly Client[] = [
  ['completions', 'openai', 'completions'],
  ['responses', 'openai', 'responses'],
  ['anthropic', 'anthropic', ''],
].map(([name, type = '', wire = '']) =>
  agent({
    name: `Copilot CLI, ${name}`,
    packages: ['@github/copilot'],
    has: [],
    start: async ({ prompt, url, key, model }, sandbox) => ({
      args: [
        sandbox.installed('node_modules/.bin/copilot'),
        ...[
          '-p',
          prompt,
          '-s',
          '--allow-all-tools',
          '--allow-all-paths',
          '--no-auto-update',
          '--disable-client-telemetry',
        ],
      ],
      env: {
        COPILOT_OFFLINE: 'true',
        COPILOT_AUTO_UPDATE: 'false',
        COPILOT_MODEL: model,
        COPILOT_PROVIDER_BASE_URL: type === 'anthropic' ? url : `${url}/v1`,
        COPILOT_PROVIDER_TYPE: type,
        COPILOT_PROVIDER_API_KEY: key,
        ...(wire === '' ? {} : { COPILOT_PROVIDER_WIRE_API: wire }),
      },
    }),
    read: ({ stdout, stderr }) => ({ answer: stdout.trim() || stderr.trim() }),
    readFile: (file) => `call=view${JSON.stringify({ path: file })}`,
    runCommand: (command) => `call=bash${JSON.stringify({ command, description: 'Copies', mode: 'sync' })}`,
  }),
)
