import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'

/** One choice as a client of Router9 would put it together. */
export type AnswerChoice = {
  index: number
  text: string
  reasoning: string
  refusal: string
  functionCall?: { name: string; arguments: string }
  toolCalls: { index: number; id: string; name: string; arguments: string }[]
  finishReason: string | null
}

/** Router9's own answer, read back by simple rules. `problems` are breaches of the format itself. */
export type Router9Answer = {
  choices: AnswerChoice[]
  usage?: JsonObject
  done: boolean
  error?: JsonObject
  model: string
  id: string
  roleProblems: string[]
  usageProblems: string[]
  problems: string[]
}

type Reading = { answer: Router9Answer; choices: Map<number, AnswerChoice>; usageAt: number[] }

/** Reads a stream of Router9 strictly: `data: ` and one JSON each, blank line, LF, comments only between. */
export function readRouter9Stream(text: string, options: { includeUsage?: boolean } = {}): Router9Answer {
  const reading = emptyReading()
  const { answer } = reading
  if (text.includes('\r')) answer.problems.push('a carriage return in the stream')
  if (text !== '' && !text.endsWith('\n\n')) answer.problems.push('the stream does not end with a blank line')
  const chunks: JsonObject[] = []
  for (const block of text.split('\n\n')) {
    if (block === '' || /^(:[^\n]*\n?)+$/.test(block)) continue
    if (answer.done) answer.problems.push('something follows [DONE]')
    if (block === 'data: [DONE]') {
      answer.done = true
      continue
    }
    const chunk = /^data: .*$/.test(block) ? parseJson(block.slice('data: '.length)) : undefined
    if (chunk === undefined) answer.problems.push(`not "data: " and one line of JSON: ${block.slice(0, 80)}`)
    else chunks.push(objectOf(chunk))
  }
  for (const [position, chunk] of chunks.entries()) takeChunk(reading, chunk, position, options.includeUsage === true)
  answer.choices = [...reading.choices.values()].sort((left, right) => left.index - right.index)
  checkEnvelope(answer, chunks)
  checkUsagePlace(answer, reading.usageAt, chunks, options.includeUsage === true)
  if (answer.error !== undefined && answer.done) answer.problems.push('[DONE] after an error')
  if (answer.error !== undefined && at(chunks.at(-1), 'error') === undefined) {
    answer.problems.push('the error is not in the last chunk')
  }
  return answer
}

/** Reads a whole answer of Router9. */
export function readRouter9Body(body: unknown, options: { object?: string } = {}): Router9Answer {
  const { answer, choices } = emptyReading()
  const object = options.object ?? 'text_completion'
  if (at(body, 'object') !== object) answer.problems.push(`object is ${at(body, 'object')}, not ${object}`)
  for (const item of arrayOf(at(body, 'choices'))) {
    const message = objectOf(at(item, 'message'))
    const choice = choiceOf(choices, at(item, 'index'), answer)
    if (message.role !== 'assistant') answer.roleProblems.push(`message.role is ${message.role}`)
    takeDelta(choice, message, answer, true)
    choice.finishReason = textOf(at(item, 'finish_reason')) || null
    if (!('content' in message)) answer.problems.push('a message without content')
    const mayBeNull = choice.toolCalls.length > 0 || choice.functionCall !== undefined || choice.refusal !== ''
    if (message.content === null && !mayBeNull) answer.problems.push('content is null in an answer of words')
  }
  answer.choices = [...choices.values()].sort((left, right) => left.index - right.index)
  if (answer.choices.length === 0) answer.problems.push('no choices')
  answer.usage = objectOf(at(body, 'usage'))
  if (at(body, 'error')) answer.error = objectOf(at(body, 'error'))
  answer.done = answer.error === undefined
  checkEnvelope(answer, [objectOf(body)], object)
  return answer
}

function emptyReading(): Reading {
  const lists = { choices: [], roleProblems: [], usageProblems: [], problems: [] }
  return { answer: { ...lists, done: false, model: '', id: '' }, choices: new Map(), usageAt: [] }
}

function choiceOf(choices: Map<number, AnswerChoice>, index: unknown, answer: Router9Answer): AnswerChoice {
  if (numberOf(index) === undefined) answer.problems.push('a choice without an index')
  const key = numberOf(index) ?? 0
  const known = choices.get(key)
  if (known !== undefined) return known
  const fresh: AnswerChoice = {
    index: key,
    text: '',
    reasoning: '',
    refusal: '',
    toolCalls: [],
    finishReason: null,
  }
  choices.set(key, fresh)
  return fresh
}

function takeChunk({ answer, choices, usageAt }: Reading, chunk: JsonObject, position: number, includeUsage: boolean) {
  if (chunk.usage !== undefined && chunk.usage !== null) {
    answer.usage = objectOf(chunk.usage)
    usageAt.push(position)
  }
  if (includeUsage && !('usage' in chunk) && !chunk.error) answer.usageProblems.push('a chunk without usage: null')
  if (chunk.error && answer.error !== undefined) answer.problems.push('a second error')
  if (chunk.error) answer.error = objectOf(chunk.error)
  const items = arrayOf(chunk.choices)
  if (items.length === 0 && !includeUsage) answer.problems.push('a chunk with no choices, unasked')
  for (const item of items) {
    const first = !choices.has(numberOf(at(item, 'index')) ?? 0)
    const choice = choiceOf(choices, at(item, 'index'), answer)
    const delta = objectOf(at(item, 'delta'))
    if (at(item, 'delta') === undefined) answer.problems.push('a choice without delta')
    if (!('finish_reason' in objectOf(item))) answer.problems.push('a choice without finish_reason')
    if (first && delta.role !== 'assistant' && !chunk.error) {
      answer.roleProblems.push(`the first chunk of choice ${choice.index} has no role`)
    }
    if (!first && 'role' in delta) answer.roleProblems.push(`a later chunk of choice ${choice.index} has a role`)
    // Once finished, only the error of a broken stream may touch the choice again.
    if (choice.finishReason !== null && !chunk.error) answer.problems.push('a chunk of a finished choice')
    takeDelta(choice, delta, answer, false)
    const finish = at(item, 'finish_reason')
    if (typeof finish === 'string') choice.finishReason = finish
    else if (finish !== null && finish !== undefined) answer.problems.push(`finish_reason is ${finish}`)
    if (finish === '') answer.problems.push('finish_reason is empty')
  }
  if (chunk.error && at(items[0], 'finish_reason') !== 'error') {
    answer.problems.push('the chunk with the error does not say finish_reason "error"')
  }
}

function takeDelta(choice: AnswerChoice, delta: JsonObject, answer: Router9Answer, whole: boolean) {
  if (delta.content !== undefined && delta.content !== null && typeof delta.content !== 'string') {
    answer.problems.push('content is not text')
  }
  choice.text += textOf(delta.content)
  choice.reasoning += textOf(delta.reasoning_content)
  choice.refusal += textOf(delta.refusal)
  if (typeof delta.function_call === 'object' && delta.function_call !== null) {
    const call = choice.functionCall ?? { name: '', arguments: '' }
    call.name += textOf(at(delta.function_call, 'name'))
    call.arguments += textOf(at(delta.function_call, 'arguments'))
    choice.functionCall = call
  }
  for (const [position, part] of arrayOf(delta.tool_calls).entries()) {
    const index = numberOf(at(part, 'index')) ?? (whole ? position : undefined)
    if (index === undefined) answer.problems.push('a tool call delta without index')
    takeCall(choice, index ?? position, part, answer)
  }
}

// Clients join every part of a call, names and ids too, so a repeated name shows here as a doubled one.
function takeCall(choice: AnswerChoice, index: number, part: unknown, answer: Router9Answer) {
  let call = choice.toolCalls.find((known) => known.index === index)
  if (call === undefined) {
    if (textOf(at(part, 'id')) === '') answer.problems.push('the first delta of a tool call has no id')
    if (!/^(function|custom)$/.test(textOf(at(part, 'type'))))
      answer.problems.push('the first delta of a tool call has no type')
    call = { index, id: '', name: '', arguments: '' }
    choice.toolCalls.push(call)
  }
  call.id += textOf(at(part, 'id'))
  call.name += textOf(at(part, 'function', 'name') ?? at(part, 'custom', 'name'))
  const given = at(part, 'function', 'arguments') ?? at(part, 'custom', 'input')
  if (given !== undefined && typeof given !== 'string') answer.problems.push('arguments are not text')
  call.arguments += textOf(given)
}

function checkEnvelope(answer: Router9Answer, chunks: JsonObject[], object = 'chat.completion.chunk') {
  const first = chunks[0] ?? {}
  answer.id = textOf(first.id)
  answer.model = textOf(first.model)
  if (!/^chatcmpl-[0-9A-Za-z]{24,}$/.test(answer.id))
    answer.problems.push(`id "${answer.id}" has not the form promised`)
  if (answer.model === '') answer.problems.push('no model')
  const created = numberOf(first.created) ?? 0
  // Seconds have ten digits until the year 2286; milliseconds have thirteen.
  if (!Number.isInteger(created) || created < 1_000_000_000 || created > 9_999_999_999) {
    answer.problems.push(`created is ${first.created}, not seconds`)
  }
  for (const name of ['id', 'created', 'model'] as const) {
    if (chunks.some((chunk) => chunk[name] !== first[name])) answer.problems.push(`${name} changes within the stream`)
  }
  const odd = chunks.find((chunk) => chunk.object !== object)
  if (odd !== undefined) answer.problems.push(`object is ${odd.object}, not ${object}`)
}

function checkUsagePlace(answer: Router9Answer, usageAt: number[], chunks: JsonObject[], includeUsage: boolean) {
  if (answer.error !== undefined || !answer.done) return
  if (usageAt.length !== 1) answer.usageProblems.push(`${usageAt.length} chunks carry usage, not one`)
  if (usageAt.at(-1) !== chunks.length - 1) answer.usageProblems.push('usage is not in the last chunk')
  const choices = arrayOf(at(chunks.at(-1), 'choices'))
  if (includeUsage && choices.length > 0) answer.usageProblems.push('the usage chunk asked for has choices')
  if (!includeUsage && typeof at(choices[0], 'finish_reason') !== 'string') {
    answer.usageProblems.push('usage is not on the chunk that finishes')
  }
}
