import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEMO_KEY } from '../../harness/worker.ts'
import type { Fault } from '../../simulator/faults.ts'
import { startWatched, type Watched } from './setting.ts'

const SECOND = 'azure/gpt-4o'

/** All that may go wrong before the first word, but for what takes time; each at a provider that has failed in no other way. */
const FAULTS: readonly (readonly [model: string, fault: Fault])[] = [
  ['openai/gpt-4.1', { status: 500 }],
  ['anthropic/claude-haiku-4-5', { status: 529 }],
  ['google/gemini-2.5-flash', { status: 503, body: 'html' }],
  ['groq/llama-3.3-70b-versatile', { status: 429, retryAfter: 1 }],
  ['mistral/mistral-large-2512', { status: 401 }],
  ['xai/grok-4.3', { refuse: true }],
  ['cohere/command-a-03-2025', { emptyOk: true }],
  ['deepseek/deepseek-v4-pro', { okHtml: true }],
  ['perplexity/sonar-pro', { okJsonError: true }],
  ['moonshot/kimi-k2.6', { errorFirst: true }],
  ['cerebras/gpt-oss-120b', { roleThenError: true }],
  ['together/openai/gpt-oss-120b', { redirect: true }],
  ['fireworks/accounts/fireworks/models/gpt-oss-120b', { cut: 0 }],
  ['openrouter/openai/gpt-oss-120b', { reset: 0 }],
]

// So many retries in a second are more than one isolate's budget has: two share them.
const isolates: Watched[] = []
beforeAll(async () => {
  const more = ['AZURE_OPENAI', ...FAULTS.map(([model]) => settingOf(model))]
  isolates.push(...(await Promise.all([startWatched({ more }), startWatched({ more })])))
})
afterAll(() => Promise.all(isolates.map(({ stop }) => stop())))

const providerOf = (model: string) => model.slice(0, model.indexOf('/'))

function settingOf(model: string): string {
  const provider = providerOf(model)
  return provider === 'google' ? 'GEMINI' : provider.toUpperCase()
}

/** One stream through the official client, without its own retries: what it said, or it throws. */
async function read({ url }: Watched, model: string): Promise<string> {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: DEMO_KEY, maxRetries: 0 })
  const stream = await client.chat.completions.create({
    model,
    stream: true,
    messages: [{ role: 'user', content: 'Count to 6' }],
    ...{ models: [SECOND] },
  })
  let said = ''
  for await (const { choices } of stream) said += choices[0]?.delta.content ?? ''
  return said
}

test.each(FAULTS)(
  'the official client, streaming, never sees that %s failed before its first word: %j',
  async (model, fault) => {
    const provider = providerOf(model)
    const router9 = isolates[FAULTS.findIndex(([name]) => name === model) % 2]
    expect.assert(router9 !== undefined)
    router9.simulator.setFault(provider, fault)
    expect(await read(router9, model)).toBe('1, 2, 3, 4, 5, 6')
    expect(router9.simulator.requests(provider).length).toBeGreaterThan(0)
    // And that is remembered, as a fault or as a limit.
    const entry = (await router9.providers()).find(({ id }) => id === provider)
    expect(entry?.deployments).toHaveLength(1)
    expect(entry?.state).not.toBe('closed')
  },
)
