import http from 'node:http'
import { expect, test } from 'vitest'
import { listen } from '../harness/listen.ts'
import { startRouter9 } from '../harness/router9.ts'

const chunk = (content: string, note: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":null}],"moderation":{"text":"${note}"}}\n\n`
const END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[]
  readonly moderation?: { readonly text: string }
}

test('chunks of one form that come at once keep each its own words, also in fields that nobody knows', async ({
  onTestFinished,
}) => {
  const sent = [
    ['one', 'A'],
    [' two', 'A'],
    [' three', 'B'],
    [' four', 'C'],
    [' \\"five\\" \\u00fcber', 'D'],
  ] as const
  const provider = http.createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    request.resume().once('end', () => response.end(sent.map(([content, note]) => chunk(content, note)).join('') + END))
  })
  const port = await listen(provider)
  const router9 = await startRouter9({ OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` })
  onTestFinished(async () => {
    await router9.stop()
    provider.closeAllConnections()
    provider.close()
  })
  const answer = await router9.chat({
    model: 'openai/gpt-4o',
    stream: true,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  const events = (await answer.text()).split('\n\n').filter((event) => event.startsWith('data: {'))
  const chunks = events.map((event) => JSON.parse(event.slice(6)) as Chunk)
  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('one two three four "five" über')
  // What has not changed is not said again.
  expect(chunks.flatMap(({ moderation }) => moderation?.text ?? [])).toEqual(['A', 'B', 'C', 'D'])
})
