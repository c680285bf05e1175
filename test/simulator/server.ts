import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answer } from './answer.ts'
import { anthropic, anthropicCount } from './anthropic.ts'
import { cohere } from './cohere.ts'
import { completions, mistralFim } from './completions.ts'
import { control } from './control.ts'
import type { Dialect, Incoming } from './dialect.ts'
import { bedrockEmbeddings } from './embeddings-bedrock.ts'
import { cohereEmbeddings } from './embeddings-cohere.ts'
import { geminiBatchEmbeddings, geminiEmbedding } from './embeddings-gemini.ts'
import { ollamaEmbeddings } from './embeddings-ollama.ts'
import { openaiEmbeddings } from './embeddings-openai.ts'
import { createFaults, type Fault, type Faults } from './faults.ts'
import { gemini, geminiCount } from './gemini.ts'
import { type Ids, seededChance, seededIds } from './ids.ts'
import { fieldsOf, parseJson } from './json.ts'
import { createMemory, type Memory } from './memory.ts'
import { openai } from './openai.ts'
import { readOrders } from './orders.ts'
import { createRequests, keptBody, type RecordedRequest, type Requests } from './requests.ts'
import { responses, responsesCompact, responsesTokens } from './responses.ts'
import { ClientLeft, createSender } from './sender.ts'

// Longer than any client keeps its idle connections, so that none is closed under a client's feet.
const KEEP_ALIVE_MS = 120_000

/** The time of a simulator that repeats itself. */
const REPEATABLE_MS = 1_767_225_600_000

const DIALECTS: [RegExp, Dialect][] = [
  [/\/chat\/completions$/, openai],
  [/\/fim\/completions$/, mistralFim],
  [/\/completions$/, completions],
  [/\/responses$/, responses],
  [/\/responses\/input_tokens$/, responsesTokens],
  [/\/responses\/compact$/, responsesCompact],
  [/\/messages$/, anthropic],
  [/\/messages\/count_tokens$/, anthropicCount],
  [/\/models\/[^/]+:countTokens$/, geminiCount],
  [/\/models\/[^/]+:(?:g|streamG)enerateContent$/, gemini],
  [/\/v2\/chat$/, cohere],
  [/\/embeddings$/, openaiEmbeddings],
  [/\/v2\/embed$/, cohereEmbeddings],
  [/\/models\/[^/]+:batchEmbedContents$/, geminiBatchEmbeddings],
  [/\/models\/[^/]+:embedContent$/, geminiEmbedding],
  [/\/api\/embed$/, ollamaEmbeddings],
  [/\/model\/[^/]+\/invoke$/, bedrockEmbeddings],
]

/** A running simulator. */
export interface Simulator {
  url: string
  port: number
  setFault(slot: string, fault: Fault | null): void
  clearFaults(): void
  requests(slot?: string): RecordedRequest[]
  clearRequests(): void
  close(): Promise<void>
}

interface State {
  faults: Faults
  requests: Requests
  memory: Memory
  /** The ids of the answer to a request with this body. */
  idsFor: (text: string) => Ids
  now: () => number
}

/**
 * Starts a simulator; without a port it takes a free one. A `repeatable` one gives the same answer to the same request,
 * whenever it comes: the ids follow from the body, and the time stands still.
 */
export async function startSimulator(
  options: { port?: number; host?: string; seed?: number; repeatable?: boolean } = {},
): Promise<Simulator> {
  const chance = seededChance(options.seed ?? 9)
  const ids = seededIds(seededChance(options.seed ?? 9))
  const repeatable = options.repeatable === true
  const state: State = {
    faults: createFaults(chance),
    requests: createRequests(),
    memory: createMemory(!repeatable),
    idsFor: repeatable ? idsFromText : () => ids,
    now: repeatable ? () => REPEATABLE_MS : Date.now,
  }
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0, noDelay: true },
    (request, response) => {
      serve(request, response, state).catch((error: unknown) => {
        if (!(error instanceof ClientLeft)) console.error('simulator:', error)
        response.destroy()
      })
    },
  )
  server.on('clientError', (_error, socket) => socket.destroy())
  const host = options.host ?? '127.0.0.1'
  await listen(server, options.port ?? 0, host)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host}:${port}`,
    port,
    setFault: state.faults.set,
    clearFaults: state.faults.clear,
    requests: state.requests.list,
    clearRequests: state.requests.clear,
    close: () => close(server),
  }
}

function idsFromText(text: string): Ids {
  return seededIds(seededChance(createHash('sha1').update(text).digest().readUInt32BE(0)))
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function serve(request: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const url = urlOf(request)
  const method = request.method ?? 'GET'
  const text = await bodyOf(request)
  if (url.pathname.startsWith('/control/')) {
    const reply = control({ method, url, body: text }, state.faults, state.requests)
    return sendJson(response, reply.status, reply.body)
  }
  const [, slot = '', rest = ''] = /^\/([^/]*)(.*)$/.exec(url.pathname) ?? []
  const dialect = DIALECTS.find(([pattern]) => pattern.test(decoded(rest)))?.[1]
  const parsed = parseJson(text)
  const incoming: Incoming = {
    slot: decoded(slot),
    path: `${rest}${url.search}`,
    query: url.searchParams,
    headers: flatHeaders(request),
    body: dialect?.plain?.(fieldsOf(parsed) ?? {}) ?? fieldsOf(parsed) ?? {},
    memory: state.memory,
  }
  const record: RecordedRequest = {
    slot: incoming.slot,
    dialect: dialect?.name ?? 'none',
    method,
    path: `${url.pathname}${url.search}`,
    headers: incoming.headers,
    body: keptBody(text, parsed),
    at: Date.now(),
    aborted: false,
    finished: false,
  }
  state.requests.add(record)
  if (dialect === undefined || method !== 'POST') {
    record.finished = true
    return sendJson(response, 404, {
      error: { message: `Not found: ${method} ${url.pathname}`, type: 'not_found_error' },
    })
  }
  const prompt = dialect.read(incoming)
  const asked = readOrders(prompt.lastText, incoming.slot)
  prompt.lastText = asked.text
  const { script } = readOrders(prompt.requestText, incoming.slot)
  if (script !== undefined) prompt.script = script
  const fault = { ...state.faults.take(incoming.slot), ...asked.fault }
  const sender = createSender(response, fault.splitBytes ?? 0, () => {
    record.aborted = true
    record.abortedAt = Date.now()
  })
  const rendering = {
    ids: state.idsFor(text),
    nowMs: state.now(),
    tokensPerEvent: fault.pieces?.tokensPerEvent ?? fault.tokensPerEvent ?? 1,
    withUsage: fault.noUsage !== true,
    ...(fault.vectors === undefined ? {} : { vectors: fault.vectors }),
  }
  if (parsed === undefined && fault.status === undefined) {
    const failure = dialect.failure(incoming, {
      status: 400,
      message: 'We could not parse the JSON body of your request.',
    })
    return sendJson(response, failure.status, failure.body)
  }
  const onWhole = (): void => {
    record.finished = true
  }
  await answer({ incoming, dialect, prompt, fault, rendering, sender, onWhole })
}

function urlOf(request: IncomingMessage): URL {
  return URL.parse(request.url ?? '/', 'http://simulator') ?? new URL('http://simulator/')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  try {
    for await (const piece of request) pieces.push(piece as Buffer)
  } catch {
    throw new ClientLeft()
  }
  return Buffer.concat(pieces).toString('utf8')
}

function flatHeaders(request: IncomingMessage): Record<string, string> {
  const entries = Object.entries(request.headers)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
