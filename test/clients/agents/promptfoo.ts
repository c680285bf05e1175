import { agent } from '../agents.ts'
import type { Client } from '../client.ts'

interface Output {
  readonly results?: {
    readonly results?: readonly { readonly response?: { readonly output?: unknown }; readonly error?: string }[]
  }
}

/** One row for each API that it can speak. It evaluates a prompt, and has no tools of its own. */
export const promptfoo: readonly Client[] = ['openai:chat', 'openai:responses', 'anthropic:messages'].map((kind) =>
  agent({
    name: `promptfoo, ${kind}`,
    packages: ['promptfoo'],
    cells: ['chat', 'structured', 'wrong key', 'unknown model'],
    has: ['structured'],
    start: async ({ cell, prompt, url, key, model, schema }, sandbox) => {
      const isAnthropic = kind.startsWith('anthropic')
      const json = schema === undefined ? undefined : JSON.parse(await sandbox.read('schema.json'))
      const format = {
        type: 'json_schema',
        name: 'city',
        json_schema: { name: 'city', strict: true, schema: json },
        schema: json,
      }
      const config = {
        apiBaseUrl: isAnthropic ? url : `${url}/v1`,
        apiKey: key,
        max_tokens: 4000,
        ...(json === undefined
          ? {}
          : isAnthropic
            ? { output_format: { type: 'json_schema', schema: json } }
            : { response_format: format }),
      }
      const about = {
        prompts: ['{{text}}'],
        providers: [{ id: `${kind}:${model}`, config }],
        tests: [{ vars: { text: prompt } }],
      }
      const file = await sandbox.write(`${cell.replace(' ', '-')}.json`, JSON.stringify(about))
      const program = sandbox.installed('node_modules/.bin/promptfoo')
      return {
        args: [
          'sh',
          '-c',
          `"${program}" eval -c "${file}" --no-cache --no-write --no-table -o "${file}.out.json" >/dev/null; cat "${file}.out.json"`,
        ],
        env: {
          PROMPTFOO_DISABLE_TELEMETRY: '1',
          PROMPTFOO_DISABLE_UPDATE: '1',
          PROMPTFOO_DISABLE_REMOTE_GENERATION: '1',
        },
      }
    },
    read: ({ stdout }) => {
      const [first] = (stdout === '' ? {} : (JSON.parse(stdout) as Output)).results?.results ?? []
      const output = first?.response?.output
      return {
        answer:
          typeof output === 'string' ? output : output === undefined ? (first?.error ?? '') : JSON.stringify(output),
      }
    },
    readFile: () => '',
    runCommand: () => '',
  }),
)
