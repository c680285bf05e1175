import { agent, jsonLines } from '../agents.ts'
import { CLAUDE, GEMINI, GPT } from '../client.ts'

interface Line {
  readonly type: string
  readonly item?: { readonly type: string; readonly text?: string }
  readonly message?: string
  readonly error?: { readonly message?: string }
}

export const codex = agent({
  name: 'Codex',
  packages: ['@openai/codex'],
  models: [CLAUDE, GEMINI, GPT],
  quick: { models: [CLAUDE], cells: ['tools'] },
  has: ['structured', 'image'],
  start: async ({ prompt, url, key, model, schema, image }, sandbox) => {
    await sandbox.write(
      '.codex/config.toml',
      `model_provider = "router9"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.router9]
name = "Router9"
base_url = "${url}/v1"
env_key = "ROUTER9_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
`,
    )
    return {
      args: [
        sandbox.installed('node_modules/.bin/codex'),
        ...['exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', '-m', model],
        ...(schema === undefined ? [] : ['--output-schema', schema]),
        ...(image === undefined ? [] : ['-i', image]),
        '--',
        prompt,
      ],
      env: { ROUTER9_API_KEY: key },
    }
  },
  read: ({ stdout }) => {
    const lines = jsonLines<Line>(stdout)
    const said = lines.flatMap(({ item }) => (item?.type === 'agent_message' ? (item.text ?? []) : []))
    const errors = lines.flatMap(({ message, error }) => error?.message ?? message ?? [])
    return { answer: said.at(-1) ?? errors.at(-1) ?? '' }
  },
  readFile: (file) => `call=exec_command${JSON.stringify({ cmd: `cat ${file}` })}`,
  runCommand: (command) => `call=exec_command${JSON.stringify({ cmd: command })}`,
})
