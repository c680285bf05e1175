import { describe, expect, test } from 'vitest'
import { PROVIDERS } from '../../src/catalog/providers.ts'
import { callLines } from '../harness/log-lines.ts'
import { useCase } from './router.ts'
import type { Script } from './scripted.ts'
import {
  COHERE_START,
  chunk,
  cohereAnswer,
  cohereText,
  completion,
  crlf,
  FORMATS,
  generated,
  MESSAGE_START,
  MESSAGE_STOP,
  message,
  named,
  SAYING,
  sse,
  stream,
  textBlock,
  whole,
} from './wires.ts'

const router9 = useCase()

const COUNTED = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }

const openaiCached = { ...COUNTED, prompt_tokens_details: { cached_tokens: 5 } }
const anthropicCached = {
  input_tokens: 4,
  cache_read_input_tokens: 5,
  cache_creation_input_tokens: 2,
  output_tokens: 7,
}
const geminiCached = { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18, cachedContentTokenCount: 5 }
const cohereCached = { cached_tokens: 5, tokens: { input_tokens: 11, output_tokens: 7 } }
const cached: readonly { who: string; model: string; streamed: Script; body: Script }[] = [
  ...Object.entries({
    "OpenAI's form": openaiCached,
    DeepSeek: { ...COUNTED, prompt_cache_hit_tokens: 5, prompt_cache_miss_tokens: 6 },
    Together: { ...COUNTED, cached_tokens: 5 },
  }).map(([who, usage]) => ({
    who,
    model: FORMATS.custom.model,
    streamed: stream(sse(chunk({ content: 'One' }), chunk({}, 'stop', { usage }), '[DONE]')),
    body: whole(completion({ content: 'One' }, 'stop', { usage })),
  })),
  {
    who: 'Anthropic',
    model: FORMATS.anthropic.model,
    streamed: stream(
      named(
        { ...MESSAGE_START, message: { ...MESSAGE_START.message, usage: { ...anthropicCached, output_tokens: 1 } } },
        ...textBlock(0, 'One'),
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
        MESSAGE_STOP,
      ),
    ),
    body: whole(message([{ type: 'text', text: 'One' }], 'end_turn', { usage: anthropicCached })),
  },
  {
    who: 'Gemini',
    model: FORMATS.gemini.model,
    streamed: stream(crlf(generated([{ text: 'One' }], 'STOP', { usageMetadata: geminiCached }))),
    body: whole(generated([{ text: 'One' }], 'STOP', { usageMetadata: geminiCached })),
  },
  {
    who: 'Cohere',
    model: FORMATS.cohere.model,
    streamed: stream(
      named(COHERE_START, cohereText('One'), {
        type: 'message-end',
        delta: { finish_reason: 'COMPLETE', usage: cohereCached },
      }),
    ),
    body: whole({ ...cohereAnswer({ content: [{ type: 'text', text: 'One' }] }, 'COMPLETE'), usage: cohereCached }),
  },
]

test.each(cached)('cached tokens are in prompt_tokens_details, streamed as whole ($who)', async (row) => {
  const { answer: streamed } = await router9.streamed(row.model, row.streamed)
  expect(streamed.usage).toMatchObject({ ...COUNTED, prompt_tokens_details: { cached_tokens: 5 } })
  const { answer } = await router9.whole(row.model, row.body)
  expect(answer.usage).toEqual(streamed.usage)
})

// Totals that do not add up: nonsense, or because reasoning is counted apart.
const WRONG = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 999 }
const APART = { ...COUNTED, total_tokens: 38, completion_tokens_details: { reasoning_tokens: 20 } }
const MODEL_OF: Readonly<Record<string, string>> = {
  anthropic: 'claude-sonnet-4-5',
  google: 'gemini-2.5-flash',
  cohere: 'command-a-03-2025',
  mistral: 'mistral-small-latest',
  deepseek: 'deepseek-chat',
  xai: 'grok-4.3',
  groq: 'llama-3.3-70b-versatile',
  cerebras: 'gpt-oss-120b',
  together: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
  fireworks: 'deepseek-v4-pro',
  openrouter: 'openai/gpt-4o',
  'workers-ai': 'llama-3.3-70b-instruct-fp8-fast',
  perplexity: 'sonar',
  moonshot: 'kimi-k2-thinking',
}
const NATIVE: Readonly<Record<string, { streamed: Script; body: Script }>> = {
  anthropic: {
    streamed: stream(SAYING.anthropic.streamed('One')),
    body: whole(
      message([{ type: 'text', text: 'One' }], 'end_turn', { usage: { ...anthropicCached, total_tokens: 999 } }),
    ),
  },
  google: {
    streamed: stream(
      crlf(
        generated([{ text: 'One' }], 'STOP', {
          usageMetadata: { ...geminiCached, thoughtsTokenCount: 20, toolUsePromptTokenCount: 3, totalTokenCount: 999 },
        }),
      ),
    ),
    body: whole(
      generated([{ text: 'One' }], 'STOP', {
        usageMetadata: { promptTokenCount: 11, thoughtsTokenCount: 20, totalTokenCount: 999 },
      }),
    ),
  },
  cohere: {
    streamed: stream(SAYING.cohere.streamed('One')),
    body: whole(SAYING.cohere.whole('One')),
  },
}

/** Bedrock answers no chats. */
const CHATTING = PROVIDERS.filter(({ id }) => id !== 'bedrock')

describe.each(CHATTING.map(({ id }) => ({ id, model: `${id}/${MODEL_OF[id] ?? 'gpt-4o'}` })))(
  'the total is the sum of its parts ($id)',
  ({ id, model }) => {
    test.each([
      ['a total that is wrong', WRONG],
      ['reasoning counted apart', APART],
    ])('whatever the provider says: %s', async (_, usage) => {
      const { streamed, body } = NATIVE[id] ?? {
        streamed: stream(sse(chunk({ content: 'One' }), chunk({}, 'stop', { usage }), '[DONE]')),
        body: whole(completion({ content: 'One' }, 'stop', { usage })),
      }
      for (const { answer } of [await router9.streamed(model, streamed), await router9.whole(model, body)]) {
        const { prompt_tokens, completion_tokens, total_tokens } = answer.usage ?? {}
        expect(Number(prompt_tokens)).toBeGreaterThan(0)
        expect(Number(completion_tokens)).toBeGreaterThan(0)
        expect(total_tokens).toBe(Number(prompt_tokens) + Number(completion_tokens))
      }
    })
  },
)

describe('usage that cannot be true', () => {
  const HUGE = '1e999'
  const LIES = [
    ['without an end', `{"prompt_tokens":${HUGE},"completion_tokens":${HUGE},"total_tokens":${HUGE}}`],
    ['below zero', '{"prompt_tokens":-11,"completion_tokens":-7,"total_tokens":-18}'],
    ['of more than any model can', '{"prompt_tokens":1e15,"completion_tokens":1e15,"total_tokens":2e15}'],
    ['of nothing but zeros', '{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'],
    ['that is empty', '{}'],
    ['that is no number', '{"prompt_tokens":"many","completion_tokens":null}'],
  ] as const
  const WORDS = 'Forty letters make ten tokens by guessing'

  test.each(LIES)('%s is estimated, and said so, for the client as in the log', async (_, usage) => {
    const details = `{"cached_tokens":${HUGE},"reasoning_tokens":-1}`
    const told = usage.replace('}', `${usage === '{}' ? '' : ','}"prompt_tokens_details":${details},"cost":${HUGE}}`)
    const written = (value: unknown) => JSON.stringify(value).replace('"TOLD"', told)
    const streamed = stream(
      `data: ${written(chunk({ content: WORDS }))}\n\ndata: ${written(chunk({}, 'stop', { usage: 'TOLD' }))}\n\ndata: [DONE]\n\n`,
    )
    const json = { 'content-type': 'application/json' }
    const body = { headers: json, pieces: [written(completion({ content: WORDS }, 'stop', { usage: 'TOLD' }))] }
    for (const { answer } of [
      await router9.streamed('openai/gpt-4o', streamed),
      await router9.whole('openai/gpt-4o', body),
    ]) {
      expect(answer.usage).toMatchObject({ completion_tokens: 11, estimated: true })
      expect(answer.usage?.prompt_tokens).toBeLessThan(20)
      expect(JSON.stringify(answer.usage)).not.toMatch(/null|-\d|e\+|cost/)
    }
    const line = callLines(router9.worker.log()).at(-1)
    expect(line).toMatchObject({ completion_tokens: 11, estimated: true })
    expect(line?.cost_usd).toBeLessThan(0.001)
    expect(line).not.toHaveProperty('cached_tokens')
  })
})
