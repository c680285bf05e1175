import { type AnswerChoice, type Router9Answer, readRouter9Body, readRouter9Stream } from './answer.ts'
import { readGeminiAnswerBody, readGeminiAnswerStream } from './answer-gemini.ts'
import { readMessagesAnswerBody, readMessagesAnswerStream } from './answer-messages.ts'
import { readResponsesAnswerBody, readResponsesAnswerStream } from './answer-responses.ts'
import { schemaProblems } from './answer-schemas.ts'
import { errorProblems, type HttpAnswer, httpErrorProblems, STREAM_ERROR, wantedError } from './compare-errors.ts'
import type { Api, Expected, ExpectedChoice, ExpectedToolCall, ExpectedUsage } from './expected.ts'
import { at, numberOf, parseJson, sameJson, textOf } from './json.ts'
import type { OpenAiSpec } from './openai-spec.ts'

/** What was asked, as far as it shapes the answer. `native`: the provider speaks the client's API, so its messages go through. */
export type Asked = {
  api?: Api
  native?: boolean
  /** The answer is checked against it too. */
  spec?: OpenAiSpec | undefined
  stream: boolean
  includeUsage?: boolean
  model?: string
}

/** One named comparison; `expected` and `actual` say what differs. */
export type Check = { name: CheckName; ok: boolean; expected?: string; actual?: string }

/** The names of all comparisons, in the order in which they are printed. */
export const CHECK_NAMES = [
  'outcome',
  'text',
  'reasoning',
  'refusal',
  'tool-calls',
  'finish_reason',
  'usage',
  'done',
  'role-first',
  'shape',
  'error',
] as const

/** The name of a comparison. */
export type CheckName = (typeof CHECK_NAMES)[number]

const FINISH_REASONS = new Set(['stop', 'length', 'tool_calls', 'content_filter', 'function_call'])

/** Compares Router9's answer with what the recording calls for; where two answers are allowed, either will do. */
export function checks(read: Expected, actual: HttpAnswer, asked: Asked): Check[] {
  const expected = expectedIn(asked, read)
  const first = checkOne(expected, actual, asked)
  for (let other = expected.orElse; other !== undefined; other = other.orElse) {
    if (first.every(({ ok }) => ok)) return first
    const attempt = checkOne(other, actual, asked)
    if (attempt.every(({ ok }) => ok)) return attempt
  }
  return first
}

/** What an API has no field for stands in another one of it. */
function expectedIn(asked: Asked, expected: Expected): Expected {
  const { api = 'chat', native, stream } = asked
  if (api === 'chat') return expected
  if (
    native &&
    expected.outcome === 'error-before-content' &&
    (expected.error?.code ?? 'upstream_error') === 'upstream_error'
  ) {
    // Of a provider's own messages more is content: what its own tools do has been told by then.
    const { notes, orElse } = expected
    const late: Expected = { outcome: 'error-after-content', choices: [], error: {}, notes }
    return { ...expected, orElse: orElse === undefined ? late : { ...late, orElse } }
  }
  const isBroken = expected.outcome !== 'answer'
  const choices = expected.choices.map((choice) => {
    const { functionCall, ...rest } = choice
    const legacy = functionCall === undefined ? [] : [{ index: 0, id: null, ...functionCall }]
    const all = [...choice.toolCalls, ...legacy]
    const toolCalls = api === 'gemini' && isBroken ? wholeCalls(all) : all
    const finishReason = choice.finishReason === 'function_call' ? 'tool_calls' : choice.finishReason
    if (api === 'responses') return { ...rest, toolCalls, finishReason }
    // A message holds a call's input as a value, and a refusal as its words; Gemini's stream does too.
    const isValue = !stream || api === 'gemini'
    const byValue = toolCalls.map((call) => (isValue ? { ...call, byValue: true as const } : call))
    const refused = !native && choice.refusal !== '' && choice.refusal !== null
    return {
      ...rest,
      toolCalls: byValue,
      ...(refused ? { text: choice.text + choice.refusal, refusal: null } : {}),
      finishReason: refused ? ('content_filter' as const) : finishReason,
    }
  })
  const { orElse } = expected
  const other = orElse === undefined ? {} : { orElse: expectedIn(asked, orElse) }
  const isHeld = isBroken && api === 'gemini' && choices.some(({ toolCalls }) => toolCalls.length > 0)
  if (!isHeld) return { ...expected, choices, ...other }
  // The last call may have waited for what belongs to it.
  const fewer = choices.map((choice) => ({ ...choice, toolCalls: choice.toolCalls.slice(0, -1) }))
  return { ...expected, choices, orElse: { ...expected, choices: fewer, ...other } }
}

/** Gemini's calls are whole, so what came of a call before a stream broke is none, and holds up those behind it. */
function wholeCalls(calls: ExpectedToolCall[]): ExpectedToolCall[] {
  const cut = calls.findIndex(({ arguments: given }) => parseJson(given ?? '') === undefined)
  return cut < 0 ? calls : calls.slice(0, cut)
}

function checkOne(expected: Expected, actual: HttpAnswer, asked: Asked): Check[] {
  if (expected.outcome === 'error-before-content') return checkHttpError(expected, actual, asked.api ?? 'chat')
  const outcome = compare('outcome', 'status 200', `status ${actual.status}`)
  if (!outcome.ok) return [{ ...outcome, actual: `status ${actual.status}: ${actual.body.slice(0, 200)}` }]
  const contentType = actual.headers['content-type'] ?? ''
  const answer = readAnswer(actual.body, asked)
  const { api = 'chat', native, stream, spec } = asked
  // What a provider itself has said in the client's API goes through as it is.
  if (api !== 'chat' && !native) answer.problems.push(...schemaProblems(api, stream, actual.body, spec))
  const wanted = asked.stream ? 'text/event-stream; charset=utf-8' : 'application/json'
  if (asked.stream ? contentType !== wanted : !contentType.startsWith(wanted)) {
    answer.problems.push(`content-type is "${contentType}", not ${wanted}`)
  }
  // An error of Gemini's API names no model, and may be all that came.
  const isNamed = api !== 'gemini' || answer.choices.length > 0
  if (isNamed && asked.model !== undefined && answer.model !== asked.model) {
    answer.problems.push(`model is ${answer.model}, not ${asked.model}`)
  }
  checkHeaders(actual, answer.problems)
  const found: Check[] = [
    compareOutcome(expected, answer),
    ...compareChoices(expected, answer),
    compare('done', String(expected.outcome === 'answer'), String(answer.done)),
    compareProblems('role-first', answer.roleProblems),
    compareProblems('shape', answer.problems),
  ]
  if (expected.outcome === 'answer') found.push(compareUsage(expected.usage, answer, api))
  else found.push(compareStreamError(expected, answer, api))
  return found
}

function readAnswer(body: string, asked: Asked): Router9Answer {
  if (asked.api === 'responses') {
    return asked.stream ? readResponsesAnswerStream(body, asked) : readResponsesAnswerBody(parseJson(body), asked)
  }
  if (asked.api === 'messages') {
    return asked.stream ? readMessagesAnswerStream(body, asked) : readMessagesAnswerBody(parseJson(body))
  }
  if (asked.api === 'gemini') {
    return asked.stream ? readGeminiAnswerStream(body, asked) : readGeminiAnswerBody(parseJson(body), asked)
  }
  return asked.stream ? readRouter9Stream(body, asked) : readRouter9Body(parseJson(body), {})
}

function compare(name: CheckName, expected: string, actual: string): Check {
  return expected === actual ? { name, ok: true } : { name, ok: false, expected, actual }
}

function compareProblems(name: CheckName, problems: string[]): Check {
  return compare(name, 'no problem', [...new Set(problems)].join('; ') || 'no problem')
}

function compareOutcome(expected: Expected, answer: Router9Answer): Check {
  return compare('outcome', expected.outcome, answer.error === undefined ? 'answer' : 'error-after-content')
}

function compareChoices(expected: Expected, answer: Router9Answer): Check[] {
  const found: Check[] = []
  const indexes = (choices: { index: number }[]) => `choices ${choices.map(({ index }) => index).join(',')}`
  if (expected.outcome === 'answer') found.push(compare('outcome', indexes(expected.choices), indexes(answer.choices)))
  for (const wanted of expected.choices) {
    const got = answer.choices.find(({ index }) => index === wanted.index)
    if (got === undefined) {
      const silent = wanted.text + wanted.reasoning === '' && wanted.toolCalls.length === 0
      if (!silent) found.push({ name: 'text', ok: false, expected: `choice ${wanted.index}`, actual: 'no such choice' })
      continue
    }
    found.push(compareText(wanted, got))
    found.push(compare('reasoning', wanted.reasoning, got.reasoning))
    if (wanted.refusal !== null) found.push(compare('refusal', wanted.refusal, got.refusal))
    found.push(compareCalls(wanted, got))
    if (expected.outcome === 'answer') found.push(compareFinish(wanted, got))
  }
  return found
}

function compareText(wanted: ExpectedChoice, got: AnswerChoice): Check {
  if (wanted.pieces !== undefined && containsInOrder(got.text, wanted.pieces)) return { name: 'text', ok: true }
  return compare('text', wanted.text, got.text)
}

function containsInOrder(text: string, pieces: string[]): boolean {
  let from = 0
  for (const piece of pieces) {
    const found = text.indexOf(piece, from)
    if (found < 0) return false
    from = found + piece.length
  }
  return true
}

function compareCalls(wanted: ExpectedChoice, got: AnswerChoice): Check {
  const ids = got.toolCalls.map(({ id }) => id)
  const expected: unknown[] = wanted.toolCalls.map((call) => {
    const actual = got.toolCalls.find(({ index }) => index === call.index)
    return {
      ...call,
      byValue: undefined,
      id: call.id ?? openId(actual?.id, ids),
      arguments: argumentsLike(call, actual),
    }
  })
  const legacy = [wanted.functionCall, got.functionCall].map((call) => (call === undefined ? [] : [call]))
  const spelled = JSON.stringify([...expected, ...(legacy[0] ?? [])])
  return compare('tool-calls', spelled, JSON.stringify([...got.toolCalls.map(inOrder), ...(legacy[1] ?? [])]))
}

// Both sides are compared as JSON text, so their members must come in the same order.
function inOrder({ index, id, name, arguments: given }: AnswerChoice['toolCalls'][number]) {
  return { index, id, name, arguments: given }
}

function openId(actual: string | undefined, all: string[]): string {
  const unique = actual !== undefined && actual !== '' && all.filter((id) => id === actual).length === 1
  return unique ? actual : '(any unique id)'
}

function argumentsLike(call: ExpectedToolCall, actual: { arguments: string } | undefined): string {
  if (actual === undefined) return call.arguments ?? ''
  if (call.arguments === null) return actual.arguments
  // What is no JSON has no value, and is told as it came.
  const told = at(parseJson(actual.arguments), 'INVALID_JSON')
  if (call.byValue && told === call.arguments && parseJson(told) === undefined) return actual.arguments
  const sameValue = call.byValue && sameJson(parseJson(call.arguments), parseJson(actual.arguments))
  return sameValue ? actual.arguments : call.arguments
}

function compareFinish(wanted: ExpectedChoice, got: AnswerChoice): Check {
  const actual = String(got.finishReason)
  if (wanted.finishReason !== null) return compare('finish_reason', wanted.finishReason, actual)
  return FINISH_REASONS.has(actual)
    ? { name: 'finish_reason', ok: true }
    : { name: 'finish_reason', ok: false, expected: 'one of the five words', actual }
}

function compareUsage(wanted: ExpectedUsage | undefined, answer: Router9Answer, api: Api): Check {
  const usage = answer.usage ?? {}
  const [prompt, completion, total] = ['prompt_tokens', 'completion_tokens', 'total_tokens'].map((name) => usage[name])
  const problems = [...answer.usageProblems]
  const expect = (name: string, expected: number | null | undefined, actual: unknown) => {
    if (expected !== null && expected !== undefined && expected !== actual) {
      problems.push(`${name} is ${actual}, not ${expected}`)
    }
  }
  for (const [name, value] of Object.entries({ prompt, completion, total })) {
    if (!Number.isInteger(value)) problems.push(`${name} is ${value}, not a whole number`)
  }
  if (numberOf(prompt) !== undefined && numberOf(completion) !== undefined) {
    expect('total', (numberOf(prompt) ?? 0) + (numberOf(completion) ?? 0), total)
  }
  if (wanted === undefined) {
    // The other APIs' usage has no place to say so.
    if (api === 'chat' && usage.estimated !== true)
      problems.push('the provider reported no usage, but it is not marked as estimated')
    return compareProblems('usage', problems)
  }
  expect('prompt', wanted.prompt, prompt)
  expect('completion', wanted.completion, completion)
  expect('total', wanted.total, total)
  expect('cached', wanted.cached, numberOf(at(usage.prompt_tokens_details, 'cached_tokens')) ?? 0)
  const reasoning = numberOf(at(usage.completion_tokens_details, 'reasoning_tokens'))
  // Anthropic's usage tells the reasoning's share only where the provider does.
  if (api !== 'messages' || reasoning !== undefined) expect('reasoning', wanted.reasoning, reasoning ?? 0)
  if (usage.estimated === true && wanted.total !== null) problems.push('reported usage is marked as estimated')
  return compareProblems('usage', problems)
}

function compareStreamError(expected: Expected, answer: Router9Answer, api: Api): Check {
  const problems =
    answer.error === undefined ? ['no error in the stream'] : errorProblems(answer.error, STREAM_ERROR[api])
  const part = expected.error?.messageIncludes
  if (part !== undefined && !textOf(answer.error?.message).includes(part)) {
    problems.push(`message "${textOf(answer.error?.message)}" does not hold "${part}"`)
  }
  // Messages begin with a usage, which may say nothing yet.
  if (api !== 'messages' && answer.usage !== undefined && answer.usage.total_tokens === 0)
    problems.push('usage of zeros beside an error')
  return compareProblems('error', problems)
}

function checkHttpError(expected: Expected, actual: HttpAnswer, api: Api): Check[] {
  const wanted = wantedError(expected, api)
  const problems = httpErrorProblems(wanted, actual, api)
  checkHeaders(actual, problems)
  const outcome: Check =
    wanted.status === undefined && actual.status >= 400
      ? { name: 'outcome', ok: true }
      : compare('outcome', `status ${wanted.status ?? '4xx or 5xx'}`, `status ${actual.status}`)
  return [outcome, compareProblems('error', problems)]
}

function checkHeaders(actual: HttpAnswer, problems: string[]) {
  if (!actual.headers['x-request-id']) problems.push('no x-request-id')
}
