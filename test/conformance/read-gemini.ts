import { addText, breakText, choiceOf, type Draft, type DraftChoice, type DraftTool, newDraft } from './draft.ts'
import type { SseEvent } from './events.ts'
import type { ExpectedError, FinishReason } from './expected.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'
import { setByPath } from './json-path.ts'
import { errorInStream } from './read-errors.ts'

const FILTERED = new Set(
  `SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION
   MODEL_ARMOR LANGUAGE`.split(/\s+/),
)
const UPSTREAM_ERROR: ExpectedError = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
const CONTENT_FREE_FINISH = new Set(['STOP', 'MAX_TOKENS'])

/** What was seen of a Gemini answer beside its content. */
type State = {
  partial: Map<DraftChoice, { tool: DraftTool; value: JsonObject }>
  blocked: boolean
  strange: Set<DraftChoice>
}

/** Reads a Gemini or Vertex stream; `strays` are the lines that were no SSE. */
export function readGeminiStream(events: SseEvent[], strays: string): Draft {
  const draft = newDraft()
  const state = newState()
  for (const { data } of events) {
    const response = parseJson(data)
    if (response === undefined) {
      draft.doubt = 'an event that is not JSON'
      break
    }
    takeResponse(draft, state, response)
    if (draft.error !== undefined) break
  }
  if (strays.trimStart().startsWith('{')) {
    const failure = at(parseJson(strays), 'error')
    if (failure === undefined) draft.doubt = 'lines that are neither SSE nor JSON'
    else draft.error ??= errorInStream(failure)
  }
  judge(draft, state)
  return draft
}

/** Reads a whole GenerateContentResponse, or the array of them that a stream without `alt=sse` is. */
export function readGeminiBody(body: unknown): Draft {
  const draft = newDraft()
  const state = newState()
  for (const response of Array.isArray(body) ? body : [body]) takeResponse(draft, state, response)
  if (draft.choices.size === 0 && !state.blocked) draft.error ??= UPSTREAM_ERROR
  draft.ended = draft.error === undefined
  judge(draft, state)
  // Of a body that holds an error the client sees nothing else.
  if (draft.error !== undefined) draft.choices.clear()
  return draft
}

function newState(): State {
  return { partial: new Map(), blocked: false, strange: new Set() }
}

function takeResponse(draft: Draft, state: State, response: unknown) {
  const failure = at(response, 'error')
  if (failure) {
    draft.error = errorInStream(failure)
    return
  }
  takeUsage(draft, at(response, 'usageMetadata'))
  const candidates = arrayOf(at(response, 'candidates'))
  if (candidates.length === 0 && textOf(at(response, 'promptFeedback', 'blockReason')) !== '') state.blocked = true
  for (const candidate of candidates) {
    const choice = choiceOf(draft, numberOf(at(candidate, 'index')) ?? 0)
    const callsBefore = choice.tools.length
    for (const part of arrayOf(at(candidate, 'content', 'parts'))) takePart(draft, state, choice, objectOf(part))
    const reason = textOf(at(candidate, 'finishReason'))
    if (reason === '') continue
    choice.finish = finishOf(reason)
    if (CONTENT_FREE_FINISH.has(reason) || FILTERED.has(reason)) {
      endCall(state, choice)
      continue
    }
    // The model should not have called, or not like this: no such call is handed on, nor makes the finish tool_calls.
    choice.tools.length = callsBefore
    state.partial.delete(choice)
    choice.finishStands = true
    state.strange.add(choice)
    draft.notes.push(`finishReason ${reason} is mapped to stop, and without words to 502`)
  }
}

function finishOf(reason: string): FinishReason {
  if (reason === 'MAX_TOKENS') return 'length'
  return FILTERED.has(reason) ? 'content_filter' : 'stop'
}

function takePart(draft: Draft, state: State, choice: DraftChoice, part: JsonObject) {
  const text = textOf(part.text)
  if (part.thought === true) choice.reasoning += text
  else if (text !== '') addText(choice, text)
  if (part.functionCall !== undefined) takeCall(draft, state, choice, objectOf(part.functionCall))
  if ('inlineData' in part || 'executableCode' in part || 'codeExecutionResult' in part) {
    draft.notes.push('an image or code part may be shown in the text or dropped')
    breakText(choice)
  }
}

function takeCall(draft: Draft, state: State, choice: DraftChoice, call: JsonObject) {
  const open = state.partial.get(choice)
  if (open !== undefined && call.name === undefined) {
    for (const piece of arrayOf(call.partialArgs)) setByPath(open.value, objectOf(piece))
    open.tool.arguments = JSON.stringify(open.value)
    if (call.willContinue !== true) endCall(state, choice)
    return
  }
  const tool: DraftTool = {
    id: textOf(call.id) || null,
    name: textOf(call.name),
    arguments: JSON.stringify(call.args ?? {}),
    byValue: true,
  }
  if (tool.id === null) draft.notes.push('a call without an id gets one: any unique text')
  if (call.willContinue !== true) {
    choice.tools.push(tool)
    return
  }
  const value: JsonObject = {}
  for (const piece of arrayOf(call.partialArgs)) setByPath(value, objectOf(piece))
  tool.arguments = JSON.stringify(value)
  state.partial.set(choice, { tool, value })
}

/** A call that comes in pieces is given out whole (translation 2.3): one that was cut is none. */
function endCall(state: State, choice: DraftChoice) {
  const open = state.partial.get(choice)
  if (open !== undefined) choice.tools.push(open.tool)
  state.partial.delete(choice)
}

function takeUsage(draft: Draft, usage: unknown) {
  const counted = numberOf(at(usage, 'promptTokenCount'))
  if (counted === undefined) return
  const prompt = counted + (numberOf(at(usage, 'toolUsePromptTokenCount')) ?? 0)
  const reasoning = numberOf(at(usage, 'thoughtsTokenCount')) ?? 0
  const completion = (numberOf(at(usage, 'candidatesTokenCount')) ?? 0) + reasoning
  const cached = numberOf(at(usage, 'cachedContentTokenCount')) ?? 0
  draft.usage = { prompt, completion, total: prompt + completion, cached, reasoning }
}

// Decides the cases in which Gemini answers 200 and says nothing.
function judge(draft: Draft, state: State) {
  if (draft.error !== undefined) return
  const choices = [...draft.choices.values()]
  if (state.blocked) {
    draft.ended = true
    const choice = choiceOf(draft, 0)
    choice.finish = 'content_filter'
    if (!choices.every(isSilent) || choices.some(({ tools }) => tools.length > 0)) return
    draft.notes.push('a blocked prompt: 400 content_filter, or an answer with content_filter and any words or none')
    draft.instead = { status: 400, type: 'invalid_request_error', param: null, code: 'content_filter' }
    choice.refusal = null
    breakText(choice)
  }
  for (const choice of state.strange) {
    if (!isSilent(choice)) continue
    draft.error = UPSTREAM_ERROR
    delete choice.finish
  }
}

function isSilent({ pieces, reasoning }: DraftChoice): boolean {
  // A piece for each picture or piece of code, though it holds no words.
  return pieces.length === 1 && pieces.join('') === '' && reasoning === ''
}
