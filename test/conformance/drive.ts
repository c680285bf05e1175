import { type Asked, type Check, checks } from './compare.ts'
import type { HttpAnswer } from './compare-errors.ts'
import type { Api, Expected } from './expected.ts'
import { cutRecording, type Recording } from './manifest.ts'
import type { OpenAiSpec } from './openai-spec.ts'
import { orHeldBack, readRecording } from './reading.ts'
import { readOrder } from './replay.ts'
import { mayThinkInText, publicIdOf, requestExtras } from './slots.ts'
import type { Cut } from './wire.ts'

// A recording of a quarter of a megabyte, written byte by byte, still fits in this.
const ANSWER_MS = 120_000

/** Where and how to ask. */
export type DriveOptions = {
  url: string
  key: string
  recordings: Recording[]
  /** The model to ask for a recording; null leaves it out. */
  modelOf: (recording: Recording) => string | null
  /** Only recordings whose file name holds this. */
  only?: string
  /** Words for the replay, e.g. `split:1 cut:3`, for all recordings or for each. */
  order?: string | ((recording: Recording) => string)
  includeUsage?: boolean
  /** What the client speaks; chat completions where absent. */
  api?: Api
  /** Answers are checked against it too. */
  spec?: OpenAiSpec | undefined
  /** How many are played at once; one after the other where absent. */
  atOnce?: number
}

/** What came of one recording. */
export type Result = {
  file: string
  provider: string
  asked: string
  stream: boolean
  notes: string[]
  checks: Check[]
}

/** Plays the recordings through a running Router9 and compares every answer with the second reading. */
export async function drive(options: DriveOptions): Promise<{ results: Result[]; skipped: string[] }> {
  const results: Result[] = []
  const skipped: string[] = []
  const turns: { recording: Recording; model: string; expected: Expected; order: string }[] = []
  for (const recording of options.recordings) {
    if (!recording.file.includes(options.only ?? '')) continue
    const model = options.modelOf(recording)
    const order = typeof options.order === 'function' ? options.order(recording) : (options.order ?? '')
    const { cut } = readOrder(`recording:x ${order}`) ?? {}
    // A cut is a matter of streams: half a body is only ever a broken body.
    if (model === null || (cut !== undefined && recording.kind !== 'stream')) {
      skipped.push(recording.file)
      continue
    }
    const expected = cut === undefined ? readRecording(recording) : readCut(recording, model, cut)
    turns.push({ recording, model, expected, order })
  }
  // Faults cool a provider down, so what must fail comes after what must work.
  turns.sort((left, right) => faultRank(left.expected) - faultRank(right.expected))
  const queue = turns.values()
  const work = async () => {
    for (const { recording, model, expected, order } of queue) {
      const ways = recording.kind === 'error' ? [true, false] : [recording.kind === 'stream']
      for (const stream of ways) results.push(await playOne({ ...options, order }, recording, model, expected, stream))
    }
  }
  await Promise.all(Array.from({ length: options.atOnce ?? 1 }, work))
  return { results, skipped }
}

/** What Router9 must answer for a recording that ends early. */
export function readCut(recording: Recording, model: string, cut: Cut): Expected {
  const expected = readRecording(cutRecording(recording, cut))
  return mayThinkInText(model) ? orHeldBack(expected) : expected
}

/** How one recording is asked for. */
export type Way = Pick<DriveOptions, 'url' | 'key' | 'includeUsage' | 'api' | 'spec'> & { order?: string }

function isNative(api: Api, { provider, api: spoken }: Recording): boolean {
  if (api === 'gemini') return provider === 'gemini' || provider === 'vertex'
  return api === spoken || (api === 'messages' && provider === 'anthropic')
}

/** Plays one recording through a running Router9 and compares the answer with what is expected of it. */
export async function playOne(
  way: Way,
  recording: Recording,
  model: string,
  expected: Expected,
  stream: boolean,
): Promise<Result> {
  const { api = 'chat' } = way
  const includeUsage = stream && way.includeUsage === true
  const { spec } = way
  const native = isNative(api, recording)
  const asked: Asked = { api, native, stream, includeUsage, model: publicIdOf(model), spec }
  const actual = await ask(way, recording, model, expected, asked)
  const found = typeof actual === 'string' ? unanswered(actual) : checks(expected, actual, asked)
  const { file, provider } = recording
  return { file, provider, asked: model, stream, notes: expected.notes, checks: found }
}

// Answers, then faults of the caller, of the moment, and last of our credentials.
function faultRank({ outcome, error }: Expected): number {
  if (outcome === 'answer') return 0
  const status = error?.status ?? 500
  if (status === 400 || status === 404) return 1
  if (status === 429) return 2
  return 3
}

async function ask(
  options: Way,
  recording: Recording,
  model: string,
  expected: Expected,
  asked: Asked,
): Promise<HttpAnswer | string> {
  const content = `recording:${recording.file} ${options.order ?? ''}`.trim()
  const names = [...new Set(expected.choices.flatMap(({ toolCalls }) => toolCalls.map(({ name }) => name)))]
  const { path, body } = question(asked, content, names, model)
  const includeUsage = asked.includeUsage ? { stream_options: { include_usage: true } } : {}
  try {
    const response = await fetch(`${options.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${options.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(
        asked.api === 'gemini'
          ? body
          : { model, stream: asked.stream, ...includeUsage, ...requestExtras[recording.file], ...body },
      ),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
  } catch (error) {
    return `no answer: ${error instanceof Error ? error.message : String(error)}`
  }
}

const PARAMETERS = { type: 'object', properties: {} }

/** A question of one sentence in the words of an API, with tools of these names. */
function question(
  { api, stream }: Asked,
  content: string,
  names: string[],
  model: string,
): { path: string; body: object } {
  const toolsOf = (write: (name: string) => object) => (names.length > 0 ? { tools: names.map(write) } : {})
  const messages = [{ role: 'user', content }]
  if (api === 'responses') {
    const tools = toolsOf((name) => ({ type: 'function', name, parameters: PARAMETERS, strict: false }))
    return { path: '/v1/responses', body: { input: content, store: false, ...tools } }
  }
  if (api === 'messages') {
    const tools = toolsOf((name) => ({ name, input_schema: PARAMETERS }))
    return {
      path: '/v1/messages',
      body: { messages, max_tokens: 4096, thinking: { type: 'enabled', budget_tokens: 1024 }, ...tools },
    }
  }
  if (api === 'gemini') {
    const tools = names.map((name) => ({ name, description: name, parametersJsonSchema: PARAMETERS }))
    const offered = names.length > 0 ? { tools: [{ functionDeclarations: tools }] } : {}
    const generationConfig = { thinkingConfig: { includeThoughts: true } }
    return {
      path: `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
      body: { contents: [{ role: 'user', parts: [{ text: content }] }], generationConfig, ...offered },
    }
  }
  const tools = toolsOf((name) => ({ type: 'function', function: { name, description: name, parameters: PARAMETERS } }))
  return { path: '/v1/chat/completions', body: { ...tools, messages } }
}

function unanswered(reason: string): Check[] {
  return [{ name: 'outcome', ok: false, expected: 'an answer', actual: reason }]
}
