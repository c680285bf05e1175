import { addText, choiceOf, type Draft, type DraftChoice, type DraftTool, newDraft } from './draft.ts'
import type { SseEvent } from './events.ts'
import type { ExpectedUsage, FinishReason } from './expected.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'
import { errorInStream } from './read-errors.ts'

// Providers whose row in the translation table says that reasoning may come as <think> inside the text.
const THINK_TAG_PROVIDERS = new Set(['groq', 'fireworks', 'perplexity', 'huggingface'])

const FINISH: Record<string, FinishReason> = {
  stop: 'stop',
  eos: 'stop',
  length: 'length',
  model_length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'function_call',
  content_filter: 'content_filter',
  sensitive: 'content_filter',
}
const FAILED_FINISH = new Set(['error', 'network_error', 'insufficient_system_resource'])

/** Reads the stream of an OpenAI-compatible provider. */
export function readOpenAiStream(events: SseEvent[], provider: string): Draft {
  const draft = newDraft()
  const slots = new Map<number, Map<number, DraftTool>>()
  for (const { data } of events) {
    if (data.trim() === '[DONE]') {
      draft.ended = true
      break
    }
    const chunk = parseJson(data)
    if (chunk === undefined) {
      draft.doubt = 'an event that is not JSON'
      break
    }
    if (!takeChunk(draft, slots, objectOf(chunk))) break
  }
  finishDraft(draft, provider)
  return draft
}

/** Reads the whole body of an OpenAI-compatible provider. */
export function readOpenAiBody(body: unknown, provider: string): Draft {
  const draft = newDraft()
  const failure = at(body, 'error') ?? at(body, 'choices', 0, 'error')
  if (failure || arrayOf(at(body, 'choices')).length === 0) {
    draft.error = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
    return draft
  }
  for (const [position, item] of arrayOf(at(body, 'choices')).entries()) {
    const choice = choiceOf(draft, numberOf(at(item, 'index')) ?? position)
    takeDelta(choice, new Map(), objectOf(at(item, 'message')))
    takeFinish(draft, choice, at(item, 'finish_reason'))
  }
  takeUsage(draft, objectOf(body))
  if (draft.error === undefined) draft.ended = true
  finishDraft(draft, provider)
  return draft
}

function takeChunk(draft: Draft, slots: Map<number, Map<number, DraftTool>>, chunk: JsonObject): boolean {
  const failure = chunk.error ?? at(chunk.choices, 0, 'error') ?? (chunk.object === 'error' ? chunk : undefined)
  if (failure) {
    draft.error = errorInStream(failure)
    return false
  }
  takeUsage(draft, chunk)
  for (const [position, item] of arrayOf(chunk.choices).entries()) {
    const index = numberOf(at(item, 'index')) ?? position
    const choice = choiceOf(draft, index)
    const tools = slots.get(index) ?? new Map<number, DraftTool>()
    slots.set(index, tools)
    takeDelta(choice, tools, objectOf(at(item, 'delta')))
    takeFinish(draft, choice, at(item, 'finish_reason'))
    if (draft.error !== undefined) return false
  }
  return true
}

// A streamed delta and a whole message have the same fields, so one reading serves both.
function takeDelta(choice: DraftChoice, slots: Map<number, DraftTool>, delta: JsonObject) {
  if (typeof delta.content === 'string') addText(choice, delta.content)
  for (const part of arrayOf(delta.content)) {
    addText(choice, textOf(at(part, 'text')))
    for (const thought of arrayOf(at(part, 'thinking'))) choice.reasoning += textOf(at(thought, 'text'))
  }
  choice.reasoning += reasoningOf(delta)
  choice.refusal += textOf(delta.refusal)
  const legacyName = textOf(at(delta.function_call, 'name'))
  const legacyArguments = textOf(at(delta.function_call, 'arguments'))
  if (legacyName !== '' || legacyArguments !== '') {
    const call = choice.functionCall ?? { name: '', arguments: '' }
    choice.functionCall = { name: call.name || legacyName, arguments: call.arguments + legacyArguments }
  }
  for (const [position, part] of arrayOf(delta.tool_calls).entries()) takeTool(choice, slots, objectOf(part), position)
}

function reasoningOf(delta: JsonObject): string {
  if (typeof delta.reasoning_content === 'string') return delta.reasoning_content
  if (typeof delta.reasoning === 'string') return delta.reasoning
  return arrayOf(delta.reasoning_details)
    .map((detail) => textOf(at(detail, 'text')) + textOf(at(detail, 'summary')))
    .join('')
}

function takeTool(choice: DraftChoice, slots: Map<number, DraftTool>, part: JsonObject, position: number) {
  const id = textOf(part.id)
  const name = textOf(at(part.function ?? part.custom, 'name'))
  const place = numberOf(part.index) ?? (slots.size > 0 && id === '' && name === '' ? slots.size - 1 : position)
  let tool = id === '' ? undefined : choice.tools.find((known) => known.id === id)
  tool ??= slots.get(place)
  // Another id at the same index is another call: some providers number every call 0.
  if (tool === undefined || (id !== '' && tool.id !== null && tool.id !== id)) {
    tool = { id: null, name: '', arguments: '' }
    choice.tools.push(tool)
  }
  slots.set(place, tool)
  if (id !== '') tool.id ??= id
  if (tool.name === '') tool.name = name
  const given = at(part.function, 'arguments') ?? at(part.custom, 'input')
  if (typeof given === 'string') tool.arguments += given
  else if (typeof given === 'object' && given !== null) {
    tool.arguments += JSON.stringify(given)
    tool.byValue = true
  }
}

function takeFinish(draft: Draft, choice: DraftChoice, word: unknown) {
  const reason = textOf(word)
  if (reason === '') return
  if (FAILED_FINISH.has(reason)) draft.error = { status: 502, type: 'upstream_error', param: null }
  else choice.finish = FINISH[reason] ?? 'stop'
}

function takeUsage(draft: Draft, chunk: JsonObject) {
  const reported = [chunk.usage, at(chunk.x_groq, 'usage'), at(chunk.choices, 0, 'usage')]
  const usage = reported.find((candidate) => typeof at(candidate, 'prompt_tokens') === 'number')
  if (usage !== undefined) draft.usage = usageOf(objectOf(usage))
}

/** OpenAI's usage object, with the repairs that the table of quirks asks for. */
export function usageOf(usage: JsonObject): ExpectedUsage {
  const prompt = numberOf(usage.prompt_tokens) ?? 0
  // What is counted in the total only is of the completion: xAI's reasoning, Google's thoughts.
  const completion = Math.max(numberOf(usage.completion_tokens) ?? 0, (numberOf(usage.total_tokens) ?? 0) - prompt)
  const reasoning = numberOf(at(usage.completion_tokens_details, 'reasoning_tokens'))
  const cached =
    numberOf(at(usage.prompt_tokens_details, 'cached_tokens')) ??
    numberOf(usage.prompt_cache_hit_tokens) ??
    numberOf(usage.cached_tokens)
  return {
    prompt,
    completion,
    total: prompt + completion,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  }
}

function finishDraft(draft: Draft, provider: string) {
  if (!THINK_TAG_PROVIDERS.has(provider)) return
  for (const choice of draft.choices.values()) {
    const split = splitThinking(choice.pieces.join(''))
    if (split === undefined) continue
    draft.notes.push('<think> in the text is reasoning; white space after its end is dropped')
    choice.pieces = [split.text]
    choice.reasoning += split.reasoning
  }
}

/**
 * Parts <think> from the text; undefined when the text does not begin with it. A tag never closed runs to the end. White
 * space beside the tags is dropped from the text, where it parts nothing any more, and kept in the reasoning.
 */
function splitThinking(text: string): { text: string; reasoning: string } | undefined {
  const begun = text.trimStart()
  if (!begun.startsWith('<think>')) return undefined
  const inside = begun.slice('<think>'.length)
  const end = inside.indexOf('</think>')
  if (end < 0) return { text: '', reasoning: inside }
  return { text: inside.slice(end + '</think>'.length).trimStart(), reasoning: inside.slice(0, end) }
}
