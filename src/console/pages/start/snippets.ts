/** One thing to do: install, write a text into a file, run in a shell. A file without a folder is in a folder of one's own. */
export type Step =
  | { readonly does: 'install' | 'run'; readonly text: string }
  | { readonly does: 'write'; readonly file: string; readonly text: string }

/** How a client is pointed at Router9: steps which, done in this order as they are, end in an answer or in the client's prompt. */
export interface Snippet {
  readonly id: string
  readonly name: string
  readonly steps: readonly Step[]
  /** The page that says more. */
  readonly page: string
}

const PROMPT = 'Explain quantum computing in one sentence.'

/** What to copy, with this address (without `/v1`) and this key in it. All ask for `auto`. */
export function snippetsFor(address: string, key: string): readonly Snippet[] {
  const base = `${address}/v1`
  return [
    {
      id: 'curl',
      name: 'curl',
      page: '/docs/quick-start',
      steps: [
        run(`curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "auto", "messages": [{"role": "user", "content": "${PROMPT}"}]}'`),
      ],
    },
    {
      id: 'claude-code',
      name: 'Claude Code',
      page: '/docs/messages#claude-code',
      steps: [
        install('npm install -g @anthropic-ai/claude-code'),
        // With a key in ANTHROPIC_API_KEY it asks whether to use it, and wants to reach Anthropic before it starts the first time.
        run(`unset ANTHROPIC_API_KEY
export ANTHROPIC_BASE_URL=${address}
export ANTHROPIC_AUTH_TOKEN=${key}
export ANTHROPIC_MODEL=auto
export ANTHROPIC_DEFAULT_HAIKU_MODEL=auto
claude`),
      ],
    },
    {
      id: 'openai-ts',
      name: 'OpenAI (TypeScript)',
      page: '/docs/quick-start#from-your-code',
      steps: script(
        'openai',
        `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${base}', apiKey: '${key}' })

const answer = await client.chat.completions.create({
  model: 'auto',
  messages: [{ role: 'user', content: '${PROMPT}' }],
})
console.log(answer.choices[0]?.message.content)`,
      ),
    },
    {
      id: 'openai-python',
      name: 'OpenAI (Python)',
      page: '/docs/quick-start#from-your-code',
      steps: [
        install('pip install openai'),
        write(
          'ask.py',
          `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${key}")
answer = client.chat.completions.create(
    model="auto",
    messages=[{"role": "user", "content": "${PROMPT}"}],
)
print(answer.choices[0].message.content)`,
        ),
        run('python3 ask.py'),
      ],
    },
    {
      id: 'ai-sdk',
      name: 'AI SDK',
      page: '/docs/quick-start#from-your-code',
      steps: script(
        'ai @ai-sdk/openai-compatible',
        `import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText } from 'ai'

const router9 = createOpenAICompatible({
  name: 'router9',
  baseURL: '${base}',
  apiKey: '${key}',
  supportsStructuredOutputs: true,
})
const { text } = await generateText({ model: router9('auto'), prompt: '${PROMPT}' })
console.log(text)`,
      ),
    },
    {
      id: 'langchain',
      name: 'LangChain',
      page: '/docs/quick-start#from-your-code',
      steps: script(
        '@langchain/openai @langchain/core',
        `import { ChatOpenAI } from '@langchain/openai'

const model = new ChatOpenAI({
  model: 'auto',
  apiKey: '${key}',
  configuration: { baseURL: '${base}' },
})
const { content } = await model.invoke('${PROMPT}')
console.log(content)`,
      ),
    },
    ...agentSnippets(base, key),
  ]
}

/** Agents that keep their settings in a file. */
function agentSnippets(base: string, key: string): readonly Snippet[] {
  return [
    {
      id: 'codex',
      name: 'Codex CLI',
      page: '/docs/responses#codex',
      steps: [
        install('npm install -g @openai/codex'),
        write(
          '~/.codex/config.toml',
          `model = "auto"
model_provider = "router9"

[model_providers.router9]
name = "Router9"
base_url = "${base}"
env_key = "ROUTER9_API_KEY"
wire_api = "responses"`,
        ),
        run(`export ROUTER9_API_KEY=${key}\ncodex`),
      ],
    },
    {
      id: 'opencode',
      name: 'opencode',
      page: '/docs/clients',
      steps: [
        install('npm install -g opencode-ai'),
        write(
          '~/.config/opencode/opencode.json',
          JSON.stringify(
            {
              model: 'router9/auto',
              small_model: 'router9/auto',
              provider: {
                router9: {
                  npm: '@ai-sdk/openai-compatible',
                  models: {
                    auto: {
                      name: 'auto',
                      attachment: true,
                      modalities: { input: ['text', 'image'], output: ['text'] },
                    },
                  },
                  options: { baseURL: base, apiKey: key },
                },
              },
            },
            null,
            2,
          ),
        ),
        run('opencode'),
      ],
    },
    {
      id: 'cline',
      name: 'Cline',
      page: '/docs/clients',
      steps: [
        install('npm install -g cline'),
        run(`cline auth -p openai-compatible -b ${base} -k ${key} -m auto\ncline`),
      ],
    },
    {
      id: 'continue',
      name: 'Continue',
      page: '/docs/clients',
      steps: [
        install('npm install -g @continuedev/cli'),
        write(
          '~/.continue/config.yaml',
          `name: router9
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
        ),
        // Without the option it asks for a key of Anthropic's when it starts the first time.
        run('cn --config ~/.continue/config.yaml'),
      ],
    },
  ]
}

// Its name lets every Node run it as a module, wherever it stands.
function script(packages: string, text: string): readonly Step[] {
  return [install(`npm install ${packages}`), write('ask.mjs', text), run('node ask.mjs')]
}

function install(text: string): Step {
  return { does: 'install', text }
}

function write(file: string, text: string): Step {
  return { does: 'write', file, text }
}

function run(text: string): Step {
  return { does: 'run', text }
}
