import { agent, jsonLines } from '../agents.ts'
import type { Client } from '../client.ts'

interface Line {
  readonly type: string
  readonly part?: { readonly text?: string }
  readonly error?: { readonly data?: { readonly message?: string }; readonly name?: string }
}

/** One row for each of the packages that it can speak through. */
export const opencode: readonly Client[] = [
  ['openai', '@ai-sdk/openai'],
  ['anthropic', '@ai-sdk/anthropic'],
  ['openai-compatible', '@ai-sdk/openai-compatible'],
].map(([provider = '', npm]) =>
  agent({
    name: `opencode, ${provider}`,
    packages: ['opencode-ai'],
    has: ['image'],
    start: async ({ prompt, url, key, model, image }, sandbox) => {
      const name = provider === 'openai-compatible' ? 'router9' : provider
      const models = {
        [model]: { name: model, attachment: true, modalities: { input: ['text', 'image'], output: ['text'] } },
      }
      await sandbox.write(
        '.config/opencode/opencode.json',
        JSON.stringify({
          autoupdate: false,
          share: 'disabled',
          model: `${name}/${model}`,
          small_model: `${name}/${model}`,
          permission: 'allow',
          provider: { [name]: { npm, models, options: { baseURL: `${url}/v1`, apiKey: key } } },
        }),
      )
      return {
        args: [
          sandbox.installed('node_modules/.bin/opencode'),
          ...['run', '--format', 'json', '-m', `${name}/${model}`],
          ...(image === undefined ? [] : ['-f', image]),
        ],
        env: {
          OPENCODE_DISABLE_AUTOUPDATE: 'true',
          OPENCODE_DISABLE_MODELS_FETCH: 'true',
          OPENCODE_DISABLE_LSP_DOWNLOAD: 'true',
          OPENCODE_DISABLE_DEFAULT_PLUGINS: 'true',
        },
        // It would escape the quotes of an argument.
        input: prompt,
      }
    },
    read: ({ stdout }) => {
      const lines = jsonLines<Line>(stdout)
      const said = lines.flatMap(({ type, part }) => (type === 'text' ? (part?.text ?? []) : []))
      const errors = lines.flatMap(({ error }) => error?.data?.message ?? error?.name ?? [])
      return { answer: said.at(-1) ?? errors.at(-1) ?? '' }
    },
    readFile: (file) => `call=read${JSON.stringify({ filePath: file })}`,
    runCommand: (command) => `call=bash${JSON.stringify({ command, description: 'Copies' })}`,
  }),
)
