import { beforeEach, expect, test } from 'vitest'
import { ask, deltasOf, saying, sayingToClaude, sayingToGemini, simulator, useSimulator } from './asking.ts'
import type { Fault } from './faults.ts'
import { fieldsOf } from './json.ts'

useSimulator()
beforeEach(() => {
  simulator.clearFaults()
  simulator.clearRequests()
})

const OPENAI = '/openai/v1/chat/completions'
const counting = saying('Count to 30', { stream: true })

function broken(fault: Fault, body: unknown = counting): ReturnType<typeof ask> {
  simulator.setFault('openai', fault)
  return ask(OPENAI, body)
}

async function abandoned(fault: Fault, waitMs = 80): Promise<string> {
  simulator.setFault('openai', fault)
  const leave = AbortSignal.timeout(waitMs)
  let text = ''
  try {
    const response = await fetch(`${simulator.url}${OPENAI}`, {
      method: 'POST',
      headers: { authorization: 'Bearer key' },
      body: JSON.stringify(counting),
      signal: leave,
    })
    for await (const bytes of response.body ?? []) text += new TextDecoder().decode(bytes as Uint8Array)
  } catch (error) {
    expect(leave.aborted, String(error)).toBe(true)
  }
  await expect.poll(() => simulator.requests('openai').at(-1)?.aborted).toBe(true)
  return text
}

test.each([
  [OPENAI, counting, 429, { 'retry-after': '7' }, '"code":"rate_limit_exceeded"'],
  ['/anthropic/v1/messages', sayingToClaude('Hi'), 529, { 'x-should-retry': 'true' }, '"type":"overloaded_error"'],
  ['/gemini/v1beta/models/gemini-2.5-flash:generateContent', sayingToGemini('Hi'), 429, {}, '"retryDelay":"7s"'],
  ['/mistral/v1/chat/completions', counting, 401, {}, '{"detail":"Invalid API Key"}'],
  ['/cohere/v2/chat', saying('Hi'), 500, {}, '"message":"internal server error'],
])('%s fails in its own words', async (path, body, status, headers, words) => {
  simulator.setFault('*', { status, retryAfter: 7 })
  const said = await ask(path, body)
  expect(said.status).toBe(status)
  expect(said.text).toContain(words)
  for (const [name, value] of Object.entries(headers)) expect(said.headers.get(name)).toBe(value)
})

test('an error may also be HTML, empty, text or whatever is given', async () => {
  expect((await broken({ status: 502, body: 'html' })).text).toContain('<html>')
  expect((await broken({ status: 502, body: 'empty' })).text).toBe('')
  expect((await broken({ status: 502, body: 'text' })).text).toBe('upstream connect error')
  expect((await broken({ status: 400, body: '{"error":"odd"}' })).json).toEqual({ error: 'odd' })
  expect((await broken({ status: 429, reason: 'quota' })).text).toContain('insufficient_quota')
})

test('a 200 may be empty, an error in JSON, HTML, or a stream that begins with an error', async () => {
  expect((await broken({ emptyOk: true })).text).toBe('')
  expect((await broken({ okJsonError: true })).json.error).toBeDefined()
  expect((await broken({ okHtml: true })).headers.get('content-type')).toContain('text/html')
  const first = await broken({ errorFirst: true })
  expect(first.events.map((event) => Object.keys(event))).toEqual([['error']])
  const late = await broken({ roleThenError: true })
  expect(late.events.map((event) => 'error' in event)).toEqual([false, true])
  expect(deltasOf(late)).toEqual([{ role: 'assistant', content: '', refusal: null }])
})

test('a refused connection, a cut and a reset are failures for the client, the latter two after some words', async () => {
  await expect(broken({ refuse: true })).rejects.toThrow()
  for (const fault of [{ cut: 3 }, { reset: 3 }]) {
    const said = await broken(fault)
    expect(said.failure, JSON.stringify(fault)).toBeDefined()
    expect(
      deltasOf(said)
        .map(({ content }) => content)
        .join(''),
    ).toBe('1, 2, 3,')
  }
  const body = await broken({ cut: 1 }, saying('Count to 30'))
  expect(body.failure).toBeDefined()
  expect(body.text.length).toBeGreaterThan(10)
})

test('an error may come in the middle, as may garbage, and a stream may stop without its end', async () => {
  const erring = await broken({ errorAfter: 2 })
  expect(erring.events.at(-1)).toHaveProperty('error')
  expect(erring.text).not.toContain('[DONE]')
  expect((await broken({ garbageAfter: 2 })).text).toMatch(/data: \{"choices": \[\{"index": 0, "del\n\n/)
  const endless = await broken({ noFinish: true })
  expect(endless.failure).toBeUndefined()
  expect(deltasOf(endless).at(-1)).toEqual({ content: ' 30' })
  expect(endless.text).not.toMatch(/\[DONE\]|"finish_reason":"/)
})

test('an event in which content and finish are one loses only its finish', async () => {
  simulator.setFault('gemini', { noFinish: true })
  const said = await ask(
    '/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
    sayingToGemini('Say: all'),
  )
  expect(said.text).toContain('"text":"all"')
  expect(said.text).not.toContain('finishReason')
})

test('a hanging answer ends when the client leaves, which is recorded', async () => {
  expect(await abandoned({ hangBeforeHeaders: true })).toBe('')
  expect(await abandoned({ hangAfterHeaders: true })).toBe('')
  expect(await abandoned({ stallAfter: 2 })).toContain('"content":" 2,"')
  expect(await abandoned({ neverClose: true })).toContain('[DONE]')
  expect(simulator.requests('openai').at(-1)?.finished).toBe(true)
  const open = await abandoned({ neverCloseNoDone: true })
  expect(open).toContain('"finish_reason":"stop"')
  expect(open).not.toContain('[DONE]')
  expect(await abandoned({ tokenDelayMs: 20 })).not.toContain('"content":" 30"')
  expect(simulator.requests('openai').at(-1)).toMatchObject({ finished: false, abortedAt: expect.any(Number) })
})

test('bytes may come split, lines may end otherwise, with comments, in other pieces, and the words stay the same', async () => {
  const text = 'Grüße, 你好 👩‍👩‍👧 🙂!'
  const faults: Fault[] = [
    { splitBytes: 1 },
    { splitBytes: 3, lineEnding: 'crlf' },
    { lineEnding: 'cr', comments: true },
    { pieces: { tokensPerEvent: 3, eventsPerWrite: 4 } },
  ]
  for (const fault of faults) {
    const said = await broken(fault, saying(`Say: ${text}`, { stream: true }))
    expect(
      deltasOf(said)
        .map(({ content }) => content ?? '')
        .join(''),
      JSON.stringify(fault),
    ).toBe(text)
  }
  expect((await broken({ lineEnding: 'cr' })).text).not.toContain('\n')
  expect((await broken({ comments: true })).text).toContain(': keep-alive\n\n')
})

test('one event may be as large as wished', async () => {
  const said = await broken({ giantEvent: 300_000 })
  expect(Math.max(...deltasOf(said).map(({ content }) => String(content).length))).toBe(300_000)
})

test('usage may be left out, and an answer may be late', async () => {
  expect((await broken({ noUsage: true }, saying('Hi'))).json).not.toHaveProperty('usage')
  const started = performance.now()
  await broken({ latencyMs: 120 }, saying('Hi'))
  expect(performance.now() - started).toBeGreaterThan(110)
})

test('a redirect leads to a place where it is noticed', async () => {
  const said = await broken({ redirect: true })
  expect(said.status).toBe(307)
  await ask(String(said.headers.get('location')), saying('Hi'))
  expect(simulator.requests('redirected')).toHaveLength(1)
})

test('a fault lasts as many times as told, or strikes with its probability, or only the slot it names', async () => {
  simulator.setFault('openai', { status: 503, times: 2 })
  const statuses = [await ask(OPENAI, saying('Hi')), await ask(OPENAI, saying('Hi')), await ask(OPENAI, saying('Hi'))]
  expect(statuses.map(({ status }) => status)).toEqual([503, 503, 200])
  simulator.setFault('openai', { status: 503, probability: 0.5 })
  const many = await Promise.all(Array.from({ length: 40 }, () => ask(OPENAI, saying('Hi'))))
  const failed = many.filter(({ status }) => status === 503).length
  expect(failed).toBeGreaterThan(8)
  expect(failed).toBeLessThan(32)
  expect((await ask('/groq/v1/chat/completions', saying('Hi'))).status).toBe(200)
})

test('a prompt may ask for faults, which the answer does not quote', async () => {
  expect((await ask(OPENAI, saying('Hi [[sim openai status=503]]'))).status).toBe(503)
  expect((await ask(OPENAI, saying('Hi [[sim groq status=503]]'))).status).toBe(200)
  const cut = await ask(OPENAI, saying('Say: a b c d e [[sim * cut=3 tokendelay=5]]', { stream: true }))
  expect(
    deltasOf(cut)
      .map(({ content }) => content)
      .join(''),
  ).toBe('a b c')
  expect((await ask(OPENAI, saying('Say: hello [[sim * comments]]'))).text).toContain('"hello"')
})

test('faults and requests are under control over HTTP', async () => {
  const control = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${simulator.url}/control/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  expect((await control('GET', 'health')).status).toBe(200)
  expect((await control('PUT', 'faults/openai', { status: 500 })).status).toBe(200)
  expect((await ask(OPENAI, saying('Hi'))).status).toBe(500)
  expect((await control('PUT', 'faults/openai', { stauts: 500 })).status).toBe(400)
  await control('DELETE', 'faults/openai')
  expect((await ask(OPENAI, saying('Hi'))).status).toBe(200)
  const kept = (await (await control('GET', 'requests?slot=openai')).json()) as unknown[]
  expect(fieldsOf(kept[0])).toMatchObject({
    slot: 'openai',
    dialect: 'openai',
    path: OPENAI,
    headers: { authorization: 'Bearer key' },
    body: { model: 'gpt-4o' },
    finished: true,
  })
  await control('DELETE', 'requests')
  expect(simulator.requests()).toEqual([])
  expect((await fetch(`${simulator.url}/openai/v1/models`)).status).toBe(404)
})

test('a body that is not JSON is refused', async () => {
  const headers = { authorization: 'Bearer key' }
  const response = await fetch(`${simulator.url}${OPENAI}`, { method: 'POST', headers, body: '{"model":' })
  expect(response.status).toBe(400)
})

test('two hundred streams at once all arrive whole', async () => {
  const all = await Promise.all(Array.from({ length: 200 }, () => ask(OPENAI, counting)))
  expect(all.every(({ text }) => text.endsWith('[DONE]\n\n'))).toBe(true)
})
