import type { Api, Expected, ExpectedError } from './expected.ts'
import { geminiProblems } from './gemini-schemas.ts'
import { at, type JsonObject, objectOf, parseJson, textOf } from './json.ts'

/** An HTTP answer of Router9 as it came. */
export type HttpAnswer = { status: number; headers: Record<string, string>; body: string }

/** The members of an error in a stream, and those of them that are texts. */
export const STREAM_ERROR: Readonly<Record<Api, ErrorShape>> = {
  chat: { members: ['message', 'type', 'param', 'code'], texts: ['message', 'type'] },
  responses: { members: ['message', 'code'], texts: ['message', 'code'] },
  messages: { members: ['message', 'type'], texts: ['message', 'type'] },
  gemini: { members: ['code', 'message', 'status'], texts: ['message', 'status'], number: 'code' },
}

const HTTP_ERROR: Readonly<Record<Api, ErrorShape>> = {
  ...STREAM_ERROR,
  responses: STREAM_ERROR.chat,
}

type ErrorShape = { members: readonly string[]; texts: readonly string[]; number?: string }

/** Anthropic's word for a status (the errors page of its reference). */
const MESSAGES_ERROR: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  502: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** Google's word for a status (google.rpc.Code). */
const GEMINI_ERROR: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** What is wrong with an error that is the answer itself. @param wanted in the words of the API. */
export function httpErrorProblems(wanted: ExpectedError, actual: HttpAnswer, api: Api): string[] {
  const body = parseJson(actual.body)
  const error = objectOf(at(body, 'error'))
  const problems = errorProblems(error, HTTP_ERROR[api])
  if (api === 'messages') {
    if (at(body, 'type') !== 'error') problems.push('the body is not of type error')
    if (textOf(at(body, 'request_id')) === '') problems.push('no request_id')
    const type = MESSAGES_ERROR[actual.status]
    if (error.type !== type) problems.push(`type is ${error.type}, not ${type}`)
  }
  if (api === 'gemini') {
    problems.push(...geminiProblems('error', body))
    const word = GEMINI_ERROR[actual.status]
    if (error.status !== word) problems.push(`status is ${error.status}, not ${word}`)
    if (error.code !== actual.status) problems.push(`code is ${error.code}, not ${actual.status}`)
  }
  for (const name of ['type', 'param', 'code'] as const) {
    if (wanted[name] !== undefined && wanted[name] !== error[name]) {
      problems.push(`${name} is ${JSON.stringify(error[name])}, not ${JSON.stringify(wanted[name])}`)
    }
  }
  const part = wanted.messageIncludes
  if (part !== undefined && !inApi(textOf(error.message), api).includes(inApi(part, api))) {
    problems.push(`message "${textOf(error.message)}" does not hold "${part}"`)
  }
  if (!/^application\/json/.test(actual.headers['content-type'] ?? ''))
    problems.push('the error is not JSON by its type')
  if (actual.status === 429 || actual.status === 503 || actual.status === 529) {
    for (const name of ['retry-after', 'retry-after-ms', 'x-should-retry']) {
      if (!actual.headers[name]) problems.push(`no ${name}`)
    }
  }
  return problems
}

/** Which field a provider complains of is told by its name in the client's API. */
function inApi(message: string, api: Api): string {
  return api === 'chat'
    ? message
    : message.replace(
        /'(messages|input|max_(output_)?tokens|temperature|contents|generationConfig)\b[^']*'/g,
        "'field'",
      )
}

/** An error is told in the words of the API that was asked. */
export function wantedError({ error = {} }: Expected, api: Api): ExpectedError {
  if (api === 'chat') return error
  if (api === 'responses') return error.param === 'messages' ? { ...error, param: 'input' } : error
  const { status, messageIncludes } = error
  return {
    ...(status === undefined ? {} : { status: status === 503 && api === 'messages' ? 529 : status }),
    ...(messageIncludes === undefined ? {} : { messageIncludes }),
  }
}

/** What is wrong with the members of an error. */
export function errorProblems(error: JsonObject, { members, texts, number }: ErrorShape): string[] {
  const problems: string[] = []
  for (const name of members) {
    if (!(name in error)) problems.push(`error has no ${name}`)
  }
  for (const name of texts) {
    if (textOf(error[name]) === '') problems.push(`error.${name} is not a text`)
  }
  for (const name of ['param', 'code']) {
    const value = error[name] ?? null
    if (name === number) {
      if (!Number.isInteger(value)) problems.push(`error.${name} is not a number`)
    } else if (value !== null && typeof value !== 'string') problems.push(`error.${name} is neither text nor null`)
  }
  if (Object.values(error).includes('None')) problems.push('a member of the error is the word None')
  if (/^\d+$/.test(textOf(error.code))) problems.push('error.code is a number as text')
  if (/127\.0\.0\.1|localhost/.test(textOf(error.message))) problems.push("the message holds the upstream's address")
  return problems
}
