import { type Agent, agent, jsonLines } from '../agents.ts'
import { CLAUDE, GPT } from '../client.ts'

interface Line {
  readonly type: string
  readonly role?: string
  readonly content?: string
  readonly message?: string
  readonly error?: { readonly message?: string }
}

const WAYS: Agent = {
  name: 'gemini-cli',
  packages: ['@google/gemini-cli'],
  has: ['stream', 'image'],
  start: async ({ prompt, url, key, model, image }, sandbox) => {
    await sandbox.write(
      '.gemini/settings.json',
      JSON.stringify({
        general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
        privacy: { usageStatisticsEnabled: false },
        telemetry: { enabled: false },
        // From thirty rounds on it has a model judge whether it goes in circles, and the simulator has no judgement.
        model: { disableLoopDetection: true },
        security: { auth: { selectedType: 'gemini-api-key' } },
      }),
    )
    return {
      args: [
        process.execPath,
        sandbox.installed('node_modules/@google/gemini-cli/bundle/gemini.js'),
        ...['-m', model, '--yolo', '--skip-trust', '-o', 'stream-json'],
        ...['-p', image === undefined ? prompt : `${prompt} @${image}`],
      ],
      env: { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key },
    }
  },
  read: ({ stdout }) => {
    const lines = jsonLines<Line>(stdout)
    const said = lines.findLastIndex(({ type }) => type === 'tool_result')
    const pieces = lines
      .slice(said + 1)
      .flatMap(({ type, role, content }) => (type === 'message' && role === 'assistant' ? (content ?? []) : []))
    const error = lines.findLast(({ type, error }) => type === 'error' || error !== undefined)
    return { answer: pieces.join('') || error?.error?.message || error?.message || '', pieces }
  },
  readFile: (file) => `call=read_file${JSON.stringify({ file_path: file })}`,
  runCommand: (command) => `call=run_shell_command${JSON.stringify({ command })}`,
}

export const geminiCli = agent(WAYS)

/** Rounds enough that reasoning and signatures of other makers' models travel far. */
export const geminiCliForLong = agent({
  ...WAYS,
  name: 'gemini-cli, thirty tool rounds',
  models: [CLAUDE, GPT],
  cells: ['tools'],
  rounds: 30,
})
