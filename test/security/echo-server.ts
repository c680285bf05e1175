import http from 'node:http'
import { listen } from '../harness/listen.ts'

/** A provider that begins to answer and then breaks off with an error that repeats the key it was sent. */
export async function startEchoServer(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const server = http.createServer((request, response) => {
    request.resume()
    const key = (request.headers.authorization ?? '').replace('Bearer ', '')
    const chunk = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'x' }
    const said = { ...chunk, choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello' } }] }
    const error = { error: { message: `The key ${key} was revoked`, type: `revoked ${key}`, code: key, param: key } }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-echo': key })
    response.write(`data: ${JSON.stringify(said)}\n\n`)
    setTimeout(() => response.end(`data: ${JSON.stringify(error)}\n\n`), 20)
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
