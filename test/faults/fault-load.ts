import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { attemptsOf } from '../harness/attempts.ts'
import { DEMO_KEY } from '../harness/worker.ts'
import type { Sample } from './fault-figures.ts'

/** Requests that keep coming, however the last ones fare. */
export interface Load {
  /** Milliseconds since it began. */
  readonly now: () => number
  /** Sends no more, waits for what is under way, and gives all of it. */
  readonly end: () => Promise<readonly Sample[]>
}

/** How long one request may take at all. */
const PATIENCE_MS = 60_000
/** Enough for the end of a stream, or for an error. */
const TAIL_CHARACTERS = 1000

/** Streams `auto` at so many requests per second, by turns at each address. */
export function startLoad(urls: readonly string[], perSecond: number, prompt: string): Load {
  const startedAt = performance.now()
  const now = () => performance.now() - startedAt
  const samples: Promise<Sample>[] = []
  let ended = false
  const send = async () => {
    while (!ended) {
      const due = Math.floor((now() * perSecond) / 1000)
      while (samples.length < due) {
        const url = urls[samples.length % urls.length] ?? ''
        samples.push(streamOnce(url, prompt, now))
      }
      await sleep(5)
    }
  }
  const sending = send()
  return {
    now,
    end: async () => {
      ended = true
      await sending
      return Promise.all(samples)
    },
  }
}

async function streamOnce(url: string, prompt: string, now: () => number): Promise<Sample> {
  const at = now()
  let ttftMs: number | undefined
  let asked: string[] = []
  let status = 0
  let tail = ''
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${DEMO_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: prompt }] }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    asked = attemptsOf(response.headers).map((attempt) => attempt.slice(0, attempt.indexOf(':')))
    status = response.status
    const decoder = new TextDecoder()
    for await (const piece of response.body ?? []) {
      const text = decoder.decode(piece, { stream: true })
      if (status === 200 && text.includes('data:')) ttftMs ??= now() - at
      tail = (tail + text).slice(-TAIL_CHARACTERS)
    }
  } catch {
    // A broken connection is an answer that did not come to its end.
  }
  const ok = status === 200 && tail.endsWith('data: [DONE]\n\n')
  const code = /"code":"(\w+)"/.exec(tail)?.[1] ?? 'connection broken'
  return { at, endedAt: now(), ttftMs, ok, asked, ...(ok ? {} : { failure: `${status} ${code}` }) }
}

/** What a client of the official library has seen. */
export interface ClientView {
  readonly answers: number
  /** It threw before anything was said: what Router9 is there to prevent. */
  readonly failedBefore: number
  /** It threw in the middle of an answer. */
  readonly brokenAfter: number
}

/** Streams through the official client, one after the other and without its retries, until ended. */
export function startClient(url: string, prompt: string): { readonly end: () => Promise<ClientView> } {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: DEMO_KEY, maxRetries: 0, timeout: PATIENCE_MS })
  const view = { answers: 0, failedBefore: 0, brokenAfter: 0 }
  let ended = false
  const run = async () => {
    while (!ended) {
      let said = ''
      try {
        const stream = await client.chat.completions.create({
          model: 'auto',
          stream: true,
          messages: [{ role: 'user', content: prompt }],
        })
        for await (const { choices } of stream) said += choices[0]?.delta.content ?? ''
        view.answers++
      } catch {
        if (said === '') view.failedBefore++
        else view.brokenAfter++
      }
      await sleep(50)
    }
    return view
  }
  const running = run()
  return {
    end: () => {
      ended = true
      return running
    },
  }
}
