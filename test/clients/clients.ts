import { claudeCode, claudeCodeForLong } from './agents/claude-code.ts'
import { cline } from './agents/cline.ts'
import { codex } from './agents/codex.ts'
import { continueCli } from './agents/continue.ts'
import { copilot } from './agents/copilot.ts'
import { geminiCli, geminiCliForLong } from './agents/gemini-cli.ts'
import { llm } from './agents/llm.ts'
import { kiloCode, opencode } from './agents/opencode.ts'
import { pi } from './agents/pi.ts'
import { promptfoo } from './agents/promptfoo.ts'
import { qwenCode } from './agents/qwen-code.ts'
import { type Cell, CLAUDE, type Client, GEMINI } from './client.ts'
import { type Library, library } from './sdks.ts'

const LOOP = { models: [CLAUDE, GEMINI], cells: ['chat', 'tools'], rounds: 10 } as const
const QUICK_OPENAI = {
  models: [CLAUDE],
  cells: ['chat', 'stream', 'tools', 'structured', 'embeddings', 'wrong key'],
  rounds: 10,
} as const
const QUICK_GOOGLE = {
  models: [CLAUDE],
  cells: ['chat', 'stream', 'tools', 'structured', 'models', 'count', 'wrong key'],
  rounds: 10,
} as const
const AI_SDK_WAYS = ['openai', 'openai.chat', 'openai-compatible', 'anthropic', 'google', 'openrouter']
const LANGCHAIN_WAYS = ['chat', 'responses', 'anthropic', 'google', 'completions']
/** At Azure a deployment's name is in the path, or all is as at OpenAI. */
const OPENAI_WAYS = ['chat', 'responses', 'completions', 'AzureOpenAI', 'AzureOpenAI, responses', 'Azure at /openai/v1']
/** A model that only continues texts, and one of another maker's that only chats. */
const CONTINUING = ['openai/gpt-3.5-turbo-instruct', CLAUDE]
/** What a client of completions has not. */
const NOT_OF_COMPLETIONS = ['tools', 'structured', 'image', 'count'] as const
/** What is the same in another row of the client. */
const ONCE = ['models', 'embeddings'] as const

function ofOpenAI(way: string): Pick<Library, 'models' | 'without'> {
  if (way === 'completions') return { models: CONTINUING, without: [...NOT_OF_COMPLETIONS, ...ONCE] }
  return { without: way.endsWith('responses') ? ONCE : ['count'] }
}

// Two of its ways are one for vectors, and Anthropic has none.
function ofAiSdk(way: string): readonly Cell[] {
  return way === 'openai.chat' || way === 'anthropic' ? ['embeddings'] : []
}

function ofLangChain(way: string): Pick<Library, 'models' | 'without'> {
  if (way === 'completions') return { models: CONTINUING, without: [...NOT_OF_COMPLETIONS, 'embeddings'] }
  return { without: way === 'chat' || way === 'google' ? [] : ['embeddings'] }
}

/** All rows of the table, in its order. */
export const CLIENTS: readonly Client[] = [
  claudeCode,
  claudeCodeForLong,
  codex,
  geminiCli,
  geminiCliForLong,
  ...opencode,
  ...qwenCode,
  ...cline,
  ...continueCli,
  ...copilot,
  ...pi,
  ...kiloCode,
  ...OPENAI_WAYS.flatMap((way) => [
    library({
      name: `openai (TypeScript), ${way}`,
      script: 'openai.mjs',
      way,
      packages: ['openai', 'zod'],
      ...ofOpenAI(way),
      ...(way === 'chat' || way === 'responses' ? { quick: QUICK_OPENAI } : {}),
    }),
    library({
      name: `openai (Python), ${way}`,
      script: 'openai.py',
      way,
      packages: ['openai'],
      language: 'python',
      ...ofOpenAI(way),
    }),
  ]),
  library({ name: 'openai-edge, chat', script: 'openai-edge.mjs', way: 'chat', packages: ['openai-edge'] }),
  library({
    name: 'openai-edge, completions',
    script: 'openai-edge.mjs',
    way: 'completions',
    packages: ['openai-edge'],
    models: CONTINUING,
    without: ONCE,
  }),
  library({
    name: '@openrouter/sdk',
    script: 'openrouter.mjs',
    packages: ['@openrouter/sdk'],
    quick: { models: [CLAUDE], cells: ['chat', 'stream', 'tools', 'models', 'wrong key'] },
  }),
  ...['chat', 'responses'].map((way) =>
    library({
      name: `pydantic-ai (Python), ${way}`,
      script: 'pydantic-ai.py',
      way,
      packages: ['pydantic-ai-slim', 'openai'],
      language: 'python',
    }),
  ),
  library({
    name: '@anthropic-ai/sdk',
    script: 'anthropic.mjs',
    packages: ['@anthropic-ai/sdk', 'zod'],
    quick: { models: [GEMINI], cells: ['chat', 'stream', 'tools', 'structured', 'wrong key'], rounds: 10 },
  }),
  library({ name: 'anthropic (Python)', script: 'anthropic.py', packages: ['anthropic'], language: 'python' }),
  ...['by hand', 'automatic'].flatMap((way) => [
    library({
      name: `@google/genai, ${way}`,
      script: 'google-genai.mjs',
      way,
      packages: ['@google/genai'],
      ...(way === 'by hand' ? { quick: QUICK_GOOGLE } : { without: ONCE }),
    }),
    library({
      name: `google-genai (Python), ${way}`,
      script: 'google-genai.py',
      way,
      packages: ['google-genai'],
      language: 'python',
      ...(way === 'by hand' ? {} : { without: ONCE }),
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
        '@ai-sdk/google',
        '@openrouter/ai-sdk-provider',
        'zod',
      ],
      without: ofAiSdk(way),
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
        '@ai-sdk/google@3.0.141',
        '@openrouter/ai-sdk-provider@2.10.0',
        'zod',
      ],
      without: ofAiSdk(way),
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
      packages: [
        'langchain',
        '@langchain/core',
        '@langchain/openai',
        '@langchain/anthropic',
        '@langchain/google-genai',
        'zod',
      ],
      ...ofLangChain(way),
      ...(way === 'google'
        ? { ownFaults: { image: 'it shows pictures only to models whose names begin with gemini-' } }
        : {}),
    }),
    library({
      name: `LangChain (Python), ${way}`,
      script: 'langchain.py',
      way,
      packages: ['langchain', 'langchain-openai', 'langchain-anthropic', 'langchain-google-genai'],
      language: 'python',
      ...ofLangChain(way),
    }),
  ]),
  ...['chat', 'responses'].flatMap((way) => [
    library({
      name: `LlamaIndex (TypeScript), ${way}`,
      script: 'llamaindex.mjs',
      way,
      packages: ['llamaindex', '@llamaindex/openai', '@llamaindex/workflow', 'zod'],
      ...(way === 'responses' ? { without: ONCE } : {}),
      ...(way === 'responses'
        ? { ownFaults: { stream: 'it gives the last piece again at each event that brings no text' } }
        : {}),
    }),
    library({
      name: `LlamaIndex (Python), ${way}`,
      script: 'llama-index.py',
      way,
      packages: [
        'llama-index-core',
        'llama-index-llms-openai',
        'llama-index-llms-openai-like',
        'llama-index-embeddings-openai',
      ],
      language: 'python',
      ...(way === 'responses' ? { without: ONCE } : {}),
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
  library({ name: 'autoevals (TypeScript)', script: 'autoevals.mjs', packages: ['autoevals', 'openai@6.49.0', 'zod'] }),
  library({
    name: 'autoevals (Python)',
    script: 'autoevals.py',
    packages: ['autoevals', 'openai'],
    language: 'python',
  }),
  ...promptfoo,
  ...llm,
]
