import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeyRecord } from '../../src/access/keys.ts'
import type { Caller, Spend } from '../../src/access/limits.ts'
import type { Failure } from '../../src/chat/failure.ts'
import { createMemoryLedgers, type MemoryLedgers } from './memory-ledger.ts'

type Limits = typeof import('../../src/access/limits.ts')
type Given = Parameters<Limits['admit']> extends [unknown, ...infer Others] ? Others : never

/** Longer than a report waits and takes, and than the next one would have to wait after it. */
const REPORTED_MS = 2500

let admit: (key: Caller, ...given: Given) => Promise<Spend>
let addLimitHeaders: Limits['addLimitHeaders']
let memory: MemoryLedgers
let minute: number

beforeEach(async () => {
  await freshIsolate()
  vi.useFakeTimers({ now: new Date('2026-06-01T00:00:05Z') })
  minute = Math.floor(Date.now() / 60_000)
  memory = createMemoryLedgers()
})
afterEach(() => vi.useRealTimers())

/** A fresh module knows of no key, as a fresh isolate does. */
async function freshIsolate(): Promise<void> {
  vi.resetModules()
  const limits = await import('../../src/access/limits.ts')
  admit = async (key, ...given) => limits.admit(limits.accountsOf(key), ...given)
  addLimitHeaders = limits.addLimitHeaders
}

function limitHeaders(key: KeyRecord): Record<string, string> {
  const headers = new Headers()
  addLimitHeaders(headers, key)
  return Object.fromEntries(headers)
}

function keyWith(limits: KeyRecord['limits'], more: Partial<KeyRecord> = {}): KeyRecord {
  return { id: 'key_a', name: 'test', created: '2026-01-01T00:00:00Z', limits, ...more }
}

/** Asks to be let in: the way to tell what was used, or the kind of the refusal. */
async function ask(key: KeyRecord) {
  return admit(key, memory.objects, () => {}).catch(({ kind }: { kind: string }) => kind)
}

/** Asks, and lets the ledger answer. */
async function asked(key: KeyRecord) {
  const asking = ask(key)
  await vi.advanceTimersByTimeAsync(250)
  return asking
}

async function letIn(key: KeyRecord) {
  const spend = await asked(key)
  expect.assert(typeof spend === 'function')
  return spend
}

describe('an isolate that does not know the key', () => {
  test.each([10, 200])(
    'lets none of fifty at once in over a budget that the ledger tells of after %i ms',
    async (ms) => {
      memory.answerAfter(ms)
      memory.put('key_a', { dollars: 10 })
      const asking = Promise.all(Array.from({ length: 50 }, () => ask(keyWith({ budget: 10 }))))
      await vi.advanceTimersByTimeAsync(ms)
      expect(new Set(await asking)).toEqual(new Set(['budget']))
      expect(memory.calls()).toBe(1)
    },
  )

  test('lets none of fifty at once in over the requests that other isolates have seen this minute', async () => {
    memory.answerAfter(10)
    memory.put('key_a', { minute, requests: 3 })
    const asking = Promise.all(Array.from({ length: 50 }, () => ask(keyWith({ rpm: 3 }))))
    await vi.advanceTimersByTimeAsync(10)
    expect(new Set(await asking)).toEqual(new Set(['request-rate']))
  })

  test('lets in no more than the limit of fifty that come at once', async () => {
    memory.answerAfter(10)
    const asking = Promise.all(Array.from({ length: 50 }, () => ask(keyWith({ rpm: 7 }))))
    // The first of them asks for itself, and the others together.
    await vi.advanceTimersByTimeAsync(20)
    expect((await asking).filter((kind) => kind === 'request-rate')).toHaveLength(43)
  })

  test('does not wait for ever: a ledger that does not answer keeps out who has a budget, and nobody else', async () => {
    memory.answerAfter(60_000)
    const asking = Promise.all([ask(keyWith({ budget: 10 })), ask(keyWith({ rpm: 10 }, { id: 'key_b' }))])
    await vi.advanceTimersByTimeAsync(500)
    expect(await Promise.race([asking, 'waiting'])).toEqual(['ledger-unavailable', expect.any(Function)])
    // Nobody waits again at once.
    expect(await ask(keyWith({ budget: 10 }))).toBe('ledger-unavailable')
    expect(await ask(keyWith({ rpm: 10 }, { id: 'key_b' }))).toBeTypeOf('function')
  })
})

describe('what was used gets into the ledger', () => {
  test('where it was counted while a report was under way, without a further call', async () => {
    const key = keyWith({ rpm: 100 })
    const spend = await letIn(key)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.answerAfter(200)
    const before = memory.calls()
    spend(30, 0)
    await vi.advanceTimersByTimeAsync(100)
    expect(memory.calls()).toBe(before + 1)
    expect(memory.spent('key_a').tokens).toBe(0)
    spend(12, 0.25)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(memory.spent('key_a')).toEqual({ minute, requests: 1, tokens: 42, dollars: 0.25 })
  })

  test('in a report a second, however many requests there are', async () => {
    const key = keyWith({ rpm: 1000 })
    for (let at = 0; at < 100; at++) (await letIn(key))(1, 0)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(memory.spent('key_a')).toMatchObject({ requests: 100, tokens: 100 })
    // A hundred requests of 250 ms each.
    expect(memory.calls()).toBeLessThan(30)
  })

  test('where it was counted near a limit at the end of a minute, without a further call', async () => {
    const use = async (tokens: number, dollars: number) => {
      const asking = admit(keyWith({ tpm: 1000 }), memory.objects, () => {}, { tokens: 5, dollars: 0 })
      await vi.advanceTimersByTimeAsync(250)
      ;(await asking)(tokens, dollars)
      await vi.advanceTimersByTimeAsync(REPORTED_MS)
    }
    vi.setSystemTime('2026-06-01T00:00:55Z')
    await use(600, 0)
    // By now it waits whether what is left has to be given back.
    await use(5, 0.25)
    expect(memory.spent('key_a')).toMatchObject({ dollars: 0.25 })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('and nothing more is said when there is nothing more to say', async () => {
    ;(await letIn(keyWith({ rpm: 100 })))(5, 0)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    const before = memory.calls()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(memory.calls()).toBe(before)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a ledger that fails', () => {
  test('once loses nothing: the next report tells all', async () => {
    const key = keyWith({ rpm: 100 })
    const spend = await letIn(key)
    memory.failNext(1)
    spend(30, 0.5)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    ;(await letIn(key))(12, 0.25)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(memory.spent('key_a')).toEqual({ minute, requests: 2, tokens: 42, dollars: 0.75 })
  })

  test('does not lose what was counted while it failed', async () => {
    const key = keyWith({ rpm: 100 })
    const spend = await letIn(key)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.answerAfter(200)
    memory.failNext(1)
    spend(30, 0)
    await vi.advanceTimersByTimeAsync(100)
    spend(12, 0)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    await letIn(key)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(memory.spent('key_a')).toMatchObject({ requests: 2, tokens: 42 })
  })

  test('neither forgets nor doubles what this isolate counts by itself', async () => {
    const key = keyWith({ rpm: 3 })
    memory.failNext(100)
    for (let at = 0; at < 3; at++) {
      await letIn(key)
      await vi.advanceTimersByTimeAsync(REPORTED_MS)
    }
    expect(await asked(key)).toBe('request-rate')
  })

  test('does not lose a budget: what was spent while it failed keeps the key out', async () => {
    const key = keyWith({ budget: 1 })
    const spend = await letIn(key)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.failNext(1)
    spend(0, 1)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(await asked(key)).toBe('budget')
  })
})

describe('a ledger whose answer is lost', () => {
  test.each([1, 3])('%i times has counted once', async (times) => {
    const key = keyWith({ rpm: 100, budget: 1 })
    const spend = await letIn(key)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.loseNext(times)
    spend(30, 0.25)
    await vi.advanceTimersByTimeAsync(REPORTED_MS * (times + 1))
    expect(memory.spent('key_a')).toEqual({ minute, requests: 1, tokens: 30, dollars: 0.25 })
  })

  test('is told again without a further request, and then what was counted meanwhile', async () => {
    const spend = await letIn(keyWith({ rpm: 100 }))
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.answerAfter(200)
    memory.loseNext(1)
    spend(30, 0)
    await vi.advanceTimersByTimeAsync(100)
    spend(12, 0)
    await vi.advanceTimersByTimeAsync(2 * REPORTED_MS)
    expect(memory.spent('key_a')).toMatchObject({ requests: 1, tokens: 42 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that comes after all, after the report was repeated, changes nothing', async () => {
    const key = keyWith({ rpm: 3 })
    const spend = await letIn(key)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.answerAfter(14_000)
    spend(30, 0)
    await vi.advanceTimersByTimeAsync(11_000)
    memory.answerAfter(0)
    spend(12, 0)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(memory.spent('key_a')).toMatchObject({ requests: 1, tokens: 42 })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(memory.spent('key_a')).toMatchObject({ requests: 1, tokens: 42 })
    expect(limitHeaders(key)['x-ratelimit-remaining-requests']).toBe('2')
  })
})

describe('a ledger that answers garbage switches no limit off', () => {
  test.each([
    ['nothing', undefined],
    ['a text', 'ok'],
    ['an empty object', {}],
    [
      'NaN',
      { number: 2, now: Number.NaN, lease: {}, minute: Number.NaN, requests: 0, tokens: 0, dollars: 0, inWindow: 0 },
    ],
    [
      'to another report',
      { number: 99, now: 0, lease: { dollars: 9 }, minute: 0, requests: 0, tokens: 0, dollars: 0, inWindow: 0 },
    ],
  ])('%s', async (_, answer) => {
    const rates = keyWith({ rpm: 3, tpm: 1000 })
    ;(await letIn(rates))(100, 0.5)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.answerWith(answer)
    ;(await letIn(rates))(0, 0.1)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(limitHeaders(rates)).toMatchObject({
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-remaining-tokens': '900',
    })
    await letIn(rates)
    expect(await asked(rates)).toBe('request-rate')
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    const priced = admit(keyWith({ budget: 0.9 }), memory.objects, () => {}, { tokens: 0, dollars: 0.1 })
    const refused = expect(priced).rejects.toMatchObject({ kind: 'ledger-unavailable' })
    await vi.advanceTimersByTimeAsync(600)
    await refused
    expect(await asked(keyWith({ budget: 0.5 }))).toBe('budget')
  })
})

describe('what calls under way may use', () => {
  const poor = keyWith({ budget: 1 })
  const hold = { tokens: 800, dollars: 0.9 }
  const admitted = async (key: KeyRecord, held = hold) => {
    const asking = admit(key, memory.objects, () => {}, held).catch((failure: Failure) => failure)
    await vi.advanceTimersByTimeAsync(20)
    return asking
  }
  const kindOf = async (key: KeyRecord, held = hold) => {
    const outcome = await admitted(key, held)
    return typeof outcome === 'function' ? 'admitted' : outcome.kind
  }

  test('lets one of twenty at once in on a budget for one, and another when that one has used less', async () => {
    const twenty = await Promise.all(Array.from({ length: 20 }, () => admitted(poor)))
    const [first, ...further] = twenty.filter((answer) => typeof answer === 'function')
    expect.assert(first !== undefined)
    expect(further).toEqual([])
    first(10, 0.01)
    expect(await kindOf(poor)).toBe('admitted')
  })

  test('counts against the tokens of a minute too, and not when it is over', async () => {
    const key = keyWith({ tpm: 1000 })
    const first = await admitted(key)
    expect(await kindOf(key)).toBe('token-rate')
    expect.assert(typeof first === 'function')
    first(0, 0)
    expect(await kindOf(key)).toBe('admitted')
    expect(limitHeaders(key)['x-ratelimit-remaining-tokens']).toBe('1000')
  })

  test('counts against the calls at once', async () => {
    const key = keyWith({ concurrent: 2 })
    const first = await admitted(key)
    expect([await kindOf(key), await kindOf(key)]).toEqual(['admitted', 'request-rate'])
    expect.assert(typeof first === 'function')
    first(0, 0)
    expect([await kindOf(key), await kindOf(key)]).toEqual(['admitted', 'request-rate'])
  })

  test('is let go by itself where a call never ends', async () => {
    expect(await kindOf(poor)).toBe('admitted')
    expect(await kindOf(poor)).toBe('budget')
    await vi.advanceTimersByTimeAsync(16 * 60_000)
    expect(await kindOf(poor)).toBe('admitted')
  })

  test('is refused with a time to come back soon, for it does', async () => {
    await admitted(poor)
    expect(await admitted(poor)).toMatchObject({ kind: 'budget', details: { retryAfterMs: 1000 } })
  })

  test('is never more than there is, even alone', async () => {
    const tooMuch = { tokens: 0, dollars: 2 }
    expect(await admitted(poor, tooMuch)).toMatchObject({ kind: 'budget', details: { shouldRetry: false } })
    expect(await admitted(poor, tooMuch)).toMatchObject({ message: expect.stringContaining("'max_tokens'") })
  })

  test('is free again when the window of the budget is over', async () => {
    const daily = keyWith({ budget: 1, window: 'day' })
    const first = await admitted(daily)
    expect.assert(typeof first === 'function')
    first(0, 1)
    const toMidnight = Date.parse('2026-06-02T00:00:00Z') - Date.now()
    const refused = await admitted(daily)
    expect(refused).toMatchObject({ kind: 'budget', message: "This key's budget of $1 a day is used up." })
    expect(Math.abs((refused as Failure).waitMs - toMidnight)).toBeLessThan(1000)
    await vi.advanceTimersByTimeAsync(toMidnight)
    expect(await kindOf(daily)).toBe('admitted')
  })
})

test('a budget that was used up is asked for again within two minutes: it may have a window by now', async () => {
  const spend = admit(keyWith({ budget: 1 }), memory.objects, () => {}, { tokens: 0, dollars: 1 })
  await vi.advanceTimersByTimeAsync(20)
  ;(await spend)(0, 1)
  await vi.advanceTimersByTimeAsync(REPORTED_MS)
  memory.put('key_a', { dollars: 0.5 })
  const again = async () => {
    const asking = admit(keyWith({ budget: 1 }), memory.objects, () => {}, { tokens: 0, dollars: 0.1 })
    const settled = asking.then(
      () => 'admitted',
      ({ kind }) => kind,
    )
    await vi.advanceTimersByTimeAsync(20)
    return settled
  }
  const calls = memory.calls()
  expect(await again()).toBe('budget')
  expect(memory.calls()).toBe(calls)
  await vi.advanceTimersByTimeAsync(120_000)
  expect(await again()).toBe('admitted')
})

describe('a call that counts for several accounts', () => {
  const team = { id: 'team:t', owner: "This key's team", limits: { rpm: 3, budget: 1 } }
  const callOf = (id: string, dollars: number, limits = { rpm: 2 }, accounts: Caller['accounts'] = [team]) =>
    admit({ ...keyWith(limits, { id }), accounts }, memory.objects, () => {}, { tokens: 0, dollars })
  const asking = async (calls: Promise<unknown>[]) => {
    const all = Promise.allSettled(calls)
    await vi.advanceTimersByTimeAsync(50)
    return (await all).map((one) => (one.status === 'fulfilled' ? 'admitted' : one.reason.message))
  }

  test('is admitted by all of them, and told which refused it', async () => {
    const calls = await asking([callOf('key_a', 0.1), callOf('key_a', 0.1), callOf('key_a', 0.1), callOf('key_b', 0.1)])
    expect(calls).toEqual([
      'admitted',
      'admitted',
      'This key is limited to 2 requests a minute.',
      expect.stringMatching(/^admitted$|^This key's team is limited to 3/),
    ])
    expect(await asking([callOf('key_c', 0.9)])).toEqual([
      expect.stringMatching(/^This key's team is limited|^What is left of this key's team's budget of \$1 is held/),
    ])
  })

  test('leaves nothing reserved at the one where another has refused it', async () => {
    expect(await asking([callOf('key_a', 0.9, { rpm: 0 })])).toEqual(['This key is limited to 0 requests a minute.'])
    expect(await asking([callOf('key_b', 0.9)])).toEqual(['admitted'])
  })

  test('nor at its ledger, which may have heard of it meanwhile', async () => {
    const limits = { rpm: 2 }
    const spenders = [{ ...team, limits: { budget: 1 } }]
    await asking([callOf('key_b', 0.01, limits, spenders)])
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    memory.put('key_a', { minute, requests: 2 })
    memory.answerAfter(300)
    const refused = asking([callOf('key_a', 0.02, limits, spenders)])
    memory.answerAfter(0)
    // The team's ledger is asked for this one, and nothing else is told after that.
    expect(await asking([callOf('key_b', 0.98, limits, spenders)])).toEqual([expect.stringContaining('is held')])
    await vi.advanceTimersByTimeAsync(300)
    expect(await refused).toEqual(['This key is limited to 2 requests a minute.'])
    // Until no lease is left.
    await vi.advanceTimersByTimeAsync(25_000)
    await freshIsolate()
    expect(await asking([callOf('key_c', 0.98, limits, spenders)])).toEqual(['admitted'])
  })
})

test('a clock that steps back does not make what was known hold until it has caught up', async () => {
  const key = keyWith({ rpm: 1 })
  ;(await letIn(key))(0, 0)
  await vi.advanceTimersByTimeAsync(REPORTED_MS)
  expect(await asked(key)).toBe('request-rate')
  vi.setSystemTime(Date.now() - 10 * 60_000)
  // The ledger, whose clock is the same here, counts it in this minute.
  expect(await asked(key)).toBe('request-rate')
  await vi.advanceTimersByTimeAsync(61_000)
  await letIn(key)
})

test('a limit that was taken away is no reason to ask for more of it', async () => {
  ;(await letIn(keyWith({ rpm: 1000, tpm: 100_000 })))(0, 0)
  const spend = await letIn(keyWith({ rpm: 1000 }))
  const before = memory.calls()
  // More than half of the tokens that were leased.
  spend(9000, 0)
  expect(memory.calls()).toBe(before)
})

describe('far from every limit', () => {
  test('no call of a warm isolate waits for the ledger, and one report goes out a second at most', async () => {
    const key = keyWith({ rpm: 10_000, tpm: 10_000_000, budget: 1000, concurrent: 1000 })
    const held = { tokens: 1000, dollars: 0.01 }
    const first = admit(key, memory.objects, () => {}, held)
    await vi.advanceTimersByTimeAsync(20)
    ;(await first)(100, 0.001)
    memory.answerAfter(100)
    const before = memory.calls()
    for (let at = 0; at < 200; at++) {
      const began = Date.now()
      const spend = await admit(key, memory.objects, () => {}, held)
      expect(Date.now()).toBe(began)
      await vi.advanceTimersByTimeAsync(50)
      spend(100, 0.001)
    }
    expect(memory.calls() - before).toBeLessThanOrEqual(13)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    expect(memory.spent('key_a').dollars).toBeCloseTo(0.201, 9)
  })
})

describe('keys that were rotated', () => {
  const limits = { rpm: 2, tpm: 50 }
  const old = keyWith(limits)
  const rotated = keyWith(limits, { id: 'key_b', account: 'key_a' })
  const again = keyWith(limits, { id: 'key_c', account: 'key_a' })

  test('share the limits of the first of them', async () => {
    ;(await letIn(old))(10, 0)
    await letIn(rotated)
    expect([await asked(old), await asked(rotated), await asked(again)]).toEqual(Array(3).fill('request-rate'))
    expect(limitHeaders(again)).toMatchObject({
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-remaining-tokens': '40',
    })
  })

  test('share its ledger, also in an isolate that has only met the new one', async () => {
    ;(await letIn(old))(50, 0)
    await vi.advanceTimersByTimeAsync(REPORTED_MS)
    await freshIsolate()
    expect(await asked(again)).toBe('token-rate')
  })
})

describe('the headers of a limited key', () => {
  test('tell of its limits before its first request', () => {
    expect(limitHeaders(keyWith({ rpm: 5, tpm: 900 }))).toEqual({
      'x-ratelimit-limit-requests': '5',
      'x-ratelimit-remaining-requests': '5',
      'x-ratelimit-reset-requests': '55s',
      'x-ratelimit-limit-tokens': '900',
      'x-ratelimit-remaining-tokens': '900',
      'x-ratelimit-reset-tokens': '55s',
    })
  })

  test('are none where it has only a budget, or no limits', () => {
    expect(limitHeaders(keyWith({ budget: 5 }))).toEqual({})
    expect(limitHeaders(keyWith(undefined))).toEqual({})
  })

  test('are full again when the minute is over', async () => {
    const key = keyWith({ rpm: 5 })
    await letIn(key)
    expect(limitHeaders(key)['x-ratelimit-remaining-requests']).toBe('4')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(limitHeaders(key)['x-ratelimit-remaining-requests']).toBe('5')
  })
})
