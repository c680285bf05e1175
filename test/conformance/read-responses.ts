import { addText, choiceOf, type Draft, type DraftChoice, type DraftTool, newDraft } from './draft.ts'
import type { SseEvent } from './events.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'
import { errorInStream } from './read-errors.ts'

const CALL_TEXT: Readonly<Record<string, string>> = { function_call: 'arguments', custom_tool_call: 'input' }

/** What one item of a stream has said so far; a part's text is known by its kind and its place. */
type OpenItem = { texts: Map<string, string>; tool?: DraftTool }

type Reading = { draft: Draft; choice: DraftChoice; items: Map<number, OpenItem> }

/** Reads the stream of a provider's Responses API, by the type in the data, and by the index of the items. */
export function readResponsesStream(events: SseEvent[]): Draft {
  const draft = newDraft()
  const reading: Reading = { draft, choice: choiceOf(draft, 0), items: new Map() }
  for (const { data } of events) {
    if (data.trim() === '[DONE]') continue
    const event = parseJson(data)
    if (event === undefined) {
      draft.error = {}
      break
    }
    takeEvent(reading, objectOf(event))
    if (draft.ended || draft.error !== undefined) break
  }
  return draft
}

/** Reads a whole response object. */
export function readResponsesBody(body: unknown): Draft {
  const draft = newDraft()
  const choice = choiceOf(draft, 0)
  const status = textOf(at(body, 'status'))
  if (status === 'failed' || !Array.isArray(at(body, 'output'))) {
    draft.error = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
    return draft
  }
  for (const item of arrayOf(at(body, 'output'))) {
    const type = textOf(at(item, 'type'))
    for (const [kind, text] of partsOf(item)) sayText(choice, kind, text, true)
    if (type in CALL_TEXT) choice.tools.push({ ...toolOf(item), arguments: textOf(at(item, CALL_TEXT[type] ?? '')) })
  }
  takeEnd(draft, choice, objectOf(body))
  return draft
}

function takeEvent(reading: Reading, event: JsonObject) {
  const { draft, choice } = reading
  const type = textOf(event.type)
  const response = objectOf(event.response)
  if (type === 'error' || type === 'response.failed') {
    const error = objectOf(event.error ?? response.error ?? event)
    draft.error = errorInStream({ ...error, type: textOf(error.type) || textOf(error.code) })
    return
  }
  if (type === 'response.completed' || type === 'response.incomplete') {
    for (const [index, item] of arrayOf(response.output).entries()) takeItem(reading, index, objectOf(item), true)
    takeEnd(draft, choice, response)
    return
  }
  const index = numberOf(event.output_index)
  if (index === undefined) return
  if (type === 'response.output_item.added') takeItem(reading, index, objectOf(event.item), false)
  if (type === 'response.output_item.done') takeItem(reading, index, objectOf(event.item), true)
  const part = /^response\.(output_text|refusal|reasoning_text|reasoning_summary_text)\.(delta|done)$/.exec(type)
  if (part !== null) {
    const place = numberOf(event.content_index) ?? numberOf(event.summary_index) ?? 0
    takeText(
      reading,
      index,
      `${part[1]} ${place}`,
      textOf(event.delta ?? event.text ?? event.refusal),
      part[2] === 'done',
    )
  }
  const call = /^response\.(function_call_arguments|custom_tool_call_input)\.(delta|done)$/.exec(type)
  if (call !== null) takeArguments(reading, index, event, call[2] === 'done')
}

function takeText(reading: Reading, index: number, place: string, text: string, whole: boolean) {
  const item = openItem(reading, index)
  const before = item.texts.get(place) ?? ''
  // A whole text says again what its deltas said, and at times more.
  const fresh = whole ? (text.startsWith(before) ? text.slice(before.length) : '') : text
  item.texts.set(place, before + fresh)
  sayText(reading.choice, place.split(' ')[0] ?? '', fresh, before === '')
}

function sayText(choice: DraftChoice, kind: string, text: string, begins: boolean) {
  if (text === '') return
  if (kind === 'output_text') addText(choice, text)
  else if (kind === 'refusal') choice.refusal += text
  // Parts of reasoning are paragraphs, as the API's own reference shows them.
  else choice.reasoning += (begins && choice.reasoning !== '' ? '\n\n' : '') + text
}

function takeArguments({ items, choice }: Reading, index: number, event: JsonObject, whole: boolean) {
  const tool = items.get(index)?.tool
  if (tool === undefined || !choice.tools.includes(tool)) return
  if (whole) tool.arguments ||= textOf(event.arguments ?? event.input)
  else tool.arguments += textOf(event.delta)
}

function takeItem(reading: Reading, index: number, item: JsonObject, whole: boolean) {
  const open = openItem(reading, index)
  const type = textOf(item.type)
  if (type in CALL_TEXT) {
    if (open.tool === undefined) {
      open.tool = { ...toolOf(item), arguments: '' }
      reading.choice.tools.push(open.tool)
    }
    if (whole) open.tool.arguments ||= textOf(item[CALL_TEXT[type] ?? ''])
    return
  }
  if (!whole) return
  const places = new Map<string, number>()
  for (const [kind, text] of partsOf(item)) {
    const list = kind === 'reasoning_summary_text' ? 'summary' : 'content'
    const place = places.get(list) ?? 0
    places.set(list, place + 1)
    takeText(reading, index, `${kind} ${place}`, text, true)
  }
}

function openItem({ items }: Reading, index: number): OpenItem {
  const known = items.get(index)
  if (known !== undefined) return known
  const fresh: OpenItem = { texts: new Map() }
  items.set(index, fresh)
  return fresh
}

/** The kinds and texts of a message's or a reasoning item's parts. */
function partsOf(item: unknown): [kind: string, text: string][] {
  const type = at(item, 'type')
  if (type !== 'message' && type !== 'reasoning') return []
  return [
    ...arrayOf(at(item, 'summary')).map((part): [string, string] => [
      'reasoning_summary_text',
      textOf(at(part, 'text')),
    ]),
    ...arrayOf(at(item, 'content')).map((part): [string, string] => [
      textOf(at(part, 'type')),
      textOf(at(part, 'text') ?? at(part, 'refusal')),
    ]),
  ]
}

function toolOf(item: unknown): DraftTool {
  return { id: textOf(at(item, 'call_id')) || null, name: textOf(at(item, 'name')), arguments: '' }
}

function takeEnd(draft: Draft, choice: DraftChoice, response: JsonObject) {
  const status = textOf(response.status)
  const reason = textOf(at(response.incomplete_details, 'reason'))
  if (status === 'incomplete') choice.finish = reason === 'content_filter' ? 'content_filter' : 'length'
  else choice.finish = 'stop'
  draft.ended = true
  const silent = choice.pieces.join('') + choice.reasoning + choice.refusal === '' && choice.tools.length === 0
  // Items of the provider's own tools say nothing to a client that could not ask for them.
  if (silent) draft.instead = { status: 502, type: 'upstream_error', param: null, code: 'upstream_error' }
  const usage = objectOf(response.usage)
  const prompt = numberOf(usage.input_tokens)
  const completion = numberOf(usage.output_tokens)
  if (prompt === undefined || completion === undefined) return
  const cached = numberOf(at(usage.input_tokens_details, 'cached_tokens'))
  const reasoning = numberOf(at(usage.output_tokens_details, 'reasoning_tokens'))
  draft.usage = {
    prompt,
    completion,
    total: prompt + completion,
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  }
}
