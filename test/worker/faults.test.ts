import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { attemptsOf } from '../harness/attempts.ts'
import { freePort } from '../harness/listen.ts'
import { DEMO_KEY, everyProviderAt, type RunningWorker, startWorker } from '../harness/worker.ts'
import { type Simulator, startSimulator } from '../simulator/server.ts'
import { type Expectation, expectationOf } from './fault-kinds.ts'
import { createGate } from './gate.ts'
import { allRows, bodyOf, type Row } from './rows.ts'
import { faultsOfError, readStream, type SeenError } from './seen-stream.ts'

// Whole bodies get more time (routing/deadline.ts); here all of them should have the same.
const FIRST_BYTE_MS = 1500
const TOTAL_MS = 4500
const IDLE_MS = 500
const FACTORS = { streamed: 1, whole: 3 }
const TEST_MS = 60_000

interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

const rows = allRows()
const seen = new Map<string, Promise<Seen>>()
const workers = new Map<string, RunningWorker>()
let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator()
  // Each row is about one request to providers of which nothing is known; health.test.ts is about those that come after.
  const vars = { ...everyProviderAt(simulator.url), HEALTH: 'off' }
  const nobody = `http://127.0.0.1:${await freePort()}`
  const start = async (name: string, further: Readonly<Record<string, string>>) => {
    workers.set(name, await startWorker({ file: inject('bundle'), vars: { ...vars, ...further } }))
  }
  const patience = (factor: number) => ({
    FIRST_BYTE_TIMEOUT_MS: String(Math.round(FIRST_BYTE_MS / factor)),
    TOTAL_TIMEOUT_MS: String(Math.round(TOTAL_MS / factor)),
    IDLE_TIMEOUT_MS: String(IDLE_MS),
  })
  await Promise.all([
    ...Object.values(FACTORS).map((factor) => start(String(factor), patience(factor))),
    // Megabytes take a busy machine a while: what is large waits for nothing else, and has the deadlines of production.
    start('large', {}),
    start('refused', {
      ...patience(1),
      OPENAI_BASE_URL: nobody,
      ANTHROPIC_BASE_URL: nobody,
      GEMINI_BASE_URL: nobody,
      COHERE_BASE_URL: nobody,
    }),
  ])
  // All rows run side by side; each test then looks at its own.
  const small = createGate(20)
  const large = createGate(2)
  for (const row of rows.filter(({ fault }) => fault.large !== true))
    seen.set(
      row.name,
      small(() => ask(row)),
    )
  const quiet = Promise.all(seen.values())
  for (const row of rows.filter(({ fault }) => fault.large === true)) {
    seen.set(
      row.name,
      large(() => quiet.then(() => ask(row))),
    )
  }
  for (const each of seen.values()) each.catch(() => {})
})

afterAll(async () => {
  await Promise.all([...workers.values()].map((worker) => worker.stop()))
  await simulator.close()
})

async function ask(row: Row): Promise<Seen> {
  const factor = row.stream ? FACTORS.streamed : FACTORS.whole
  const own = row.fault.refused === true ? 'refused' : row.fault.large === true ? 'large' : undefined
  const worker = workers.get(own ?? String(factor))
  const response = await fetch(`${worker?.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(bodyOf(row)),
    signal: AbortSignal.timeout(TEST_MS),
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

describe('a provider that misbehaves', () => {
  test.each(rows)('$name', { timeout: TEST_MS }, async (row) => {
    const answer = await seen.get(row.name)
    expect.assert(answer !== undefined)
    const expectation = expectationOf(row.fault, row)
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
    const answered = answer.headers.get('x-router9-model')
    expect(answer.headers.get('x-router9-requested-model')).toBe(answered === row.model ? null : row.model)
    switch (expectation.kind) {
      case 'answer':
        return isAnswer(row, answer, expectation)
      case 'broken stream':
        return isBrokenStream(row, answer, expectation)
      case 'refusal':
        return isRefusal(row, answer, expectation)
      default:
        return expectation satisfies never
    }
  })

  test('is never followed by a redirect', { timeout: TEST_MS }, async () => {
    await Promise.all(seen.values())
    expect(rows.filter(({ fault }) => fault.order === 'redirect')).not.toHaveLength(0)
    expect(simulator.requests('redirected')).toEqual([])
  })
})

type Expected<Kind extends Expectation['kind']> = Extract<Expectation, { kind: Kind }>

function isAnswer(row: Row, { status, headers, body }: Seen, expected: Expected<'answer'>): void {
  const second = expected.answeredBy === 'second'
  const model = second ? row.secondModel : row.model
  const provider = second ? row.secondProvider : row.provider
  expect(status, body.slice(0, 500)).toBe(200)
  expect(headers.get('x-router9-model')).toBe(model)
  expect(headers.get('x-router9-provider')).toBe(provider)
  const attempts = stepsOf(headers)
  expect(attempts.map(([name]) => name)).toEqual(second ? [row.provider, provider] : [provider])
  expect(attempts.at(-1)?.[1]).toBe('200')
  const text = row.stream ? textOfStream(model, body) : textOfBody(model, body)
  expect(text.replace('x'.repeat(expected.extraCharacters), '')).toBe(row.words)
  expect(text.length).toBe(row.words.length + expected.extraCharacters)
}

function textOfStream(model: string, body: string): string {
  const stream = readStream(body)
  expect(stream.faults).toEqual([])
  expect(stream.error).toBeUndefined()
  expect(stream.chunks[0]?.model).toBe(model)
  return stream.text
}

function textOfBody(model: string, body: string): string {
  const completion = JSON.parse(body)
  expect(completion).toMatchObject({ object: 'text_completion', model, choices: [{ index: 0, finish_reason: 'stop' }] })
  return completion.choices[0].message.content
}

function isBrokenStream(row: Row, { status, headers, body }: Seen, { look }: Expected<'broken stream'>): void {
  expect(status, body.slice(0, 500)).toBe(200)
  expect(headers.get('x-router9-provider')).toBe(row.provider)
  const stream = readStream(body)
  expect(stream.faults).toEqual([])
  expect(stream.error).toMatchObject({ type: look.type, code: look.code })
  expect(stream.text).not.toBe('')
  expect(row.words.startsWith(stream.text), stream.text.slice(0, 200)).toBe(true)
}

function isRefusal(row: Row, { status, headers, body }: Seen, expected: Expected<'refusal'>): void {
  expect(`${status} ${headers.get('content-type')} ${body.slice(0, 500)}`).toMatch(/^\d+ application\/json \{"error"/)
  const { error } = JSON.parse(body) as { error: SeenError }
  expect({ status, type: error.type, code: error.code }).toEqual(expected.look)
  expect(faultsOfError(error)).toEqual([])
  const attempts = stepsOf(headers)
  expect(new Set(attempts.map(([name]) => name))).toEqual(new Set([row.provider]))
  expect(expected.attempts).toContain(attempts.length)
  if (row.fault.refused === true) expect(error.message).toContain(`Asked: ${row.provider}: refused connection.`)
  if (status !== 429 && status !== 503) return
  const seconds = Number(headers.get('retry-after'))
  const ms = Number(headers.get('retry-after-ms'))
  expect(seconds).toBe(Math.ceil(ms / 1000))
  expect(seconds).toBeGreaterThan(0)
  if (expected.retryAfterSeconds !== undefined) expect(seconds).toBe(expected.retryAfterSeconds)
  expect(headers.get('x-should-retry')).toBe('true')
}

function stepsOf(headers: Headers): string[][] {
  return attemptsOf(headers).map((attempt) => attempt.split(':'))
}
