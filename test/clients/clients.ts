import { claudeCode, claudeCodeForLong } from './agents/claude-code.ts'
import { cline } from './agents/cline.ts'
import { codex } from './agents/codex.ts'
import { continueCli } from './agents/continue.ts'
import { copilot } from './agents/copilot.ts'
import { geminiCli } from './agents/gemini-cli.ts'
import { llm } from './agents/llm.ts'
import { kiloCode, opencode } from './agents/opencode.ts'
import { pi } from './agents/pi.ts'
import { promptfoo } from './agents/promptfoo.ts'
import { qwenCode } from './agents/qwen-code.ts'
import { CLAUDE, type Client, GEMINI } from './client.ts'
import { library } from './sdks.ts'

const LOOP = { models: [CLAUDE, GEMINI], cells: ['chat', 'tools'], rounds: 10 } as const
const AI_SDK_WAYS = ['openai', 'openai.chat', 'openai-compatible', 'anthropic', 'openrouter']
const LANGCHAIN_WAYS = ['chat', 'responses', 'anthropic']

/** All rows of the table, in its order. */
export const CLIENTS: readonly Client[] = [
  claudeCode,
  claudeCodeForLong,
  codex,
  geminiCli,
  ...opencode,
  ...qwenCode,
  ...cline,
  ...continueCli,
  ...copilot,
  ...pi,
  ...kiloCode,
  ...['chat', 'responses'].flatMap((way) => [
    library({
      name: `openai (TypeScript), ${way}`,
      script: 'openai.mjs',
      way,
      packages: ['openai', 'zod'],
      quick: { models: [CLAUDE], cells: ['chat', 'stream', 'tools', 'structured', 'wrong key'], rounds: 10 },
    }),
    library({ name: `openai (Python), ${way}`, script: 'openai.py', way, packages: ['openai'], language: 'python' }),
  ]),
  library({
    name: '@anthropic-ai/sdk',
    script: 'anthropic.mjs',
    packages: ['@anthropic-ai/sdk', 'zod'],
    quick: { models: [GEMINI], cells: ['chat', 'stream', 'tools', 'structured', 'wrong key'], rounds: 10 },
  }),
  library({ name: 'anthropic (Python)', script: 'anthropic.py', packages: ['anthropic'], language: 'python' }),
  ...['by hand', 'automatic'].flatMap((way) => [
    library({ name: `@google/genai, ${way}`, script: 'google-genai.mjs', way, packages: ['@google/genai'] }),
    library({
      name: `google-genai (Python), ${way}`,
      script: 'google-genai.py',
      way,
      packages: ['google-genai'],
      language: 'python',
    }),
  ]),
  ...AI_SDK_WAYS.map((way) =>
    library({
      name: `AI SDK 7, ${way}`,
      script: 'ai-sdk.mjs',
      way,
      packages: [
        'ai',
        '@ai-sdk/openai',
        '@ai-sdk/openai-compatible',
        '@ai-sdk/anthropic',
        '@openrouter/ai-sdk-provider',
        'zod',
      ],
      ...(way === 'openai' || way === 'anthropic' ? { quick: LOOP } : {}),
    }),
  ),
  ...AI_SDK_WAYS.map((way) =>
    library({
      name: `AI SDK 6, ${way}`,
      script: 'ai-sdk.mjs',
      way,
      packages: [
        'ai@6.0.326',
        '@ai-sdk/openai@3.0.141',
        '@ai-sdk/openai-compatible@2.0.92',
        '@ai-sdk/anthropic@3.0.140',
        '@openrouter/ai-sdk-provider@2.10.0',
        'zod',
      ],
    }),
  ),
  ...['responses', 'chat'].flatMap((way) => [
    library({
      name: `@openai/agents, ${way}`,
      script: 'openai-agents.mjs',
      way,
      packages: ['@openai/agents', 'zod'],
      ...(way === 'responses' ? { quick: { ...LOOP, cells: ['chat', 'tools', 'handoff'] } } : {}),
    }),
    library({
      name: `openai-agents (Python), ${way}`,
      script: 'openai-agents.py',
      way,
      packages: ['openai-agents'],
      language: 'python',
    }),
  ]),
  ...LANGCHAIN_WAYS.flatMap((way) => [
    library({
      name: `LangChain (TypeScript), ${way}`,
      script: 'langchain.mjs',
      way,
      packages: ['langchain', '@langchain/core', '@langchain/openai', '@langchain/anthropic', 'zod'],
    }),
    library({
      name: `LangChain (Python), ${way}`,
      script: 'langchain.py',
      way,
      packages: ['langchain', 'langchain-openai', 'langchain-anthropic'],
      language: 'python',
    }),
  ]),
  ...['chat', 'responses'].flatMap((way) => [
    library({
      name: `LlamaIndex (TypeScript), ${way}`,
      script: 'llamaindex.mjs',
      way,
      packages: ['llamaindex', '@llamaindex/openai', '@llamaindex/workflow', 'zod'],
      ...(way === 'responses'
        ? { ownFaults: { stream: 'it gives the last piece again at each event that brings no text' } }
        : {}),
    }),
    library({
      name: `LlamaIndex (Python), ${way}`,
      script: 'llama-index.py',
      way,
      packages: ['llama-index-core', 'llama-index-llms-openai', 'llama-index-llms-openai-like'],
      language: 'python',
    }),
    library({
      name: `Mastra, ${way}`,
      script: 'mastra.mjs',
      way,
      packages: ['@mastra/core', '@ai-sdk/openai', 'zod'],
    }),
    library({
      name: `Strands (TypeScript), ${way}`,
      script: 'strands.mjs',
      way,
      packages: ['@strands-agents/sdk', 'openai@6.49.0', '@modelcontextprotocol/sdk', '@opentelemetry/api', 'zod'],
    }),
    library({
      name: `Strands (Python), ${way}`,
      script: 'strands.py',
      way,
      packages: ['strands-agents', 'openai'],
      language: 'python',
    }),
    library({
      name: `TanStack AI, ${way}`,
      script: 'tanstack.mjs',
      way,
      packages: ['@tanstack/ai', '@tanstack/ai-openai', 'zod'],
    }),
  ]),
  library({ name: 'Genkit', script: 'genkit.mjs', packages: ['genkit', '@genkit-ai/compat-oai'] }),
  library({
    name: 'CopilotKit',
    script: 'copilotkit.mjs',
    packages: ['@copilotkit/runtime', '@ai-sdk/openai@3.0.141', 'zod'],
  }),
  ...['TOOLS'].map((way) =>
    library({
      name: `instructor (TypeScript), ${way}`,
      script: 'instructor.mjs',
      way,
      packages: ['@instructor-ai/instructor', 'openai@4.104.0', 'zod@3.25.76'],
    }),
  ),
  ...['TOOLS', 'JSON_SCHEMA', 'RESPONSES_TOOLS'].map((way) =>
    library({
      name: `instructor (Python), ${way}`,
      script: 'instructor.py',
      way,
      packages: ['instructor'],
      language: 'python',
    }),
  ),
  ...promptfoo,
  llm,
]
