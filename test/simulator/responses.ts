import type { Dialect, Incoming, Rendering, WireEvent } from './dialect.ts'
import { flavourOf } from './flavours.ts'
import { type Fields, fieldsOf, listOf, rowsOf } from './json.ts'
import { MOST_CONVERSATIONS, remember } from './memory.ts'
import { openai } from './openai.ts'
import { openaiFailure } from './openai-errors.ts'
import type { Thought } from './prompt.ts'
import { checkCompact, checkResponses, checkTokens } from './responses-checks.ts'
import { conversationItems, typeOf } from './responses-input.ts'
import { insistOnReasoning } from './responses-item-checks.ts'
import { outputItems } from './responses-items.ts'
import { readResponses } from './responses-read.ts'
import { sealed } from './signatures.ts'

const FAILURE = 'The server had an error while processing your request. Sorry about that!'
// Their deltas are padded, so that nobody can tell the words by the lengths.
const PADS = ['openai', 'azure']

// How far the stream of a request has come; an error in its midst goes on from there.
const progress = new WeakMap<Incoming, { sequence: number; response: Fields }>()

/** OpenAI's Responses, and those of all who copied them. */
export const responses: Dialect = {
  name: 'responses',
  lineEnding: () => '\n',
  isStream: ({ body }) => body.stream === true,
  headers: openai.headers,
  check: checkResponses,
  insists: insistOnReasoning,
  read: readResponses,
  events: responsesEvents,
  body: responsesBody,
  hollow: (incoming, rendering) => numbered(incoming, 'preamble', opening('response.created', incoming, rendering)),
  failure: openaiFailure,
  failureEvents,
}

/** How many tokens a request would cost. */
export const responsesTokens: Dialect = {
  ...responses,
  isStream: () => false,
  caches: () => false,
  check: checkTokens,
  body: (_incoming, { promptTokens }) => ({ object: 'response.input_tokens', input_tokens: promptTokens }),
}

/** A conversation made short: the words of the user, and one sealed item for all else. */
export const responsesCompact: Dialect = {
  ...responses,
  isStream: () => false,
  caches: () => false,
  check: checkCompact,
  body: compactBody,
}

function created({ nowMs }: Rendering): number {
  return Math.floor(nowMs / 1000)
}

function responseId({ slot }: Incoming, { ids }: Rendering): string {
  return slot === 'xai' ? ids.uuid() : `resp_${ids.hex(50)}`
}

// What was asked, told again, with what was left out.
function responseOf(incoming: Incoming, rendering: Rendering, more: Fields): Fields {
  const { body } = incoming
  const reasoning = fieldsOf(body.reasoning)
  const text = fieldsOf(body.text)
  return {
    object: 'response',
    created_at: created(rendering),
    background: false,
    completed_at: null,
    error: null,
    frequency_penalty: 0,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    model: body.model,
    moderation: null,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    presence_penalty: 0,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    prompt_cache_retention: body.prompt_cache_retention ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: body.service_tier ?? 'auto',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: { format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: rowsOf(body.tools).map((tool) =>
      tool.type === 'function' ? { description: null, strict: true, ...tool } : tool,
    ),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: null,
    user: body.user ?? null,
    metadata: body.metadata ?? {},
    ...more,
  }
}

function opening(type: string, incoming: Incoming, rendering: Rendering): Fields {
  const id = progress.get(incoming)?.response.id ?? responseId(incoming, rendering)
  const response = responseOf(incoming, rendering, { id, status: 'in_progress' })
  progress.set(incoming, { sequence: progress.get(incoming)?.sequence ?? 0, response })
  return { type, response }
}

function numbered(incoming: Incoming, kind: WireEvent['kind'], data: Fields): WireEvent {
  const event = { ...data, sequence_number: progress.get(incoming)?.sequence ?? 0 }
  // OpenRouter leaves the names of the events out.
  const name = incoming.slot === 'openrouter' ? {} : { name: String(data.type) }
  return { kind, ...name, data: JSON.stringify(event) }
}

// A fault may take an event's place; only one that is followed by another was sent.
function* sent(incoming: Incoming, kind: WireEvent['kind'], data: Fields): Generator<WireEvent> {
  yield numbered(incoming, kind, data)
  const { sequence, response } = progress.get(incoming) ?? { sequence: 0, response: {} }
  progress.set(incoming, { sequence: sequence + 1, response })
}

// Writing to the cache is counted since it costs something.
function usageOf({ choices, promptTokens, cachedTokens, cacheWriteTokens }: Thought, model: unknown): Fields {
  const made = choices.reduce((sum, { completionTokens }) => sum + completionTokens, 0)
  const reasoned = choices.reduce((sum, { reasoning }) => sum + reasoning.length, 0)
  return {
    input_tokens: promptTokens,
    input_tokens_details: {
      cached_tokens: cachedTokens,
      cache_write_tokens: /^gpt-5\.[6-9]/.test(String(model)) ? cacheWriteTokens : 0,
    },
    output_tokens: made,
    output_tokens_details: { reasoning_tokens: reasoned },
    total_tokens: promptTokens + made,
  }
}

function finished(incoming: Incoming, thought: Thought, rendering: Rendering, id: unknown, output: Fields[]): Fields {
  const ending = thought.choices[0]?.ending
  const reason = ending === 'length' ? 'max_output_tokens' : ending === 'content-filter' ? 'content_filter' : undefined
  const response = responseOf(incoming, rendering, {
    id,
    output,
    status: reason === undefined ? 'completed' : 'incomplete',
    ...(reason === undefined ? { completed_at: created(rendering) } : { incomplete_details: { reason } }),
    service_tier: 'default',
    usage: rendering.withUsage ? usageOf(thought, incoming.body.model) : null,
  })
  const read = conversationItems(incoming)
  if (incoming.body.store !== false && 'items' in read) {
    const items = [...read.items, ...output]
    remember(incoming.memory.conversations, String(id), { slot: incoming.slot, items }, MOST_CONVERSATIONS)
  }
  return response
}

function* responsesEvents(incoming: Incoming, thought: Thought, rendering: Rendering): Generator<WireEvent> {
  const [choice] = thought.choices
  if (choice === undefined) return
  progress.delete(incoming)
  for (const comment of flavourOf(incoming.slot).comments) yield { kind: 'preamble', data: comment, form: 'comment' }
  for (const type of ['response.created', 'response.in_progress']) {
    yield* sent(incoming, 'preamble', opening(type, incoming, rendering))
  }
  const id = progress.get(incoming)?.response.id
  const items = outputItems(choice, incoming, rendering)
  const pads = PADS.includes(incoming.slot) && fieldsOf(incoming.body.stream_options)?.include_obfuscation !== false
  for (const [index, { added, steps, done }] of items.entries()) {
    const at = { output_index: index }
    const isCall = 'call_id' in added
    const kind = isCall ? 'content' : index === 0 ? 'preamble' : 'frame'
    yield* sent(incoming, kind, { type: 'response.output_item.added', item: added, ...at })
    for (const { kind: stepKind, data } of steps) {
      const padding =
        pads && 'delta' in data
          ? { obfuscation: rendering.ids.letters(1 + (rendering.ids.hex(1).charCodeAt(0) % 16)) }
          : {}
      yield* sent(incoming, stepKind, { ...data, ...padding, ...at })
    }
    yield* sent(incoming, 'frame', { type: 'response.output_item.done', item: done, ...at })
  }
  const output = items.map(({ done }) => done)
  const response = finished(incoming, thought, rendering, id, output)
  yield* sent(incoming, 'finish', { type: `response.${String(response.status)}`, response })
  if (incoming.slot === 'openrouter') yield { kind: 'end', data: '[DONE]' }
}

function responsesBody(incoming: Incoming, thought: Thought, rendering: Rendering): Fields {
  const [choice] = thought.choices
  if (choice === undefined) return {}
  const output = outputItems(choice, incoming, rendering).map(({ done }) => done)
  return finished(incoming, thought, rendering, responseId(incoming, rendering), output)
}

// On the wire the error is nested, and the failed response follows.
function failureEvents(incoming: Incoming): WireEvent[] {
  const { response } = progress.get(incoming) ?? {
    response: { object: 'response', model: incoming.body.model, output: [] },
  }
  const error = { type: 'server_error', code: 'server_error', message: FAILURE, param: null }
  const failed = { ...response, status: 'failed', error: { code: 'server_error', message: FAILURE }, usage: null }
  return [
    ...sent(incoming, 'content', { type: 'error', error }),
    ...sent(incoming, 'content', { type: 'response.failed', response: failed }),
  ]
}

function compactBody(incoming: Incoming, thought: Thought, rendering: Rendering): Fields {
  const read = conversationItems(incoming)
  const items = 'items' in read ? read.items : []
  const id = responseId(incoming, rendering)
  const kept = items
    .filter((item) => typeOf(item) === 'message' && item.role === 'user')
    .map(({ content }) => ({
      id: `msg_${rendering.ids.hex(50)}`,
      type: 'message',
      role: 'user',
      status: 'completed',
      content: typeof content === 'string' ? [{ type: 'input_text', text: content }] : listOf(content),
    }))
  const secret = sealed(incoming.slot, { of: id, items: items.length })
  const compaction = { id: `cmp_${rendering.ids.hex(50)}`, type: 'compaction', encrypted_content: secret }
  return {
    id,
    object: 'response.compaction',
    created_at: created(rendering),
    output: [...kept, compaction],
    usage: usageOf(thought, incoming.body.model),
  }
}
