import { checkCohere } from './cohere-checks.ts'
import { cohereFailure, cohereFailureEvents } from './cohere-errors.ts'
import { readCohere } from './cohere-read.ts'
import type { Dialect, Incoming, Rendering, WireEvent } from './dialect.ts'
import type { Fields } from './json.ts'
import { APOLOGY } from './phrase.ts'
import type { Choice, Ending, Thought } from './prompt.ts'
import { grouped } from './tokens.ts'

// Cohere has no finish of its own for refused or filtered answers.
const FINISH_REASONS: Record<Ending, string> = {
  stop: 'COMPLETE',
  'stop-sequence': 'STOP_SEQUENCE',
  length: 'MAX_TOKENS',
  'tool-calls': 'TOOL_CALL',
  refusal: 'COMPLETE',
  'content-filter': 'COMPLETE',
}

/** Cohere's chat format, version 2. */
export const cohere: Dialect = {
  name: 'cohere',
  lineEnding: () => '\n',
  isStream: ({ body }) => body.stream === true,
  headers: (_incoming, { ids }) => ({ 'x-debug-trace-id': ids.hex(32), 'x-endpoint-monthly-call-limit': '1000' }),
  check: checkCohere,
  read: readCohere,
  events: cohereEvents,
  body: cohereBody,
  hollow: (_incoming, { ids }) =>
    event('preamble', 'message-start', { id: ids.uuid(), delta: { message: EMPTY_MESSAGE } }),
  failure: (_incoming, trouble) => cohereFailure(trouble),
  failureEvents: cohereFailureEvents,
}

const EMPTY_MESSAGE = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] }

function event(kind: WireEvent['kind'], type: string, fields: Fields): WireEvent {
  const { id, ...rest } = fields
  return { kind, name: type, data: JSON.stringify({ ...(id === undefined ? {} : { id }), type, ...rest }) }
}

function said(choice: Choice): string[] {
  const filtered = choice.ending === 'content-filter' && choice.text.length === 0
  return filtered ? [APOLOGY] : [...choice.text, ...choice.refusal]
}

function usageOf({ promptTokens, cachedTokens }: Thought, choice: Choice): Fields {
  return {
    billed_units: { input_tokens: promptTokens, output_tokens: choice.completionTokens },
    tokens: { input_tokens: promptTokens, output_tokens: choice.completionTokens },
    cached_tokens: cachedTokens,
  }
}

function callId(name: string, ids: Rendering['ids']): string {
  return `${name}_${ids.letters(12).toLowerCase()}`
}

function* cohereEvents(_incoming: Incoming, thought: Thought, rendering: Rendering): Generator<WireEvent> {
  const { ids, tokensPerEvent, withUsage } = rendering
  const [choice] = thought.choices
  if (choice === undefined) return
  yield event('preamble', 'message-start', { id: ids.uuid(), delta: { message: EMPTY_MESSAGE } })
  let index = 0
  for (const [type, tokens] of [
    ['thinking', choice.reasoning],
    ['text', said(choice)],
  ] as const) {
    if (tokens.length === 0) continue
    yield event('frame', 'content-start', { index, delta: { message: { content: { type, [type]: '' } } } })
    for (const text of grouped(tokens, tokensPerEvent)) {
      yield event('content', 'content-delta', { index, delta: { message: { content: { [type]: text } } } })
    }
    yield event('frame', 'content-end', { index })
    index += 1
  }
  for (const tool_plan of grouped(choice.plan, tokensPerEvent)) {
    yield event('content', 'tool-plan-delta', { delta: { message: { tool_plan } } })
  }
  for (const [at, { name, fragments }] of choice.calls.entries()) {
    const call = { id: callId(name, ids), type: 'function', function: { name, arguments: '' } }
    yield event('content', 'tool-call-start', { index: at, delta: { message: { tool_calls: call } } })
    // A call without arguments has no deltas.
    const pieces = fragments.join('') === '{}' ? [] : grouped(fragments, tokensPerEvent)
    for (const piece of pieces) {
      const delta = { message: { tool_calls: { function: { arguments: piece } } } }
      yield event('content', 'tool-call-delta', { index: at, delta })
    }
    yield event('frame', 'tool-call-end', { index: at })
  }
  const usage = withUsage ? { usage: usageOf(thought, choice) } : {}
  yield event('finish', 'message-end', { delta: { finish_reason: FINISH_REASONS[choice.ending], ...usage } })
  yield { kind: 'end', data: '[DONE]' }
}

function cohereBody(_incoming: Incoming, thought: Thought, { ids, withUsage }: Rendering): Fields {
  const [choice] = thought.choices
  if (choice === undefined) return {}
  const content: Fields[] = []
  if (choice.reasoning.length > 0) content.push({ type: 'thinking', thinking: choice.reasoning.join('') })
  const text = said(choice).join('')
  if (text !== '') content.push({ type: 'text', text })
  const calls = choice.calls.map(({ name, fragments }) => ({
    id: callId(name, ids),
    type: 'function',
    function: { name, arguments: fragments.join('') },
  }))
  const message = {
    role: 'assistant',
    ...(choice.plan.length > 0 ? { tool_plan: choice.plan.join('') } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    ...(content.length > 0 ? { content } : {}),
  }
  const usage = withUsage ? { usage: usageOf(thought, choice) } : {}
  return { id: ids.uuid(), message, finish_reason: FINISH_REASONS[choice.ending], ...usage }
}
