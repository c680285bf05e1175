import http, { type ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from '../harness/listen.ts'
import { type Router9, startRouter9 } from '../harness/router9.ts'
import { until } from '../harness/until.ts'
import { openRawClient } from './raw-client.ts'

const wordOf = (content: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`

let word = wordOf('Hi')
let connections = 0
let ended = 0
/** How the provider ends a stream after its last word. */
let finish: (response: ServerResponse) => void = (response) => {
  response.end()
}
const provider = http.createServer((request, response) => {
  response.once('close', () => ended++)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  request.resume().once('end', () => {
    response.write(word)
    finish(response)
  })
})
provider.on('connection', () => connections++)
let router9: Router9

beforeAll(async () => {
  const port = await listen(provider)
  router9 = await startRouter9({ OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` })
})

afterAll(async () => {
  await router9.stop()
  provider.closeAllConnections()
  provider.close()
})

async function ask(): Promise<string> {
  const answer = await router9.chat({
    model: 'openai/gpt-4o',
    stream: true,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  return answer.text()
}

test('the connection of a stream that was read to its end serves the next one', async () => {
  for (let streams = 1; streams <= 5; streams++) {
    expect(await ask()).toMatch(/data: \[DONE\]\n\n$/)
    await until(() => ended === streams)
  }
  expect(connections).toBe(1)
})

test('a provider that ends its stream a moment later, when the client has all, keeps its connection too', async () => {
  const open: ServerResponse[] = []
  finish = (response) => open.push(response)
  const before = connections
  for (let streams = 1; streams <= 3; streams++) {
    const endedBefore = ended
    expect(await ask()).toMatch(/data: \[DONE\]\n\n$/)
    expect(ended).toBe(endedBefore)
    open.pop()?.end()
    await until(() => ended === endedBefore + 1)
  }
  expect(connections).toBe(before)
})

test('one that does not end it is waited for a second, and the client not at all', async () => {
  finish = () => {}
  const endedBefore = ended
  expect(await ask()).toMatch(/data: \[DONE\]\n\n$/)
  expect(ended).toBe(endedBefore)
  await until(() => ended > endedBefore)
})

test('nor any longer where the client does not take the end', async () => {
  // More than sockets hold.
  word = wordOf('Hi'.repeat(4_000_000))
  const endedBefore = ended
  const messages = [{ role: 'user', content: 'Hi' }]
  const client = openRawClient(router9.url, { model: 'openai/gpt-4o', stream: true, messages }, false)
  client.pause()
  await until(() => ended > endedBefore)
  expect(client.receivedBytes()).toBe(0)
  client.leave('rst')
})
