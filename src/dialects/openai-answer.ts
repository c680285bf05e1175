import type { ChatEvent, FinishReason, ToolKind, Usage } from '../chat/event.ts'
import { usageOf } from '../chat/event.ts'
import { Failure } from '../chat/failure.ts'
import { countOf, type Fields, fieldsOf, isFields, sayingSomething, textOf } from './fields.ts'
import { createThinkTagSplitter, type ThinkTagSplitter, withOpenTag } from './think-tags.ts'
import { readErrorInAnswer } from './upstream-failure.ts'

/** How an OpenAI-compatible provider's answers differ from OpenAI's own. */
export interface AnswerQuirks {
  /** Reasoning stands in the content between `<think>` and `</think>`. */
  readonly thinkTags?: boolean
}

/** Reads OpenAI's answers and all that resemble them: the chunks of a stream and whole bodies (translation 3). */
export interface OpenAIReader {
  readonly chunk: (data: unknown, event: string) => readonly ChatEvent[]
  readonly body: (body: unknown) => readonly ChatEvent[]
}

const FINISH_REASONS: ReadonlyMap<string, FinishReason> = new Map(
  Object.entries({
    stop: 'stop',
    eos: 'stop',
    end_turn: 'stop',
    stop_sequence: 'stop',
    length: 'length',
    max_tokens: 'length',
    model_length: 'length',
    tool_calls: 'tool_calls',
    tool_use: 'tool_calls',
    function_call: 'function_call',
    content_filter: 'content_filter',
    sensitive: 'content_filter',
    refusal: 'content_filter',
    safety: 'content_filter',
    recitation: 'content_filter',
  } as const),
)

/** Words with which a provider ends an answer that it could not finish. */
const BROKEN = new Set(['error', 'network_error', 'insufficient_system_resource', 'abort'])

// What we read ourselves, or write anew for every chunk; all else goes to the client as it is. `obfuscation` and `p` are
// random padding, a stream's `message` repeats all deltas so far.
const BODY_FIELDS = new Set([
  'id',
  'object',
  'created',
  'model',
  'choices',
  'usage',
  'error',
  'obfuscation',
  'p',
  'type',
])
const CHOICE_FIELDS = new Set([
  'index',
  'delta',
  'message',
  'finish_reason',
  'usage',
  'error',
  'text',
  'token_id',
  'seed',
])
const MESSAGE_FIELDS = new Set([
  'role',
  'content',
  'refusal',
  'tool_calls',
  'function_call',
  'reasoning_content',
  'reasoning',
])

interface Call {
  readonly upstreamIndex: number | undefined
  readonly index: number
  id: string
  started: boolean
  /** Arguments that came before the name. */
  held: string
}

interface Choice {
  readonly calls: Call[]
  current: Call | undefined
  functionCalled: boolean
  readonly think: ThinkTagSplitter | undefined
}

/**
 * @param newId makes the tool call ids that a provider left out.
 * @param opensThinking the answer begins within `<think>`.
 */
export function createOpenAIReader(quirks: AnswerQuirks, newId: () => string, opensThinking = false): OpenAIReader {
  const choices = new Map<number, Choice>()
  const sent = new Map<string, unknown>()

  const choiceAt = (index: number): Choice => {
    const known = choices.get(index)
    if (known !== undefined) return known
    const think = quirks.thinkTags === true ? createThinkTagSplitter(opensThinking) : undefined
    const fresh: Choice = { calls: [], current: undefined, functionCalled: false, think }
    choices.set(index, fresh)
    return fresh
  }

  const readText = (index: number, text: string, events: ChatEvent[]) => {
    const think = choiceAt(index).think
    if (think === undefined) events.push({ type: 'text', choice: index, text })
    else for (const piece of think.feed(text)) events.push({ ...piece, choice: index })
  }

  const readContent = (index: number, content: unknown, whole: boolean, events: ChatEvent[]) => {
    if (typeof content === 'string') {
      const opened = whole && quirks.thinkTags === true ? withOpenTag(content) : content
      if (opened !== '') readText(index, opened, events)
      return
    }
    // Mistral's reasoning models answer in parts.
    for (const part of fieldsOf(content)) {
      const text = textOf(part.text)
      if (part.type === 'text' && text !== undefined) readText(index, text, events)
      // What the words before it rest on, in Mistral's numbers: OpenAI has no form for it.
      if (part.type === 'reference') {
        events.push({ type: 'extra', choice: index, place: 'message', fields: { citations: [part] } })
      }
      if (part.type !== 'thinking') continue
      const thoughts = typeof part.thinking === 'string' ? [{ text: part.thinking }] : fieldsOf(part.thinking)
      for (const thought of thoughts) {
        const reasoning = textOf(thought.text)
        if (reasoning !== undefined) events.push({ type: 'reasoning', choice: index, text: reasoning })
      }
    }
  }

  /** An index says which call is meant; where it does not, or cannot, the id does. */
  const findCall = (
    choice: Choice,
    upstreamIndex: number | undefined,
    id: string | undefined,
    name: string | undefined,
  ): Call | undefined => {
    if (upstreamIndex === undefined) {
      return id === undefined ? choice.current : choice.calls.find((call) => call.id === id)
    }
    const last = choice.calls.findLast((call) => call.upstreamIndex === upstreamIndex)
    // Some number all calls 0: another id with a name of its own is another call. Some make a new id for every piece.
    const another = id !== undefined && name !== undefined && last !== undefined && last.id !== '' && last.id !== id
    return another ? choice.calls.find((call) => call.id === id) : last
  }

  const start = (index: number, call: Call, name: string, kind: ToolKind, extra: Fields | undefined): ChatEvent => {
    call.started = true
    if (call.id === '') call.id = newId()
    const { id } = call
    return { type: 'tool-start', choice: index, index: call.index, id, name, kind, ...(extra && { extra }) }
  }

  const readCall = (index: number, delta: Fields, position: number | undefined, events: ChatEvent[]) => {
    const choice = choiceAt(index)
    const upstreamIndex = typeof delta.index === 'number' ? delta.index : position
    const id = textOf(delta.id)
    const custom = isFields(delta.custom)
    const inner = custom ? (delta.custom as Fields) : isFields(delta.function) ? delta.function : {}
    const name = textOf(inner.name)
    let call = findCall(choice, upstreamIndex, id, name)
    if (call === undefined) {
      // A provider that ends its calls with an empty one (Workers AI) has not called anything.
      if (id === undefined && name === undefined) return
      call = { upstreamIndex, index: choice.calls.length, id: id ?? '', started: false, held: '' }
      choice.calls.push(call)
    }
    choice.current = call
    const text = argumentsText(custom ? inner.input : inner.arguments)
    if (!call.started && name === undefined) {
      call.held += text
      return
    }
    if (!call.started && name !== undefined) {
      const { index: _, id: __, type: ___, function: ____, custom: _____, ...further } = delta
      events.push(start(index, call, name, custom ? 'custom' : 'function', sayingSomething(further)))
    }
    const whole = call.held + text
    call.held = ''
    if (whole !== '') events.push({ type: 'tool-delta', choice: index, index: call.index, text: whole })
  }

  const readFunctionCall = (index: number, delta: Fields, events: ChatEvent[]) => {
    const choice = choiceAt(index)
    const name = textOf(delta.name)
    if (!choice.functionCalled && name !== undefined) {
      choice.functionCalled = true
      events.push({ type: 'tool-start', choice: index, index: 0, id: '', name, kind: 'function_call' })
    }
    const text = argumentsText(delta.arguments)
    if (text !== '') events.push({ type: 'tool-delta', choice: index, index: 0, text })
  }

  const readMessage = (index: number, message: Fields, whole: boolean, events: ChatEvent[]) => {
    for (const name in message) {
      if (MESSAGE_FIELDS.has(name)) continue
      const extra = sayingSomething(without(message, MESSAGE_FIELDS))
      if (extra !== undefined) events.push({ type: 'extra', choice: index, place: 'message', fields: extra })
      break
    }
    const reasoning = textOf(message.reasoning_content) ?? textOf(message.reasoning)
    if (reasoning !== undefined) {
      choiceAt(index).think?.reasonsApart()
      events.push({ type: 'reasoning', choice: index, text: reasoning })
    }
    readContent(index, message.content, whole, events)
    const refusal = textOf(message.refusal)
    if (refusal !== undefined) events.push({ type: 'refusal', choice: index, text: refusal })
    if (isFields(message.function_call)) readFunctionCall(index, message.function_call, events)
    const calls = fieldsOf(message.tool_calls)
    calls.forEach((call, at) => {
      readCall(index, call, whole || calls.length > 1 ? at : undefined, events)
    })
  }

  const readChoice = (choice: Fields, position: number, whole: boolean, events: ChatEvent[]) => {
    const index = typeof choice.index === 'number' ? choice.index : position
    const extra = extrasOfChoice(choice)
    if (extra !== undefined) events.push({ type: 'extra', choice: index, place: 'choice', fields: extra })
    const message = whole ? choice.message : choice.delta
    if (isFields(message)) readMessage(index, message, whole, events)
    if (isTruthy(choice.error)) events.push({ type: 'error', failure: readErrorInAnswer(choice) })
    // Some that stand before another provider hand on its words as they are: MAX_TOKENS.
    const word = textOf(choice.finish_reason)?.toLowerCase()
    if (word !== undefined) {
      finishChoice(index, events)
      if (BROKEN.has(word)) events.push({ type: 'error', failure: brokenOff(word) })
      else events.push({ type: 'finish', choice: index, reason: FINISH_REASONS.get(word) ?? 'stop' })
    }
    if (isFields(choice.usage)) events.push({ type: 'usage', usage: readUsage(choice.usage) })
  }

  /** Lets out what was held back for want of its end. */
  const finishChoice = (index: number, events: ChatEvent[]) => {
    const choice = choices.get(index)
    if (choice === undefined) return
    for (const piece of choice.think?.end() ?? []) events.push({ ...piece, choice: index })
    for (const call of choice.calls) {
      if (call.started) continue
      events.push(start(index, call, '', 'function', undefined))
      if (call.held !== '') events.push({ type: 'tool-delta', choice: index, index: call.index, text: call.held })
    }
  }

  const read = (data: Fields, whole: boolean): ChatEvent[] => {
    const events: ChatEvent[] = []
    const extra = changedExtras(data, sent)
    if (extra !== undefined) events.push({ type: 'extra', choice: 0, place: 'body', fields: extra })
    const list = data.choices
    if (Array.isArray(list)) {
      for (let at = 0; at < list.length; at++) if (isFields(list[at])) readChoice(list[at], at, whole, events)
    }
    const usage = isFields(data.usage) ? data.usage : isFields(data.x_groq) ? data.x_groq.usage : undefined
    if (isFields(usage)) events.push({ type: 'usage', usage: readUsage(usage) })
    return events
  }

  return {
    chunk: (data, event) => {
      if (!isFields(data)) return [{ type: 'error', failure: nonsense() }]
      if (isTruthy(data.error) || event === 'error' || data.object === 'error') {
        return [...read({ ...data, choices: undefined }, false), { type: 'error', failure: readErrorInAnswer(data) }]
      }
      return read(data, false)
    },
    body: (body) => {
      if (!isFields(body)) return [{ type: 'error', failure: nonsense() }]
      if (isTruthy(body.error) || body.object === 'error') return [{ type: 'error', failure: readErrorInAnswer(body) }]
      if (fieldsOf(body.choices).length === 0) return [{ type: 'error', failure: nonsense() }]
      return [...read(body, true), { type: 'done' }]
    },
  }
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== ''
}

function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function without(fields: Fields, names: ReadonlySet<string>): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)))
}

function extrasOfChoice(choice: Fields): Fields | undefined {
  for (const name in choice) {
    if (choice[name] === null || CHOICE_FIELDS.has(name)) continue
    return sayingSomething(without(choice, CHOICE_FIELDS))
  }
  return undefined
}

/** Fields such as `system_fingerprint` come with every chunk: they go out when they are new. */
function changedExtras(data: Fields, sent: Map<string, unknown>): Fields | undefined {
  let changed: Record<string, unknown> | undefined
  for (const name in data) {
    const value = data[name]
    if (value === null || value === undefined || BODY_FIELDS.has(name)) continue
    const mark = typeof value === 'object' ? JSON.stringify(value) : value
    if (sent.get(name) === mark || mark === '[]') continue
    sent.set(name, mark)
    changed ??= {}
    changed[name] = value
  }
  return changed
}

/**
 * Usage with a sum that holds, in the words of either of OpenAI's APIs. What a provider counts in its total only (xAI's reasoning, Google's thoughts) is of the
 * completion; cached tokens are put where OpenAI has them.
 */
function readUsage(usage: Fields): Usage {
  const { prompt_tokens_details, input_tokens_details, completion_tokens_details, output_tokens_details } = usage
  const prompt = countOf(usage.prompt_tokens) || countOf(usage.input_tokens)
  const written = countOf(usage.completion_tokens) || countOf(usage.output_tokens)
  // A total alone does not say what is whose.
  const completion = prompt === 0 ? written : Math.max(written, countOf(usage.total_tokens) - prompt)
  const promptDetails = firstOf(prompt_tokens_details, input_tokens_details) ?? {}
  const completionDetails = firstOf(completion_tokens_details, output_tokens_details)
  const cached =
    countOf(promptDetails.cached_tokens) || countOf(usage.prompt_cache_hit_tokens) || countOf(usage.cached_tokens)
  return usageOf(prompt, completion, {
    ...sayingSomething(usage),
    ...(cached === 0 ? {} : { prompt_tokens_details: { ...promptDetails, cached_tokens: cached } }),
    ...(completionDetails && { completion_tokens_details: completionDetails }),
  })
}

function firstOf(...values: readonly unknown[]): Fields | undefined {
  return values.find(isFields)
}

function brokenOff(word: string): Failure {
  return new Failure('provider-failed', `The provider broke off its answer (${word}).`, { detail: word })
}

function nonsense(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not a chat completion.')
}
