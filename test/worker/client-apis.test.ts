import { describe, test } from 'vitest'
import { callLines } from '../harness/log-lines.ts'
import { useRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { openRawClient } from './raw-client.ts'

/** What a busy machine may make of the second within which the upstream is to be aborted (contract 6). */
const BUSY_ABORT_MS = 5000
const COMMIT_MS = 600

const router9 = useRouter9({ COMMIT_AFTER_MS: String(COMMIT_MS), COMMENT_EVERY_MS: '60000' })

const responses = (text: string) => ({ input: text })
const contents = (text: string) => ({ contents: [{ role: 'user', parts: [{ text }] }] })
const streamOf = (model: string) => `/v1beta/models/${model}:streamGenerateContent?alt=sse`
const messages = (text: string) => ({ max_tokens: 500, messages: [{ role: 'user', content: text }] })
/** Each API with its own maker and with another one, and who answers where that one cannot. */
const ROWS = [
  { path: '/v1/responses', bodyOf: responses, provider: 'openai', model: 'gpt-4o', other: 'claude-sonnet-4-5' },
  { path: '/v1/responses', bodyOf: responses, provider: 'google', model: 'gemini-2.5-flash', other: 'gpt-4o' },
  { path: '/v1/messages', bodyOf: messages, provider: 'anthropic', model: 'claude-sonnet-4-5', other: 'gpt-4o' },
  { path: '/v1/messages', bodyOf: messages, provider: 'openai', model: 'gpt-4o', other: 'claude-sonnet-4-5' },
  {
    path: streamOf('gemini-2.5-flash'),
    bodyOf: contents,
    provider: 'google',
    model: 'gemini-2.5-flash',
    other: 'gpt-4o',
  },
  {
    path: streamOf('claude-sonnet-4-5'),
    bodyOf: contents,
    provider: 'anthropic',
    model: 'claude-sonnet-4-5',
    other: 'gpt-4o',
  },
] as const
const MAKERS = { 'gpt-4o': 'openai', 'claude-sonnet-4-5': 'anthropic' }
/** One deployment, and one of another model. */
const failoverOf = ({ provider, other }: (typeof ROWS)[number]) => ({
  models: [other],
  provider: { only: [provider, MAKERS[other]] },
})
let calls = 0

/** A request with a key of its own. */
async function call({ path, bodyOf, model }: (typeof ROWS)[number], orders: string, more: object, allow?: string[]) {
  const mark = `call-${++calls}.`
  const key = `sk-r9k-call-${calls}`
  const id = `key_call_${calls}`
  await router9.worker.keys.put(key, { id, ...(allow ? { models: allow } : {}) })
  const body = { model, ...bodyOf(`${mark} Count to 1000 ${orders}`), ...more }
  const requests = () => router9.simulator.requests().filter(({ body }) => JSON.stringify(body).includes(mark))
  const line = () => until(() => callLines(router9.worker.log()).find(({ key: each }) => each === id))
  const headers = { 'x-api-key': key, 'content-type': 'application/json' }
  const ask = () => fetch(router9.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { ask, open: () => openRawClient(router9.url + path, body, true, key), requests, line }
}

const MOMENTS = [
  { name: 'before the headers', order: 'hangbeforeheaders', stream: true },
  { name: 'before the first word, after the 200', order: 'hangafterheaders', stream: true, until: /^HTTP\/1.1 200/ },
  { name: 'in mid-stream', order: 'tokendelay=40', stream: true, until: /(?:(?:event: \S+delta|\{"candidates).*){2}/s },
  { name: 'before a whole answer', order: 'hangbeforeheaders', stream: false },
]

describe('in the APIs beside chat completions', { concurrent: true }, () => {
  test.for(ROWS.flatMap((row) => MOMENTS.map((moment) => ({ ...row, ...moment }))))(
    'a client of $path that leaves $name of $model ends the upstream, and nobody else is asked',
    async (row, { expect }) => {
      const orders = `[[sim ${row.provider} ${row.order}]]`
      const { open, requests, line } = await call(row, orders, { stream: row.stream, ...failoverOf(row) })
      const client = open()
      const [asked] = await until(requests, ({ length }) => length > 0)
      await until(() => (row.until ? row.until.test(client.received()) : Date.now() - (asked?.at ?? 0) > 150))
      expect(asked?.aborted).toBe(false)
      const leftAt = Date.now()
      client.leave('rst')
      await until(() => asked?.aborted)
      expect((asked?.abortedAt ?? Number.POSITIVE_INFINITY) - leftAt).toBeLessThan(BUSY_ABORT_MS)
      expect(await line()).toMatchObject({ left: true })
      expect(requests()).toHaveLength(1)
    },
  )

  test.for(ROWS)('a failure before the first word of $path, $model, is another’s answer', async (row, { expect }) => {
    for (const order of ['status=503', 'okhtml', 'emptyok', 'okjsonerror', 'errorfirst', 'refuse']) {
      const { ask } = await call(row, `[[sim ${row.provider} ${order}]]`, { stream: true, ...failoverOf(row) })
      const response = await ask()
      expect([order, response.status, response.headers.get('x-router9-model')]).toEqual([order, 200, row.other])
      expect(await response.text()).toMatch(/^event: (?:response\.completed|message_stop)$|"finishReason":"STOP"/m)
    }
  })

  test.for(ROWS)('an allow-list holds on $path for $model, and for further models', async (row, { expect }) => {
    for (const [allow, more] of [
      [[row.other], {}],
      [[row.model], { models: [row.other] }],
    ] as const) {
      const { ask, requests } = await call(row, '', more, [...allow])
      const response = await ask()
      const { error } = (await response.json()) as { error: { type: string; code?: string } }
      expect([response.status, error.code ?? error.type]).toEqual([
        403,
        row.path === '/v1/messages' ? 'permission_error' : row.bodyOf === contents ? 403 : 'model_not_allowed',
      ])
      expect(requests()).toEqual([])
    }
  })

  test.for(ROWS)('what is for Router9 in a body of $path does not reach $model', async (row, { expect }) => {
    const routing = { models: [row.other], provider: { sort: 'price' }, session_id: 'session-1' }
    const { ask, requests } = await call(row, '', routing)
    expect((await ask()).status).toBe(200)
    const [asked] = requests()
    for (const name of Object.keys(routing)) expect(asked?.body).not.toHaveProperty(name)
    expect(JSON.stringify(asked)).not.toContain('session-1')
  })
})
