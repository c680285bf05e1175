export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
type Path = readonly (string | number)[]

const SETTINGS: Json = {
  model: 'gpt-4o',
  messages: [
    { role: 'system', content: 'Be brief.', name: 'house' },
    { role: 'user', content: 'Hello!' },
  ],
  models: ['gpt-4o'],
  provider: {
    order: ['openai'],
    only: ['openai', 'azure'],
    ignore: ['openrouter'],
    allow_fallbacks: true,
    require_parameters: false,
    hedge: false,
    sort: 'price',
    max_price: { prompt: 100, completion: 100 },
  },
  stream: false,
  temperature: 1,
  top_p: 1,
  max_tokens: 100,
  max_completion_tokens: 100,
  n: 1,
  stop: ['END'],
  seed: 7,
  presence_penalty: 0,
  frequency_penalty: 0,
  logit_bias: { '50256': -100 },
  logprobs: false,
  user: 'user-1',
  metadata: { purpose: 'test' },
  service_tier: 'auto',
  response_format: {
    type: 'json_schema',
    json_schema: {
      name: 'answer',
      description: 'An answer.',
      strict: false,
      schema: { type: 'object', properties: { text: { type: 'string' } } },
    },
  },
}
const TALK: Json = {
  model: 'gpt-4o',
  messages: [
    { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
      ],
    },
    {
      role: 'assistant',
      content: 'Let me see.',
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'A cat.' },
  ],
  stream: true,
  stream_options: { include_usage: true },
  tools: [
    {
      type: 'function',
      function: {
        name: 'look',
        description: 'Looks.',
        strict: false,
        parameters: { type: 'object', properties: { what: { type: 'string' } } },
      },
    },
  ],
  tool_choice: { type: 'function', function: { name: 'look' } },
  parallel_tool_calls: true,
}

/** Requests that are right and hold, between them, every field that is documented. */
export const BASES = { settings: SETTINGS, talk: TALK }

/** A value of each type, and odd ones. */
export const STRANGERS: readonly Json[] = [null, true, 0, -1, 1.5, 'text', '', [], [null], [[]], {}, { a: 1 }]

/** Where there is a value in this one. */
export function pathsIn(value: Json, above: Path = []): Path[] {
  const children: [string | number, Json][] = Array.isArray(value)
    ? value.map((child, at) => [at, child])
    : value !== null && typeof value === 'object'
      ? Object.entries(value)
      : []
  return [
    ...(above.length > 0 ? [above] : []),
    ...children.flatMap(([step, child]) => pathsIn(child, [...above, step])),
  ]
}

/** A path as refusals write it: `messages[1].content`. */
export function textOf(path: Path): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at > 0 ? '.' : ''}${step}`)).join('')
}

export function valueAt(value: Json, path: Path): Json {
  return path.reduce<Json>((holder, step) => (holder as Record<string | number, Json>)[step] ?? null, value)
}

/** The value with another one at a path. */
export function replaced(base: Json, path: Path, by: Json): Json {
  const whole = structuredClone(base)
  const holder = valueAt(whole, path.slice(0, -1)) as Record<string | number, Json>
  holder[path.at(-1) ?? ''] = by
  return whole
}
