import type { ChatEvent, FinishReason, Usage } from '../../chat/event.ts'
import { toUsage } from '../../chat/event.ts'
import { Failure } from '../../chat/failure.ts'
import { createBoundedCounter, createKeptBound, failuresAsEvents, MAX_TOOL_CALLS } from '../shared/answer-bounds.ts'
import { isJsonObject, type JsonObject, jsonObjectsIn, omitEmpty, toCount, toText } from '../shared/fields.ts'
import { createThinkTagSplitter, type ThinkTagSplitter, withOpenTag } from '../shared/think-tags.ts'
import { readErrorInAnswer } from '../shared/upstream-error.ts'
import { createChoiceNumbers } from './choice-numbers.ts'
import { argumentsWithoutCall, type CallReader, createCallReader, hasArguments, toArgumentsText } from './read-calls.ts'
import { readContentPieces } from './read-content.ts'

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

/** Where a choice of a stream has its words; some say them twice. */
type Place = 'delta' | 'message' | 'text'

interface Choice {
  readonly index: number
  readonly calls: CallReader
  functionCalled: boolean
  /** Arguments of a function call that came before its name. */
  functionHeld: string
  readonly think: ThinkTagSplitter | undefined
  /** The provider tells its reasoning as a text; where it tells details too, they say the same. */
  reasonsInText: boolean
  /** Something was said. */
  said: boolean
  /** Something stood where words should stand, and could not be read. */
  unread: boolean
  place: Place | undefined
  /** The content of a stream's messages so far, where they are the place. */
  told: string
}

/** How much of the fields that come with every chunk is remembered, to tell whether they are new. */
const MAX_REMEMBERED = 1024 * 1024

/**
 * @param newId makes the tool call ids that a provider left out.
 * @param opensThinking the answer begins within `<think>`.
 */
export function createOpenAIReader(quirks: AnswerQuirks, newId: () => string, opensThinking = false): OpenAIReader {
  const choices = new Map<number, Choice>()
  const numbersOf = createChoiceNumbers()
  const changedExtras = createChangedExtras()
  const keep = createKeptBound()
  const support = { newId, keep, count: createBoundedCounter(MAX_TOOL_CALLS, 'tool calls') }

  const choiceAt = (index: number): Choice => {
    const known = choices.get(index)
    if (known !== undefined) return known
    const think = quirks.thinkTags === true ? createThinkTagSplitter(opensThinking) : undefined
    const calls = createCallReader(index, support)
    const states = {
      functionCalled: false,
      functionHeld: '',
      reasonsInText: false,
      said: false,
      unread: false,
      place: undefined,
      told: '',
    }
    const fresh: Choice = { index, calls, think, ...states }
    choices.set(index, fresh)
    return fresh
  }

  const readText = (choice: Choice, text: string, events: ChatEvent[]) => {
    if (text === '') return
    const { index, think } = choice
    // Also where it is held back, for it may be a tag.
    choice.said = true
    if (think === undefined) events.push({ type: 'text', choice: index, text })
    else for (const piece of think.feed(text)) events.push({ ...piece, choice: index })
  }

  const readWords = (choice: Choice, type: 'reasoning' | 'refusal', text: string, events: ChatEvent[]) => {
    choice.said = true
    events.push({ type, choice: choice.index, text })
  }

  const readExtra = (choice: Choice, fields: JsonObject | undefined, events: ChatEvent[]) => {
    if (fields === undefined) return
    // Sound and pictures are the answer itself.
    if ('audio' in fields || 'images' in fields) choice.said = true
    events.push({ type: 'extra', choice: choice.index, place: 'message', fields })
  }

  const readContent = (choice: Choice, content: unknown, whole: boolean, events: ChatEvent[]) => {
    if (typeof content === 'string') {
      readText(choice, whole && quirks.thinkTags === true ? withOpenTag(content) : content, events)
      return
    }
    const pieces = readContentPieces(content)
    if (pieces === undefined) choice.unread = true
    for (const piece of pieces ?? []) {
      if ('list' in piece) readExtra(choice, { [piece.type]: piece.list }, events)
      else if (piece.type === 'text') readText(choice, piece.text, events)
      else readWords(choice, piece.type, piece.text, events)
    }
  }

  const readFunctionCall = (choice: Choice, delta: JsonObject, events: ChatEvent[]) => {
    const { index } = choice
    const name = toText(delta.name)
    if (!choice.functionCalled && name !== undefined) {
      choice.functionCalled = true
      choice.said = true
      events.push({ type: 'tool-start', choice: index, index: 0, id: '', name, kind: 'function_call' })
    }
    const given = toArgumentsText(delta.arguments)
    if (!choice.functionCalled) {
      keep(given.length)
      choice.functionHeld += given
      return
    }
    const text = choice.functionHeld + given
    choice.functionHeld = ''
    if (text !== '') events.push({ type: 'tool-delta', choice: index, index: 0, text })
  }

  const reasoningOf = (choice: Choice, message: JsonObject): string | undefined => {
    const text = toText(message.reasoning_content) ?? toText(message.reasoning)
    if (text !== undefined) choice.reasonsInText = true
    return choice.reasonsInText || message.reasoning_details === undefined
      ? text
      : textOfDetails(message.reasoning_details)
  }

  const readMessage = (choice: Choice, message: JsonObject, whole: boolean, events: ChatEvent[]) => {
    for (const name in message) {
      if (MESSAGE_FIELDS.has(name)) continue
      readExtra(choice, omitEmpty(without(message, MESSAGE_FIELDS)), events)
      break
    }
    const reasoning = reasoningOf(choice, message)
    if (reasoning !== undefined) {
      choice.think?.markReasoningSeparate()
      readWords(choice, 'reasoning', reasoning, events)
    }
    readContent(choice, message.content, whole, events)
    const refusal = toText(message.refusal)
    if (refusal !== undefined) readWords(choice, 'refusal', refusal, events)
    if (Array.isArray(message.tool_calls) && !choice.functionCalled) {
      const calls = jsonObjectsIn(message.tool_calls)
      if (whole) choice.calls.whole(calls, events)
      else choice.calls.pieces(calls, events)
      if (choice.calls.any()) choice.said = true
    }
    // The old form, which some send beside the new one.
    if (isJsonObject(message.function_call) && !choice.calls.any())
      readFunctionCall(choice, message.function_call, events)
  }

  /** The words of a stream's choice stand in its delta; where nothing is there, in a message or a text of its own. */
  const readStreamed = (choice: Choice, { delta, message, text }: JsonObject, events: ChatEvent[]) => {
    if (choice.place === 'delta' && isJsonObject(delta)) return readMessage(choice, delta, false, events)
    const { said } = choice
    const speaks = (place: Place) => {
      if (choice.said) choice.place = place
      return choice.said
    }
    choice.said = false
    if (choice.place !== 'message') {
      if (isJsonObject(delta)) readMessage(choice, delta, false, events)
      else readContent(choice, delta, false, events)
    }
    if (!speaks('delta') && choice.place !== 'delta') {
      if (choice.place !== 'text' && isJsonObject(message)) readMessage(choice, untold(choice, message), false, events)
      if (!speaks('message') && choice.place !== 'message') {
        readContent(choice, text, false, events)
        speaks('text')
      }
    }
    choice.said ||= said
  }

  /** Some messages hold all of the content so far, others its next piece. */
  const untold = (choice: Choice, message: JsonObject): JsonObject => {
    const { content } = message
    if (typeof content !== 'string' || content === '') return message
    const { told } = choice
    const again = told !== '' && content.startsWith(told)
    const news = again ? content.slice(told.length) : content
    keep(news.length)
    choice.told = told + news
    return again ? { ...message, content: news } : message
  }

  const readWhole = (choice: Choice, { message, delta, text }: JsonObject, events: ChatEvent[]) => {
    const given = message ?? delta
    if (isJsonObject(given)) readMessage(choice, given, true, events)
    else if (given !== null && given !== undefined) readContent(choice, given, true, events)
    else if (text === null || text === undefined) choice.unread = true
    if (!choice.said) readContent(choice, text, true, events)
  }

  const readChoice = (given: JsonObject, index: number, whole: boolean, events: ChatEvent[]) => {
    const choice = choiceAt(index)
    const extra = extrasOfChoice(given)
    if (extra !== undefined) events.push({ type: 'extra', choice: index, place: 'choice', fields: extra })
    if (whole) readWhole(choice, given, events)
    else readStreamed(choice, given, events)
    if (isTruthy(given.error)) events.push({ type: 'error', failure: readErrorInAnswer(given) })
    // Some that stand before another provider hand on its words as they are: MAX_TOKENS.
    const word = toText(given.finish_reason)?.toLowerCase()
    if (word !== undefined) finishChoice(choice, word, events)
    if (isJsonObject(given.usage)) events.push({ type: 'usage', usage: readUsage(given.usage) })
  }

  /** Ends a choice, after what was held back for want of its end. */
  const finishChoice = (choice: Choice, word: string, events: ChatEvent[]) => {
    const { index } = choice
    for (const piece of choice.think?.end() ?? []) events.push({ ...piece, choice: index })
    choice.calls.end(events)
    if (hasArguments(choice.functionHeld)) throw argumentsWithoutCall()
    const reason = FINISH_REASONS.get(word) ?? 'stop'
    if (BROKEN.has(word)) events.push({ type: 'error', failure: brokenOff(word) })
    // An answer of which nothing was understood is no empty one. What a filter took away may be missing altogether.
    else if (choice.unread && !choice.said && reason !== 'content_filter') {
      events.push({ type: 'error', failure: nonsense() })
    } else events.push({ type: 'finish', choice: index, reason })
  }

  const read = (data: JsonObject, whole: boolean): ChatEvent[] => {
    const events: ChatEvent[] = []
    const extra = changedExtras(data)
    if (extra !== undefined) events.push({ type: 'extra', choice: 0, place: 'body', fields: extra })
    const list = data.choices
    if (Array.isArray(list)) {
      const numbers = numbersOf(list)
      for (let at = 0; at < list.length; at++) {
        if (isJsonObject(list[at])) readChoice(list[at], numbers[at] ?? at, whole, events)
      }
    }
    const usage = isJsonObject(data.usage) ? data.usage : isJsonObject(data.x_groq) ? data.x_groq.usage : undefined
    if (isJsonObject(usage)) events.push({ type: 'usage', usage: readUsage(usage) })
    return events
  }

  return {
    chunk: failuresAsEvents((data, event) => {
      if (!isJsonObject(data)) return [{ type: 'error', failure: nonsense() }]
      if (isTruthy(data.error) || event === 'error' || data.object === 'error') {
        return [...read({ ...data, choices: undefined }, false), { type: 'error', failure: readErrorInAnswer(data) }]
      }
      return read(data, false)
    }),
    body: failuresAsEvents((body) => {
      if (!isJsonObject(body)) return [{ type: 'error', failure: nonsense() }]
      if (isTruthy(body.error) || body.object === 'error') return [{ type: 'error', failure: readErrorInAnswer(body) }]
      if (jsonObjectsIn(body.choices).length === 0) return [{ type: 'error', failure: nonsense() }]
      return [...read(body, true), { type: 'done' }]
    }),
  }
}

/** What can be read of reasoning details, in OpenRouter's form: texts and summaries; the rest is encrypted. */
function textOfDetails(details: unknown): string | undefined {
  return toText(
    jsonObjectsIn(details)
      .map(({ text, summary }) => toText(text) ?? toText(summary) ?? '')
      .join(''),
  )
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== ''
}

function without(fields: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)))
}

function extrasOfChoice(choice: JsonObject): JsonObject | undefined {
  for (const name in choice) {
    if (choice[name] === null || CHOICE_FIELDS.has(name)) continue
    return omitEmpty(without(choice, CHOICE_FIELDS))
  }
  return undefined
}

/** Fields such as `system_fingerprint` come with every chunk: they go out when they are new. */
function createChangedExtras(): (data: JsonObject) => JsonObject | undefined {
  const sent = new Map<string, unknown>()
  let remembered = 0
  return (data) => {
    let changed: Record<string, unknown> | undefined
    for (const name in data) {
      const value = data[name]
      if (value === null || value === undefined || BODY_FIELDS.has(name)) continue
      const mark = typeof value === 'object' ? JSON.stringify(value) : value
      if (sent.get(name) === mark || mark === '[]') continue
      remembered += name.length + String(mark).length
      // To tell the same once more does no harm.
      if (remembered > MAX_REMEMBERED) {
        sent.clear()
        remembered = 0
      }
      sent.set(name, mark)
      changed ??= {}
      changed[name] = value
    }
    return changed
  }
}

/**
 * Usage with a sum that holds, in the words of either of OpenAI's APIs. What a provider counts in its total only (xAI's reasoning, Google's thoughts) is of the
 * completion; cached tokens are put where OpenAI has them.
 */
function readUsage(usage: JsonObject): Usage {
  const { prompt_tokens_details, input_tokens_details, completion_tokens_details, output_tokens_details } = usage
  const prompt = toCount(usage.prompt_tokens) || toCount(usage.input_tokens)
  const written = toCount(usage.completion_tokens) || toCount(usage.output_tokens)
  // A total alone does not say what is whose.
  const completion = prompt === 0 ? written : Math.max(written, toCount(usage.total_tokens) - prompt)
  const promptDetails = firstOf(prompt_tokens_details, input_tokens_details) ?? {}
  const completionDetails = firstOf(completion_tokens_details, output_tokens_details)
  const cached =
    toCount(promptDetails.cached_tokens) || toCount(usage.prompt_cache_hit_tokens) || toCount(usage.cached_tokens)
  return toUsage(prompt, completion, {
    ...omitEmpty(usage),
    ...(cached === 0 ? {} : { prompt_tokens_details: { ...promptDetails, cached_tokens: cached } }),
    ...(completionDetails && { completion_tokens_details: completionDetails }),
  })
}

function firstOf(...values: readonly unknown[]): JsonObject | undefined {
  return values.find(isJsonObject)
}

function brokenOff(word: string): Failure {
  return new Failure('provider-failed', `The provider broke off its answer (${word}).`, { detail: word })
}

function nonsense(): Failure {
  return new Failure('provider-failed', 'The provider answered with something that is not a chat completion.')
}
