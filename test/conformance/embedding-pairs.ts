import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { arrayOf, at, type JsonObject, numberOf, objectOf, parseJson, textOf } from './json.ts'
import { jsonDifferences } from './json-differences.ts'
import { parseManifest } from './manifest.ts'
import type { OpenAiSpec } from './openai-spec.ts'
import type { Found, PairWay } from './pair-drive.ts'
import type { Received } from './pair-provider.ts'
import type { Pair } from './pairs.ts'

type Encoding = 'float' | 'base64'

/** How a provider is asked: the model of Router9 that leads to it, and whether it speaks the client's own API. */
const WAYS: Readonly<Record<string, { model: (asked: string) => string; own: boolean }>> = {
  openai: { model: (asked) => `openai/${asked}`, own: true },
  azure: { model: (asked) => `azure/${asked}`, own: true },
  openrouter: { model: (asked) => `openrouter/${asked}`, own: true },
  mistral: { model: (asked) => `mistral/${asked}`, own: true },
  perplexity: { model: (asked) => `perplexity/${asked}`, own: true },
  voyage: { model: (asked) => `custom/${asked}`, own: true },
  venice: { model: (asked) => `custom/${asked}`, own: true },
  doubleword: { model: (asked) => `custom/${asked}`, own: true },
  llamacpp: { model: (asked) => `custom/${asked}`, own: true },
  cohere: { model: (asked) => `cohere/${asked}`, own: false },
  gemini: { model: () => 'google/gemini-embedding-001', own: false },
  ollama: { model: (asked) => `ollama/${asked}`, own: false },
}

/** What is wrong with the answer to one request for vectors, each with the side that it is on. */
export type EmbeddingProblems = { name: string; found: Found[] }

/** The recorded requests for vectors; those of pictures, and Vertex's own, no API of Router9 has. */
export function readEmbeddingPairs(folder: string): Pair[] {
  const root = join(folder, 'embeddings')
  const load = (file: string) => readFileSync(join(folder, file))
  const answers = new Map(
    parseManifest(readFileSync(join(root, 'MANIFEST.tsv'), 'utf8'), load).map((one) => [one.file, one]),
  )
  return Object.keys(WAYS).flatMap((provider) =>
    readdirSync(join(root, provider)).flatMap((file): Pair[] => {
      if (!file.endsWith('.request.json')) return []
      const envelope = objectOf(JSON.parse(readFileSync(join(root, provider, file), 'utf8')))
      const answer = answers.get(textOf(at(envelope, 'answer', 'file')))
      const body = objectOf(envelope.body)
      if (answer === undefined || 'images' in body) return []
      const name = `${provider}/${file.replace('.request.json', '')}`
      return [
        { name, api: 'embeddings', method: 'POST', path: textOf(envelope.path), query: '', headers: {}, body, answer },
      ]
    }),
  )
}

/** Asks for the vectors of a recorded request in both encodings, and Gemini's in its own API too. */
export async function playEmbeddings(way: PairWay, pair: Pair, spec?: OpenAiSpec): Promise<EmbeddingProblems[]> {
  const results: EmbeddingProblems[] = []
  for (const encoding of ['float', 'base64'] as const) {
    const { asked, answer, received } = await ask(way, pair, '/v1/embeddings', questionOf(pair, encoding))
    const found = [
      ...requestProblems(pair, asked, encoding, received, answer.text),
      ...answerProblems(pair, encoding, answer, spec),
    ]
    results.push({ name: `${pair.name} as ${encoding}`, found })
  }
  if (pair.answer.provider === 'gemini' && pair.answer.status === 200) results.push(await playNative(way, pair))
  return results
}

type Answer = { status: number; text: string }

async function ask({ url, key, provider }: PairWay, { answer: recorded }: Pair, path: string, asked: JsonObject) {
  provider.answerWith(recorded)
  provider.take()
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(asked) })
  const answer: Answer = { status: response.status, text: await response.text() }
  return { asked, answer, received: provider.take() }
}

/** What a client of OpenAI's embeddings sends for the same texts. */
function questionOf({ answer, body }: Pair, encoding: Encoding): JsonObject {
  const way = WAYS[answer.provider]
  const model = way?.model(textOf(body.model)) ?? ''
  if (way?.own) return { ...body, model, encoding_format: encoding }
  const requests = arrayOf(body.requests)
  const [first] = requests
  const texts =
    'texts' in body ? body.texts : requests.length > 0 ? requests.map(geminiText) : (body.input ?? geminiText(body))
  // The recordings are of several models of Gemini's, and one is asked for all of them.
  const recorded =
    answer.provider === 'gemini' ? vectorsIn(parseJson(new TextDecoder().decode(answer.wire)))[0] : undefined
  const dimensions =
    body.output_dimension ??
    at(first, 'outputDimensionality') ??
    body.outputDimensionality ??
    (recorded === undefined ? undefined : arrayOf(recorded).length)
  const type = body.input_type
  return {
    model,
    input: texts,
    encoding_format: encoding,
    ...(dimensions === undefined || dimensions === null ? {} : { dimensions }),
    ...(type === undefined ? {} : { input_type: type }),
  }
}

function geminiText(request: unknown): string {
  return textOf(at(request, 'content', 'parts', 0, 'text'))
}

/** One text may stand by itself, and null says nothing. */
function plain({ model: _, encoding_format: __, ...body }: JsonObject): JsonObject {
  const given = Object.entries(body).filter(([, value]) => value !== null)
  const single = Array.isArray(body.input) && body.input.length === 1 && typeof body.input[0] !== 'number'
  return { ...Object.fromEntries(given), ...(single ? { input: arrayOf(body.input)[0] } : {}) }
}

function requestProblems(
  { answer, body }: Pair,
  asked: JsonObject,
  encoding: Encoding,
  received: readonly Received[],
  text: string,
): Found[] {
  const side = 'request' as const
  const [first] = received
  if (received.length !== 1 || first === undefined) {
    return [{ side, path: 'requests', expected: 1, actual: `${received.length}: ${text.slice(0, 200)}` }]
  }
  if (WAYS[answer.provider]?.own) {
    const wrong =
      encoding === 'base64' && /^(openai|azure)$/.test(answer.provider) && first.body.encoding_format !== encoding
    const format = wrong
      ? [{ side, path: 'encoding_format', expected: encoding, actual: first.body.encoding_format }]
      : []
    return [...format, ...jsonDifferences(plain(asked), plain(first.body)).map((one) => ({ side, ...one }))]
  }
  const texts = arrayOf(asked.input ?? []).length > 0 ? arrayOf(asked.input) : [asked.input]
  const sent = JSON.stringify(first.body)
  const missing = texts.filter((one) => !sent.includes(JSON.stringify(one)))
  const size = asked.dimensions === undefined || sent.includes(`:${Number(asked.dimensions)}`)
  const type = body.input_type === undefined || first.body.input_type === body.input_type
  return [
    ...missing.map((one) => ({ side, path: 'texts', expected: one, actual: undefined })),
    ...(size ? [] : [{ side, path: 'dimensions', expected: asked.dimensions, actual: undefined }]),
    ...(type ? [] : [{ side, path: 'input_type', expected: body.input_type, actual: first.body.input_type }]),
  ]
}

function answerProblems({ answer: recorded }: Pair, encoding: Encoding, answer: Answer, spec?: OpenAiSpec): Found[] {
  const side = 'answer' as const
  const own = parseJson(new TextDecoder().decode(recorded.wire))
  const body = parseJson(answer.text)
  const found: Found[] = []
  const expect = (path: string, expected: unknown, actual: unknown) => {
    for (const one of jsonDifferences(expected, actual, path)) found.push({ side, ...one })
  }
  expect('status', recorded.status, answer.status)
  if (recorded.status >= 400) {
    const message = [at(own, 'error', 'message'), at(own, 'message'), at(own, 'detail')]
      .map(textOf)
      .find((one) => one !== '')
    const told = textOf(at(body, 'error', 'message'))
    if (message === undefined || !told.includes(message)) expect('error.message', message, told)
    return found
  }
  if (answer.status !== 200) return [{ side, path: 'status', expected: 200, actual: answer.text.slice(0, 200) }]
  const vectors = arrayOf(at(body, 'data')).map((row) => at(row, 'embedding'))
  expect(
    'index',
    vectors.map((_, index) => index),
    arrayOf(at(body, 'data')).map((row) => at(row, 'index')),
  )
  const wanted = vectorsIn(own)
  expect('vectors', wanted.length, vectors.length)
  for (const [index, vector] of wanted.entries()) {
    const actual = vectors[index]
    const asFloats = floatsOf(vector, recorded.provider)
    if (encoding === 'float') expect(`vector ${index}`, asFloats, actual)
    else expect(`vector ${index}`, Buffer.from(Float32Array.from(asFloats).buffer).toString('base64'), actual)
  }
  const tokens = tokensIn(own)
  if (tokens !== undefined) expect('usage.prompt_tokens', tokens, at(body, 'usage', 'prompt_tokens'))
  const problems = encoding === 'float' ? (spec?.problems('CreateEmbeddingResponse', body) ?? []) : []
  return [...found, ...problems.map((problem) => ({ side, path: 'schema', expected: undefined, actual: problem }))]
}

/** The vectors of an answer in whatever shape it has. */
function vectorsIn(own: unknown): unknown[] {
  const openai = arrayOf(at(own, 'data'))
  if (openai.length > 0) {
    return openai.toSorted((a, b) => Number(at(a, 'index')) - Number(at(b, 'index'))).map((row) => at(row, 'embedding'))
  }
  const one = at(own, 'embedding', 'values')
  if (one !== undefined) return [one]
  const several = at(own, 'embeddings', 'float') ?? at(own, 'embeddings')
  return arrayOf(several).map((row) => at(row, 'values') ?? row)
}

function floatsOf(vector: unknown, provider: string): number[] {
  if (typeof vector !== 'string') return arrayOf(vector).map(Number)
  const bytes = Buffer.from(vector, 'base64')
  if (provider === 'perplexity') return [...new Int8Array(bytes)]
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
}

function tokensIn(own: unknown): number | undefined {
  return (
    numberOf(at(own, 'usage', 'prompt_tokens')) ??
    numberOf(at(own, 'usage', 'total_tokens')) ??
    numberOf(at(own, 'meta', 'billed_units', 'input_tokens')) ??
    numberOf(at(own, 'usageMetadata', 'promptTokenCount')) ??
    numberOf(at(own, 'prompt_eval_count'))
  )
}

/** Through Gemini's own API nothing is lost. */
async function playNative(way: PairWay, pair: Pair): Promise<EmbeddingProblems> {
  const [, method] = /:(\w+)$/.exec(pair.path) ?? []
  const model = way.model(pair)
  const own = parseJson(new TextDecoder().decode(pair.answer.wire))
  const outputDimensionality = arrayOf(vectorsIn(own)[0]).length
  const whole = (request: unknown): JsonObject => ({
    outputDimensionality,
    ...objectOf(request),
    model: `models/${model}`,
  })
  const requests = arrayOf(pair.body.requests).map(whole)
  const body = requests.length > 0 ? { requests } : whole(pair.body)
  const { answer, received } = await ask(way, pair, `/v1beta/models/${model}:${method}`, body)
  // One text needs no batch.
  const wanted = requests.length === 1 ? requests[0] : body
  const sent = JSON.parse(JSON.stringify(received[0]?.body ?? {}).replaceAll(/"models\/[^"]+"/g, `"models/${model}"`))
  const found = [
    ...jsonDifferences(wanted, sent).map((one) => ({ side: 'request' as const, ...one })),
    ...jsonDifferences(own, parseJson(answer.text)).map((one) => ({ side: 'answer' as const, ...one })),
  ]
  return { name: `${pair.name} in its own API`, found }
}
