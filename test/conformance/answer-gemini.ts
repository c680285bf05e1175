import type { AnswerChoice, Router9Answer } from './answer.ts'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'
import { setByPath } from './json-path.ts'

const FILTERED =
  /^(SAFETY|RECITATION|BLOCKLIST|PROHIBITED_CONTENT|SPII|LANGUAGE|MODEL_ARMOR|IMAGE_(SAFETY|PROHIBITED_CONTENT|RECITATION))$/
const DATA_FIELDS = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
]

/** Which strictness a provider's own messages cannot meet, because they go through as they came. */
type Passed = { native?: boolean }

type Reading = {
  answer: Router9Answer
  choices: Map<number, AnswerChoice>
  native: boolean
  usage: JsonObject
  blocked: boolean
  /** Calls that a provider sends piece by piece; they are no calls until they are whole. */
  open: Map<AnswerChoice, { name: string; value: JsonObject }>
}

/** Reads a stream of `streamGenerateContent?alt=sse` strictly, as Google's client takes it apart: `data: `, one JSON, CRLF. */
export function readGeminiAnswerStream(text: string, { native = false }: Passed = {}): Router9Answer {
  const reading = emptyReading(native)
  const { answer } = reading
  const events: JsonObject[] = []
  if (text !== '' && !text.endsWith('\r\n')) answer.problems.push('the stream does not end with a blank line')
  // Empty lines between the events keep the connection alive.
  for (const block of text.split(/(?:\r\n){2,}/)) {
    const line = block.replace(/^(?:\r\n)+/, '')
    if (line === '') continue
    const event = /^data: [^\r\n]+$/.test(line) ? parseJson(line.slice('data: '.length)) : undefined
    if (event === undefined) answer.problems.push(`not "data: " and one line of JSON: ${line.slice(0, 80)}`)
    else events.push(objectOf(event))
  }
  for (const [position, event] of events.entries()) {
    if (answer.error !== undefined) answer.problems.push('something follows the error')
    takeResponse(reading, event, position === events.length - 1)
  }
  finish(reading, events)
  return answer
}

/** Reads a whole answer of `generateContent`. */
export function readGeminiAnswerBody(body: unknown, { native = false }: Passed = {}): Router9Answer {
  const reading = emptyReading(native)
  takeResponse(reading, objectOf(body), true)
  // A body is whole, also where its provider gives no reason for the end.
  for (const choice of native ? reading.choices.values() : []) choice.finishReason ??= 'stop'
  finish(reading, [objectOf(body)])
  return reading.answer
}

function emptyReading(native: boolean): Reading {
  const lists = { choices: [], roleProblems: [], usageProblems: [], problems: [] }
  const answer = { ...lists, done: false, model: '', id: '' }
  return { answer, choices: new Map(), native, usage: {}, blocked: false, open: new Map() }
}

function takeResponse(reading: Reading, response: JsonObject, isLast: boolean) {
  const { answer, native } = reading
  if ('error' in response) {
    answer.error = objectOf(response.error)
    return
  }
  const usage = objectOf(response.usageMetadata)
  if (numberOf(usage.promptTokenCount) !== undefined) reading.usage = usage
  else if (!native) answer.usageProblems.push('a response without usageMetadata')
  const candidates = arrayOf(response.candidates)
  if (textOf(at(response.promptFeedback, 'blockReason')) !== '') reading.blocked = true
  else if (candidates.length === 0 && !native) answer.problems.push('a response without candidates')
  for (const candidate of candidates) takeCandidate(reading, objectOf(candidate), isLast)
}

function takeCandidate(reading: Reading, candidate: JsonObject, isLast: boolean) {
  const { answer, choices, native } = reading
  const { index: given, content, finishReason } = candidate
  // Some servers leave out an index of 0.
  if (numberOf(given) === undefined && !native) answer.problems.push('a candidate without index')
  const index = numberOf(given) ?? 0
  const choice = choices.get(index) ?? {
    index,
    text: '',
    reasoning: '',
    refusal: '',
    toolCalls: [],
    finishReason: null,
  }
  choices.set(index, choice)
  const parts = arrayOf(at(content, 'parts'))
  if (!native) {
    if (at(content, 'role') !== 'model') answer.roleProblems.push(`role is ${at(content, 'role')}`)
    if (parts.length === 0) answer.problems.push('a candidate without parts')
    if (choice.finishReason !== null) answer.problems.push('a response of a finished candidate')
    if (finishReason !== undefined && !isLast) answer.problems.push('finishReason before the last response')
  }
  const before = choice.toolCalls.length
  for (const part of parts) takePart(reading, choice, objectOf(part))
  if (finishReason !== undefined) takeFinish(reading, choice, finishReason, before)
}

function takePart({ answer, native, open }: Reading, choice: AnswerChoice, part: JsonObject) {
  const kinds = DATA_FIELDS.filter((name) => name in part)
  if (kinds.length !== 1 && !native) answer.problems.push(`a part that is ${kinds.join(' and ') || 'nothing'}`)
  const { thoughtSignature: signature, functionCall } = part
  if (signature !== undefined && textOf(signature) === '') answer.problems.push('thoughtSignature is not a text')
  if (part.thought === true) choice.reasoning += textOf(part.text)
  else choice.text += textOf(part.text)
  if (functionCall === undefined) return
  if (native && takePiece(open, choice, objectOf(functionCall))) return
  const { id, name, args } = objectOf(functionCall)
  if (textOf(name) === '') answer.problems.push('a functionCall without a name')
  if (args !== undefined && (typeof args !== 'object' || args === null || Array.isArray(args)))
    answer.problems.push('args is not an object')
  const call = { id: textOf(id) || `call ${choice.toolCalls.length}`, name: textOf(name) }
  choice.toolCalls.push({ index: choice.toolCalls.length, ...call, arguments: JSON.stringify(args ?? {}) })
}

/** Whether this was a piece of a call that comes in several; with its last piece the call is one of the choice. */
function takePiece(open: Reading['open'], choice: AnswerChoice, piece: JsonObject): boolean {
  const known = open.get(choice)
  if (known === undefined && piece.willContinue !== true) return false
  const call = known ?? { name: textOf(piece.name), value: objectOf(piece.args) }
  for (const one of arrayOf(piece.partialArgs)) setByPath(call.value, objectOf(one))
  open.set(choice, call)
  if (piece.willContinue === true) return true
  open.delete(choice)
  const index = choice.toolCalls.length
  choice.toolCalls.push({ index, id: `call ${index}`, name: call.name, arguments: JSON.stringify(call.value) })
  return true
}

function takeFinish({ answer, native }: Reading, choice: AnswerChoice, reason: unknown, before: number) {
  const word = textOf(reason)
  const isFiltered = FILTERED.test(word)
  if (word !== 'STOP' && word !== 'MAX_TOKENS' && !isFiltered) {
    if (!native) answer.problems.push(`finishReason is ${String(reason)}`)
    // Of Google's further words all mean that the call should not be.
    choice.toolCalls.length = before
    choice.finishReason = 'stop'
    return
  }
  const called = choice.toolCalls.length > 0 ? 'tool_calls' : 'stop'
  choice.finishReason = isFiltered ? 'content_filter' : word === 'MAX_TOKENS' ? 'length' : called
}

function finish({ answer, choices, native, usage, blocked }: Reading, events: JsonObject[]) {
  answer.choices = [...choices.values()].sort((left, right) => left.index - right.index)
  if (blocked && answer.choices.length === 0) {
    const choice = { index: 0, text: '', reasoning: '', refusal: '', toolCalls: [] }
    answer.choices.push({ ...choice, finishReason: 'content_filter' })
  }
  const ended = answer.choices.length > 0 && answer.choices.every(({ finishReason }) => finishReason !== null)
  answer.done = ended && answer.error === undefined
  const said = events.filter((event) => !('error' in event))
  answer.id = textOf(said[0]?.responseId)
  answer.model = textOf(said[0]?.modelVersion)
  if (said.length > 0 && answer.id === '') answer.problems.push('no responseId')
  for (const name of ['responseId', 'modelVersion']) {
    if (said.some((event) => event[name] !== said[0]?.[name])) answer.problems.push(`${name} changes within the stream`)
  }
  if (answer.error === undefined && events.length > 0 && !ended && !native) answer.problems.push('no finishReason')
  if (answer.error !== undefined && Object.keys(usage).length === 0) return
  const count = (name: string) => numberOf(usage[name]) ?? 0
  const reasoning = count('thoughtsTokenCount')
  const prompt = count('promptTokenCount') + count('toolUsePromptTokenCount')
  const completion = count('candidatesTokenCount') + reasoning
  answer.usage = {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: count('cachedContentTokenCount') },
    completion_tokens_details: { reasoning_tokens: reasoning },
  }
  if (!native && answer.done && count('totalTokenCount') !== prompt + completion)
    answer.usageProblems.push('totalTokenCount is not the sum')
}
