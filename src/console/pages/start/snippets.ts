/** How a client is pointed at Router9. */
export interface Snippet {
  readonly id: string
  readonly name: string
  /** Where the text goes. */
  readonly place: string
  readonly text: string
  /** The page that says more. */
  readonly page: string
}

const PROMPT = 'Explain quantum computing in one sentence.'

/** What to copy, with this address (without `/v1`) and this key in it. All ask for `auto`. */
export function snippetsFor(address: string, key: string): readonly Snippet[] {
  const base = `${address}/v1`
  const json = (value: unknown) => JSON.stringify(value, null, 2)
  return [
    {
      id: 'curl',
      name: 'curl',
      place: 'In a shell',
      page: '/docs/quick-start',
      text: `curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "auto", "messages": [{"role": "user", "content": "${PROMPT}"}]}'`,
    },
    {
      id: 'claude-code',
      name: 'Claude Code',
      place: 'In a shell; the base URL is without /v1',
      page: '/docs/messages',
      text: `export ANTHROPIC_BASE_URL=${address}
export ANTHROPIC_API_KEY=${key}
export ANTHROPIC_MODEL=auto
export ANTHROPIC_DEFAULT_HAIKU_MODEL=auto
claude`,
    },
    {
      id: 'openai-ts',
      name: 'OpenAI (TypeScript)',
      place: 'npm install openai',
      page: '/docs/quick-start',
      text: `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${base}', apiKey: '${key}' })

const answer = await client.chat.completions.create({
  model: 'auto',
  messages: [{ role: 'user', content: '${PROMPT}' }],
})
console.log(answer.choices[0]?.message.content)`,
    },
    {
      id: 'openai-python',
      name: 'OpenAI (Python)',
      place: 'pip install openai',
      page: '/docs/quick-start',
      text: `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${key}")
answer = client.chat.completions.create(
    model="auto",
    messages=[{"role": "user", "content": "${PROMPT}"}],
)
print(answer.choices[0].message.content)`,
    },
    {
      id: 'ai-sdk',
      name: 'AI SDK',
      place: 'npm install ai @ai-sdk/openai-compatible',
      page: '/docs/quick-start',
      text: `import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText } from 'ai'

const router9 = createOpenAICompatible({
  name: 'router9',
  baseURL: '${base}',
  apiKey: '${key}',
  supportsStructuredOutputs: true,
})
const { text } = await generateText({ model: router9('auto'), prompt: '${PROMPT}' })
console.log(text)`,
    },
    {
      id: 'langchain',
      name: 'LangChain',
      place: 'npm install @langchain/openai @langchain/core',
      page: '/docs/quick-start',
      text: `import { ChatOpenAI } from '@langchain/openai'

const model = new ChatOpenAI({
  model: 'auto',
  apiKey: '${key}',
  configuration: { baseURL: '${base}' },
})
const { content } = await model.invoke('${PROMPT}')
console.log(content)`,
    },
    {
      id: 'codex',
      name: 'Codex CLI',
      place: '~/.codex/config.toml; before codex starts: export ROUTER9_API_KEY with your key',
      page: '/docs/responses',
      text: `# export ROUTER9_API_KEY=${key}
model = "auto"
model_provider = "router9"

[model_providers.router9]
name = "Router9"
base_url = "${base}"
env_key = "ROUTER9_API_KEY"
wire_api = "responses"`,
    },
    {
      id: 'opencode',
      name: 'opencode',
      place: '~/.config/opencode/opencode.json',
      page: '/docs/clients',
      text: json({
        model: 'router9/auto',
        small_model: 'router9/auto',
        provider: {
          router9: {
            npm: '@ai-sdk/openai-compatible',
            models: { auto: { name: 'auto' } },
            options: { baseURL: base, apiKey: key },
          },
        },
      }),
    },
    {
      id: 'cline',
      name: 'Cline',
      place: '~/.cline/data/settings/providers.json; then: cline -P openai-compatible -m auto',
      page: '/docs/clients',
      text: json({
        version: 1,
        lastUsedProvider: 'openai-compatible',
        modes: {},
        providers: {
          'openai-compatible': {
            settings: { provider: 'openai-compatible', apiKey: key, model: 'auto', baseUrl: base },
            updatedAt: '2026-01-01T00:00:00.000Z',
            tokenSource: 'manual',
          },
        },
      }),
    },
    {
      id: 'continue',
      name: 'Continue',
      place: '~/.continue/config.yaml',
      page: '/docs/clients',
      text: `name: router9
version: 1.0.0
schema: v1
models:
  - name: auto
    provider: openai
    model: auto
    apiBase: ${base}/
    apiKey: ${key}
    roles: [chat, edit, apply]
    capabilities: [tool_use, image_input]`,
    },
  ]
}
