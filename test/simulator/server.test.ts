import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { ask, saying, sayingToClaude, sayingToGemini, sayingToResponses, useSimulator } from './asking.ts'
import type { Fields } from './json.ts'

useSimulator()

const ODD_VALUES = [
  null,
  0,
  -1,
  1.5,
  '',
  'x',
  true,
  [],
  [null],
  ['x'],
  [[]],
  [{}],
  {},
  { type: 'x' },
  { content: [{}] },
]

// Every field of a plausible request by turns becomes something odd.
function* spoiled(body: Fields, fields: string): Generator<Fields> {
  for (const field of fields.split(' ')) for (const value of ODD_VALUES) yield { ...body, [field]: value }
}

test.each<[string, Fields, string]>([
  [
    '/openai/v1/chat/completions',
    saying('Hi'),
    'model messages tools tool_choice response_format stop n max_tokens stream stream_options thinking logprobs',
  ],
  [
    '/anthropic/v1/messages',
    sayingToClaude('Hi'),
    'model messages system tools tool_choice thinking output_config stop_sequences max_tokens stream metadata temperature',
  ],
  [
    '/gemini/v1beta/models/gemini-3-pro:generateContent',
    sayingToGemini('Hi'),
    'contents tools toolConfig systemInstruction generationConfig safetySettings',
  ],
  [
    '/openai/v1/responses',
    sayingToResponses('Hi'),
    'model input instructions tools tool_choice text include reasoning store previous_response_id max_output_tokens stream',
  ],
  ['/cohere/v2/chat', saying('Hi'), 'model messages tools tool_choice response_format stop_sequences thinking stream'],
  [
    '/openai/v1/embeddings',
    { model: 'text-embedding-3-small', input: 'Hi' },
    'model input encoding_format dimensions user',
  ],
  [
    '/cohere/v2/embed',
    { model: 'embed-v4.0', texts: ['Hi'], input_type: 'search_query' },
    'model texts input_type embedding_types output_dimension truncate',
  ],
  ['/gemini/v1beta/models/gemini-embedding-001:batchEmbedContents', { requests: [] }, 'requests'],
  [
    '/gemini/v1beta/models/gemini-embedding-001:embedContent',
    { content: { parts: [{ text: 'Hi' }] } },
    'model content taskType title outputDimensionality',
  ],
  ['/ollama/api/embed', { model: 'bge-m3', input: 'Hi' }, 'model input truncate dimensions'],
  [
    '/bedrock/model/amazon.titan-embed-text-v2%3A0/invoke',
    { inputText: 'Hi' },
    'inputText dimensions normalize embeddingTypes',
  ],
])('%s answers whatever is sent', async (path, body, fields) => {
  for (const odd of spoiled(body, fields)) {
    const { status } = await ask(path, odd)
    expect([200, 400, 422], JSON.stringify(odd)).toContain(status)
  }
})

test('the same prompt always gets the same answer', async () => {
  const path = '/anthropic/v1/messages'
  const [first, second] = [
    await ask(path, sayingToClaude('Tell a joke')),
    await ask(path, sayingToClaude('Tell a joke')),
  ]
  expect(first.json.content).toEqual(second.json.content)
  expect(first.json.id).not.toBe(second.json.id)
})

test('the program prints where it listens, answers there, and ends when told', async () => {
  const program = spawn(process.execPath, [`${import.meta.dirname}/main.ts`])
  const [line] = await once(program.stdout, 'data')
  expect(String(line)).toMatch(/^provider simulator on http:\/\/127\.0\.0\.1:\d+\n$/)
  const url = String(line).trim().split(' ').at(-1)
  expect(await (await fetch(`${url}/control/health`)).json()).toEqual({ ok: true })
  program.kill('SIGTERM')
  expect(await once(program, 'exit')).toEqual([0, null])
})
