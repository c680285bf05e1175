import { describe, expect, test } from 'vitest'
import { findDeployment } from '../../src/catalog/models.ts'
import { type DeadlineInput, deadlinesFor, type TimeInputs, timeoutLimitsFor } from '../../src/routing/deadline.ts'

const BASE = { firstByteMs: 10_000, totalMs: 30_000 }
const ORDINARY: TimeInputs = { stream: true, reasoning: 'none', promptTokens: 100, outputTokens: 0 }

function deploymentOf(name: string) {
  const slash = name.indexOf('/')
  const found = findDeployment(name.slice(0, slash), name.slice(slash + 1))
  if (found === undefined) throw new TypeError(`nothing is called ${name}`)
  return found.deployment
}

function limitsAt(name: string, asked: Partial<TimeInputs> = {}, base = BASE) {
  return timeoutLimitsFor(base, { ...ORDINARY, ...asked })(deploymentOf(name))
}

interface Situation extends Partial<DeadlineInput & DeadlineInput['status']> {
  readonly name?: string
  readonly asked?: Partial<TimeInputs>
}

/** The deadlines of a deployment that is known to be quick, but for what is given. */
function deadlines({ name = 'openai/gpt-4o', asked = {}, ...more }: Situation = {}) {
  const quick = { ttftMs: 400, ttftP95Ms: 900, samples: 30, tokensPerSecond: 50 }
  return deadlinesFor({
    status: { ...quick, ...more },
    limits: limitsAt(name, asked),
    bucket: asked.stream === false ? 3 : 0,
    outputTokens: 0,
    isProbe: false,
    hasHealthyAlternative: true,
    ...more,
  })
}

const UNMEASURED = { ttftMs: undefined, ttftP95Ms: undefined, samples: 0, tokensPerSecond: undefined }

describe('a stream that is not known yet is left for the next one', () => {
  test.each([
    'openai/gpt-4o',
    'openai/gpt-5.4',
    'anthropic/claude-sonnet-4-6',
    'anthropic/claude-opus-4-8',
    'google/gemini-3.5-flash',
    'google/gemini-2.5-pro',
    'deepseek/deepseek-v4-pro',
    'cohere/command-a-reasoning-08-2025',
    'groq/gpt-oss-120b',
    'openrouter/claude-sonnet-4-6',
  ])('after ten seconds, however well it could think: %s', (name) => {
    expect(deadlines({ name, ...UNMEASURED })).toEqual({ attemptMs: 10_000, totalMs: 30_000 })
  })

  test.each([
    ['some', 30_000, 90_000],
    ['most', 60_000, 180_000],
  ] as const)('later where it is asked to think: %s', (reasoning, attemptMs, totalMs) => {
    for (const name of ['openai/gpt-5.4', 'anthropic/claude-sonnet-4-6', 'google/gemini-3.5-flash']) {
      expect(deadlines({ name, asked: { reasoning }, ...UNMEASURED }), name).toEqual({ attemptMs, totalMs })
    }
  })

  test('no later where it is asked to think and cannot', () => {
    expect(deadlines({ asked: { reasoning: 'most' }, ...UNMEASURED })).toEqual({ attemptMs: 10_000, totalMs: 30_000 })
  })

  test.each(['openai/o3', 'openai/gpt-5', 'azure/gpt-5', 'openrouter/o3-pro'])(
    'later where it thinks unasked and shows nothing of it: %s',
    (name) => {
      expect(deadlines({ name, ...UNMEASURED }).attemptMs).toBe(30_000)
      expect(deadlines({ name, asked: { reasoning: 'most' }, ...UNMEASURED }).attemptMs).toBe(60_000)
    },
  )

  test('later where it has much to read, up to three times as late', () => {
    const at = (promptTokens: number) => deadlines({ asked: { promptTokens }, bucket: 2, ...UNMEASURED }).attemptMs
    expect(at(32_000)).toBe(10_000)
    expect(at(132_000)).toBe(20_000)
    expect(at(2_000_000)).toBe(30_000)
  })
})

describe('a stream', () => {
  test('of what is known to be quick is given up early, but never within two and a half seconds', () => {
    expect(deadlines().attemptMs).toBe(2500)
    expect(deadlines({ ttftMs: 1000, ttftP95Ms: 1500 }).attemptMs).toBe(4000)
  })

  test('with little measured gets what is set', () => {
    expect(deadlines({ samples: 2 }).attemptMs).toBe(10_000)
  })

  test('never gets more than what is set, however slow it is known to be', () => {
    expect(deadlines({ ttftMs: 60_000, ttftP95Ms: 90_000 }).attemptMs).toBe(10_000)
  })

  test('that has more to read, or is to think, is waited for longer than is usual there', () => {
    expect(deadlines({ bucket: 2 }).attemptMs).toBeGreaterThan(deadlines({ bucket: 1 }).attemptMs)
    expect(deadlines({ bucket: 1 }).attemptMs).toBeGreaterThan(deadlines({ bucket: 0 }).attemptMs)
    expect(deadlines({ bucket: 2, asked: { promptTokens: 132_000 } }).attemptMs).toBe(20_000)
    const thinking = { name: 'anthropic/claude-sonnet-4-6', asked: { reasoning: 'some' } } as const
    expect(deadlines(thinking).attemptMs).toBe(20_000)
    expect(deadlines({ ...thinking, isProbe: true }).attemptMs).toBe(20_000)
  })

  test('of a probe is short, whatever was measured before the trouble', () => {
    expect(deadlines({ isProbe: true, ttftMs: 6000, ttftP95Ms: 9000 }).attemptMs).toBe(2500)
  })
})

describe('a whole answer is waited for', () => {
  const whole = (outputTokens: number, more: Situation = {}) =>
    deadlines({ ...more, asked: { stream: false, outputTokens, ...more.asked } })

  test('as long as its words take at the speed that was measured, half a minute at least and two minutes at most', () => {
    expect(whole(100).attemptMs).toBe(30_000)
    expect(whole(2500).attemptMs).toBe(60_000)
    expect(whole(2500, { tokensPerSecond: 100 }).attemptMs).toBe(35_000)
    expect(whole(2500, { tokensPerSecond: undefined }).attemptMs).toBe(60_000)
    expect(whole(100_000).attemptMs).toBe(120_000)
    expect(whole(100_000, { tokensPerSecond: 0.001 }).attemptMs).toBe(120_000)
  })

  test('no longer than the longest answer of the model takes', () => {
    expect(whole(100_000, { outputTokens: 2500 }).attemptMs).toBe(60_000)
  })

  test('half a minute where its length was left open, or as long as such answers take there', () => {
    expect(whole(0, UNMEASURED).attemptMs).toBe(30_000)
    expect(whole(0, { ttftMs: 20_000, ttftP95Ms: 40_000 }).attemptMs).toBe(60_000)
    expect(whole(0, { ttftMs: 20_000, ttftP95Ms: 40_000, samples: 1 }).attemptMs).toBe(60_000)
    expect(whole(0, { ttftMs: 20_000, ttftP95Ms: 40_000, isProbe: true }).attemptMs).toBe(30_000)
    expect(whole(0, { ttftMs: 200_000, ttftP95Ms: 400_000 }).attemptMs).toBe(120_000)
    // One whose length is known is not waited for as long as the others took.
    expect(whole(100, { ttftMs: 20_000, ttftP95Ms: 40_000 }).attemptMs).toBe(30_000)
  })

  test('no longer of a model that can think, and longer where it is asked to', () => {
    const name = 'anthropic/claude-sonnet-4-6'
    expect(whole(0, { name, ...UNMEASURED })).toEqual(whole(0, UNMEASURED))
    expect(whole(0, { name, asked: { reasoning: 'some' }, ...UNMEASURED }).attemptMs).toBe(50_000)
    expect(whole(0, { name, asked: { reasoning: 'most' }, ...UNMEASURED }).attemptMs).toBe(80_000)
  })

  test('as long as it takes where nobody else is well', () => {
    expect(whole(10_000, { hasHealthyAlternative: false }).attemptMs).toBe(210_000)
    expect(whole(100, { hasHealthyAlternative: false }).attemptMs).toBe(30_000)
  })

  test('six minutes at most in all, and three where its length was left open', () => {
    expect(whole(100).totalMs).toBe(90_000)
    expect(whole(100_000).totalMs).toBe(360_000)
    expect(whole(0, UNMEASURED).totalMs).toBe(180_000)
  })
})

test('all of it follows what is set, and nobody waits for ever', () => {
  const base = { firstByteMs: 200, totalMs: 600 }
  const asked = { stream: false, outputTokens: 100_000 }
  expect(limitsAt('openai/gpt-4o', asked, base).wholeBody).toMatchObject({ minMs: 600, maxMs: 2400 })
  const open = limitsAt('openai/gpt-4o', { ...asked, outputTokens: 0 }, base)
  expect(deadlines({ limits: open, ...UNMEASURED })).toEqual({ attemptMs: 600, totalMs: 3600 })
  const { firstByteMs, totalMs, wholeBody } = limitsAt(
    'anthropic/claude-sonnet-4-6',
    { ...asked, reasoning: 'most' },
    { firstByteMs: 300_000, totalMs: 300_000 },
  )
  for (const ms of [firstByteMs, totalMs, wholeBody?.minMs, wholeBody?.maxMs]) expect(ms).toBeLessThanOrEqual(600_000)
})
