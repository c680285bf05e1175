import { agent, jsonLines } from '../agents.ts'
import { AUTO, CLAUDE, GEMINI, GPT } from '../client.ts'
import { asTheStartPageSays } from '../start-page.ts'

interface Line {
  readonly type: string
  readonly item?: { readonly type: string; readonly text?: string }
  readonly message?: string
  readonly error?: { readonly message?: string }
}

export const codex = agent({
  name: 'Codex',
  packages: ['@openai/codex'],
  models: [CLAUDE, GEMINI, GPT, AUTO],
  quick: { models: [CLAUDE], cells: ['tools'] },
  has: ['structured', 'image'],
  start: async (task, sandbox) =>
    asTheStartPageSays('codex', task, sandbox, {
      args: [
        ...['exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox'],
        ...(task.schema === undefined ? [] : ['--output-schema', task.schema]),
        ...(task.image === undefined ? [] : ['-i', task.image]),
        '--',
        task.prompt,
      ],
      file: (text) => `check_for_update_on_startup = false
${text}
request_max_retries = 1
stream_max_retries = 1
[analytics]
enabled = false
`,
    }),
  read: ({ stdout }) => {
    const lines = jsonLines<Line>(stdout)
    const said = lines.flatMap(({ item }) => (item?.type === 'agent_message' ? (item.text ?? []) : []))
    const errors = lines.flatMap(({ message, error }) => error?.message ?? message ?? [])
    return { answer: said.at(-1) ?? errors.at(-1) ?? '' }
  },
  readFile: (file) => `call=exec_command${JSON.stringify({ cmd: `cat ${file}` })}`,
  runCommand: (command) => `call=exec_command${JSON.stringify({ cmd: command })}`,
})
