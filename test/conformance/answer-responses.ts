import type { AnswerChoice, Router9Answer } from './answer.ts'
import { readBlocks } from './blocks.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, sameJson, textOf } from './json.ts'

/** An item of a stream while it is open: its parts by list and place, joined from the deltas. */
type OpenItem = {
  item: JsonObject
  parts: Map<string, { text: string; done: boolean; refusal: boolean }>
  arguments: string
  done?: JsonObject
}

type Reading = { answer: Router9Answer; items: OpenItem[]; sequence: number; end?: JsonObject; started: number }

/** Which strictness a provider's own messages cannot meet, because they go through as they came. */
export type Passed = { native?: boolean }

const DELTAS: Readonly<Record<string, readonly [list: string, place: string, field: string]>> = {
  output_text: ['content', 'content_index', 'text'],
  refusal: ['content', 'content_index', 'refusal'],
  reasoning_text: ['content', 'content_index', 'text'],
  reasoning_summary_text: ['summary', 'summary_index', 'text'],
}

/** Reads a stream of `/v1/responses` strictly, as clients put it together that trust nothing but the reference. */
export function readResponsesAnswerStream(text: string, passed: Passed = {}): Router9Answer {
  const answer = emptyAnswer()
  const reading: Reading = { answer, items: [], sequence: 0, started: 0 }
  for (const event of readBlocks(text, answer.problems)) takeEvent(reading, event, passed)
  const { end } = reading
  if (end === undefined) return answer
  // Of a provider's answer that broke off, the end may not hold what has been streamed.
  const broken = passed.native && end.status === 'failed'
  takeResponse(answer, broken ? { ...end, output: reading.items.map(itemSoFar) } : end, passed)
  if (answer.error === undefined) compareOutput(reading, arrayOf(end.output), passed)
  return answer
}

function itemSoFar({ item, done, parts, arguments: given }: OpenItem): JsonObject {
  if (done !== undefined) return done
  if (item.type === 'function_call') return { ...item, arguments: given }
  if (item.type === 'custom_tool_call') return { ...item, input: given }
  const list = (name: string) =>
    [...parts].flatMap(([place, { text, refusal }]) => {
      if (!place.startsWith(name)) return []
      return [refusal ? { type: 'refusal', refusal: text } : { type: 'output_text', text }]
    })
  return { ...item, content: list('content'), summary: list('summary') }
}

/** Reads a whole answer of `/v1/responses`. */
export function readResponsesAnswerBody(body: unknown, passed: Passed = {}): Router9Answer {
  const answer = emptyAnswer()
  takeResponse(answer, objectOf(body), passed)
  return answer
}

function emptyAnswer(): Router9Answer {
  const choice = { index: 0, text: '', reasoning: '', refusal: '', toolCalls: [], finishReason: null }
  const problems = { roleProblems: [], usageProblems: [], problems: [] }
  return { choices: [choice], done: false, model: '', id: '', ...problems }
}

function takeEvent(reading: Reading, event: JsonObject, passed: Passed) {
  const { answer } = reading
  // Within its events a provider may be as loose as it is; only their frame is ours.
  const inner = passed.native ? { ...reading, answer: { ...answer, problems: [] } } : reading
  const type = textOf(event.type)
  if (reading.end !== undefined) answer.problems.push(`${type} follows the end`)
  if (event.sequence_number !== reading.sequence) {
    answer.problems.push(`sequence_number ${event.sequence_number} of ${type}, not ${reading.sequence}`)
  }
  reading.sequence += 1
  if (event.response !== undefined) takeEnvelope(reading, type, objectOf(event.response))
  else if (reading.started < 2 && !(passed.native && reading.started > 0))
    answer.problems.push(`${type} before in_progress`)
  const stem = /^response\.(\w+)\.(added|delta|done)$/.exec(type)
  if (stem === null) return
  const [, kind = '', step = ''] = stem
  if (kind === 'output_item') takeItem(inner, event, step)
  else if (kind === 'content_part' || kind === 'reasoning_summary_part') takePart(inner, event, kind, step)
  else if (kind in DELTAS) takeText(inner, event, kind, step)
  else if (kind === 'function_call_arguments' || kind === 'custom_tool_call_input') takeArguments(inner, event, step)
}

function takeEnvelope(reading: Reading, type: string, response: JsonObject) {
  const { answer } = reading
  const order = ['response.created', 'response.in_progress']
  if (reading.started < 2 && type !== 'response.queued') {
    const isEarlyEnd = reading.started > 0 && /failed|completed|incomplete/.test(type)
    if (type !== order[reading.started] && !isEarlyEnd) answer.problems.push(`${type} is event ${reading.started}`)
    if (type === order[reading.started] && arrayOf(response.output).length > 0)
      answer.problems.push(`${type} has output`)
    reading.started += 1
  }
  answer.id ||= textOf(response.id)
  answer.model ||= textOf(response.model)
  if (response.id !== answer.id) answer.problems.push('the id of the response changes')
  if (response.model !== answer.model) answer.problems.push('the model changes')
  const ending = /^response\.(completed|incomplete|failed)$/.exec(type)?.[1]
  if (ending === undefined) return
  reading.end = response
  if (response.status !== ending) answer.problems.push(`${type} with status ${response.status}`)
}

function takeItem({ items, answer }: Reading, event: JsonObject, step: string) {
  const index = numberOf(event.output_index) ?? -1
  const item = objectOf(event.item)
  if (step === 'added') {
    if (index !== items.length) answer.problems.push(`item ${index} is added after ${items.length} items`)
    if (items.some(({ done }) => done === undefined)) answer.problems.push('an item is added in an open one')
    if (item.type === 'function_call' && item.arguments !== '') answer.problems.push('a call begins with arguments')
    items[index] = { item, parts: new Map(), arguments: '' }
    return
  }
  const open = items[index]
  if (open === undefined) {
    answer.problems.push(`item ${index} is done, but was never added`)
    return
  }
  open.done = item
  if (item.id !== open.item.id || item.type !== open.item.type) {
    answer.problems.push(`item ${index} was added as ${open.item.type} ${open.item.id}`)
  }
  if ([...open.parts.values()].some(({ done }) => !done)) answer.problems.push(`item ${index} is done with a part open`)
  const given =
    item.type === 'function_call' ? item.arguments : item.type === 'custom_tool_call' ? item.input : undefined
  if (given !== undefined && given !== open.arguments)
    answer.problems.push(`item ${index} says other arguments than its deltas`)
  for (const [place, { text }] of open.parts) {
    const [list = '', at_ = ''] = place.split(' ')
    const part = at(item, list, Number(at_))
    if (textOf(at(part, 'text') ?? at(part, 'refusal')) !== text)
      answer.problems.push(`item ${index} ${place} says other words`)
  }
}

function takePart(reading: Reading, event: JsonObject, kind: string, step: string) {
  const [list, name] = kind === 'content_part' ? ['content', 'content_index'] : ['summary', 'summary_index']
  const open = openItem(reading, event)
  if (open === undefined) return
  const place = `${list} ${event[name]}`
  const part = open.parts.get(place)
  if (step === 'added') {
    if (part !== undefined) reading.answer.problems.push(`part ${place} is added twice`)
    if (textOf(at(event.part, 'text') ?? at(event.part, 'refusal')) !== '')
      reading.answer.problems.push('a part begins with words')
    open.parts.set(place, { text: '', done: false, refusal: at(event.part, 'type') === 'refusal' })
  } else if (part === undefined) reading.answer.problems.push(`part ${place} is done, but was never added`)
  else {
    part.done = true
    const words = textOf(at(event.part, 'text') ?? at(event.part, 'refusal'))
    if (words !== part.text) reading.answer.problems.push(`part ${place} is done with other words than its deltas`)
  }
}

function takeText(reading: Reading, event: JsonObject, kind: string, step: string) {
  const [list = '', name = '', field = ''] = DELTAS[kind] ?? []
  const part = openItem(reading, event)?.parts.get(`${list} ${event[name]}`)
  if (part === undefined) reading.answer.problems.push(`${event.type} in no part`)
  else if (step === 'delta') {
    if (part.done) reading.answer.problems.push(`${event.type} after its part`)
    if (textOf(event.delta) === '') reading.answer.problems.push(`an empty ${event.type}`)
    part.text += textOf(event.delta)
  } else if (textOf(event[field]) !== part.text)
    reading.answer.problems.push(`${event.type} says other words than its deltas`)
}

function takeArguments(reading: Reading, event: JsonObject, step: string) {
  const open = openItem(reading, event)
  if (open === undefined) return
  if (step === 'delta') {
    open.arguments += textOf(event.delta)
    return
  }
  const whole = textOf(event.arguments ?? event.input)
  if (whole !== open.arguments) reading.answer.problems.push(`${event.type} says other arguments than its deltas`)
  open.arguments ||= whole
}

function openItem({ items, answer }: Reading, event: JsonObject): OpenItem | undefined {
  const open = items[numberOf(event.output_index) ?? -1]
  if (open === undefined || open.done !== undefined) answer.problems.push(`${event.type} in no open item`)
  else if (event.item_id !== open.item.id) answer.problems.push(`${event.type} with another item_id than its item's`)
  return open
}

/** The whole of the end is what was streamed. */
function compareOutput({ items, answer }: Reading, output: unknown[], passed: Passed) {
  if (passed.native) return
  if (output.length !== items.length)
    answer.problems.push(`${output.length} items at the end, ${items.length} streamed`)
  for (const [index, { done }] of items.entries()) {
    if (done === undefined) answer.problems.push(`item ${index} was never done`)
    else if (!sameJson(done, output[index])) answer.problems.push(`item ${index} at the end is not as it was done`)
  }
}

function takeResponse(answer: Router9Answer, response: JsonObject, { native = false }: Passed) {
  const problems = native ? [] : answer.problems
  answer.id = textOf(response.id)
  answer.model = textOf(response.model)
  if (!/^resp_[0-9A-Za-z_-]{16,}$/.test(answer.id)) problems.push(`id "${answer.id}" has not the form promised`)
  if (response.object !== 'response') problems.push(`object is ${response.object}`)
  const created = numberOf(response.created_at) ?? 0
  if (created < 1_000_000_000 || created > 9_999_999_999)
    problems.push(`created_at is ${response.created_at}, not seconds`)
  const ids = new Set<unknown>()
  for (const item of arrayOf(response.output)) {
    if (ids.has(at(item, 'id'))) problems.push('two items have one id')
    ids.add(at(item, 'id'))
    takeOutput(answer, objectOf(item), problems)
  }
  takeStatus(answer, response)
  takeUsage(answer, response.usage)
}

function takeOutput(answer: Router9Answer, item: JsonObject, problems: string[]) {
  const choice = answer.choices[0]
  if (choice === undefined) return
  if (textOf(item.id) === '') problems.push(`an item without an id: ${item.type}`)
  if (item.type === 'message' && item.role !== 'assistant') answer.roleProblems.push(`a message of ${item.role}`)
  for (const part of item.type === 'message' ? arrayOf(item.content) : []) {
    if (at(part, 'type') === 'output_text') choice.text += textOf(at(part, 'text'))
    else if (at(part, 'type') === 'refusal') choice.refusal += textOf(at(part, 'refusal'))
    else problems.push(`a part of type ${at(part, 'type')}`)
  }
  if (item.type === 'reasoning') {
    for (const part of [...arrayOf(item.summary), ...arrayOf(item.content)])
      addReasoning(choice, textOf(at(part, 'text')))
  }
  if (item.type !== 'function_call' && item.type !== 'custom_tool_call') return
  const given = item.type === 'function_call' ? item.arguments : item.input
  if (typeof given !== 'string') problems.push('arguments are not text')
  const call = { id: textOf(item.call_id), name: textOf(item.name), arguments: textOf(given) }
  if (call.id === '') problems.push('a call without call_id')
  choice.toolCalls.push({ index: choice.toolCalls.length, ...call })
}

// Parts of reasoning are paragraphs, as the API's own reference shows them.
function addReasoning(choice: AnswerChoice, text: string) {
  choice.reasoning += (choice.reasoning !== '' && text !== '' ? '\n\n' : '') + text
}

function takeStatus(answer: Router9Answer, response: JsonObject) {
  const choice = answer.choices[0]
  const status = textOf(response.status)
  answer.done = status === 'completed' || status === 'incomplete'
  if (status === 'failed') answer.error = objectOf(response.error)
  else if (response.error) answer.problems.push(`an error beside status ${status}`)
  if (choice === undefined) return
  const reason = textOf(at(response.incomplete_details, 'reason'))
  if (status === 'completed') choice.finishReason = choice.toolCalls.length > 0 ? 'tool_calls' : 'stop'
  if (status === 'incomplete') choice.finishReason = reason === 'content_filter' ? reason : 'length'
  if (status === 'incomplete' && !/^(content_filter|max_output_tokens)$/.test(reason)) {
    answer.problems.push(`incomplete because of "${reason}"`)
  }
}

function takeUsage(answer: Router9Answer, given: unknown) {
  const usage = objectOf(given)
  if (given === null || given === undefined) {
    if (answer.done) answer.usageProblems.push('no usage')
    return
  }
  answer.usage = {
    ...(usage.estimated === true ? { estimated: true } : {}),
    prompt_tokens: usage.input_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.total_tokens,
    prompt_tokens_details: { cached_tokens: at(usage.input_tokens_details, 'cached_tokens') },
    completion_tokens_details: { reasoning_tokens: at(usage.output_tokens_details, 'reasoning_tokens') },
  }
}
