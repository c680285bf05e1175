import { agent } from '../agents.ts'
import { CLAUDE, type Client } from '../client.ts'

const ABILITIES = { vision: true, supports_tools: true, supports_schema: true }
const TOOLS = ['--functions', '../llm/tools.py', '--chain-limit', '20']

/** One row for its models of chats and one for those that only continue texts, which have no tools. */
export const llm: readonly Client[] = [
  row('llm (Python)', ABILITIES, {}),
  row(
    'llm (Python), completions',
    { completion: true },
    {
      models: ['openai/gpt-3.5-turbo-instruct', CLAUDE],
      cells: ['chat', 'abort', 'wrong key', 'unknown model'],
    },
  ),
]

function row(name: string, abilities: Record<string, boolean>, limits: Pick<Client, 'models' | 'cells'>): Client {
  return agent({
    name,
    packages: ['llm'],
    language: 'python',
    ...limits,
    has: ['structured', 'image'],
    start: async ({ prompt, url, key, model, schema, image }, sandbox) => {
      const about = { model_id: model, model_name: model, api_base: `${url}/v1`, api_key_name: 'router9' }
      // What is JSON is YAML too.
      await sandbox.write('llm/extra-openai-models.yaml', JSON.stringify([{ ...about, ...abilities }]))
      await sandbox.write(
        'llm/tools.py',
        `import subprocess
def read_file(path: str) -> str:
    "Reads a file."
    return open(path).read()
def run_command(command: str) -> str:
    "Runs a command."
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout
`,
      )
      return {
        args: [
          process.env.ROUTER9_CLIENTS_PYTHON ?? 'python3',
          ...['-m', 'llm', 'prompt', '-m', model, '--key', key, '--no-log'],
          ...(abilities.supports_tools ? TOOLS : []),
          ...(schema === undefined ? [] : ['--schema', schema]),
          ...(image === undefined ? [] : ['-a', image]),
          prompt,
        ],
        env: { LLM_USER_PATH: `${sandbox.home}/llm` },
      }
    },
    read: ({ stdout, stderr }) => ({ answer: stdout.trim() || stderr.trim() }),
    readFile: (file) => `call=read_file${JSON.stringify({ path: file })}`,
    runCommand: (command) => `call=run_command${JSON.stringify({ command })}`,
  })
}
