import { freePort } from '../harness/listen.ts'
import { FAULT_KINDS } from '../worker/fault-kinds.ts'
import { allRows, bodyOf, CANDIDATES } from '../worker/rows.ts'
import { type CompareRequest, chatRequest } from './request.ts'
import { simulated } from './side.ts'
import type { Source } from './source.ts'

/** Most of these requests wait for a timeout. */
const LANES = 8
const TIMEOUTS = { FIRST_BYTE_TIMEOUT_MS: '600', TOTAL_TIMEOUT_MS: '1500', IDLE_TIMEOUT_MS: '500' }

/** Every fault of the table at a model of each format, streamed and whole, alone and with a second model. */
export function faultTable(quick: boolean): Source {
  const rows = allRows().filter(
    ({ fault }, at) => fault.refused !== true && fault.large !== true && (!quick || at % 11 === 0),
  )
  return {
    name: 'faults',
    setting: { upstream: simulated, vars: () => TIMEOUTS },
    requests: rows.map((row) => chatRequest(row.name, bodyOf(row))),
    lanes: LANES,
  }
}

/** Events of megabytes take a busy machine a while: they have the timeouts of production. */
export function largeEvents(): Source {
  const rows = allRows().filter(({ fault }) => fault.large === true)
  return {
    name: 'large events',
    setting: { upstream: simulated },
    requests: rows.map((row) => chatRequest(row.name, bodyOf(row))),
    lanes: 1,
  }
}

/** Nobody listens at the addresses of four providers. */
export async function refusedConnections(): Promise<Source> {
  const nobody = `http://127.0.0.1:${await freePort()}`
  const names = ['OPENAI', 'ANTHROPIC', 'GEMINI', 'COHERE']
  return {
    name: 'refused connections',
    setting: {
      upstream: simulated,
      vars: () => ({ ...TIMEOUTS, ...Object.fromEntries(names.map((name) => [`${name}_BASE_URL`, nobody])) }),
    },
    requests: allRows()
      .filter(({ fault }) => fault.refused === true)
      .map((row) => chatRequest(row.name, bodyOf(row))),
  }
}

const STATUSES = [
  ...[300, 304, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 414, 415, 418, 421, 422, 423, 424, 425, 429],
  ...[431, 451, 498, 499, 500, 501, 502, 503, 504, 505, 507, 520, 521, 522, 523, 524, 525, 529, 530, 599],
]
const BODIES = ['native', 'html', 'empty', 'text', '{}', '{"error":"no"}', '{"message":"Flagged."}']
const REASONS = ['quota', 'context', 'key']
const MODELS = [
  ...CANDIDATES.map(({ model, provider }) => `${provider}/${model}`),
  'mistral/mistral-large-2512',
  'groq/llama-3.3-70b-instruct',
  'openrouter/gpt-4o',
  'azure/gpt-4o',
  'deepseek/deepseek-chat',
  'xai/grok-4.3',
  'fireworks/deepseek-v4-pro',
  'perplexity/sonar',
  'custom/any',
]

/** Every status with every kind of body, at providers that tell their faults in different words. */
export function statuses(quick: boolean): Source {
  const requests: CompareRequest[] = []
  const ask = (model: string, order: string, stream: boolean) => {
    const content = `Repeat exactly: one two three. [[sim ${model.split('/')[0]} ${order}]]`
    const body = { model, stream, messages: [{ role: 'user', content }] }
    requests.push(chatRequest(`${model} ${order} ${stream ? 'stream' : 'whole'}`, body))
  }
  for (const [row, model] of MODELS.entries()) {
    for (const [at, status] of STATUSES.entries()) {
      for (const body of BODIES) ask(model, `status=${status} body=${body}`, (at + row + body.length) % 2 === 0)
    }
    for (const status of [400, 401, 403, 429])
      for (const reason of REASONS) ask(model, `status=${status} reason=${reason}`, false)
    for (const wait of ['0', '-1', '3', '90', '1e9', 'soon']) ask(model, `status=429 retryafter=${wait}`, false)
    const others = FAULT_KINDS.filter(({ order, look, large }) => order !== '' && look !== 'timeout' && large !== true)
    for (const { order } of others) for (const stream of [true, false]) ask(model, order, stream)
  }
  return {
    name: 'statuses',
    setting: { upstream: simulated, vars: () => TIMEOUTS, dataPoints: true },
    requests: quick ? requests.filter((_, at) => at % 7 === 0) : requests,
    // A second try waits for a moment.
    lanes: quick ? LANES : 2 * LANES,
  }
}

/** Clients that leave: before there is anything, and in the middle of an answer that stalls. */
export function leavingClients(quick: boolean): Source {
  const orders = ['hangbeforeheaders', 'hangafterheaders', 'stallafter=0', 'stallafter=1', 'stallafter=4']
  const requests = MODELS.flatMap((model) =>
    orders.flatMap((order) =>
      [true, false].map((stream) => {
        const content = `Repeat exactly: one two three four five six. [[sim ${model.split('/')[0]} ${order}]]`
        const body = { model, stream, messages: [{ role: 'user', content }] }
        return chatRequest(`${model} ${order} ${stream ? 'stream' : 'whole'}`, body, { leavesAfterMs: LEAVES_MS })
      }),
    ),
  )
  return {
    name: 'leaving clients',
    setting: { upstream: simulated, dataPoints: true },
    requests: quick ? requests.filter((_, at) => at % 6 === 0) : requests,
    lanes: LANES,
  }
}

/** By then all that comes has come. */
const LEAVES_MS = 1000
