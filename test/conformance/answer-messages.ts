import type { AnswerChoice, Router9Answer } from './answer.ts'
import { readBlocks } from './blocks.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'

const FINISH: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

const DELTAS: Readonly<Record<string, readonly [block: RegExp, field: string]>> = {
  text_delta: [/^text$/, 'text'],
  thinking_delta: [/^thinking$/, 'thinking'],
  signature_delta: [/^thinking$/, 'signature'],
  input_json_delta: [/tool_use$/, 'partial_json'],
  citations_delta: [/^text$/, 'citation'],
  compaction_delta: [/^compaction$/, 'content'],
}

const OPEN_AT_END = 'message_delta in an open block'

type Reading = {
  answer: Router9Answer
  choice: AnswerChoice
  blocks: JsonObject[]
  open?: number
  json: string
  usage: JsonObject
}

/** Reads a stream of `/v1/messages` strictly, as the official client puts it together. */
export function readMessagesAnswerStream(text: string, { native = false } = {}): Router9Answer {
  const reading = emptyReading()
  const { answer } = reading
  let position = 0
  for (const event of readBlocks(text, answer.problems)) {
    if (event.type === 'ping') continue
    if (answer.done || answer.error !== undefined) answer.problems.push(`${event.type} follows the end`)
    // A provider may begin anew before it has said anything.
    if (native && event.type === 'message_start' && reading.blocks.length === 0) position = 0
    if ((event.type === 'message_start') !== (position === 0))
      answer.problems.push(`${event.type} is event ${position}`)
    position += 1
    takeEvent(reading, event)
  }
  finish(reading, native)
  return answer
}

/** Reads a whole answer of `/v1/messages`. */
export function readMessagesAnswerBody(body: unknown): Router9Answer {
  const reading = emptyReading()
  takeMessage(reading, objectOf(body))
  reading.blocks = arrayOf(at(body, 'content')).map(objectOf)
  for (const block of reading.blocks) takeBlock(reading, block)
  takeStop(reading, objectOf(body))
  reading.answer.done = reading.choice.finishReason !== null
  finish(reading)
  return reading.answer
}

function emptyReading(): Reading {
  const choice: AnswerChoice = { index: 0, text: '', reasoning: '', refusal: '', toolCalls: [], finishReason: null }
  const problems = { roleProblems: [], usageProblems: [], problems: [] }
  const answer: Router9Answer = { choices: [choice], done: false, model: '', id: '', ...problems }
  return { answer, choice, blocks: [], json: '', usage: {} }
}

function takeEvent(reading: Reading, event: JsonObject) {
  const { answer } = reading
  const type = textOf(event.type)
  if (type === 'error') answer.error = objectOf(event.error)
  else if (type === 'message_start') {
    takeMessage(reading, objectOf(event.message))
    if (arrayOf(at(event.message, 'content')).length > 0) answer.problems.push('the start has content')
    if (at(event.message, 'stop_reason') !== null) answer.problems.push('the start has a stop_reason')
  } else if (type === 'content_block_start') startBlock(reading, event)
  else if (type === 'content_block_delta') takeDelta(reading, event)
  else if (type === 'content_block_stop') stopBlock(reading, event)
  else if (type === 'message_delta') {
    if (reading.open !== undefined) answer.problems.push(OPEN_AT_END)
    if (numberOf(at(event.usage, 'output_tokens')) === undefined)
      answer.usageProblems.push('message_delta without output_tokens')
    mergeUsage(reading, event.usage)
    takeStop(reading, objectOf(event.delta))
  } else if (type === 'message_stop') {
    if (reading.choice.finishReason === null) answer.problems.push('message_stop without a stop_reason')
    answer.done = true
  } else answer.problems.push(`an event of type ${type}`)
}

function takeMessage(reading: Reading, message: JsonObject) {
  const { answer } = reading
  answer.id = textOf(message.id)
  answer.model = textOf(message.model)
  if (!/^msg_[0-9A-Za-z_-]{16,}$/.test(answer.id)) answer.problems.push(`id "${answer.id}" has not the form promised`)
  if (message.type !== 'message') answer.problems.push(`type is ${message.type}`)
  if (message.role !== 'assistant') answer.roleProblems.push(`role is ${message.role}`)
  if (!('stop_sequence' in message)) answer.problems.push('no stop_sequence')
  if (numberOf(at(message.usage, 'input_tokens')) === undefined)
    answer.usageProblems.push('no input_tokens at the start')
  mergeUsage(reading, message.usage)
}

function startBlock(reading: Reading, event: JsonObject) {
  const { answer, blocks } = reading
  const index = numberOf(event.index) ?? -1
  if (index !== blocks.length) answer.problems.push(`block ${index} starts after ${blocks.length} blocks`)
  if (reading.open !== undefined) answer.problems.push(`block ${index} starts in an open one`)
  const block = { ...objectOf(event.content_block) }
  if (block.type === 'thinking' && !('signature' in block)) answer.problems.push('thinking begins without signature')
  blocks[index] = block
  reading.open = index
  reading.json = ''
}

function takeDelta(reading: Reading, event: JsonObject) {
  const { answer, blocks } = reading
  const block = blocks[numberOf(event.index) ?? -1]
  const type = textOf(at(event.delta, 'type'))
  const [kind, field = ''] = DELTAS[type] ?? []
  if (event.index !== reading.open || block === undefined || kind === undefined || !kind.test(textOf(block.type))) {
    answer.problems.push(`${type} in ${textOf(block?.type) || 'no open block'}`)
    return
  }
  const value = at(event.delta, field)
  if (type === 'input_json_delta') reading.json += textOf(value)
  else if (type === 'citations_delta') block.citations = [...arrayOf(block.citations), value]
  else block[field] = textOf(block[field]) + textOf(value)
}

function stopBlock(reading: Reading, event: JsonObject) {
  const { answer, blocks, json } = reading
  const block = blocks[numberOf(event.index) ?? -1]
  if (event.index !== reading.open || block === undefined) answer.problems.push('a stop of no open block')
  else takeBlock(reading, block, json === '' ? undefined : json)
  delete reading.open
}

function takeBlock({ answer, choice }: Reading, block: JsonObject, json?: string) {
  const type = textOf(block.type)
  if (type === 'text') choice.text += textOf(block.text)
  if (type === 'thinking') {
    choice.reasoning += textOf(block.thinking)
    if (typeof block.signature !== 'string') answer.problems.push('thinking without a signature')
  }
  if (type !== 'tool_use') return
  if (json === undefined && Array.isArray(block.input)) answer.problems.push('input is a list')
  if (json !== undefined && typeof parseJson(json) !== 'object')
    answer.problems.push(`input is no JSON: ${json.slice(0, 40)}`)
  const call = {
    id: textOf(block.id),
    name: textOf(block.name),
    arguments: json ?? JSON.stringify(block.input ?? null),
  }
  if (call.id === '') answer.problems.push('a tool_use without id')
  choice.toolCalls.push({ index: choice.toolCalls.length, ...call })
}

function takeStop({ answer, choice }: Reading, holder: JsonObject) {
  const reason = textOf(holder.stop_reason)
  if (reason === '') return
  choice.finishReason = FINISH[reason] ?? reason
  choice.refusal += textOf(at(holder.stop_details, 'explanation'))
  if (!(reason in FINISH)) answer.problems.push(`stop_reason is ${reason}`)
  if ((reason === 'stop_sequence') !== (typeof holder.stop_sequence === 'string')) {
    answer.problems.push(`stop_reason ${reason} with stop_sequence ${holder.stop_sequence}`)
  }
}

function mergeUsage({ usage }: Reading, given: unknown) {
  for (const [name, value] of Object.entries(objectOf(given))) {
    if (value !== null && value !== undefined) usage[name] = value
  }
}

function finish({ answer, choice, blocks, open, json, usage }: Reading, native = false) {
  // What is open when a stream breaks has been said all the same.
  if (open !== undefined) {
    const block = blocks[open]
    if (block !== undefined)
      takeBlock({ answer: { ...answer, problems: [] }, choice, blocks, json, usage }, block, json || undefined)
    // What a provider itself left open is left open.
    if (native) answer.problems = answer.problems.filter((problem) => problem !== OPEN_AT_END)
    else if (answer.done) answer.problems.push('message_stop in an open block')
  }
  const cached = numberOf(usage.cache_read_input_tokens) ?? 0
  const prompt = (numberOf(usage.input_tokens) ?? 0) + cached + (numberOf(usage.cache_creation_input_tokens) ?? 0)
  const completion = numberOf(usage.output_tokens) ?? 0
  const reasoning = numberOf(at(usage.output_tokens_details, 'thinking_tokens'))
  answer.usage = {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    ...(reasoning === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }
}
