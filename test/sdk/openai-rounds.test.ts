import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type OpenAI from 'openai'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startRouter9On } from '../harness/router9.ts'
import { useStarted } from '../harness/use-started.ts'
import { startWorker } from '../harness/worker.ts'
import { beyond, openaiAt, user } from './setting.ts'
import { resultsOf, weatherOf, weatherTool } from './weather.ts'

const state = await mkdtemp(path.join(os.tmpdir(), 'router9-rounds-'))
const router9 = useStarted(() => startRouter9On((options) => startWorker({ ...options, state }), {}))
let client: OpenAI

beforeAll(async () => {
  client = openaiAt(router9)
})

beforeEach(() => router9.simulator.clearRequests())

afterAll(() => rm(state, { recursive: true, force: true }))

type Message = OpenAI.Chat.ChatCompletionMessageParam
type Answered = OpenAI.Chat.ChatCompletionMessage
type Ask = (model: string, messages: Message[]) => Promise<Answered>

const REASONING = ['claude-sonnet-4-5', 'claude-opus-4-8', 'gemini-2.5-flash', 'gemini-3.5-flash']
const ROUNDS = [
  { question: 'What is the weather in Paris and in Rome?', cities: ['Paris', 'Rome'] },
  { question: 'And what is the weather in Oslo and in Cairo?', cities: ['Oslo', 'Cairo'] },
  { question: 'At last, what is the weather in Lima and in Delhi?', cities: ['Lima', 'Delhi'] },
]

function request(model: string, messages: Message[]) {
  return { model, messages, tools: [weatherTool], reasoning_effort: 'medium' as const }
}

async function whole(model: string, messages: Message[]): Promise<Answered> {
  const { choices } = await client.chat.completions.create(request(model, messages))
  return first(choices)
}

async function streamed(model: string, messages: Message[]): Promise<Answered> {
  const { choices } = await client.chat.completions.stream(request(model, messages)).finalChatCompletion()
  return first(choices)
}

function first(choices: readonly { message: Answered }[]): Answered {
  const [choice] = choices
  if (choice === undefined) throw new TypeError('an answer without a choice')
  return choice.message
}

/** Three questions, each with its calls, results and answer, all in one conversation. */
async function converse(model: string, ask: Ask, keep: (message: Answered) => Message): Promise<Answered[]> {
  const messages: Message[] = [{ role: 'system', content: 'Use the functions.' }]
  const calling: Answered[] = []
  for (const { question, cities } of ROUNDS) {
    messages.push(user(question))
    const call = await ask(model, messages)
    calling.push(call)
    expect(call.tool_calls).toHaveLength(2)
    messages.push(keep(call), ...resultsOf(call))
    const answer = await ask(model, messages)
    for (const city of cities) expect(answer.content).toContain(weatherOf(city))
    messages.push(keep(answer))
  }
  return calling
}

/** The text that the last request to a provider holds. */
function lastAsked(): string {
  return JSON.stringify(router9.simulator.requests().at(-1)?.body)
}

const times = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length

test.each(REASONING)('%s reasons through three rounds of calls, each message sent back as it came', async (model) => {
  const calling = await converse(model, whole, (message) => message)
  for (const message of calling) expect(beyond(message, 'reasoning_content')).toMatch(/The user asks about/)
  expect(router9.simulator.requests()).toHaveLength(6)
})

test.each(REASONING)('%s reasons through three rounds of calls that were streamed to the helper', async (model) => {
  await converse(model, streamed, (message) => message)
  expect(router9.simulator.requests()).toHaveLength(6)
})

test.each([
  { how: 'whole', ask: whole },
  { how: 'streamed', ask: streamed },
])('Claude gets back each thought that it signed ($how)', async ({ ask }) => {
  await converse('claude-sonnet-4-5', ask, (message) => message)
  expect(times(lastAsked(), /"type":"thinking","thinking":"The user asks about[^"]*","signature":"[^"]{100,}"/g)).toBe(
    5,
  )
})

test.each([
  { how: 'whole', ask: whole },
  { how: 'streamed', ask: streamed },
])('Gemini 3 gets back the signature of each round ($how)', async ({ ask }) => {
  await converse('gemini-3.5-flash', ask, (message) => message)
  expect(times(lastAsked(), /"functionCall":\{[^}]*\}\},"thoughtSignature":"[^"]{100,}"/g)).toBe(3)
  expect(lastAsked()).not.toContain('skip_thought_signature_validator')
})

/** What a program keeps that knows only what OpenAI's messages have. */
function bare(message: Answered): Message {
  const { content, tool_calls } = message
  if (tool_calls === undefined) return { role: 'assistant', content }
  return {
    role: 'assistant',
    content,
    tool_calls: tool_calls.flatMap((call) =>
      call.type === 'function'
        ? [
            {
              id: call.id,
              type: 'function' as const,
              function: { name: call.function.name, arguments: call.function.arguments },
            },
          ]
        : [],
    ),
  }
}

const SIGNATURES: Record<string, RegExp> = { claude: /"signature":/g, gemini: /"thoughtSignature":"(?!skip_)/g }

/** Signatures of the provider's own in what it was asked for the last round's answer. */
function signaturesIn(model: string, at: number): number {
  const body = JSON.stringify(router9.simulator.requests().at(at)?.body)
  return times(body, SIGNATURES[model.split('-')[0] ?? ''] ?? /$^/g)
}

test.each(REASONING)('%s gets its thoughts back from a client that kept no more than text and calls', async (model) => {
  await converse(model, whole, bare)
  // The request that brings a round's results.
  expect(signaturesIn(model, -1)).toBeGreaterThan(model === 'gemini-2.5-flash' ? -1 : 0)
})

test.each(REASONING)('%s gets its thoughts back from a client that kept no more of a stream', async (model) => {
  await converse(model, streamed, bare)
  expect(signaturesIn(model, -1)).toBeGreaterThan(model === 'gemini-2.5-flash' ? -1 : 0)
})

test('what is kept of thoughts cannot be read without the key of the caller', async () => {
  await converse('claude-sonnet-4-5', whole, bare)
  const files = await readdir(state, { recursive: true, withFileTypes: true })
  const kept = await Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(path.join(file.parentPath, file.name), 'latin1')),
  )
  // The name of a record is a hash.
  expect(kept.some((text) => /[0-9a-f]{64}/.test(text))).toBe(true)
  for (const text of kept) expect(text).not.toMatch(/asks about|signature|reasoning_/)
})

test.each([
  { from: 'gemini-3.5-flash', to: 'claude-sonnet-4-5' },
  { from: 'claude-opus-4-8', to: 'gemini-3.5-flash' },
  { from: 'gpt-4o', to: 'gemini-3.5-flash' },
  { from: 'claude-sonnet-4-5', to: 'gpt-4o' },
  { from: 'gemini-3.5-flash', to: 'gpt-4o' },
])('$to goes on with the calls of $from, whose signatures are nothing to it', async ({ from, to }) => {
  const messages: Message[] = [user(ROUNDS[0]?.question ?? '')]
  // GPT-4o does not reason, and says so where it is asked to.
  const effort = (model: string) => (model === 'gpt-4o' ? {} : { reasoning_effort: 'medium' as const })
  const tools = [weatherTool]
  const call = first((await client.chat.completions.create({ model: from, messages, tools, ...effort(from) })).choices)
  messages.push(call, ...resultsOf(call))
  const answer = first((await client.chat.completions.create({ model: to, messages, tools, ...effort(to) })).choices)
  for (const city of ROUNDS[0]?.cities ?? []) expect(answer.content).toContain(weatherOf(city))
})
