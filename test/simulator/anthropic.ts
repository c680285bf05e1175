import { checkAnthropic, checkAnthropicCount } from './anthropic-checks.ts'
import { anthropicFailure, anthropicFailureEvents } from './anthropic-errors.ts'
import { callsWithoutThinking } from './anthropic-message-checks.ts'
import { claudeTraits } from './anthropic-models.ts'
import { readAnthropic } from './anthropic-read.ts'
import type { Dialect, Incoming, Rendering, WireEvent } from './dialect.ts'
import { type Fields, fieldsOf, jsonOf, parseJson } from './json.ts'
import type { Choice, Ending, Thought } from './prompt.ts'
import { FOUND } from './search.ts'
import { sign } from './signatures.ts'
import { grouped } from './tokens.ts'

const STOP_REASONS: Record<Ending, string> = {
  stop: 'end_turn',
  'stop-sequence': 'stop_sequence',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  refusal: 'refusal',
  'content-filter': 'refusal',
}

// A text of Anthropic's own that makes a model hide its thinking.
const REDACTION_TRIGGER = 'ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING'

/** Anthropic's Messages format. */
export const anthropic: Dialect = {
  name: 'anthropic',
  lineEnding: () => '\n',
  isStream: ({ body }) => body.stream === true,
  headers: (_incoming, { ids, nowMs }) => ({
    'request-id': `req_011C${ids.letters(20)}`,
    'anthropic-organization-id': ids.uuid(),
    'anthropic-ratelimit-requests-limit': '4000',
    'anthropic-ratelimit-requests-remaining': '3999',
    'anthropic-ratelimit-requests-reset': new Date(nowMs + 1000).toISOString().replace(/\.\d+Z$/, 'Z'),
  }),
  check: checkAnthropic,
  // Nothing is cached that is not marked.
  caches: ({ body }) => jsonOf(body).includes('"cache_control":{'),
  insists: ({ body }) => {
    const message = callsWithoutThinking(body)
    return message === undefined ? undefined : { status: 400, message }
  },
  read: readAnthropic,
  events: anthropicEvents,
  body: anthropicBody,
  hollow: ({ body }, { ids }) =>
    event('preamble', { type: 'message_start', message: messageOf(body, ids.letters(22)) }),
  failure: (_incoming, trouble) => anthropicFailure(trouble),
  failureEvents: anthropicFailureEvents,
}

/** How many tokens a request of it would cost. */
export const anthropicCount: Dialect = {
  ...anthropic,
  isStream: () => false,
  caches: () => false,
  check: checkAnthropicCount,
  body: (_incoming, { promptTokens }) => ({ input_tokens: promptTokens }),
}

// Anthropic pads its JSON with spaces behind the last brace.
function event(kind: WireEvent['kind'], data: Fields): WireEvent {
  const json = JSON.stringify(data)
  return { kind, name: String(data.type), data: json + ' '.repeat(json.length % 11) }
}

function messageOf(body: Fields, id: string): Fields {
  return {
    model: body.model,
    id: `msg_01${id}`,
    type: 'message',
    role: 'assistant',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
  }
}

function usageOf({ promptTokens, cachedTokens, cacheWriteTokens }: Thought, outputTokens: number): Fields {
  return {
    input_tokens: promptTokens - cachedTokens - cacheWriteTokens,
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cachedTokens,
    cache_creation: { ephemeral_5m_input_tokens: cacheWriteTokens, ephemeral_1h_input_tokens: 0 },
    output_tokens: outputTokens,
  }
}

function endingOf(choice: Choice): Fields {
  const refused = choice.ending === 'refusal'
  const explanation = 'This request was blocked under the usage policy.'
  return {
    stop_reason: STOP_REASONS[choice.ending],
    stop_sequence: choice.stopSequence ?? null,
    stop_details: refused ? { type: 'refusal', category: 'cyber', explanation } : null,
  }
}

// What the server has left out of the context by itself.
function editsOf({ context_management: asked }: Fields): Fields {
  return fieldsOf(asked) === undefined ? {} : { context_management: { applied_edits: [] } }
}

function isRedacted({ messages }: Fields): boolean {
  return jsonOf(messages).includes(REDACTION_TRIGGER)
}

function searchBlocks(query: string, ids: Rendering['ids']): [Fields, Fields] {
  const id = `srvtoolu_01${ids.letters(22)}`
  const secret = sign('anthropic', FOUND.url)
  const found = { type: 'web_search_result', ...FOUND, encrypted_content: secret, page_age: null }
  return [
    { type: 'server_tool_use', id, name: 'web_search', input: { query } },
    { type: 'web_search_tool_result', tool_use_id: id, content: [found], caller: { type: 'direct' } },
  ]
}

function citationsOf({ search, text }: Choice): Fields[] {
  if (search === undefined || text.length === 0) return []
  const cited = { cited_text: 'What was found.', encrypted_index: sign('anthropic', search) }
  return [{ type: 'web_search_result_location', ...FOUND, ...cited }]
}

function searchesOf({ search }: Choice): Fields {
  return search === undefined ? {} : { server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 } }
}

function isThinkingShown(body: Fields): boolean {
  const { display } = fieldsOf(body.thinking) ?? {}
  // The newest models keep their thoughts to themselves unless asked.
  return display === undefined ? claudeTraits(String(body.model)).thinking !== 'adaptive' : display !== 'omitted'
}

function* anthropicEvents(incoming: Incoming, thought: Thought, rendering: Rendering): Generator<WireEvent> {
  const { body } = incoming
  const { ids, withUsage, tokensPerEvent } = rendering
  const [choice] = thought.choices
  if (choice === undefined) return
  const started = withUsage
    ? { usage: { ...usageOf(thought, 1), service_tier: 'standard', inference_geo: 'not_available' } }
    : {}
  yield event('preamble', { type: 'message_start', message: { ...messageOf(body, ids.letters(22)), ...started } })
  let index = 0
  let pinged = false
  const block = function* (start: Fields, deltas: Fields[], kind: WireEvent['kind'] = 'frame'): Generator<WireEvent> {
    const opening = index === 0 && kind === 'frame' ? 'preamble' : kind
    yield event(opening, { type: 'content_block_start', index, content_block: start })
    if (!pinged) yield { kind: 'preamble', name: 'ping', data: '{"type": "ping"}' }
    pinged = true
    for (const delta of deltas) yield event('content', { type: 'content_block_delta', index, delta })
    yield event('frame', { type: 'content_block_stop', index })
    index += 1
  }
  if (choice.reasoning.length > 0 && isRedacted(body)) {
    yield* block({ type: 'redacted_thinking', data: sign('anthropic', choice.reasoning.join('')) }, [])
  } else if (choice.reasoning.length > 0) {
    const shown = isThinkingShown(body) ? grouped(choice.reasoning, tokensPerEvent) : []
    const thinking = shown.map((text) => ({ type: 'thinking_delta', thinking: text }))
    const signature = { type: 'signature_delta', signature: sign('anthropic', choice.reasoning.join('')) }
    yield* block({ type: 'thinking', thinking: '', signature: '' }, [...thinking, signature])
  }
  if (choice.search !== undefined) {
    const [use, found] = searchBlocks(choice.search, ids)
    const query = { type: 'input_json_delta', partial_json: JSON.stringify(use.input) }
    yield* block({ ...use, input: {} }, [query])
    yield* block(found, [])
  }
  const text = [...choice.plan, ...choice.text]
  if (text.length > 0) {
    const citations = citationsOf(choice).map((citation) => ({ type: 'citations_delta', citation }))
    const deltas = grouped(text, tokensPerEvent).map((piece) => ({ type: 'text_delta', text: piece }))
    yield* block({ type: 'text', text: '', ...(citations.length > 0 ? { citations: [] } : {}) }, [
      ...citations,
      ...deltas,
    ])
  }
  for (const { name, fragments } of choice.calls) {
    // A call without arguments has one empty delta, others begin with one.
    const pieces = fragments.join('') === '{}' ? [''] : ['', ...grouped(fragments, tokensPerEvent)]
    const deltas = pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece }))
    yield* block(
      { type: 'tool_use', id: `toolu_01${ids.letters(22)}`, name, input: {}, caller: { type: 'direct' } },
      deltas,
      'content',
    )
  }
  const details = { output_tokens_details: { thinking_tokens: choice.reasoning.length } }
  const usage = withUsage
    ? { usage: { ...usageOf(thought, choice.completionTokens), ...details, ...searchesOf(choice) } }
    : {}
  yield event('finish', { type: 'message_delta', delta: endingOf(choice), ...usage, ...editsOf(body) })
  yield event('end', { type: 'message_stop' })
}

function anthropicBody({ body }: Incoming, thought: Thought, { ids, withUsage }: Rendering): Fields {
  const [choice] = thought.choices
  if (choice === undefined) return {}
  const content: Fields[] = []
  if (choice.reasoning.length > 0) {
    const text = choice.reasoning.join('')
    const thinking = isThinkingShown(body) ? text : ''
    const signature = sign('anthropic', text)
    content.push(
      isRedacted(body) ? { type: 'redacted_thinking', data: signature } : { type: 'thinking', thinking, signature },
    )
  }
  const text = [...choice.plan, ...choice.text].join('')
  if (choice.search !== undefined) content.push(...searchBlocks(choice.search, ids))
  const citations = citationsOf(choice)
  if (text !== '') content.push({ type: 'text', text, ...(citations.length > 0 ? { citations } : {}) })
  for (const { name, fragments } of choice.calls) {
    const input = fieldsOf(parseJson(fragments.join(''))) ?? {}
    content.push({ type: 'tool_use', id: `toolu_01${ids.letters(22)}`, name, input, caller: { type: 'direct' } })
  }
  const details = { output_tokens_details: { thinking_tokens: choice.reasoning.length }, service_tier: 'standard' }
  const usage = withUsage
    ? { usage: { ...usageOf(thought, choice.completionTokens), ...details, ...searchesOf(choice) } }
    : {}
  return { ...messageOf(body, ids.letters(22)), content, ...endingOf(choice), ...usage, ...editsOf(body) }
}
