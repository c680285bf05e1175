import { claudeCode } from './agents/claude-code.ts'
import { cline } from './agents/cline.ts'
import { codex } from './agents/codex.ts'
import { continueCli } from './agents/continue.ts'
import { copilot } from './agents/copilot.ts'
import { opencode } from './agents/opencode.ts'
import { pi } from './agents/pi.ts'
import { qwenCode } from './agents/qwen-code.ts'
import type { Client } from './client.ts'
import { library } from './sdks.ts'

/** All rows of the table, in its order. */
export const CLIENTS: readonly Client[] = [
  claudeCode,
  codex,
  ...opencode,
  ...qwenCode,
  ...cline,
  ...continueCli,
  ...copilot,
  ...pi,
  library({ name: 'openai (TypeScript), chat', script: 'openai.mjs', packages: ['openai', 'zod'] }),
  library({
    name: 'openai (TypeScript), responses',
    script: 'openai.mjs',
    way: 'responses',
    packages: ['openai', 'zod'],
  }),
  library({ name: 'openai (Python), chat', script: 'openai.py', packages: ['openai'], language: 'python' }),
  library({
    name: 'openai (Python), responses',
    script: 'openai.py',
    way: 'responses',
    packages: ['openai'],
    language: 'python',
  }),
]
