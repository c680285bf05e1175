import { addText, choiceOf, type Draft, type DraftChoice, newDraft } from './draft.ts'
import type { SseEvent } from './events.ts'
import type { FinishReason } from './expected.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'
import { errorInStream } from './read-errors.ts'

const FINISH: Record<string, FinishReason> = {
  COMPLETE: 'stop',
  STOP_SEQUENCE: 'stop',
  MAX_TOKENS: 'length',
  TOOL_CALL: 'tool_calls',
}
const FAILED_FINISH = new Set(['ERROR', 'TIMEOUT'])

/** Reads a Cohere v2 stream. */
export function readCohereStream(events: SseEvent[]): Draft {
  const draft = newDraft()
  for (const { data } of events) {
    if (data.trim() === '[DONE]') {
      draft.ended = true
      break
    }
    const event = parseJson(data)
    if (event === undefined) {
      draft.doubt = 'an event that is not JSON'
      break
    }
    takeEvent(draft, event)
    if (draft.error !== undefined) break
  }
  return draft
}

/** Reads a whole Cohere v2 answer. */
export function readCohereBody(body: unknown): Draft {
  const draft = newDraft()
  const message = objectOf(at(body, 'message'))
  if (Object.keys(message).length === 0) {
    draft.error = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
    return draft
  }
  const choice = choiceOf(draft, 0)
  choice.reasoning += textOf(message.tool_plan)
  for (const part of arrayOf(message.content)) takeContent(choice, part)
  for (const call of arrayOf(message.tool_calls)) takeCall(choice, call)
  takeEnd(draft, objectOf(body))
  draft.ended = draft.error === undefined
  return draft
}

function takeEvent(draft: Draft, event: unknown) {
  const message = at(event, 'delta', 'message')
  switch (at(event, 'type')) {
    case 'content-start':
    case 'content-delta':
      return takeContent(choiceOf(draft, 0), at(message, 'content'))
    case 'tool-plan-delta':
      choiceOf(draft, 0).reasoning += textOf(at(message, 'tool_plan'))
      return
    case 'tool-call-start':
      return takeCall(choiceOf(draft, 0), at(message, 'tool_calls'))
    case 'tool-call-delta': {
      const call = choiceOf(draft, 0).tools.at(-1)
      if (call !== undefined) call.arguments += textOf(at(message, 'tool_calls', 'function', 'arguments'))
      return
    }
    case 'message-end':
      return takeEnd(draft, objectOf(at(event, 'delta')))
    default:
      if (at(event, 'message') !== undefined && at(event, 'type') === undefined) draft.error = errorInStream(event)
  }
}

function takeContent(choice: DraftChoice, content: unknown) {
  addText(choice, textOf(at(content, 'text')))
  choice.reasoning += textOf(at(content, 'thinking'))
}

function takeCall(choice: DraftChoice, call: unknown) {
  choice.tools.push({
    id: textOf(at(call, 'id')) || null,
    name: textOf(at(call, 'function', 'name')),
    arguments: textOf(at(call, 'function', 'arguments')),
  })
}

function takeEnd(draft: Draft, end: JsonObject) {
  const reason = textOf(end.finish_reason)
  if (FAILED_FINISH.has(reason)) draft.error = { status: 502, type: 'upstream_error', param: null }
  else choiceOf(draft, 0).finish = FINISH[reason] ?? 'stop'
  const tokens = at(end.usage, 'tokens')
  const prompt = numberOf(at(tokens, 'input_tokens'))
  if (prompt === undefined) return
  const completion = numberOf(at(tokens, 'output_tokens')) ?? 0
  const cached = numberOf(at(end.usage, 'cached_tokens'))
  const reasoning = numberOf(at(tokens, 'reasoning_tokens'))
  draft.usage = { prompt, completion, total: prompt + completion }
  if (cached !== undefined) draft.usage.cached = cached
  if (reasoning !== undefined) draft.usage.reasoning = reasoning
}
