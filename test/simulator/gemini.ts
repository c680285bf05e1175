import type { Dialect, Incoming, Rendering, WireEvent } from './dialect.ts'
import { addressesRead, codeParts } from './gemini-builtins.ts'
import { checkGemini } from './gemini-checks.ts'
import { geminiFailure, geminiFailureEvents } from './gemini-errors.ts'
import { likelihoods } from './gemini-logprobs.ts'
import { geminiModel, readGemini } from './gemini-read.ts'
import { inCamelCase } from './gemini-shapes.ts'
import { type Fields, fieldsOf, parseJson } from './json.ts'
import type { Choice, Ending, Thought } from './prompt.ts'
import { FOUND } from './search.ts'
import { sign } from './signatures.ts'
import { grouped } from './tokens.ts'

const FINISH_REASONS: Record<Ending, string> = {
  stop: 'STOP',
  'stop-sequence': 'STOP',
  length: 'MAX_TOKENS',
  'tool-calls': 'STOP',
  refusal: 'SAFETY',
  'content-filter': 'SAFETY',
}

// Gemini's events hold more than a token.
const EVENT_TOKENS = 3

/** Google's generateContent format. */
export const gemini: Dialect = {
  name: 'gemini',
  lineEnding: () => '\r\n',
  isStream: ({ path }) => path.includes('streamGenerateContent'),
  headers: (incoming) => ({
    'server-timing': 'gfet4t7; dur=412',
    ...(isArray(incoming) ? { 'content-type': 'application/json; charset=UTF-8' } : {}),
  }),
  plain: (body) => inCamelCase(body),
  check: checkGemini,
  read: readGemini,
  events: geminiEvents,
  body: geminiBody,
  hollow: (incoming, { ids }) => ({
    kind: 'preamble',
    data: JSON.stringify({
      candidates: [{ content: { parts: [{ text: '' }], role: 'model' }, index: 0 }],
      ...tail(incoming, `${ids.letters(22)}`),
    }),
  }),
  failure: (_incoming, trouble) => geminiFailure(trouble),
  failureEvents: geminiFailureEvents,
}

/** How many tokens a request of it would cost; the request may be wrapped. */
export const geminiCount: Dialect = {
  ...gemini,
  isStream: () => false,
  caches: () => false,
  plain: (body) => inCamelCase(body, 'count'),
  check: (incoming) => checkGemini(unwrapped(incoming)),
  read: (incoming) => readGemini(unwrapped(incoming)),
  body: (_incoming, { promptTokens }) => ({
    totalTokens: promptTokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokens }],
  }),
}

function unwrapped(incoming: Incoming): Incoming {
  const wrapped = fieldsOf(incoming.body.generateContentRequest)
  if (wrapped === undefined) return incoming
  const { model: _, ...body } = wrapped
  return { ...incoming, body }
}

// Without alt=sse the stream is one JSON array.
function isArray(incoming: Incoming): boolean {
  return gemini.isStream(incoming) && incoming.query.get('alt') !== 'sse'
}

function tail(incoming: Incoming, responseId: string): Fields {
  return { modelVersion: geminiModel(incoming), responseId }
}

function showsThoughts({ body }: Incoming): boolean {
  return fieldsOf(fieldsOf(body.generationConfig)?.thinkingConfig)?.includeThoughts === true
}

function signs(incoming: Incoming, choice: Choice): boolean {
  return /gemini-[3-9]/.test(geminiModel(incoming)) || choice.reasoning.length > 0
}

function* geminiEvents(incoming: Incoming, thought: Thought, rendering: Rendering): Generator<WireEvent> {
  const end = tail(incoming, rendering.ids.letters(22))
  const array = isArray(incoming)
  let first = true
  const event = (kind: WireEvent['kind'], data: Fields, unfinished?: Fields): WireEvent => {
    const opening = first ? '[' : ',\r\n'
    first = false
    const write = (fields: Fields): string => (array ? opening : '') + JSON.stringify({ ...fields, ...end })
    return {
      kind,
      data: write(data),
      ...(unfinished === undefined ? {} : { unfinished: write(unfinished) }),
      ...(array ? { form: 'raw' as const } : {}),
    }
  }
  if (thought.choices[0]?.ending === 'refusal') yield event('finish', blocked(thought))
  else {
    const lines = thought.choices.map((choice) => chunksOf(choice, incoming, rendering))
    const longest = Math.max(...lines.map(({ length }) => length))
    for (let position = 0; position < longest; position += 1) {
      for (const [index, line] of lines.entries()) {
        const chunk = line[position]
        const choice = thought.choices[index]
        if (chunk === undefined || choice === undefined) continue
        const { parts, tokens } = chunk
        const whole = position === line.length - 1
        const usage = rendering.withUsage ? { usageMetadata: usageOf(thought, whole) } : {}
        const content = { content: { parts, role: 'model' }, ...likelihoods(tokens, incoming) }
        const finish = { ...content, ...endingOf(choice, incoming), index }
        const open = { candidates: [{ ...content, index }], ...usage }
        if (whole) yield event('finish', { candidates: [finish], ...usage }, open)
        else yield event('content', open)
      }
    }
  }
  if (array) yield { kind: 'end', data: ']', form: 'raw' }
}

interface Chunk {
  parts: Fields[]
  /** Of the answer's text. */
  tokens: readonly string[]
}

// The parts of one event each; the last one carries the ending.
function chunksOf(choice: Choice, incoming: Incoming, { tokensPerEvent }: Rendering): Chunk[] {
  const size = tokensPerEvent * EVENT_TOKENS
  const thoughts = showsThoughts(incoming) ? grouped(choice.reasoning, size) : []
  const chunks: Chunk[] = thoughts.map((text) => ({ parts: [{ text, thought: true }], tokens: [] }))
  for (const part of codeParts(incoming.body, choice.text.join(''))) chunks.push({ parts: [part], tokens: [] })
  for (let start = 0; start < choice.text.length; start += size) {
    const tokens = choice.text.slice(start, start + size)
    chunks.push({ parts: [{ text: tokens.join('') }], tokens })
  }
  const calls = callParts(choice, incoming)
  if (calls.length > 0) chunks.push({ parts: calls, tokens: [] })
  if (signs(incoming, choice)) {
    const signature = { thoughtSignature: sign('gemini', choice.text.join('')) }
    chunks.push({ parts: [{ text: '', ...(calls.length > 0 ? {} : signature) }], tokens: [] })
  }
  return chunks.length > 0 ? chunks : [{ parts: [], tokens: [] }]
}

// Only the first of parallel calls is signed.
function callParts(choice: Choice, incoming: Incoming): Fields[] {
  const complete = choice.calls.filter((call) => call.complete)
  return complete.map(({ name, fragments }, index) => {
    const args = fieldsOf(parseJson(fragments.join(''))) ?? {}
    const signature = index === 0 && signs(incoming, choice) ? { thoughtSignature: sign('gemini', name) } : {}
    return { functionCall: { name, args }, ...signature }
  })
}

function endingOf({ ending, search, text }: Choice, incoming: Incoming): Fields {
  const probability = ending === 'content-filter' ? 'HIGH' : 'NEGLIGIBLE'
  const ratings = { safetyRatings: [{ category: 'HARM_CATEGORY_DANGEROUS_CONTENT', probability }] }
  const message = ending === 'tool-calls' ? { finishMessage: 'Model generated function call(s).' } : {}
  return {
    finishReason: FINISH_REASONS[ending],
    ...message,
    ...(ending === 'content-filter' ? ratings : {}),
    ...groundingOf(search, text.join('')),
    ...addressesRead(incoming.body, readGemini(incoming).lastText),
  }
}

function groundingOf(search: string | undefined, text: string): Fields {
  if (search === undefined) return {}
  const groundingMetadata = {
    webSearchQueries: [search],
    searchEntryPoint: { renderedContent: '<div></div>' },
    groundingChunks: [{ web: { uri: FOUND.url, title: FOUND.title } }],
    groundingSupports: [{ segment: { endIndex: Buffer.byteLength(text), text }, groundingChunkIndices: [0] }],
  }
  return { groundingMetadata }
}

function blocked(thought: Thought): Fields {
  const usageMetadata = { promptTokenCount: thought.promptTokens, totalTokenCount: thought.promptTokens }
  return { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata }
}

function usageOf({ choices, promptTokens, cachedTokens }: Thought, whole: boolean): Fields {
  const prompt = {
    promptTokenCount: promptTokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokens }],
    ...(cachedTokens > 0 ? { cachedContentTokenCount: cachedTokens } : {}),
  }
  const thoughts = choices.reduce((sum, { reasoning }) => sum + reasoning.length, 0)
  const counted = thoughts > 0 ? { thoughtsTokenCount: thoughts } : {}
  if (!whole) return { ...prompt, ...counted, totalTokenCount: promptTokens + thoughts }
  const candidates = choices.reduce((sum, choice) => sum + choice.completionTokens, 0) - thoughts
  return {
    ...prompt,
    candidatesTokenCount: candidates,
    ...counted,
    totalTokenCount: promptTokens + candidates + thoughts,
  }
}

function geminiBody(incoming: Incoming, thought: Thought, { ids, withUsage }: Rendering): Fields {
  const end = tail(incoming, ids.letters(22))
  if (thought.choices[0]?.ending === 'refusal') return { ...blocked(thought), ...end }
  const candidates = thought.choices.map((choice, index) => {
    const parts = bodyParts(choice, incoming)
    const content = parts.length > 0 ? { parts, role: 'model' } : { role: 'model' }
    return { content, ...endingOf(choice, incoming), ...likelihoods(choice.text, incoming), index }
  })
  return { candidates, ...(withUsage ? { usageMetadata: usageOf(thought, true) } : {}), ...end }
}

function bodyParts(choice: Choice, incoming: Incoming): Fields[] {
  const parts: Fields[] = []
  if (choice.reasoning.length > 0 && showsThoughts(incoming))
    parts.push({ text: choice.reasoning.join(''), thought: true })
  const text = choice.text.join('')
  parts.push(...codeParts(incoming.body, text))
  const calls = callParts(choice, incoming)
  const signature = calls.length === 0 && signs(incoming, choice) ? { thoughtSignature: sign('gemini', text) } : {}
  if (text !== '') parts.push({ text, ...signature })
  return [...parts, ...calls]
}
