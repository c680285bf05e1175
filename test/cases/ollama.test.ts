import { expect, test } from 'vitest'
import { useCase } from './router.ts'
import type { Script } from './scripted.ts'
import { whole } from './wires.ts'

const MODEL = 'ollama/llama3'

const router9 = useCase((url) => ({ OLLAMA_BASE_URL: `${url}/api`, CUSTOM_BASE_URL: `${url}/deployments/{MODEL}` }))

const says = (message: object) => ({ model: 'llama3', message: { role: 'assistant', ...message }, done: false })
const END = {
  ...says({ content: '' }),
  done: true,
  done_reason: 'stop',
  prompt_eval_count: 5,
  eval_count: 3,
}
const lines = (...given: readonly object[]) => given.map((line) => `${JSON.stringify(line)}\n`).join('')
const ndjson = (...pieces: readonly string[]): Script => ({
  headers: { 'content-type': 'application/x-ndjson' },
  pieces,
})

test("Ollama's own API is asked at its own path, and its lines are read however they are cut", async () => {
  const wire = lines(says({ thinking: 'Hm.' }), says({ content: 'Hel' }), says({ content: 'lo' }), END)
  const { choice, answer } = await router9.streamed(
    MODEL,
    ndjson(wire.slice(0, 40), wire.slice(40, 200), wire.slice(200)),
  )
  expect(choice).toMatchObject({ text: 'Hello', reasoning: 'Hm.', finishReason: 'stop' })
  expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 })
  const [asked] = router9.upstream.asked()
  expect(asked?.path).toBe('/api/chat')
  expect(asked?.body).toMatchObject({ model: 'llama3', stream: true })
})

test('a call comes with an object and leaves with its JSON', async () => {
  const call = { function: { name: 'clock', arguments: { zone: 'UTC' } } }
  const tools = [{ type: 'function', function: { name: 'clock' } }]
  const { choice } = await router9.streamed(MODEL, ndjson(lines(says({ tool_calls: [call] }), END)), { tools })
  expect(choice).toMatchObject({
    toolCalls: [{ name: 'clock', arguments: '{"zone":"UTC"}' }],
    finishReason: 'tool_calls',
  })
})

test('a whole answer is one such line', async () => {
  const { choice } = await router9.whole(MODEL, whole({ ...END, ...says({ content: 'Hello' }), done: true }))
  expect(choice).toMatchObject({ text: 'Hello', finishReason: 'stop' })
})

test.each([
  ['an error on a line of its own', [says({ content: 'a' }), { error: 'out of memory' }]],
  ['an end without its last line', [says({ content: 'a' })]],
])('%s breaks the answer in the open', async (_, given) => {
  await expect(router9.streamed(MODEL, ndjson(lines(...given)))).resolves.toMatchObject({
    answer: { done: false, error: { code: 'upstream_error' } },
  })
})

test('a model that is not there is told by its status', async () => {
  const missing = whole({ error: "model 'llama3' not found" }, 404)
  expect(await router9.refused(MODEL, missing)).toMatchObject({ status: 404, error: { code: 'model_not_found' } })
})

test.each([
  ['..', 'upwards'],
  ['.', 'nowhere'],
  ['../../admin', 'upwards twice'],
  ['a/../../b', 'down and up'],
  ['a\\..\\..\\b', 'over the other slash'],
  ['%2e%2e', 'in escaped dots'],
  ['..%2fadmin', 'over an escaped slash'],
  ['%252e%252e', 'in dots escaped twice'],
  ['\ud800', 'in half a character'],
  ['a\nb', 'over two lines'],
])('a model named %j, which leads %s, is nobody’s where it would become a part of the address', async (name) => {
  const { status, error } = await router9.refused(`custom/${name}`, whole({}))
  expect([status, error.code, error.param]).toEqual([404, 'model_not_found', 'model'])
  expect(router9.upstream.asked()).toEqual([])
})

test('elsewhere a name is nothing but a name', async () => {
  const asked = await router9.sent(
    'ollama/../../admin',
    whole({ ...END, ...says({ content: 'Hello' }), done: true }),
    {},
  )
  expect([asked.path, asked.body.model]).toEqual(['/api/chat', '../../admin'])
})

test.each([
  ['llama-3.2:3b', 'llama-3.2%3A3b'],
  ['hf.co/me/Llama..GGUF:Q4_K_M', 'hf.co%2Fme%2FLlama..GGUF%3AQ4_K_M'],
  ['C:\\models\\a.gguf', 'C%3A%5Cmodels%5Ca.gguf'],
])('a model named %j is one step of the address', async (name, step) => {
  const body = { choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }] }
  const asked = await router9.sent(`custom/${name}`, whole(body), {})
  expect(asked.path).toBe(`/deployments/${step}/chat/completions`)
  expect(asked.body.model).toBe(name)
})
