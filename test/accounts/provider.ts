import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { listen } from '../harness/listen.ts'

/** US dollars a million tokens of the models that are asked for, as the catalogue has them. */
const PRICES = { 'gpt-4o': { input: 2.5, output: 10 }, o3: { input: 2, output: 8 } }
const PROMPT_TOKENS = 10

/** The time of the Workers, and how to wait in it. */
export interface Time {
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
}

/** What has been served to one key. The key's name is in its prompts. */
export interface Served {
  calls: number
  tokens: number
  dollars: number
  /** When each was over, and what it cost. */
  readonly costs: { readonly at: number; readonly dollars: number }[]
}

/** How calls are answered from now on. */
export interface Manner {
  readonly delayMs: number
  /** Tokens of an answer; where there is none, up to a call's `max_tokens`, another number for each call. */
  readonly completionTokens?: number
  /** What stands in the place of usage, as it is. */
  readonly usageText?: string
  /** Where the tokens of a stream before its first word are thought unseen. */
  readonly isThinking?: boolean
}

/** A provider that answers whatever it is asked, and adds up what it would charge. */
export interface Provider {
  readonly url: string
  readonly served: (key: string) => Served
  readonly answer: (manner: Manner) => void
  readonly close: () => Promise<void>
}

export async function startProvider({ now, wait }: Time): Promise<Provider> {
  const all = new Map<string, Served>()
  let manner: Manner = { delayMs: 20 }
  let calls = 0
  const served = (key: string): Served => {
    const known = all.get(key) ?? { calls: 0, tokens: 0, dollars: 0, costs: [] }
    all.set(key, known)
    return known
  }
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const piece of request) text += piece
    const { max_tokens: most = 16_384, max_completion_tokens: newer = most, stream, messages, model } = JSON.parse(text)
    const { delayMs, usageText, completionTokens = 1 + ((calls * 7919) % newer), isThinking } = manner
    calls++
    const sum = served(String(messages[0].content).split(':')[0] ?? '')
    const price = model === 'o3' ? PRICES.o3 : PRICES['gpt-4o']
    const tokens = PROMPT_TOKENS + completionTokens
    const dollars = (PROMPT_TOKENS * price.input + completionTokens * price.output) / 1e6
    sum.calls++
    sum.tokens += tokens
    sum.dollars += dollars
    await wait(delayMs)
    sum.costs.push({ at: now(), dollars })
    const details = isThinking ? `,"completion_tokens_details":{"reasoning_tokens":${completionTokens - 5}}` : ''
    const usage =
      usageText ??
      `{"prompt_tokens":${PROMPT_TOKENS},"completion_tokens":${completionTokens},"total_tokens":${tokens}${details}}`
    const common = `"id":"chatcmpl-${calls}","created":1700000000,"model":"gpt-4o"`
    if (stream !== true) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(
        `{${common},"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}],"usage":${usage}}`,
      )
      return
    }
    const chunk = (choices: string, more = '') =>
      response.write(`data: {${common},"object":"chat.completion.chunk","choices":[${choices}]${more}}\n\n`)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    chunk('{"index":0,"delta":{"role":"assistant","content":"Hello, this is it."},"finish_reason":null}')
    await wait(isThinking ? 2000 : 0)
    chunk('{"index":0,"delta":{},"finish_reason":"stop"}')
    chunk('', `,"usage":${usage}`)
    response.end('data: [DONE]\n\n')
  }
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    // A client that leaves takes its connection along.
    take(request, response).catch(() => response.destroy())
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    served,
    answer: (next) => {
      manner = next
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
