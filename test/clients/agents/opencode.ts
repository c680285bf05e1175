import { agent, jsonLines } from '../agents.ts'
import { AUTO, type Client, GEMINI, MODELS } from '../client.ts'
import { asTheStartPageSays } from '../start-page.ts'

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
      models: program === 'opencode' && provider === 'openai-compatible' ? [...models, AUTO] : models,
      has: ['image'],
      start: async (task, sandbox) => {
        const { prompt, url, key, model, image } = task
        const settings = { autoupdate: false, share: 'disabled', permission: 'allow' }
        const args = ['run', '--format', 'json', ...(image === undefined ? [] : ['-f', image])]
        const env = Object.fromEntries(SWITCHES.map((name) => [`${program.toUpperCase()}_DISABLE_${name}`, 'true']))
        // The prompt is its input: it would escape the quotes of an argument.
        if (program === 'opencode' && provider === 'openai-compatible') {
          const file = (text: string) => JSON.stringify({ ...JSON.parse(text), ...settings })
          return asTheStartPageSays('opencode', task, sandbox, { args, env, file, input: prompt })
        }
        const id = provider === 'openai-compatible' ? 'router9' : provider
        const models = {
          [model]: { name: model, attachment: true, modalities: { input: ['text', 'image'], output: ['text'] } },
        }
        await sandbox.write(
          `.config/${program}/${program}.json`,
          JSON.stringify({
            ...settings,
            model: `${id}/${model}`,
            small_model: `${id}/${model}`,
            provider: { [id]: { npm, models, options: { baseURL: `${url}/v1`, apiKey: key } } },
          }),
        )
        return { args: [sandbox.installed(`node_modules/.bin/${program}`), ...args], env, input: prompt }
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
