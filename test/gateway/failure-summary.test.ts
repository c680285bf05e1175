import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/chat/failure.ts'
import { summarizeFailures } from '../../src/gateway/failure-summary.ts'
import { unlistedModelTraits } from '../../src/routing/unlisted-model.ts'

const PROVIDERS = ['openai', 'azure', 'openrouter']

/** What is told of attempts that failed so, each at a provider of its own. */
function summed(...failures: readonly Failure[]) {
  const failure = summarizeFailures(
    failures.map((failed, at) => ({
      target: {
        model: 'gpt-4o',
        deployment: { provider: PROVIDERS[at] ?? '', upstreamModel: 'gpt-4o', traits: unlistedModelTraits },
      },
      outcome: failed.kind,
      ms: 1,
      failure: failed,
      ...(failed.kind === 'budget' ? { sent: false } : {}),
    })),
  )
  const { type, param, code, message } = failure.toError()
  const { retryAfterMs, shouldRetry } = failure.details
  return { status: failure.status, type, param, code, message, retryAfterMs, shouldRetry }
}

const limited = (retryAfterMs?: number) =>
  new Failure('rate-limited', 'Slow down.', retryAfterMs === undefined ? {} : { retryAfterMs })
const usedUp = () => new Failure('quota-exhausted', 'Used up.')
const missing = () => new Failure('model-missing', 'No such model.', { param: 'model', upstreamStatus: 404 })
const overloaded = (retryAfterMs?: number) =>
  new Failure('overloaded', 'Too busy.', retryAfterMs === undefined ? {} : { retryAfterMs })
const broken = () => new Failure('provider-failed', 'It broke.')
const silent = () => new Failure('provider-timeout', 'It said nothing.')
/** What we refuse ourselves, before a provider is asked. */
const unsupported = () => new Failure('unsupported-parameter', 'It cannot.', { param: 'n' })
const tooLong = () => new Failure('context-length', 'Too long.', { param: 'messages', upstreamStatus: 400 })

describe('of several failures', () => {
  test.each<[string, readonly Failure[], number, string]>([
    ['two limits beside a refusal of our own', [limited(), unsupported(), limited()], 429, 'upstream_rate_limited'],
    ['a refusal of our own before a limit', [unsupported(), limited()], 429, 'upstream_rate_limited'],
    ['an account that is used up, and a limit', [usedUp(), limited()], 429, 'upstream_rate_limited'],
    ['accounts that are all used up', [usedUp(), usedUp()], 429, 'upstream_rate_limited'],
    ['an overload and a limit', [overloaded(), limited()], 503, 'upstream_unavailable'],
    ['an overload and an account that is used up', [overloaded(), usedUp()], 503, 'upstream_unavailable'],
    ['overloads', [overloaded(), overloaded()], 503, 'upstream_unavailable'],
    ['a missing model, an overload and a crash', [missing(), overloaded(), broken()], 502, 'upstream_error'],
    ['a missing model and a limit', [missing(), limited()], 502, 'upstream_error'],
    ['a limit and a crash', [limited(), broken()], 502, 'upstream_error'],
    ['a prompt too long for one, and a crash', [tooLong(), broken()], 502, 'upstream_error'],
    ['silence everywhere', [silent(), silent()], 504, 'upstream_timeout'],
  ])('%s: the client is told what they have in common', (_, failures, status, code) => {
    expect(summed(...failures)).toMatchObject({ status, code, param: null })
  })

  test('the soonest recovery is the time to wait', () => {
    expect(summed(limited(9000), unsupported(), limited(4000)).retryAfterMs).toBe(4000)
    expect(summed(usedUp(), limited(5000)).retryAfterMs).toBe(5000)
    expect(summed(overloaded(3000), limited(7000)).retryAfterMs).toBe(3000)
  })

  test('a limit of our own is named only where nobody was asked, and of several the one that begins anew first', () => {
    const spent = (retryAfterMs: number) => new Failure('budget', `Spent for ${retryAfterMs} ms.`, { retryAfterMs })
    expect(summed(spent(9_000_000), unsupported(), spent(4_000_000))).toMatchObject({
      code: 'insufficient_quota',
      message: 'Spent for 4000000 ms.',
      retryAfterMs: 4_000_000,
    })
    expect(summed(spent(9000), broken())).toMatchObject({ status: 502, message: 'It broke. Asked: azure: failed.' })
  })

  test('it is cut to what is believed ourselves', () => {
    expect(summed(limited(86_400_000), limited(Number.POSITIVE_INFINITY)).retryAfterMs).toBe(120_000)
  })

  test('another try is advised against only where it would help with nobody', () => {
    const refused = () => new Failure('credentials-refused', 'It does not know us.', { upstreamStatus: 401 })
    const final = () => new Failure('provider-failed', 'It broke.', { upstreamStatus: 500, shouldRetry: false })
    expect(summed(refused(), usedUp(), missing(), final()).shouldRetry).toBe(false)
    expect(summed(refused(), broken()).shouldRetry).toBeUndefined()
  })

  test('no wait is made up where nobody named one', () => {
    expect(summed(limited(), limited())).toHaveProperty('retryAfterMs', undefined)
  })

  test('the same failure everywhere keeps its field: nobody has the model', () => {
    expect(summed(missing(), missing())).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
  })

  test('the message speaks of all, and names whom we asked', () => {
    const { message } = summed(limited(), overloaded())
    expect(message).not.toContain('Slow down.')
    expect(message).toContain('Asked: openai: rate limit; azure: overloaded.')
    const lost = new Failure('provider-failed', 'It is not there.', { clause: 'refused connection' })
    const coded = new Failure('rate-limited', 'Slow down.', { upstreamStatus: 429 })
    expect(summed(lost, coded).message).toMatch(/ Asked: openai: refused connection; azure: 429\.$/)
  })
})

describe("where nothing but the caller's doing was in the way", () => {
  test('the first of it is told, as it is', () => {
    const first = unsupported()
    expect(summed(first, tooLong())).toMatchObject({ status: 400, ...first.toError() })
    expect(summed(tooLong(), unsupported())).toMatchObject({ status: 400, ...tooLong().toError() })
  })
})

describe('a single failure', () => {
  test.each([
    new Failure('model-missing', 'It is not there.', { param: 'model', code: 'its_own_code' }),
    new Failure('credentials-refused', 'It does not know us.', { code: 'its_own_code' }),
    new Failure('rate-limited', 'Slow down.'),
    new Failure('provider-timeout', 'It said nothing.'),
  ])('keeps its own words, field and code: $kind', (failure) => {
    const { message, ...rest } = failure.toError()
    const told = summed(failure)
    expect(told).toMatchObject({ status: failure.status, ...rest })
    expect(told.message).toContain(message)
  })

  test('keeps them beside a refusal of our own too', () => {
    expect(summed(unsupported(), missing())).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' })
  })
})
