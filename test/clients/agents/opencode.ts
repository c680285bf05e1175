import { agent, jsonLines } from '../agents.ts'
import { type Client, GEMINI, MODELS } from '../client.ts'

interface Line {
  readonly type: string
  readonly part?: { readonly text?: string }
  readonly error?: { readonly data?: { readonly message?: string }; readonly name?: string }
}

const SWITCHES = ['AUTOUPDATE', 'MODELS_FETCH', 'LSP_DOWNLOAD', 'DEFAULT_PLUGINS']

/** One row for each of the packages that it can speak through. @param program its name in paths and settings. */
function rows(name: string, pkg: string, program: string, models = MODELS): readonly Client[] {
  return [
    ['openai', '@ai-sdk/openai'],
    ['anthropic', '@ai-sdk/anthropic'],
    ['openai-compatible', '@ai-sdk/openai-compatible'],
  ].map(([provider = '', npm]) =>
    agent({
      name: `${name}, ${provider}`,
      packages: [pkg],
      models,
      has: ['image'],
      start: async ({ prompt, url, key, model, image }, sandbox) => {
        const id = provider === 'openai-compatible' ? 'router9' : provider
        const models = {
          [model]: { name: model, attachment: true, modalities: { input: ['text', 'image'], output: ['text'] } },
        }
        await sandbox.write(
          `.config/${program}/${program}.json`,
          JSON.stringify({
            autoupdate: false,
            share: 'disabled',
            model: `${id}/${model}`,
            small_model: `${id}/${model}`,
            permission: 'allow',
            provider: { [id]: { npm, models, options: { baseURL: `${url}/v1`, apiKey: key } } },
          }),
        )
        return {
          args: [
            sandbox.installed(`node_modules/.bin/${program}`),
            ...['run', '--format', 'json', '-m', `${id}/${model}`],
            ...(image === undefined ? [] : ['-f', image]),
          ],
          env: Object.fromEntries(SWITCHES.map((name) => [`${program.toUpperCase()}_DISABLE_${name}`, 'true'])),
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
}

export const opencode = rows('opencode', 'opencode-ai', 'opencode')
/** It is made from opencode, and takes half a minute to start, so one model is enough. */
export const kiloCode = rows('Kilo Code', '@kilocode/cli', 'kilo', [GEMINI])
