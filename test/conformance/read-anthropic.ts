import { addText, choiceOf, type Draft, type DraftTool, newDraft } from './draft.ts'
import type { SseEvent } from './events.ts'
import type { FinishReason } from './expected.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'
import { errorInStream } from './read-errors.ts'

// Every other stop_reason, known or not, is a plain stop.
const FINISH: Record<string, FinishReason> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

/** A tool whose block has begun, and the input that its start gave. */
type OpenTool = { tool: DraftTool; input: JsonObject }

/** Reads an Anthropic Messages stream, up to the end of its first message. */
export function readAnthropicStream(events: SseEvent[]): Draft {
  const draft = newDraft()
  const tools = new Map<unknown, OpenTool>()
  const counts: JsonObject = {}
  let started = false
  for (const { data } of events) {
    const event = parseJson(data)
    if (event === undefined) {
      draft.doubt = 'an event that is not JSON'
      break
    }
    const type = textOf(at(event, 'type'))
    if (type === 'error') {
      draft.error = errorInStream(at(event, 'error'))
      break
    }
    if (type === 'message_stop') {
      for (const open of tools.values()) stopBlock(open)
      draft.ended = true
      break
    }
    if (type === 'message_start') {
      if (started && draft.choices.size > 0) {
        draft.notes.push('a second message_start after content: the answer began anew, which is an error')
        draft.error = {}
        break
      }
      started = true
      mergeUsage(counts, at(event, 'message', 'usage'))
    }
    if (type === 'content_block_start') startBlock(draft, tools, event)
    if (type === 'content_block_delta') takeDelta(draft, tools, event)
    if (type === 'content_block_stop') stopBlock(tools.get(at(event, 'index')))
    if (type === 'message_delta') {
      mergeUsage(counts, at(event, 'usage'))
      takeStop(draft, objectOf(at(event, 'delta')))
    }
  }
  if (Object.keys(counts).length > 0) takeUsage(draft, counts)
  if (!draft.ended) draft.doubt ??= 'the end came after stop_reason but without message_stop'
  return draft
}

/** Reads a whole Anthropic message. */
export function readAnthropicBody(body: unknown): Draft {
  const draft = newDraft()
  if (!Array.isArray(at(body, 'content'))) {
    draft.error = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
    return draft
  }
  const choice = choiceOf(draft, 0)
  for (const block of arrayOf(at(body, 'content'))) {
    const type = at(block, 'type')
    if (type === 'text') addText(choice, textOf(at(block, 'text')))
    if (type === 'thinking') choice.reasoning += textOf(at(block, 'thinking'))
    if (type === 'tool_use') choice.tools.push(toolOf(block, JSON.stringify(at(block, 'input') ?? {})))
  }
  takeStop(draft, objectOf(body))
  const counts: JsonObject = {}
  mergeUsage(counts, at(body, 'usage'))
  takeUsage(draft, counts)
  draft.ended = true
  return draft
}

function toolOf(block: unknown, given: string): DraftTool {
  return { id: textOf(at(block, 'id')), name: textOf(at(block, 'name')), arguments: given, byValue: true }
}

function startBlock(draft: Draft, tools: Map<unknown, OpenTool>, event: unknown) {
  const block = at(event, 'content_block')
  const type = at(block, 'type')
  const text = textOf(at(block, 'text'))
  if (type === 'text' && text !== '') addText(choiceOf(draft, 0), text)
  const thinking = textOf(at(block, 'thinking'))
  if (type === 'thinking' && thinking !== '') choiceOf(draft, 0).reasoning += thinking
  if (type !== 'tool_use') return
  const tool = toolOf(block, '')
  choiceOf(draft, 0).tools.push(tool)
  tools.set(at(event, 'index'), { tool, input: objectOf(at(block, 'input')) })
}

// An input given at the start counts only if no deltas follow it, which shows at the stop.
function stopBlock(open: OpenTool | undefined) {
  if (open === undefined || open.tool.arguments !== '' || Object.keys(open.input).length === 0) return
  open.tool.arguments = JSON.stringify(open.input)
}

function takeDelta(draft: Draft, tools: Map<unknown, OpenTool>, event: unknown) {
  const delta = at(event, 'delta')
  const type = at(delta, 'type')
  const text = textOf(at(delta, 'text'))
  const thinking = textOf(at(delta, 'thinking'))
  const json = textOf(at(delta, 'partial_json'))
  if (type === 'text_delta' && text !== '') addText(choiceOf(draft, 0), text)
  if (type === 'thinking_delta' && thinking !== '') choiceOf(draft, 0).reasoning += thinking
  const tool = tools.get(at(event, 'index'))?.tool
  if (type !== 'input_json_delta' || tool === undefined || json === '') return
  if (tool.byValue) {
    // From here on the provider spells the arguments itself, and the spelling must arrive.
    delete tool.byValue
    tool.arguments = ''
  }
  tool.arguments += json
}

function takeStop(draft: Draft, holder: JsonObject) {
  const explanation = textOf(at(holder.stop_details, 'explanation'))
  if (explanation !== '') choiceOf(draft, 0).refusal = explanation
  const reason = textOf(holder.stop_reason)
  if (reason !== '') choiceOf(draft, 0).finish = FINISH[reason] ?? 'stop'
}

// The numbers are running totals, so a later one replaces the earlier; null says nothing.
function mergeUsage(counts: JsonObject, usage: unknown) {
  for (const [name, value] of Object.entries(objectOf(usage))) {
    if (typeof value === 'number' || name === 'output_tokens_details') counts[name] = value
  }
}

function takeUsage(draft: Draft, counts: JsonObject) {
  const cached = numberOf(counts.cache_read_input_tokens) ?? 0
  const prompt = (numberOf(counts.input_tokens) ?? 0) + cached + (numberOf(counts.cache_creation_input_tokens) ?? 0)
  const completion = numberOf(counts.output_tokens) ?? 0
  const reasoning = numberOf(at(counts.output_tokens_details, 'thinking_tokens'))
  draft.usage = { prompt, completion, total: prompt + completion, cached }
  if (reasoning !== undefined) draft.usage.reasoning = reasoning
}
