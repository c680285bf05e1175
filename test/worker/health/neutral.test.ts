import { describe, test } from 'vitest'
import { until } from '../../harness/until.ts'
import { openRawClient, type RawClient } from '../raw-client.ts'
import { askedOf, burst, DEPLOYMENTS, MODELS, say, type Watched, watchedHere } from './setting.ts'

const MANY = 20
const UPSTREAM_ENDS_MS = 1000

/** What is known of the first provider, its times aside. */
async function standing({ known }: Watched) {
  const entry = await known(DEPLOYMENTS.openai)
  return entry && { state: entry.state, reason: entry.reason, until: entry.until, p: entry.success_rate }
}

/** A few good answers, so that there is something to lose. */
async function warmed(onTestFinished: Parameters<typeof watchedHere>[1]): Promise<Watched> {
  const router9 = await watchedHere({ vars: { COMMIT_AFTER_MS: '500' } }, onTestFinished)
  await burst(router9, 5, { model: MODELS.openai, stream: true })
  return router9
}

describe('health is not moved', { concurrent: true }, () => {
  test.for([
    ['prompts that are too long', { status: 400, reason: 'context' }],
    ['a storm of bad requests', { status: 400 }],
    ['requests that cannot be processed', { status: 422 }],
  ] as const)('by %s', async ([_, fault], { expect, onTestFinished }) => {
    const router9 = await warmed(onTestFinished)
    router9.simulator.setFault('openai', fault)
    router9.simulator.clearRequests()
    const answers = await burst(router9, MANY, { model: MODELS.openai })
    for (const { status } of answers) expect(status).toBe(400)
    expect(router9.simulator.requests('openai')).toHaveLength(MANY)
    const after = await standing(router9)
    expect(after).toMatchObject({ state: 'closed', reason: null, until: null })
    expect(after?.p).toBeGreaterThan(0.97)
    router9.simulator.clearFaults()
    expect(await router9.ask()).toMatchObject({ status: 200, reason: 'usual' })
  })
})

const HOSTILE = 'sk-r9k-hostile'
const HUGE = 'word '.repeat(32_000)

/** A refusal as OpenAI words it. */
const refusal = (message: string, code: string | null = null, type = 'invalid_request_error') =>
  JSON.stringify({ error: { message, type, param: null, code } })

/** What a hostile key sends, and what the provider makes of it. */
const ECHOES: readonly (readonly [what: string, body: Readonly<Record<string, unknown>>, answer: string])[] = [
  ['in a field', { invalid_api_key: true }, refusal("Unknown parameter: 'invalid_api_key'.", 'unknown_parameter')],
  [
    'in the address of an image',
    {
      messages: [
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x.example/insufficient_quota' } }] },
      ],
    },
    refusal('Error while downloading https://x.example/insufficient_quota.', 'invalid_image_url'),
  ],
  [
    'as a type',
    { response_format: { type: 'authentication_error' } },
    refusal("Invalid value: 'authentication_error'.", 'invalid_value'),
  ],
  [
    'as a whole sentence, and as a code',
    { user: 'Your credit balance is too low. insufficient_quota' },
    refusal('Your credit balance is too low.', 'insufficient_quota', 'insufficient_quota'),
  ],
  ['as a model that is missing', { user: 'The model `x` does not exist' }, refusal('The model `x` does not exist')],
]

describe('one key does not speak for all', { concurrent: true }, () => {
  test('a refusal that repeats its words leaves the deployment open to everybody else', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await warmed(onTestFinished)
    await router9.worker.keys.put(HOSTILE, {})
    for (const [what, body, answer] of ECHOES) {
      router9.simulator.setFault('openai', { status: 400, body: answer })
      const asked = Array.from({ length: 6 }, () => router9.ask({ model: MODELS.openai, ...body }, HOSTILE))
      for (const { status, attempts } of await Promise.all(asked)) {
        expect({ what, status, attempts }).toEqual({
          what,
          status: 400,
          attempts: [{ provider: 'openai', outcome: '400' }],
        })
      }
      router9.simulator.clearFaults()
      expect({ what, ...(await standing(router9)) }).toMatchObject({ state: 'closed', reason: null, until: null })
      expect(await router9.ask()).toMatchObject({ status: 200, reason: 'usual' })
    }
  })

  test('a container that only its owner has is missing to whoever names it, and the model to nobody', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await warmed(onTestFinished)
    await router9.worker.keys.put(HOSTILE, {})
    const body = refusal('Container not found: container_1', null, 'not_found_error')
    router9.simulator.setFault('openai', { status: 404, body })
    const asked = Array.from({ length: 6 }, () =>
      router9.ask({ model: MODELS.openai, container: 'container_1' }, HOSTILE),
    )
    for (const { status } of await Promise.all(asked)) expect(status).toBe(400)
    router9.simulator.clearFaults()
    expect(await standing(router9)).toMatchObject({ state: 'closed', reason: null, until: null })
    expect(await router9.ask()).toMatchObject({ status: 200, reason: 'usual' })
  })

  test('our account’s own trouble, told with a 400, is left for another provider, and for seconds only', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await warmed(onTestFinished)
    router9.simulator.setFault('openai', {
      status: 400,
      body: refusal('You have reached your specified API usage limits. You will regain access on 2026-02-01.'),
    })
    expect(askedOf(await router9.ask())).toEqual(['openai', 'mistral'])
    const out = await until(
      async () => {
        expect(await router9.ask({ model: MODELS.openai })).toMatchObject({ status: 502 })
        return standing(router9)
      },
      (seen) => seen?.state === 'open',
    )
    expect(out?.reason).toBe('failed-before-first-token')
    expect(Date.parse(out?.until ?? '') - Date.now()).toBeLessThan(12_000)
  })

  test('a request too large for our account goes elsewhere, and small ones are still answered here', async ({
    expect,
    onTestFinished,
  }) => {
    const router9 = await warmed(onTestFinished)
    await router9.worker.keys.put(HOSTILE, {})
    const huge = { messages: [{ role: 'user', content: `${HUGE}. Say: well` }] }
    const refusals = [
      { status: 429, message: 'Request too large for gpt-4o on tokens per min (TPM): Limit 30000.', retryAfter: 60 },
      { status: 402, body: refusal('This request requires more credits, or fewer max_tokens: can only afford 512.') },
      { status: 429, message: 'Rate limit reached for gpt-4o on tokens per min (TPM).', retryAfter: 60 },
    ]
    for (const fault of refusals) {
      router9.simulator.setFault('openai', fault)
      expect(askedOf(await router9.ask(huge, HOSTILE))).toEqual(['openai', 'mistral'])
      router9.simulator.clearFaults()
      expect(await router9.ask()).toMatchObject({ status: 200, reason: 'usual' })
      expect(await standing(router9)).toMatchObject({ state: 'closed' })
    }
    // The last of them was a limit of tokens: other large requests keep out of its way.
    expect(askedOf(await router9.ask(huge))).toEqual(['mistral'])
    // An answer may be what is too large.
    router9.simulator.setFault('openai', refusals[2] ?? null)
    await router9.ask({ max_tokens: 16_000 }, HOSTILE)
    router9.simulator.clearFaults()
    expect(await router9.ask()).toMatchObject({ status: 200, reason: 'usual' })
  })

  test('names that somebody invents for an open server say nothing, and are shown to nobody else', async ({
    expect,
    onTestFinished,
  }) => {
    const vars = { CUSTOM_MODELS: '' }
    const router9 = await watchedHere({ more: ['CUSTOM', 'OLLAMA'], vars }, onTestFinished)
    await router9.worker.keys.put(HOSTILE, {})
    await router9.ask({ model: 'ollama/customer-secret' }, HOSTILE)
    router9.simulator.setFault('custom', { status: 404 })
    const model = (at: number) => `custom/invented-${at}`
    const asked = Array.from({ length: 8 }, (_, at) => router9.ask({ model: model(at % 2) }, HOSTILE))
    for (const { status } of await Promise.all(asked)) expect(status).toBe(404)
    await router9.ask()
    const providers = await until(router9.providers, (all) => all.some(({ deployments }) => deployments.length > 0))
    expect(JSON.stringify(providers)).not.toMatch(/invented|customer-secret/)
    expect(providers.find(({ id }) => id === 'custom')).toMatchObject({ state: 'closed', deployments: [] })
    router9.simulator.clearFaults()
    const found = await router9.ask({ model: model(0) })
    expect(found).toMatchObject({ status: 200, skipped: null })
  })
})

// One after the other: a second has to be enough for each.
describe('health is not moved', () => {
  test.for([
    ['before the first word', 'hangafterheaders'],
    ['in mid-stream', 'tokendelay=40'],
  ] as const)('by clients that leave %s, and each ends its upstream', async ([when, order], context) => {
    const { expect, onTestFinished } = context
    const router9 = await warmed(onTestFinished)
    router9.simulator.clearRequests()
    const clients = Array.from({ length: MANY }, () =>
      openRawClient(router9.url, {
        model: 'auto',
        stream: true,
        messages: [{ role: 'user', content: `Count to 500 [[sim openai ${order}]]` }],
      }),
    )
    const asked = () => router9.simulator.requests()
    await until(asked, ({ length }) => length === MANY)
    const words = ({ received }: RawClient) => received().split('"content":"').length - 1
    const isTime = (client: RawClient) => when === 'before the first word' || words(client) > 2
    await until(() => clients.every(isTime), Boolean)
    const leftAt = Date.now()
    for (const client of clients) client.leave('rst')
    await until(() => asked().every(({ aborted }) => aborted), Boolean)
    const slowestMs = Math.max(...asked().map(({ abortedAt = Number.POSITIVE_INFINITY }) => abortedAt - leftAt))
    expect(slowestMs).toBeLessThan(UPSTREAM_ENDS_MS)
    const after = await standing(router9)
    expect(after).toMatchObject({ state: 'closed', reason: null, until: null })
    expect(after?.p).toBeGreaterThan(0.97)
    expect(await router9.ask()).toMatchObject({ status: 200, reason: 'usual' })
    // Nobody was asked in place of those whose client had gone.
    expect(asked()).toHaveLength(MANY + 1)
    for (const { slot } of asked()) expect(slot).toBe('openai')
  })

  test('by clients that leave between two attempts, and no second one is made', async ({ expect, onTestFinished }) => {
    const router9 = await warmed(onTestFinished)
    router9.simulator.setFault('openai', { status: 500, latencyMs: 400 })
    router9.simulator.clearRequests()
    const clients = Array.from({ length: 3 }, () =>
      openRawClient(router9.url, { model: 'auto', stream: true, messages: say('gone') }),
    )
    await until(
      () => router9.simulator.requests(),
      ({ length }) => length === 3,
    )
    for (const client of clients) client.leave('rst')
    await until(() => router9.simulator.requests().every(({ aborted }) => aborted), Boolean)
    router9.simulator.clearFaults()
    const answer = await router9.ask()
    expect(askedOf(answer)).toEqual(['openai'])
    expect(router9.simulator.requests('mistral')).toEqual([])
    expect(await standing(router9)).toMatchObject({ state: 'closed' })
  })
})
