import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { toUsage } from '../../src/chat/event.ts'
import { Failure } from '../../src/chat/failure.ts'
import { type Env, readSettings } from '../../src/env.ts'
import { BLOBS, DOUBLES } from '../../src/telemetry/analytics.ts'
import { createRequestLog, logFault, logRequest, type RequestLog } from '../../src/telemetry/log.ts'
import { type CallLine, callLines } from '../harness/log-lines.ts'

let written: string[]
beforeEach(() => {
  written = []
  for (const level of ['log', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((text) => void written.push(String(text)))
  }
})
afterEach(() => {
  vi.restoreAllMocks()
})

const lines = (): CallLine[] => callLines(written.join('\n'))

function createLog(settings: Record<string, string>, further: Partial<RequestLog> = {}): RequestLog {
  const env = { KEYS: {}, ...settings } as unknown as Env
  const log = createRequestLog('req_1', Date.now() - 50, 'FRA', {})
  return { ...log, key: 'key_1', requestedModel: 'gpt-4o', settings: readSettings(env), ...further }
}

const BROKEN = new Failure('provider-failed', 'It broke.')

test('the id of a key is told whole, though it looks like a key; what else looks like one is not', () => {
  logRequest(createLog({}, { key: 'key_a1B2c3D4e5F6', requestedModel: 'sk-proj-abcdefgh12345678' }), 200)
  expect(lines()).toMatchObject([{ key: 'key_a1B2c3D4e5F6', model_asked: 'sk-…' }])
})

describe('sampling', () => {
  test('writes the given share of what went well, and says what each line stands for', () => {
    const dice = [0.05, 0.5, 0.09, 0.1, 0.99]
    vi.spyOn(Math, 'random').mockImplementation(() => dice.shift() ?? Number.NaN)
    for (let n = 0; n < 5; n++) logRequest(createLog({ LOG_SAMPLE: '0.1' }, { requestId: `req_${n}` }), 200)
    expect(lines().map(({ request, sample }) => [request, sample])).toEqual([
      ['req_0', 0.1],
      ['req_2', 0.1],
    ])
  })

  test('keeps everything that went wrong, a hidden failover and a broken stream included', () => {
    logRequest(createLog({ LOG_SAMPLE: '0' }), 502, BROKEN)
    logRequest(createLog({ LOG_SAMPLE: '0' }), 200, BROKEN)
    const target = { model: 'm', deployment: { provider: 'p', upstreamModel: 'm' } }
    const attempts = [{ target, outcome: '500', ms: 1, failure: BROKEN }] as unknown as RequestLog['attempts']
    logRequest(createLog({ LOG_SAMPLE: '0' }, { attempts }), 200)
    expect(lines().map(({ status, level, sample }) => [status, level, sample])).toEqual([
      [502, 'warn', undefined],
      [200, 'warn', undefined],
      [200, 'warn', undefined],
    ])
  })

  test('counts what the caller did wrong among what went well: anybody can do it a thousand times a second', () => {
    const faults = [
      new Failure('invalid-key', 'Incorrect API key provided.'),
      new Failure('invalid-value', 'It is not valid.'),
      new Failure('request-rate', 'Too many.'),
    ]
    for (const fault of faults) logRequest(createLog({ LOG_SAMPLE: '0' }), fault.status, fault)
    expect(written).toEqual([])
    vi.spyOn(Math, 'random').mockReturnValue(0.05)
    for (const fault of faults) logRequest(createLog({ LOG_SAMPLE: '0.1' }), fault.status, fault)
    expect(lines().map(({ level, status, sample }) => [level, status, sample])).toEqual([
      ['warn', 401, 0.1],
      ['warn', 400, 0.1],
      ['warn', 429, 0.1],
    ])
  })

  test('leaves out a client that disconnected, as it does an answer', () => {
    logRequest(createLog({ LOG_SAMPLE: '0' }), 200)
    logRequest(createLog({ LOG_SAMPLE: '0' }), 499, new Failure('client-left', 'The client left.'))
    expect(written).toEqual([])
  })

  test.each(['2', '-1', '10%', 'on', '1e-3'])('of a share that is none is refused by name: %s', (value) => {
    expect(() => createLog({ LOG_SAMPLE: value })).toThrow('LOG_SAMPLE must be a number from 0 to 1')
  })

  test('takes .25 and 0.25 for the same', () => {
    expect(createLog({ LOG_SAMPLE: '.25' }).settings?.logSample).toBe(0.25)
    expect(createLog({ LOG_SAMPLE: '0.25' }).settings?.logSample).toBe(0.25)
  })
})

test('a call is written once, whoever says again that it is over', () => {
  const note = createLog({})
  logRequest(note, 200)
  logRequest(note, 500, BROKEN)
  expect(lines()).toMatchObject([{ status: 200 }])
})

test('a key for a model is not repeated, and a long name is cut', () => {
  logRequest(createLog({}, { requestedModel: 'sk-proj-Abc123Def456Ghi789' }), 404)
  logRequest(createLog({}, { requestedModel: 'x'.repeat(5000) }), 404)
  expect(lines()[0]?.model_asked).toBe('sk-…')
  expect(lines()[1]?.model_asked).toHaveLength(100)
})

test('a code is told as providers write it, but a sentence in its place may quote the prompt, and a key is no code', () => {
  const told: (string | null | undefined)[] = []
  const codes = [
    'invalid_request_error',
    'InvalidParameter.Range',
    "Invalid value: 'my secret'",
    'sk-proj-Abc123Def456Ghi789',
  ]
  for (const code of [...codes, undefined]) {
    const failure = new Failure('rejected', 'No.', code === undefined ? {} : { code })
    logRequest(createLog({}, { record: (line) => void told.push(line.code) }), 400, failure)
  }
  expect(told).toEqual(['invalid_request_error', 'InvalidParameter.Range', undefined, 'sk-…', null])
  expect(lines().map(({ code }) => code)).toEqual(told)
})

describe('what looks like a key is in no line, wherever it stands', () => {
  const KEY = 'sk-proj-Abc123Def456Ghi789'
  const OTHERS = ['gsk_Abc123Def456Ghi789', 'AIzaSyAbc123Def456Ghi789', 'xai-Abc123Def456Ghi789', 'sk-r9k-Abc123Def456']
  const plant = (text: string) => {
    const failure = new Failure('provider-failed', 'It broke.', { reason: text, detail: text })
    const target = { model: text, deployment: { provider: 'p', upstreamModel: text } }
    const attempts = [{ target, outcome: '500', ms: 1, failure }] as unknown as RequestLog['attempts']
    logRequest(createLog({ LOG_DETAIL: 'on' }, { requestedModel: text, attempts }), 502, failure)
    logFault('req_1', text)
    logFault('req_1', new Error(text))
  }

  test.each([
    ['a line break', '\n'],
    ['a carriage return', '\r'],
    ['a tab', '\t'],
    ['a backspace', '\b'],
    ['a form feed', '\f'],
    ['a vertical tab', '\v'],
    ['a null', '\0'],
    ['an escape character', '\x1b'],
    ['a quote', '"'],
    ['a slash', '/'],
    ['a backslash', '\\'],
    ['half a surrogate pair', '\ud83d'],
    ['a line separator', '\u2028'],
    ['a letter of another script', 'é '],
  ])('behind %s, and behind that in JSON within a text, once and twice', (_, before) => {
    const within = (text: string) => JSON.stringify({ error: text })
    for (const key of [KEY, ...OTHERS]) {
      const text = `bad key:${before}${key}${before}${key}`
      for (const told of [text, within(text), within(within(text))]) plant(told)
    }
    const log = written.join('\n')
    expect(log).toContain('bad key:')
    for (const key of [KEY, ...OTHERS]) expect(log).not.toContain(key.slice(-12))
  })

  test.each(['u000a', 'u0022', 'u005C', 'u0041', 'n', 't', 'r', 'b', 'f', '/', '"', '\\'])(
    'behind the escape \\%s in what a provider sent as JSON',
    (escaped) => {
      plant(`{"message":"bad key: \\${escaped}${KEY}"}`)
      expect(written.join('\n')).not.toContain(KEY.slice(-12))
    },
  )

  test.each(['%0A', '%0a', '\\x0a', '\\v', '\x1b[0m', 'api_', 'é'])('behind %j, which ends in a letter', (before) => {
    plant(`bad key: ${before}${KEY}`)
    const log = written.join('\n')
    expect(log).toContain('bad key:')
    expect(log).not.toContain(KEY.slice(-12))
  })

  test('and a line without one is written as it is', () => {
    const text = 'The api_key_expired, and task-oriented desk-lamp-shades, risk-assessment-2026-of-lamps too'
    logFault('req_1', text)
    expect(written[0]).toContain(text)
  })
})

describe('a data point', () => {
  const points: AnalyticsEngineDataPoint[] = []
  const dataset = { writeDataPoint: (point: AnalyticsEngineDataPoint) => void points.push(point) }
  beforeEach(() => {
    points.length = 0
  })

  test('holds the columns in the order of their table, and is written whatever the log’s share', () => {
    const usage = toUsage(1000, 100, { prompt_tokens_details: { cached_tokens: 7 } })
    const further = { dataset: dataset as AnalyticsEngineDataset, usage, dollars: 0.25, stream: true }
    logRequest(createLog({ LOG_SAMPLE: '0' }, { ...further, firstEventAt: Date.now() }), 200)
    expect(points).toHaveLength(1)
    const { indexes, blobs = [], doubles = [] } = points[0] ?? {}
    expect(indexes).toEqual(['key_1'])
    expect(Object.fromEntries(BLOBS.map((name, at) => [name, blobs[at]]))).toMatchObject({
      model_asked: 'gpt-4o',
      provider: '',
      status: '200',
      stream: 'true',
      left: 'false',
      colo: 'FRA',
    })
    const named = Object.fromEntries(DOUBLES.map((name, at) => [name, doubles[at]]))
    expect(named).toMatchObject({ prompt_tokens: 1000, completion_tokens: 100, cached_tokens: 7, cost_usd: 0.25 })
    expect(named.ttft_ms).toBeGreaterThanOrEqual(50)
    expect(doubles.every(Number.isFinite)).toBe(true)
    expect(written).toEqual([])
  })

  test('stays within what Analytics Engine takes', () => {
    expect(BLOBS.length).toBeLessThanOrEqual(20)
    expect(DOUBLES.length).toBeLessThanOrEqual(20)
    expect(new Set([...BLOBS, ...DOUBLES]).size).toBe(BLOBS.length + DOUBLES.length)
  })

  test('that is refused costs the call nothing but a line', () => {
    const angry = {
      writeDataPoint: () => {
        throw new TypeError('too many')
      },
    }
    logRequest(createLog({}, { dataset: angry as AnalyticsEngineDataset }), 200)
    expect(written).toHaveLength(1)
    expect(written[0]).toContain('too many')
  })
})
