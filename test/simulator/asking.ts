import { afterAll, beforeAll } from 'vitest'
import { type Fields, fieldsOf, parseJson, rowsOf } from './json.ts'
import { type Simulator, startSimulator } from './server.ts'

/** An answer of the simulator, taken apart. */
export interface Answer {
  status: number
  headers: Headers
  text: string
  /** The body as JSON, or an empty object when it is none. */
  json: Fields
  /** The data of each event that is JSON. */
  events: Fields[]
  /** How the connection ended, when it did not end well. */
  failure: unknown
}

export const simulator = {} as Simulator

/** Starts it for a test file, and stops it after the last test. */
export function useSimulator(): void {
  beforeAll(async () => {
    Object.assign(simulator, await startSimulator())
  })
  afterAll(() => simulator.close?.())
}

const KEYS: Record<string, Record<string, string>> = {
  openai: { authorization: 'Bearer key' },
  anthropic: { 'x-api-key': 'key', 'anthropic-version': '2023-06-01' },
  gemini: { 'x-goog-api-key': 'key' },
}

/** Posts a body to a path of the simulator and reads all that comes, however it ends. */
export async function ask(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer> {
  const dialect = path.includes('/messages') ? 'anthropic' : path.includes(':') ? 'gemini' : 'openai'
  const response = await fetch(`${simulator.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(headers ?? KEYS[dialect]) },
    body: JSON.stringify(body),
    redirect: 'manual',
  })
  let text = ''
  let failure: unknown
  const decoder = new TextDecoder()
  try {
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes as Uint8Array, { stream: true })
  } catch (error) {
    failure = error
  }
  const json = fieldsOf(parseJson(text)) ?? {}
  return { status: response.status, headers: response.headers, text, json, events: eventsOf(text), failure }
}

function eventsOf(text: string): Fields[] {
  return text
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => fieldsOf(parseJson(line.slice(5))))
    .filter((data) => data !== undefined)
}

/** The deltas of the first choice in a stream of OpenAI's format. */
export function deltasOf(answer: Answer): Fields[] {
  return answer.events.flatMap(({ choices }) => rowsOf(choices).map(({ delta }) => fieldsOf(delta) ?? {}))
}

/** A request of OpenAI's format that says one thing. */
export function saying(text: string, more: Fields = {}): Fields {
  return { model: 'gpt-4o', messages: [{ role: 'user', content: text }], ...more }
}

/** A request of OpenAI's Responses that says one thing. */
export function sayingToResponses(text: string, more: Fields = {}): Fields {
  return { model: 'gpt-4o', input: text, ...more }
}

/** A request of Anthropic's format that says one thing. */
export function sayingToClaude(text: string, more: Fields = {}): Fields {
  const messages = [{ role: 'user', content: text }]
  return { model: 'claude-sonnet-4-5', max_tokens: 4000, messages, ...more }
}

/** A request of Gemini's format that says one thing. */
export function sayingToGemini(text: string, more: Fields = {}): Fields {
  return { contents: [{ role: 'user', parts: [{ text }] }], ...more }
}

export const WEATHER_SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
  required: ['city'],
}

export const WEATHER_QUESTION = 'What is the weather in Paris and Rome?'
